"""What hostile senders send: the answer is 4xx or the event is taken, little is read, and nothing is stored half."""

import base64
import io
import json
import logging
import time
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started

from plex_integration import resolution
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.plex_integration.test_webhook import BOUNDARY, FIELD, FILE, PATH, PLAY, THUMB, form, post, post_json
from tests.speed import a_little_while
from tests.world import SERVER, scrobble
from tracker.redaction import OneLineFormatter, RedactingFilter
from tracker.wsgi import application
from tvshows import watching
from tvshows.described import NewShow

MEBIBYTE = 2**20
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


class Endless(io.RawIOBase):
    """A body that never ends, and counts what was read of it."""

    def __init__(self, head: bytes = b"") -> None:
        self.head, self.taken = head, 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "an unbounded read"
        data = (self.head[self.taken:] + b"\xff" * size)[:size]
        self.taken += size
        return data


def send(body: Endless, query: str, *, length: int | None, content_type=MULTIPART) -> tuple[int, bytes]:
    """Call the application as the web server does; without a length the body comes in chunks."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": PATH, "QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
        "CONTENT_TYPE": content_type, "wsgi.input": body, "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
    }
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}
    statuses: list[str] = []
    answer = b"".join(application(environ, lambda status, headers: statuses.append(status)))
    return int(statuses[0][:3]), answer


@pytest.fixture
def _connection_stays(monkeypatch):
    """After a request the application may close the connection, and the test's transaction would end with it."""
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "send", lambda **kwargs: [])


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("length", [300 * MEBIBYTE, None])
def test_with_a_wrong_secret_nothing_of_the_body_is_read(world, length):
    body = Endless()
    assert send(body, "secret=wrong", length=length)[0] == 401
    assert body.taken == 0


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("content_type", [MULTIPART, "application/json"])
def test_a_body_of_300_mebibytes_with_the_right_secret_is_413_and_unread(world, content_type):
    body = Endless()
    query = f"secret={world.config.webhook_secret}"
    assert send(body, query, length=300 * MEBIBYTE, content_type=content_type)[0] == 413
    assert body.taken == 0
    assert not PlexWebhookLog.objects.exists()


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("head", [
    b"", form((THUMB, b""))[:-30], form((FIELD, b"{}"), (THUMB, b""))[:-30], form((FILE, b""))[:-30],
    form((FIELD, b""))[:-30],
    form((FIELD, b"{}")),
])
def test_of_an_endless_body_in_chunks_no_more_than_its_limit_is_read(world, head):
    body = Endless(head)
    assert send(body, f"secret={world.config.webhook_secret}", length=None)[0] in {400, 413}
    assert body.taken <= 11 * MEBIBYTE
    assert not PlexWebhookLog.objects.exclude(event_type="invalid").exists()


@pytest.mark.usefixtures("_connection_stays")
def test_of_an_endless_json_body_no_more_than_the_payloads_limit_is_read(world):
    body = Endless(b'{"event": "')
    assert send(body, f"secret={world.config.webhook_secret}", length=None, content_type="application/json")[0] == 413
    assert body.taken <= 3 * MEBIBYTE


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("content_type", ["application/json", MULTIPART])
def test_a_body_in_chunks_is_read_to_its_end(world, content_type):
    event = json.dumps(PLAY).encode()
    body = io.BytesIO(event if content_type == "application/json" else form((FIELD, event), (THUMB, b"\xff" * 200_000)))
    assert send(body, f"secret={world.config.webhook_secret}", length=None, content_type=content_type)[0] == 200


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("length", [10, 100_000])
@pytest.mark.parametrize("content_type", ["application/json", MULTIPART])
def test_a_content_length_that_lies_is_no_fault_of_ours(world, length, content_type):
    event = json.dumps(PLAY).encode()
    body = io.BytesIO(event if content_type == "application/json" else form((FIELD, event)))
    status, _ = send(body, f"secret={world.config.webhook_secret}", length=length, content_type=content_type)
    assert status == (200 if length > 1000 else 400)


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("content_type", [
    "application/json; charset=zlib", "application/json; charset=hex", "application/json; charset=undefined",
    "application/json; charset=punycode", "application/json; charset*=bogus''x",
    "application/json; charset*=utf-8''%00",
])
def test_a_charset_that_is_none_is_no_server_error(world, content_type):
    body, query = json.dumps(PLAY).encode(), f"secret={world.config.webhook_secret}"
    assert send(io.BytesIO(body), query, length=len(body), content_type=content_type)[0] in {200, 400}


@pytest.mark.usefixtures("_connection_stays")
@pytest.mark.parametrize("content_type", [
    "application/json; charset = zlib", "application/json; charset*0=zl; charset*1=ib",
    "application/json; charset*0*=bogus''y",
    "application/json; x*=bogus''y", "application/json; x*=idna''%ff", "multipart/form-data; boundary*=bogus''x",
])
def test_a_content_type_in_an_odd_spelling_is_no_server_error(world, content_type):
    assert send(io.BytesIO(b"{}"), "secret=wrong", length=2, content_type=content_type)[0] in {400, 401}


@pytest.mark.usefixtures("_connection_stays")
def test_a_thousand_parameters_and_a_charset_are_no_server_error(world):
    assert send(Endless(), "a=1&" * 1001, length=5, content_type="application/json; charset=utf-8")[0] == 401


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "latin-1", "ascii", "nonsense", '""', "unicode_escape", "idna"])
def test_the_bodys_charset_does_not_change_how_the_secret_is_read(world, charset):
    assert post_json(world, content_type=f"application/json; charset={charset}").status_code == 200


@pytest.mark.parametrize(("body", "content_type"), [
    (form(*[('Content-Disposition: form-data; name="a"', b"1")] * 1001, (FIELD, b"{}")), MULTIPART),
    (form(*[(THUMB, b"\xff")] * 101, (FIELD, b"{}")), MULTIPART),
    (form((FILE + "\r\nContent-Transfer-Encoding: base64", b"!" * 999)), MULTIPART),
    (form((FILE + "\r\nContent-Transfer-Encoding: base64", b" " * (9 * MEBIBYTE))), MULTIPART),
    (form((FILE + "\r\nContent-Transfer-Encoding: base64", b"e30=\r\n" * (MEBIBYTE // 3))), MULTIPART),
    (form((FIELD + "\r\nContent-Transfer-Encoding: base64", b"\xff" * MEBIBYTE)), MULTIPART),
    (b"--x\r\n" * MEBIBYTE, "multipart/form-data; boundary=x"),
    (b"--x" * (3 * MEBIBYTE), "multipart/form-data; boundary=x"),
    (b"\r\n" * (4 * MEBIBYTE), "multipart/form-data; boundary=x"),
    (b"\r\n-" * (3 * MEBIBYTE), "multipart/form-data; boundary=" + "-" * 69),
    (b"--x\r\n" + b"A: b\r\n" * MEBIBYTE, "multipart/form-data; boundary=x"),
    (b"--x\r\nContent-Disposition: form-data;" + b";" * 900 + b"\r\n\r\n{}\r\n--x", "multipart/form-data; boundary=x"),
    (form((FIELD, b"{}")), "multipart/form-data"),
    (form((FIELD, b"{}")), "multipart/form-data; boundary="),
    (form((FIELD, b"{}")), "multipart/form-data; boundary=" + "x" * 1000),
    (form((FIELD, b"{}")), "multipart/form-data; boundary=x\x00"),
    (form((FIELD, b"{}")), "multipart/form-data; boundary=other"),
    (form((FIELD, b"{}")), "multipart/form-data; boundary*=utf-8''a%00b"),
    (form((FIELD, b"{}")), "multipart/form-data; boundary*=utf-8''a%ed%a0%80b"),
    (form((FIELD, b"{}"))[:-40], MULTIPART),
    (b"", MULTIPART),
])
def test_a_hostile_form_is_answered_4xx_in_little_time_and_leaves_its_row(world, body, content_type):
    before = time.process_time()
    response = post(world, body or b" ", content_type)
    spent = time.process_time() - before
    assert 400 <= response.status_code < 500
    assert spent <= a_little_while()
    assert PlexWebhookLog.objects.count() == (0 if response.status_code == 413 else 1)
    assert not PlexWebhookLog.objects.exclude(event_type="invalid").exists()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, identity"])
def test_a_compressed_body_is_refused_and_told_why(world, encoding):
    response = post_json(world, HTTP_CONTENT_ENCODING=encoding)
    assert response.status_code == 400
    assert "compressed" in response.json()["error"]


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_an_encoding_that_is_none_is_no_compression(world, encoding):
    assert post_json(world, HTTP_CONTENT_ENCODING=encoding).status_code == 200


def test_a_base64_part_is_decoded(world):
    encoded = base64.encodebytes(json.dumps(PLAY).encode())
    for headers in (FIELD, FILE):
        assert post(world, form((headers + "\r\nContent-Transfer-Encoding: base64", encoded))).status_code == 200
        assert world.last().payload == PLAY


HOSTILE = {
    "a NUL": ("a\0b", "a␀b"),
    "a lone surrogate": ("a\ud800b", "a\ufffdb"),
    "emoji": ("Sévérance 😀👩‍👩‍👧‍👦", "Sévérance 😀👩‍👩‍👧‍👦"),
    "right to left": ("\u202eשלום\u2066 ﷺ", "\u202eשלום\u2066 ﷺ"),
    "escapes": ("one\r\n2026 CRITICAL two\x1b[31m\x7f\x85\u2028", "one\r\n2026 CRITICAL two\x1b[31m\x7f"),
    "a long text": ("x" * 200_000, "x" * 255),
    "text that grows when it is normalised": ("ﷺ" * 300, "ﷺ" * 255),
    "only combining marks": ("\u0301" * 300, "\u0301" * 255),
    "markup": ("<script>alert(1)</script>{{7*7}}%s", "<script>alert(1)</script>{{7*7}}%s"),
    "wildcards": ("%_\\'\";--", "%_\\'\";--"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("named_by", ["guid", "rating key", "title"])
def test_hostile_text_is_stored_the_same_on_every_engine_and_asked_about(world, name, named_by):
    """The suite runs on both engines: what is expected here is one text and one verdict for both."""
    sent, kept = HOSTILE[name]
    without = {"guid": (), "rating key": ("grandparentGuid",), "title": ("grandparentGuid", "grandparentRatingKey")}
    event = scrobble(sent, **{"grandparentSlug": sent, "guid": sent} | dict.fromkeys(without[named_by]))
    event["Metadata"]["title"] = sent
    response = world.post(event | {"extra": {sent[:99]: [sent]}})
    assert response.status_code == 202
    world.work()
    row = world.last()
    assert (row.status, row.action_taken) == ("success", "conflict_created")
    assert (row.plex_title, row.plex_episode_title) == (kept, kept)
    assert row.conflict.plex_title == kept
    whole = sent.replace("\0", "␀").replace("\ud800", "\ufffd")
    assert row.payload["extra"] == {whole[:99]: [whole]}


def test_a_title_of_a_mebibyte_is_taken_and_cut(world):
    assert world.post(scrobble("x" * (MEBIBYTE - 2000))).status_code == 202
    assert world.last().plex_title == "x" * 255


TOO_LONG = "ä" * 3000


@pytest.mark.parametrize(("change", "column", "kept"), [
    ({"event": TOO_LONG}, "event_type", 64),
    ({"Metadata": {"grandparentTitle": TOO_LONG}}, "plex_title", 255),
    ({"Metadata": {"title": TOO_LONG}}, "plex_episode_title", 255),
    ({"Metadata": {"ratingKey": TOO_LONG}}, "plex_rating_key", 255),
    ({"Metadata": {"grandparentGuid": f"plex://show/{TOO_LONG}"}}, "plex_show_guid", 255),
    ({"Metadata": {"grandparentGuid": f"plex://show/{TOO_LONG}"}}, "plex_show_key", 257),
    ({"Metadata": {"grandparentGuid": f"local://{TOO_LONG}", "grandparentRatingKey": TOO_LONG}}, "plex_show_key", 298),
])
def test_text_longer_than_its_column_is_cut(world, change, column, kept):
    event = scrobble()
    event |= change | {"Metadata": event["Metadata"] | change.get("Metadata", {})}
    assert world.post(event).status_code in {200, 202}
    world.work()
    assert len(getattr(world.last(), column)) == kept
    assert not PlexWebhookLog.objects.filter(reason__contains="Failed").exists()


def test_text_of_an_account_and_of_a_server_is_cut_too(world):
    event = scrobble(grandparentGuid=None) | {"Account": {"title": TOO_LONG}, "Server": {"uuid": TOO_LONG}}
    assert world.post(event).status_code == 202
    world.work()
    assert PlexAccount.objects.get().title == TOO_LONG[:255]
    assert PlexConflict.objects.get().plex_server_uuid == TOO_LONG[:64]
    assert PlexShowMapping.objects.get().plex_server_uuid == TOO_LONG[:64]


def test_shows_whose_guids_say_nothing_are_not_taken_for_one(world):
    """Two shows with the same empty GUID: the first must not decide for the second."""
    for number, guid in enumerate(("plex://", "com.plexapp.agents.thetvdb://?lang=en", "none://1", "LOCAL://1", "local://1")):
        for server in (SERVER, "another"):
            world.send(scrobble(f"Show {number}", show_id=f"s{number}", server=server, grandparentGuid=guid, guid=None))
    assert not PlexWebhookLog.objects.exclude(action_taken="conflict_created").exists()
    assert PlexConflict.objects.count() == PlexShowMapping.objects.count() == 10


@pytest.mark.parametrize("metadata", [
    {"originallyAvailableAt": "0001-01-01"}, {"originallyAvailableAt": "9999-12-31"},
    {"index": 2**31 - 1, "parentIndex": 2**31 - 1},
    {"duration": 2**31 - 1}, {"year": 9999}, {"Guid": [{"id": "tvdb://2147483647"}, {"id": "imdb://tt999999999999"}]},
])
def test_the_largest_values_go_all_the_way_to_a_new_show(world, metadata):
    world.send(scrobble("Something new", **metadata))
    new_show = NewShow(title="Something new", first_aired=None, episodes=())
    conflict = PlexConflict.objects.get()
    resolution.create_new(conflict.pk, new_show=new_show, user_id=world.owner.pk, now=datetime.now(UTC))
    world.work()
    assert world.last().action_taken == "marked_watched", world.last().reason


@pytest.fixture
def log_lines(caplog):
    """What the console would get, as lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLineFormatter(settings.LOGGING["formatters"]["line"]["format"], style="{"))
    handler.addFilter(RedactingFilter())
    logging.getLogger().addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    logging.getLogger().removeHandler(handler)


FORGED = "x\r\n2026-01-01 00:00:00,000 CRITICAL root: forged\x1b[2J\x85\u2028forged"


def forged(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(("forged", "2026-01-01 ")) or "\x1b" in line]


def test_no_text_of_a_sender_forges_a_line_of_the_log(world, log_lines):
    quoted = "x%0d%0a2026-01-01 CRITICAL root: forged%1b[2J%e2%80%a8forged"
    headers = {"HTTP_USER_AGENT": FORGED, "HTTP_REFERER": FORGED}
    world.client.generic("POST", f"/api/plex/{quoted}?secret={quoted}", b"", **headers)
    world.client.get("/", HTTP_HOST=FORGED)
    world.post({"event": FORGED, "Metadata": {"title": FORGED}}, HTTP_USER_AGENT=FORGED)
    world.post(FORGED)
    assert log_lines()
    assert forged(log_lines()) == []
    assert world.config.webhook_secret not in "\n".join(log_lines())


def test_no_text_of_a_sender_forges_a_line_in_a_traceback(world, log_lines, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError(FORGED)

    world.send(scrobble("Severance (2022)", number=9))
    monkeypatch.setattr(watching, "mark_watched", fail)
    world.post(scrobble("Severance (2022)", number=2))
    assert forged(log_lines()) == []

"""The webhook's contract: which requests it takes, and every answer that it gives."""

import json

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from plex_integration import config as plex_config
from plex_integration.api import webhook
from plex_integration.models import PlexWebhookLog
from tests.world import FRIEND, OWNER, scrobble

PATH = "/api/plex/webhook"
BOUNDARY = "----------------------------d74496d66958873e"
PLAY = {"event": "media.play", "Account": OWNER, "Metadata": {"type": "track"}}


def form(*parts: tuple[str, bytes], boundary: str = BOUNDARY) -> bytes:
    """A multipart body of (headers, content)."""
    line = boundary.encode()
    blocks = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (line, headers.encode(), content) for headers, content in parts]
    return b"".join(blocks) + b"--%s--\r\n" % line


FIELD = 'Content-Disposition: form-data; name="payload"'
FILE = 'Content-Disposition: form-data; name="payload"; filename="payload.json"\r\nContent-Type: application/json'
THUMB = 'Content-Disposition: form-data; name="thumb"; filename="thumb.jpg"\r\nContent-Type: image/jpeg'


def post(world, body: bytes, content_type=f"multipart/form-data; boundary={BOUNDARY}", **extra):
    """Post a body byte for byte, with the right secret."""
    path = f"{PATH}?secret={world.config.webhook_secret}"
    return world.client.generic("POST", path, body, content_type=content_type, **extra)


def post_json(world, event=PLAY, content_type="application/json", **extra):
    return post(world, event if isinstance(event, bytes) else json.dumps(event).encode(), content_type, **extra)


def answer(response) -> tuple[int, str]:
    return response.status_code, response.json()["status"]


@pytest.fixture
def mapped(world):
    """The world in which Severance is known already, so that its events are settled at once."""
    world.send(scrobble("Severance (2022)", number=9))
    return world


def test_a_known_shows_scrobble_is_answered_200_success(mapped):
    response = mapped.post(scrobble("Severance (2022)", number=2))
    assert answer(response) == (200, "success")
    assert "S01E02" in response.json()["message"]


def test_an_event_without_effect_is_answered_200_ignored(world):
    response = world.post(PLAY)
    assert answer(response) == (200, "ignored")
    assert response.json()["message"]


def test_a_copy_is_answered_200_duplicate(mapped):
    assert answer(mapped.post(scrobble("Severance (2022)", number=2))) == (200, "success")
    assert answer(mapped.post(scrobble("Severance (2022)", number=2))) == (200, "duplicate")


def test_what_a_worker_will_finish_is_answered_202_accepted(world):
    response = world.post(scrobble("Severance"))
    assert answer(response) == (202, "accepted")
    assert world.last().due_at is not None


@pytest.mark.parametrize(("body", "words"), [
    (b" ", "empty"), (b"[]", "not a JSON object"), (b"{", "no JSON"), (b"{}", '"event"'),
    (b'{"event": 1e999}', "too large"),
    (b'{"event": "media.scrobble"}', "neither a show nor an episode"),
])
def test_a_bad_payload_is_answered_400_and_leaves_a_failed_row_that_says_what_is_wrong(world, body, words):
    response = post_json(world, body)
    assert answer(response) == (400, "error")
    assert response.json()["message"] == "Invalid payload"
    assert words in response.json()["error"]
    row = world.last()
    assert (row.event_type, row.status, row.due_at, row.config) == ("invalid", "failed", None, world.config)
    assert row.done_at is not None
    assert words in row.reason


def test_a_bad_payload_is_not_tried_again(world):
    post_json(world, b"{}")
    world.work()
    assert world.last().retry_count == 0


def test_what_was_unreadable_is_kept_to_be_looked_at(world):
    post_json(world, b'{"event": "media.scrobble", "Metadata": {"title": "cut o\x00')
    assert world.last().payload == {"unreadable": '{"event": "media.scrobble", "Metadata": {"title": "cut o␀'}


@pytest.mark.parametrize("query", [
    "", "?secret=", "?secret=wrong", "?token=", "?token=wrong", "?Secret={}", "?secret={}x", "?secret=%00",
    "?secret=%ed%a0%80",
    "?secret=%ff", "?secret=%F0%9F%98%80", "?secret=wrong&token={}", "?secret[]={}", "?;secret={}",
    "?" + "a=1&" * 1000 + "secret={}",
])
def test_a_wrong_or_missing_secret_is_answered_401_and_nothing_is_stored(world, query, caplog):
    path = PATH + query.format(world.config.webhook_secret)
    response = world.client.post(path, {"payload": json.dumps(PLAY)})
    assert answer(response) == (401, "error")
    assert not PlexWebhookLog.objects.exists()
    assert "missing or wrong secret came from 127.0.0.1" in caplog.text
    assert world.config.webhook_secret not in caplog.text


@pytest.mark.parametrize("query", [
    "?secret={}", "?token={}", "?secret=&token={}", "?x=1&secret={}&y=%ff", "?secret=old&secret={}",
])
def test_the_secret_may_be_called_token(world, query):
    path = PATH + query.format(world.config.webhook_secret)
    assert world.client.post(path, {"payload": json.dumps(PLAY)}).status_code == 200


def test_the_secret_in_a_header_or_in_the_body_does_not_count(world):
    secret = world.config.webhook_secret
    fields = {"payload": json.dumps(PLAY), "secret": secret}
    response = world.client.post(PATH, fields, HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert response.status_code == 401


@pytest.mark.parametrize("size", [2 * 2**20 + 1, 5 * 2**20])
def test_a_payload_over_two_mebibytes_is_answered_413_and_leaves_no_row(world, size):
    payload = json.dumps(PLAY).encode().ljust(size)
    assert answer(post(world, form((FIELD, payload)))) == (413, "error")
    assert answer(post(world, form((FILE, payload)))) == (413, "error")
    assert answer(post_json(world, payload)) == (413, "error")
    assert not PlexWebhookLog.objects.exists()


def test_a_payload_just_under_two_mebibytes_is_taken(world):
    payload = json.dumps(PLAY).encode().ljust(2 * 2**20 - 100)
    assert post(world, form((FIELD, payload))).status_code == 200
    assert post(world, form((FILE, payload))).status_code == 200
    assert post_json(world, payload).status_code == 200


def test_a_body_over_ten_mebibytes_is_answered_413_and_leaves_no_row(world):
    body = form((FIELD, json.dumps(PLAY).encode()), (THUMB, b"\xff" * (10 * 2**20)))
    assert post(world, body).status_code == 413
    assert not PlexWebhookLog.objects.exists()


def test_a_thumb_of_nine_mebibytes_is_dropped_and_the_event_kept(world):
    body = form((FIELD, json.dumps(PLAY).encode()), (THUMB, b"\xff\xd8--" * (9 * 2**18)))
    assert post(world, body).status_code == 200
    assert world.last().payload == PLAY


@pytest.mark.parametrize("problem", [OperationalError, InterfaceError])
@pytest.mark.parametrize("function", ["match_secret", "receive"])
def test_when_the_database_is_away_the_answer_is_503_with_the_time_to_come_again(world, monkeypatch, problem, function):
    def fail(*args, **kwargs):
        raise problem("the server closed the connection")

    monkeypatch.setattr(webhook, function, fail)
    response = world.post(PLAY)
    assert answer(response) == (503, "error")
    assert int(response["Retry-After"]) > 0


def test_a_bad_payload_that_cannot_be_stored_is_answered_503_too(world, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr(webhook, "keep_invalid", fail)
    assert post_json(world, b"[]").status_code == 503


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_every_method_but_post_is_answered_405(world, method):
    response = world.client.generic(method, f"{PATH}?secret={world.config.webhook_secret}", json.dumps(PLAY))
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert not PlexWebhookLog.objects.exists()


@pytest.mark.parametrize("headers", [
    {"HTTP_ACCEPT": "text/html"}, {"HTTP_ACCEPT": "application/xml;q=0.9"}, {"HTTP_ACCEPT": ";;,/"},
    {"HTTP_ACCEPT": ""},
    {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}, {"HTTP_ORIGIN": "https://elsewhere.example"},
    {"HTTP_COOKIE": "sessionid=x; \xff"},
    {"HTTP_HOST": "bad_host!"}, {"HTTP_HOST": ""}, {"HTTP_AUTHORIZATION": "Basic x"},
    {"HTTP_USER_AGENT": "PlexMediaServer/1.41"},
])
def test_no_header_of_a_sender_loses_an_event(world, headers):
    strict = Client(enforce_csrf_checks=True)
    path = f"{PATH}?secret={world.config.webhook_secret}&format=xml"
    response = strict.post(path, {"payload": json.dumps(PLAY)}, **headers)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_a_signed_in_person_needs_the_secret_as_well(world):
    world.client.force_login(world.owner)
    assert world.post(PLAY, secret="").status_code == 401
    assert world.post(PLAY).status_code == 200


@pytest.mark.parametrize("secret", ["schlüssel", "😀" * 20, "a b&c=d%", "\ufffd"])
def test_a_secret_may_hold_any_text(world, secret):
    world.config.webhook_secret = secret
    world.config.save()
    payload = {"payload": json.dumps(PLAY)}
    assert world.client.post(f"{PATH}?", payload, query_params={"secret": secret}).status_code == 200
    raw = secret.replace("%", "%25").replace("&", "%26").replace(" ", "+").encode().decode("latin-1")
    assert world.client.post(PATH, payload, QUERY_STRING=f"secret={raw}").status_code == 200
    assert world.client.post(PATH, payload, QUERY_STRING="secret=\u20ac\ud800").status_code == 401


def test_an_empty_secret_in_the_database_lets_nobody_in(world):
    world.config.webhook_secret = ""
    world.config.save()
    for query in ("", "?secret=", "?token=", "?secret=&token="):
        assert world.client.post(PATH + query, {"payload": json.dumps(PLAY)}).status_code == 401


def test_each_secret_names_its_own_connection(world, django_user_model):
    sam = plex_config.create_config(user=django_user_model.objects.create_user("sam"))
    world.post(PLAY, secret=sam.webhook_secret)
    assert world.last().config == sam
    world.post(PLAY)
    assert world.last().config == world.config


def test_a_form_with_the_payload_as_a_field_and_a_thumb_is_read(world):
    event = json.dumps(PLAY).encode()
    assert post(world, form((FIELD, event), (THUMB, b"\xff\xd8\xff\xe0" * 100))).status_code == 200
    assert post(world, form((THUMB, b"\xff\xd8\xff\xe0" * 100), (FIELD, event))).status_code == 200
    assert [row.payload for row in PlexWebhookLog.objects.all()] == [PLAY, PLAY]


@pytest.mark.parametrize("headers", [
    FIELD, FILE, FIELD + "\r\nContent-Type: application/json", FIELD + "\r\nContent-Type: text/plain; charset=utf-16",
    FIELD.upper().replace("PAYLOAD", "payload"), "Content-Disposition: form-data; name=payload", FIELD + "; x=y",
    FIELD.replace("name=", "name*=UTF-8''").replace('"', ""),
])
def test_a_payload_is_read_as_a_field_and_as_a_file_whatever_its_part_says_of_its_type(world, headers):
    event = PLAY | {"name": "Ünïcödé 😀"}
    assert post(world, form((headers, json.dumps(event, ensure_ascii=False).encode()))).status_code == 200
    assert world.last().payload == event


@pytest.mark.parametrize("parts", [
    [(FIELD, b"{}"), (FIELD, b"{}")], [(FIELD, b"{}"), (FILE, b"{}")], [(FILE, b"{}"), (FILE, b"{}")],
    [(FIELD, b""), (FIELD, b"{}")],
    [(FILE, b""), (FIELD, b"{}")], [(FILE, b'{"event": '), (FILE, b'"media.play"}')],
])
def test_two_payloads_are_refused_because_nobody_knows_which_is_meant(world, parts):
    response = post(world, form(*parts))
    assert response.status_code == 400
    assert "several payloads" in response.json()["error"]


@pytest.mark.parametrize("parts", [
    [(THUMB, b"\xff\xd8")], [(FIELD.replace("payload", "Payload"), b"{}")],
    [(FIELD.replace("payload", "payload[]"), b"{}")],
    [(FILE.replace("payload.json", ".."), b"{}")], [("Content-Disposition: form-data", b"{}")],
])
def test_a_form_without_a_payload_is_refused_and_says_so(world, parts):
    response = post(world, form(*parts))
    assert response.status_code == 400
    assert 'no field "payload"' in response.json()["error"]
    assert world.last().event_type == "invalid"


@pytest.mark.parametrize(("headers", "content"), [(FIELD, b""), (FILE, b""), (FIELD, b"  ")])
def test_an_empty_payload_is_refused(world, headers, content):
    assert "it is empty" in post(world, form((headers, content))).json()["error"]


@pytest.mark.parametrize("content_type", [
    "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;x",
])
def test_a_json_body_is_the_payload(world, content_type):
    assert post_json(world, content_type=content_type).status_code == 200
    assert world.last().payload == PLAY


def test_a_byte_order_mark_does_no_harm(world):
    event = b"\xef\xbb\xbf" + json.dumps(PLAY).encode()
    for response in (post_json(world, event), post(world, form((FIELD, event))), post(world, form((FILE, event)))):
        assert response.status_code == 200
    assert world.last().payload == PLAY


@pytest.mark.parametrize("content_type", [
    "application/x-www-form-urlencoded", "text/plain", "", "multipart/mixed; boundary=x", "x",
])
def test_another_kind_of_body_is_refused_and_told_what_to_send(world, content_type):
    response = post(world, b"payload=" + json.dumps(PLAY).encode(), content_type)
    assert response.status_code == 400
    assert "multipart/form-data" in response.json()["error"]
    assert world.last().event_type == "invalid"


def test_nothing_of_a_friends_play_but_its_row_is_kept(world):
    response = world.post(scrobble(account=FRIEND) | {"user": False})
    assert answer(response) == (200, "ignored")
    assert world.last().action_taken == "unlinked_account"
    assert world.watched() == set()


def test_a_switched_off_connection_answers_200_ignored(world):
    world.config.enabled = False
    world.config.save()
    response = world.post(scrobble())
    assert answer(response) == (200, "ignored")
    assert world.last().action_taken == "integration_disabled"

"""Whatever a caller sends: a sentence, of a status that the schema names, and never a server error."""

from itertools import product

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from plex_integration.models import PlexAccount, PlexConflict, PlexLibrary, PlexShowMapping, PlexWebhookLog
from tests.plex_integration.api.conftest import check_described
from tests.plex_integration.api.test_permissions import ROUTES
from tests.world import NOON, show

BODIES = [
    b"", b"{", b"no json", b"[]", b"null", b"5", b'"text"', b"NaN", b'{"a": 1e999}', b"\xff\xfe", b"\0", b"[" * 5000,
    b'{"a":' * 100_00, b'{"plexToken": "\\u0000"}', b'{"plexToken": "\\ud800"}', b'{"tvshowId": 1' + b"0" * 5000 + b"}",
    b'{"\\u0000": "\\u0000"}', b'{"action": {"a": []}, "tvshowId": [], "createNew": "x", "userId": {}, "syncEnabled": []}',
    b'{"action": "create_new", "createNew": [1]}', b'{"action": "select", "tvshowId": -1}', b'{"tvshowId": 1.5}',
    b'{"action": "\xf0\x9f\x98\x80"}', b'{"tvshowId": true}', b'{"userId": "\\u0000"}', b'{"action": ["select"]}',
]
QUERIES = [
    "limit=%00", "limit=%ff", "offset=1e5", "query=%00", "query=%ed%a0%80", "query=%25%27%22\\", "status=%00", "unmapped=maybe",
    "unmapped=%00", "conflicts=[]", "format=xml", "limit=" + "9" * 4400, "plexServerUrl=%00", "&".join(f"a{n}=1" for n in range(1001)),
]
KINDS = [
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "\0", "application/json; charset=klingon",
]
SENTENCES = {"status", "message", "error"}
bodied = [route for route in ROUTES if route.body is not None]


def path_of(route, pk="1"):
    path = route.path
    for name in ("mapping", "conflict", "log", "account", "library", "signed"):
        path = path.replace(f"{{{name}}}", pk)
    return f"/api/plex/{path}"


@pytest.fixture
def owners(world) -> Client:
    """The owner, and one of everything with the number 1."""
    PlexShowMapping.objects.create(pk=1, plex_title="a", plex_show_key="g:a")
    PlexConflict.objects.create(pk=1, plex_title="b", plex_show_key="g:b", conflict_type="no_match")
    PlexWebhookLog.objects.create(pk=1, event_type="media.scrobble", done_at=NOON)
    PlexAccount.objects.create(pk=1, config=world.config, title="c")
    PlexLibrary.objects.create(pk=1, config=world.config, section_key="1")
    return world.browser()


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch):
    monkeypatch.setattr("plex_integration.api.access.OutsideRequests.most", 0)


def test_a_body_that_is_hostile_is_refused_in_words(owners):
    for route, body in product(bodied, BODIES):
        answer = owners.generic(route.method, path_of(route), body, content_type="application/json")
        assert answer.status_code == 400, (body[:60], answer.status_code)
        assert set(answer.json()) == SENTENCES
        assert len(answer.content) < 2000


def test_a_body_that_is_too_large_is_refused(owners):
    for route in bodied:
        body = b'{"a": "' + b"x" * 70_000 + b'"}'
        answer = owners.generic(route.method, path_of(route), body, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]) == (413, "A body may have 64 KiB.")


def test_a_body_that_is_no_json_is_refused(owners):
    for route, kind in product(bodied, KINDS):
        answer = owners.generic(route.method, path_of(route), b"a=1", content_type=kind)
        assert answer.status_code in {400, 415}, (kind, answer.status_code)
        check_described(path_of(route), route.method, answer.status_code, answer.json())


def test_a_query_that_is_hostile_is_no_server_error(owners):
    for route in ROUTES:
        if route.method == "GET":
            for query in QUERIES:
                path = path_of(route).partition("?")[0]
                answer = owners.get(f"{path}?{query}")
                assert answer.status_code in {200, 400, 404}, (path, query[:60], answer.status_code)


def test_a_number_that_nothing_has_is_not_found(owners):
    for route, pk in product(ROUTES, ["0", "9" * 30, "9" * 5000, "-1", "%00", "1.5", "x"]):
        if "{" in route.path:
            answer = owners.generic(route.method, path_of(route, pk), b"{}", content_type="application/json")
            assert (answer.status_code, set(answer.json())) == (404, SENTENCES), (route, answer.status_code)


def test_an_address_that_nothing_has_is_not_found_by_any_method_and_is_nobodys_business(owners):
    for path, method in product(["/api/nothing", "/api/plex/", "/api/plex/config/"], ["GET", "POST", "DELETE", "PROPFIND"]):
        answer = owners.generic(method, path)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found"), (method, path)
        assert Client().generic(method, path).status_code == 401


def test_other_methods_are_refused(owners):
    known = {}
    for route in ROUTES:
        known.setdefault(path_of(route).partition("?")[0], set()).add(route.method)
    for path, methods in known.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - methods:
            answer = owners.generic(method, path, b"{}", content_type="application/json")
            assert (answer.status_code, answer.json()["message"]) == (405, "Method Not Allowed"), (method, path)


def fill(world, number):
    made = [show(f"Found {number} {index}", seasons=()) for index in range(number)]
    for index, one in enumerate(made):
        key = f"g:{number}-{index}"
        conflict = PlexConflict.objects.create(plex_title=key, conflict_type="no_match", plex_show_key=key)
        PlexShowMapping.objects.create(plex_title=key, plex_show_key=key, plex_guid=key, tvshow=one)
        account = PlexAccount.objects.create(
            config=world.config, account_id=1000 * number + index, title=key, user=world.owner,
        )
        PlexLibrary.objects.create(config=world.config, section_key=key)
        PlexWebhookLog.objects.create(event_type="x", account=account, tvshow=one, conflict=conflict)


LISTS = ["mappings", "mappings?conflicts=true", "conflicts", "logs", "accounts", "libraries", "shows?query=found"]


def test_the_number_of_queries_does_not_grow_with_the_rows(world, owner):
    counts = []
    for size in (2, 10):
        fill(world, size)
        for path in LISTS:
            with CaptureQueriesContext(connection) as queries:
                assert owner.get(path)["total"] >= size
            counts.append(len(queries))
    assert counts[:len(LISTS)] == counts[len(LISTS):]
    assert max(counts) <= 5


def test_the_payloads_of_events_are_not_read_for_the_list(world, owner):
    fill(world, 2)
    with CaptureQueriesContext(connection) as queries:
        owner.get("logs")
    assert not any('"payload"' in query["sql"] for query in queries)


def test_a_database_that_is_away_is_503(owner, monkeypatch):
    def away(*_):
        raise OperationalError("secret details")

    monkeypatch.setattr("plex_integration.api.events.visible_to", away)
    answer = owner.client.get("/api/plex/logs")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "secret" not in answer.content.decode()

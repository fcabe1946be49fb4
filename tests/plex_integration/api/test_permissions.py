"""Who may what: a stranger nothing, a person their own, staff all, and changes only with the right that the admin asks for."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from plex_integration.api import urls
from plex_integration.models import PlexAccount, PlexConflict, PlexLibrary, PlexShowMapping, PlexWebhookLog
from tests.plex_integration.api.conftest import Caller, schema
from tests.test_walk import stored
from tests.world import FRIEND, OWNER, SAM, scrobble


@dataclass(frozen=True)
class Route:
    """A method of an address, and what people without rights (ordinary) and staff without rights (clerk) get."""

    method: str
    path: str
    body: Any = None
    ordinary: int = 403
    clerk: int = 200
    owner: int = 200


ROUTES = [
    Route("GET", "config"),
    Route("POST", "config", {}, clerk=400, owner=400),  # there is no token yet
    Route("DELETE", "config", clerk=404),
    Route("POST", "config/sign-in", clerk=201, owner=201),
    Route("GET", "config/sign-in/{signed}", clerk=404, owner=404),
    Route("POST", "config/webhook", clerk=404, owner=400),
    Route("GET", "libraries"),
    Route("POST", "libraries/refresh", clerk=404, owner=400),
    Route("PATCH", "libraries/{library}", {"enabled": False}, clerk=404),
    Route("GET", "accounts"),
    Route("PATCH", "accounts/{account}", {"userId": None}, clerk=403),
    Route("POST", "accounts/{account}/replay", clerk=403, owner=202),
    Route("GET", "mappings"),
    Route("PATCH", "mappings/{mapping}", {"syncEnabled": True}, clerk=403),
    Route("DELETE", "mappings/{mapping}", clerk=403),
    Route("POST", "mappings/{mapping}/confirm", {"tvshowId": 1}, clerk=403),
    Route("GET", "conflicts"),
    Route("POST", "conflicts/{conflict}/resolve", {"action": "ignore"}, clerk=403),
    Route("GET", "logs", ordinary=200),
    Route("GET", "logs/{log}", ordinary=404),
    Route("POST", "logs/{log}/replay", clerk=403, owner=202),
    Route("GET", "shows?query=office", ordinary=200),
    Route("GET", "token", ordinary=200),
    Route("POST", "token", ordinary=201, clerk=201, owner=201),
    Route("DELETE", "token", ordinary=200),
]


@pytest.fixture
def rows(world, plex):
    """One of everything, by its name in a route."""
    world.send(scrobble("Severance (2022)"))
    world.send(scrobble("iCarly", show_id="ic"))
    section = PlexLibrary.objects.create(config=world.config, section_key="1", title="TV", kind="show")
    account = PlexAccount.objects.get(title=OWNER["title"])
    done = PlexWebhookLog.objects.filter(done_at__isnull=False).latest("pk")
    return {
        "mapping": PlexShowMapping.objects.get(tvshow__isnull=False).pk, "conflict": PlexConflict.objects.get().pk,
        "log": done.pk, "account": account.pk, "library": section.pk, "signed": "1:1:1",
    }


def call(caller, route, rows, expected):
    """And take back what it did."""
    with transaction.atomic():
        found = caller(route.method, route.path.format(**rows), route.body, expected)
        transaction.set_rollback(True)
    return found


def test_a_stranger_gets_nothing_and_changes_nothing(stranger, rows):
    before = stored()
    for route in ROUTES:
        answer = stranger(route.method, route.path.format(**rows), route.body, 401)
        assert answer["error"] == "Authentication credentials were not provided."
        assert stranger.answer["WWW-Authenticate"] == "Token"
    assert stored() == before


def test_an_ordinary_person_gets_their_own_only(sam, rows):
    before = stored()
    for route in ROUTES:
        if route.ordinary >= 400:
            sam(route.method, route.path.format(**rows), route.body, route.ordinary)
    assert stored() == before
    for route in ROUTES:
        call(sam, route, rows, route.ordinary)


def test_staff_without_a_right_see_everything_and_change_nothing_of_others(clerk, rows):
    before = stored()
    for route in ROUTES:
        if route.clerk >= 400:
            clerk(route.method, route.path.format(**rows), route.body, route.clerk)
    assert stored() == before
    for route in ROUTES:
        call(clerk, route, rows, route.clerk)


def test_the_owner_may_do_everything(owner, rows):
    for route in ROUTES:
        call(owner, route, rows, route.owner)


@pytest.mark.parametrize(("right", "route"), [
    ("change_plexshowmapping", Route("PATCH", "mappings/{mapping}", {"syncEnabled": True})),
    ("change_plexconflict", Route("POST", "conflicts/{conflict}/resolve", {"action": "ignore"})),
    ("change_plexwebhooklog", Route("POST", "logs/{log}/replay", owner=202)),
    ("change_plexaccount", Route("PATCH", "accounts/{account}", {"userId": None})),
])
def test_the_right_that_the_admin_asks_for_is_enough(world, rows, right, route):
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename=right))
    call(Caller(clerk), route, rows, route.owner)


def test_every_route_is_in_the_table():
    described = {
        (method.upper(), path) for path, methods in schema()["paths"].items() for method in methods
    }
    named = {"mapping": "id", "conflict": "id", "log": "id", "account": "id", "library": "id", "signed": "signed"}
    braces = {name: f"{{{kind}}}" for name, kind in named.items()}
    tabled = {(route.method, f"/api/plex/{route.path.partition('?')[0].format(**braces)}") for route in ROUTES}
    assert tabled == described
    paths = {f"/api/plex/{entry.pattern}".replace("<int:pk>", "{id}").replace("<str:signed>", "{signed}") for entry in urls.urlpatterns}
    assert paths - {"/api/plex/webhook"} == {path for _, path in described}


def test_others_see_the_events_of_their_own_accounts_only(sam, world):
    for account, title in ((SAM, "Severance (2022)"), (FRIEND, "iCarly"), (None, "The Office (2005)")):
        world.send(scrobble(title, account=account, show_id=title))
    page = sam.get("logs")
    assert [log["plexTitle"] for log in page["logs"]] == ["Severance (2022)"]
    assert page["total"] == 1
    mine, *others = PlexWebhookLog.objects.order_by("pk")
    assert sam.get(f"logs/{mine.pk}")["payload"] is None
    for log in others:
        sam.get(f"logs/{log.pk}", 404)


def test_staff_see_all_events_with_their_payloads_but_no_secret_in_them(clerk, world):
    log = world.send(scrobble() | {"token": "canary"})
    payload = clerk.get(f"logs/{log.pk}")["payload"]
    assert payload["Metadata"]["grandparentTitle"] == "Severance"
    assert payload["token"] == "[hidden]"


def test_a_session_needs_the_csrf_token_for_changes_and_an_api_token_does_not(world, owner):
    token = owner.post("token", expected=201)["token"]
    browser = world.browser(enforce_csrf_checks=True)
    assert browser.delete("/api/plex/config").status_code == 403
    assert browser.get("/api/plex/config").status_code == 200
    program = Client(enforce_csrf_checks=True, headers={"authorization": f"Token {token}"})
    assert program.delete("/api/plex/config").status_code == 200


def test_somebody_who_was_deactivated_is_a_stranger(world, owner):
    token = owner.post("token", expected=201)["token"]
    world.owner.is_active = False
    world.owner.save()
    Caller(authorization=f"Token {token}").get("config", 401)
    owner.get("config", 401)


def test_there_is_no_way_to_the_api_but_these_routes():
    others = [str(entry.pattern) for entry in get_resolver().url_patterns if str(entry.pattern).startswith("api/")]
    assert others == ["api/schema", "api/docs", "api/plex/", "api/<path:rest>"]

"""Every address of the product: what a stranger gets there, and that looking changes nothing."""

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.stages import stage
from tests.world import World, scrobble

FORM = "application/x-www-form-urlencoded"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
REFUSALS = {302, 401, 403, 404, 405}
# What a stranger may get an answer of, and by which methods.
OPEN = {
    "/login": dict.fromkeys(["GET", "HEAD", "POST", "PUT", "OPTIONS"], 200),
    "/admin/login/": dict.fromkeys(["GET", "HEAD", "POST", "PUT", "OPTIONS"], 200),
    "/healthz": {"GET": {200, 503}},
}
# A stand-in for each kind of thing that an address may name.
VALUES = {"int": "1", "str": "1", "slug": "1", "path": "1", "uuid": "6ec57f84-c680-4d3a-a377-8b0000000000"}


def addresses(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern with an address that it matches."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + filled(entry)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, path)
        else:
            yield path, entry


def filled(entry: URLPattern | URLResolver) -> str:
    if not isinstance(entry.pattern, RoutePattern):
        return "no/such/app/" if "app_label" in str(entry.pattern) else "no/such/page"
    route = str(entry.pattern)
    for name, converter in entry.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
        for spelling in (f"<{kind}:{name}>", f"<{name}>"):
            route = route.replace(spelling, VALUES[kind])
    return route


ADDRESSES = sorted({path for path, _ in addresses()})
_OF_A_ROW = re.compile(r"/admin/(?P<app>\w+)/(?P<model>\w+)/1/")


def existing() -> list[str]:
    """The addresses, those of a row with the number of one that exists."""
    return [_OF_A_ROW.sub(_with_a_row, path) for path in ADDRESSES]


def _with_a_row(match: re.Match[str]) -> str:
    models = {model._meta.label_lower: model for model in apps.get_models()}
    model = models.get(f"{match['app']}.{match['model']}")
    row = model._default_manager.order_by("pk").first() if model else None
    return f"/admin/{match['app']}/{match['model']}/{row.pk if row else 1}/"


@stage
def lived_in(world) -> World:
    """A world in which there is one of everything."""
    world.send(scrobble("Severance (2022)"))
    world.send(scrobble("iCarly", show_id="s2"))
    world.post({"event": ""})
    assert PlexConflict.objects.exists()
    assert PlexShowMapping.objects.exists()
    return world


@pytest.fixture
def unpainted(monkeypatch):
    """Views do all that they do, and the page is left blank: half the time goes into words that nobody reads here."""
    monkeypatch.setattr("django.template.backends.django.Template.render", lambda *_, **__: "")


def links(path: str, page: str) -> Iterator[str]:
    """What a page offers to look at with a query, and a search where it has a box for one."""
    for given in re.findall(r'href="([^"#]*\?[^"#]+)"', page):
        link = urljoin(path, html.unescape(given))
        if link.startswith("/"):
            yield link
    if 'name="q"' in page:
        yield f"{path}?q=severance"


def kinds(offered: set[str]) -> list[str]:
    """Each order, and of the values of a filter two: to the database the others are the same."""
    asked, seen = [], Counter[str]()
    for link in sorted(offered):
        kind = link if re.search(r"\?o=", link) else re.sub(r"=[^&]*", "=", link)
        seen[kind] += 1
        if seen[kind] <= 2:
            asked.append(link)
    return asked


def stored() -> str:
    """All rows of all tables but the sessions."""
    models = [model for model in apps.get_models() if model is not Session]
    return "".join(serializers.serialize("json", model._default_manager.order_by("pk")) for model in models)


def expected(path: str, method: str) -> set[int]:
    allowed = OPEN.get(path, {}).get(method, REFUSALS)
    return allowed if isinstance(allowed, set) else {allowed}


def test_the_walk_finds_the_addresses():
    assert {"/", "/login", "/logout", "/setup", "/healthz", "/api/plex/webhook", "/admin/"} <= set(ADDRESSES)
    assert not [path for path in ADDRESSES if "<" in path or "(?P" in path]


def test_a_stranger_is_refused_everywhere_by_every_method_and_changes_nothing(lived_in, unpainted):
    client = Client(HTTP_HOST="localhost", raise_request_exception=False)
    before = stored()
    found = {
        (path, method): client.generic(method, path, "a=1", content_type=FORM).status_code
        for path in existing() for method in METHODS
    }
    assert {key: status for key, status in found.items() if status not in expected(*key)} == {}
    assert stored() == before


def test_a_stranger_who_claims_to_be_at_home_is_refused_all_the_same(lived_in):
    claims = ("X_FORWARDED_FOR", "X_REAL_IP", "X_FORWARDED_HOST", "X_CLIENT_IP", "X_ORIGINAL_URL")
    headers = {f"HTTP_{name}": "127.0.0.1" for name in claims} | {"HTTP_FORWARDED": "for=127.0.0.1"}
    client = Client(HTTP_HOST="127.0.0.1", REMOTE_ADDR="127.0.0.1", **headers)
    found = {path: client.get(path).status_code for path in existing()}
    assert {path: status for path, status in found.items() if status not in expected(path, "GET")} == {}


def test_a_stranger_is_led_to_the_sign_in_page(lived_in):
    client = Client(HTTP_HOST="localhost")
    for path in existing():
        response = client.get(path)
        if response.status_code == 302:
            assert response["Location"].startswith(("/login?next=", "/admin/login/?next=")), path


def test_a_person_without_rights_gets_nothing_of_the_administration(lived_in):
    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.create_user("sam"))
    admins = [path for path in existing() if path.startswith("/admin/") and path != "/admin/login/"]
    found = {path: client.get(path).status_code for path in admins}
    assert {path: status for path, status in found.items() if status not in REFUSALS} == {}


def test_looking_at_every_address_and_at_all_that_its_lists_offer_changes_nothing(lived_in):
    """The queries of lists are put together from what a person asks for: here the database judges all of them."""
    client = lived_in.browser(HTTP_HOST="localhost", raise_request_exception=False)
    before = stored()
    pages = {path: client.get(path) for path in existing()}  # HEAD is GET to Django
    assert {path for path, page in pages.items() if page.status_code >= 500} <= {"/healthz"}
    offered = {link for path, page in pages.items() for link in links(path, page.text)}
    assert len(offered) > 200, sorted(offered)
    assert {link: status for link in kinds(offered) if (status := client.get(link).status_code) != 200} == {}
    assert stored() == before


def test_asking_every_address_what_it_can_do_changes_nothing(lived_in, unpainted):
    """By the two methods that are as harmless as GET to the guard of forms, but need not be to a view."""
    client = lived_in.browser(HTTP_HOST="localhost", raise_request_exception=False)
    before = stored()
    for path in existing():
        for method in ("OPTIONS", "TRACE"):
            status = client.generic(method, path).status_code
            assert status < 500, (path, method, status)
    assert stored() == before


def test_looking_with_a_secret_or_an_action_in_the_address_changes_nothing(lived_in, unpainted):
    client = lived_in.browser(HTTP_HOST="localhost", raise_request_exception=False)
    query = {
        "secret": lived_in.config.webhook_secret, "payload": json.dumps(scrobble(number=2)), "_method": "DELETE",
        "action": "delete_selected", "_selected_action": "1", "post": "yes", "_save": "1", "confirm": "1",
    }
    before = stored()
    for path in existing():
        assert client.get(path, query).status_code < 500 or path == "/healthz", path
    assert stored() == before


def test_every_change_by_a_person_needs_the_forms_token(lived_in):
    """And the webhook, which needs none, its secret."""
    client = lived_in.browser(HTTP_HOST="localhost", enforce_csrf_checks=True)
    before = stored()
    for path in existing():
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            response = client.generic(method, path, "a=1", content_type=FORM)
            assert response.status_code in {401, 403, 404, 405}, (path, method, response.status_code)
    assert stored() == before
    assert PlexWebhookLog.objects.exists()

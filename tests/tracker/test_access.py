"""What can be reached without an account."""

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, get_resolver

OPEN = {"login", "logout", "setup", "healthz", "api/plex/webhook", "admin/login/"}


def routes(patterns, prefix=""):
    for pattern in patterns:
        text = prefix + str(pattern.pattern).lstrip("^").rstrip("$").removesuffix(r"\Z")
        if isinstance(pattern, URLPattern):
            yield text
        else:
            yield from routes(pattern.url_patterns, text)


def address(route):
    """The route with something in each of its places."""
    while "<" in route:
        before, _, rest = route.partition("<")
        kind, _, after = rest.partition(">")
        route = before + ("1" if kind.startswith("int") or "id" in kind else "auth") + after
    return "/" + route.replace("(?P", "").replace("(", "").replace(")", "").replace("?", "").replace(".*$", "x")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_nobody_gets_in_without_signing_in(method):
    """Not so far that the database is asked for anything: here it would refuse."""
    walked, client = 0, Client()
    for route in routes(get_resolver().url_patterns):
        if route in OPEN:
            continue
        response = getattr(client, method)(address(route))
        assert response.status_code in {302, 401, 403, 404, 405}, (route, response.status_code)
        if response.status_code == 302 and method == "get":
            assert "login" in response.headers["Location"], (route, response.headers["Location"])
        walked += 1
        assert "sessionid" not in client.cookies, route
    assert walked > 20


def test_an_ordinary_account_does_not_see_the_admin_or_settings(world, django_user_model):
    sam = django_user_model.objects.create_user("sam", password="another long password")
    client = Client()
    client.force_login(sam)
    assert client.get("/admin/").status_code == 302
    text = client.get("/").text
    assert world.config.webhook_secret not in text
    assert "/admin/" not in text


def test_a_part_of_a_page_asked_for_after_the_session_ended_sends_the_whole_page_to_sign_in(db):
    response = Client().get("/connection", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/shows?q=x"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/login?next=%2Fshows")
    assert response.content == b""


def test_a_page_that_somebody_may_not_see_is_one_line_in_the_log(db, caplog):
    client = Client()
    client.force_login(User.objects.create_user("sam"))
    assert client.get("/settings/plex").status_code == 403
    record = next(one for one in caplog.records if one.name == "django.request")
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert "/settings/plex" in record.getMessage()

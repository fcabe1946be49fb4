"""Headers, other origins, HTTPS."""

import os
import secrets
import subprocess
import sys
from ipaddress import ip_network

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tests.once import once
from tests.world import payload

PAGES = ("/", "/login", "/setup", "/healthz", "/nothing-here", "/admin/", "/admin/login/", "/static/css/tokens.css")


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_bears_the_headers(world, owner_client, path):
    for client in (Client(), owner_client):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/", "/login", "/nothing-here"])
def test_our_pages_hold_no_inline_script_or_style(owner_client, path):
    text = owner_client.get(path).text
    assert " style=" not in text
    assert "<style" not in text
    assert " onclick=" not in text
    assert all("src=" in part.partition(">")[0] for part in text.split("<script")[1:])


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(world):
    client = Client()
    client.post("/login", {"username": "robin", "password": "a long enough password"})
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


FOREIGN = [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://testserver.evil.example"},
    {"origin": "http://localhost:9999"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://["},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/login", "/logout", "/theme", "/admin/", "/api/nothing"])
def test_a_change_asked_for_by_another_site_is_refused(owner_client, path, headers):
    response = owner_client.post(path, headers={"host": "localhost", **headers})
    assert response.status_code == 403
    assert "another site" in response.text


@pytest.mark.parametrize("headers", [
    {}, {"origin": "http://localhost"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"},
    {"origin": "https://tunnel.example", "sec-fetch-site": "cross-site"},
])
def test_our_own_pages_and_programs_may_ask_for_changes(owner_client, settings, headers):
    settings.CSRF_TRUSTED_ORIGINS = ["https://tunnel.example"]
    assert owner_client.post("/theme", {"theme": "dark"}, headers={"host": "localhost", **headers}).status_code == 302


def test_reading_and_events_are_not_asked_where_they_come_from(world, owner_client):
    assert owner_client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200
    assert world.post(payload("scrobble-minimal"), headers={"origin": "https://evil.example"}).status_code in {200, 202}


def test_a_proxy_that_hides_https_is_told_to_be_named(owner_client):
    headers = {"host": "localhost", "origin": "https://localhost"}
    assert "TRUSTED_PROXIES" in owner_client.post("/theme", headers=headers).text


def test_a_change_without_the_token_of_our_page_is_refused(world):
    client = world.browser(enforce_csrf_checks=True)
    for path in ("/logout", "/theme", "/login", "/setup"):
        response = client.post(path)
        assert response.status_code == 403, path
        assert "stale" in response.text
    assert client.get("/logout").status_code == 405


@pytest.mark.parametrize("path", ["/shows/add/by-hand", "/settings/plex/conflicts/several", "/theme"])
def test_an_address_that_takes_forms_alone_says_so_to_who_opens_it(owner_client, path):
    answer = owner_client.get(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "only takes what a form sends" in answer.text


def test_a_program_gets_the_bare_405(owner_client):
    assert "<html" not in owner_client.put("/api/plex/webhook").text


def test_https_redirects_all_but_events_and_health(world, settings):
    settings.SECURE_SSL_REDIRECT = True
    response = Client().get("/login", headers={"host": "localhost"})
    assert (response.status_code, response.headers["Location"]) == (301, "https://localhost/login")
    assert Client().get("/healthz").status_code in {200, 503}
    assert world.post(payload("scrobble-minimal")).status_code in {200, 202}


def test_a_foreign_name_is_refused_before_it_is_redirected_to(settings):
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/", headers={"host": "evil.example"}).status_code == 400


def test_hsts_is_sent_where_a_trusted_proxy_speaks_https(db, settings):
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1/32"),)
    assert "Strict-Transport-Security" in Client().get("/login", headers={"x-forwarded-proto": "https"}).headers
    assert "Strict-Transport-Security" not in Client().get("/login").headers


@once
@pytest.mark.slow
def test_the_deployment_check_has_nothing_to_say_with_https():
    environment = os.environ | {
        "HTTPS": "on", "SECRET_KEY": secrets.token_urlsafe(64), "ENCRYPTION_KEY": "ab" * 32,
        "DATA_DIR": str(django_settings.DATA_DIR),
    }
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # the browser tests need it, and Django warns of it
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], cwd=django_settings.BASE_DIR,
        env=environment, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_a_nul_in_a_filter_of_the_admin_is_refused_and_no_fault(owner_client):
    response = owner_client.get("/admin/plex_integration/plexwebhooklog/?event_type=%00")
    assert response.status_code == 400
    assert "could not be read" in response.text

"""API tokens, by the API, on the person's page and by the command."""

from io import StringIO

import pytest
from django.contrib.admin import site
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token, TokenProxy

from tests.plex_integration.api.conftest import Caller


@pytest.fixture
def sams(sam_user) -> Client:
    client = Client()
    client.force_login(sam_user)
    return client


@pytest.fixture
def one_zone(monkeypatch):
    """A page that is looked at for something else need not list five hundred zones each time."""
    monkeypatch.setattr("tracker.forms.available_timezones", lambda: {"Europe/Berlin"})


def test_a_token_is_made_once_shown_once_and_revoked(sam, sam_user):
    assert sam.get("token") == {"exists": False, "createdAt": None}
    made = sam.post("token", expected=201)
    assert sam.answer["Cache-Control"] == "no-store"
    assert made["token"] == Token.objects.get(user=sam_user).key
    state = sam.get("token")
    assert state == {"exists": True, "createdAt": made["createdAt"]}
    assert "Revoke it first" in sam.post("token", None, 409)["error"]
    by_token = Caller(authorization=f"Token {made['token']}")
    assert by_token.get("logs")["logs"] == []
    assert sam.delete("token") == {"exists": False, "createdAt": None}
    by_token.get("logs", 401)
    assert sam.post("token", expected=201)["token"] != made["token"]


def test_a_token_has_the_rights_of_its_person_and_no_more(sam):
    by_token = Caller(authorization=f"Token {sam.post('token', expected=201)['token']}")
    by_token.get("config", 403)
    by_token.delete("token")
    by_token.get("token", 401)


NO_TOKENS = [
    "Token", "Token ", "Token a b", "Token x", "Token \0", "Token " + "0" * 40, "Token " + "é" * 40, "Token " + "A" * 5000, "token",
]


def test_what_is_no_token_is_refused(world):
    for header in NO_TOKENS:
        Caller(authorization=header).get("config", 401)


def test_another_scheme_is_nobody(world):
    Caller(authorization="Basic cm9iaW46eA==").get("config", 401)


def test_the_command_makes_a_token_too(sam_user):
    out = StringIO()
    call_command("drf_create_token", "sam", stdout=out)
    token = Token.objects.get(user=sam_user).key
    assert token in out.getvalue()
    Caller(authorization=f"Token {token}").get("logs")


def test_tokens_are_not_in_the_admin():
    assert not site.is_registered(TokenProxy)


def test_the_page_makes_a_token_shows_it_this_once_and_revokes_it(sams, sam_user, one_zone):
    assert "Make a token" in sams.get("/profile").text
    made = sams.post("/profile", {"do": "make"})
    token = Token.objects.get(user=sam_user)
    assert f'value="{token.key}"' in made.text
    assert "no-store" in made["Cache-Control"]
    page = sams.get("/profile").text
    assert token.key not in page
    assert "You have a token" in page
    assert "Revoke the token" in page
    again = sams.post("/profile", {"do": "make"}, follow=True).text
    assert "Revoke it first" in again
    assert token.key not in again
    assert "Your token is revoked" in sams.post("/profile", {"do": "revoke"}, follow=True).text
    assert not Token.objects.exists()
    assert "is revoked" not in sams.post("/profile", {"do": "revoke"}, follow=True).text


def test_the_page_holds_no_inline_script_or_style_and_is_for_whoever_is_signed_in(sams, one_zone):
    for path in ("/profile", "/api/docs"):
        text = sams.get(path).text
        assert " style=" not in text
        assert "<style" not in text
        assert all("src=" in part.partition(">")[0] for part in text.split("<script")[1:])
        assert Client().get(path).status_code == 302


def test_the_page_needs_the_forms_token_for_changes(sam_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(sam_user)
    assert client.post("/profile", {"do": "make"}).status_code == 403
    assert not Token.objects.exists()

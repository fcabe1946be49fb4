"""The first account."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from plex_integration.models import InstallationValue, PlexConfig
from tracker import setup

PASSWORD = "correct horse battery"
FORM = {"username": "robin", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def token(db):
    return setup.new_token()


def test_only_the_hash_of_the_token_is_kept(token):
    kept = InstallationValue.objects.get(name=InstallationValue.SETUP_TOKEN).value
    assert token not in kept
    assert len(token) >= 43
    assert len(kept) == 64


def test_each_start_makes_a_new_link_and_the_older_ones_end(token):
    newer = setup.new_token()
    assert Client().get("/setup", {"token": token}).status_code == 403
    assert Client().get("/setup", {"token": newer}).status_code == 200


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%00", "?token=%ff", "?token=\u212a"])
def test_without_the_link_the_page_says_where_it_is(token, query):
    response = Client().get(f"/setup{query}")
    assert response.status_code == 403
    assert "manage.py up" in response.text
    assert Client().post("/setup", {**FORM, "token": "wrong"}).status_code == 403
    assert not User.objects.exists()


def test_the_form_makes_an_administrator_with_a_connection_and_signs_in(token):
    client = Client()
    response = client.post("/setup", {**FORM, "token": token}, follow=True)
    user = User.objects.get()
    config = PlexConfig.objects.get()
    assert user.is_superuser
    assert user.is_staff
    assert user.check_password(PASSWORD)
    assert config.user == user
    assert response.redirect_chain == [("/", 302)]
    assert f"/api/plex/webhook?secret={config.webhook_secret}" in response.text
    assert not InstallationValue.objects.filter(name=InstallationValue.SETUP_TOKEN).exists()


@pytest.mark.parametrize("change", [
    {"username": ""}, {"password2": "other"}, {"password1": "12345678", "password2": "12345678"},
    {"password1": "short", "password2": "short"}, {"username": "a\x00b"}, {"username": "x" * 200},
])
def test_a_mistake_in_the_form_makes_nothing_and_keeps_the_link(token, change):
    response = Client().post("/setup", {**FORM, "token": token, **change})
    assert response.status_code == 200
    assert "No account was made" in response.text
    assert not User.objects.exists()
    assert Client().get("/setup", {"token": token}).status_code == 200


def test_once_there_is_an_account_the_page_is_closed_for_good(token, world):
    for response in (
        Client().get("/setup", {"token": token}),
        Client().post("/setup", {**FORM, "username": "mallory", "token": token}),
        Client().get("/setup", {"token": setup.new_token()}),
    ):
        assert response.status_code == 403
        assert "already" in response.text
    assert [user.username for user in User.objects.all()] == ["robin"]


def test_a_token_is_spent_once(token):
    setup.create_first_account(token=token, user=User(username="robin"))
    with pytest.raises(setup.TokenSpentError):
        setup.create_first_account(token=token, user=User(username="mallory"))
    assert User.objects.count() == PlexConfig.objects.count() == 1


def test_a_failure_in_the_middle_leaves_nothing_half_made(token, monkeypatch):
    def fail(**kwargs):
        raise RuntimeError

    monkeypatch.setattr("plex_integration.config.create_config", fail)
    with pytest.raises(RuntimeError):
        setup.create_first_account(token=token, user=User(username="robin"))
    assert not User.objects.exists()
    assert setup.is_valid(token)

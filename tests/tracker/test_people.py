"""The people of the tracker."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plex_integration.models import PlexAccount, PlexConfig
from tests.world import SAM, scrobble
from tracker import people
from tvshows.models import Episode, TrackedShow, Watch

PAGE = "/settings/people"


@pytest.fixture
def sam(world) -> User:
    return User.objects.create_user("sam", password="another long password")


def said(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_a_person_is_added_and_sets_their_own_password_once(world, owner_client):
    page = owner_client.post(PAGE, {"username": "kim"}, follow=True)
    link = re.search(r'value="http://testserver(/password/[^"]+)"', page.text)[1]
    kim = Client()
    form = kim.get(link, follow=True)
    assert "Hello kim" in form.text
    assert link not in form.redirect_chain[-1][0]  # so that the address tells nobody
    address = form.redirect_chain[-1][0]
    assert "The two passwords differ" in kim.post(address, {"new_password1": "long enough 1", "new_password2": "x"}).text
    password = {"new_password1": "a password of kim", "new_password2": "a password of kim"}
    assert "You are signed in." in kim.post(address, password, follow=True).text
    assert Client().login(username="kim", password="a password of kim")
    assert "no longer works" in Client().get(link, follow=True).text
    assert "A link for kim" not in owner_client.get(page.redirect_chain[-1][0]).text


@pytest.mark.parametrize("name", ["robin", "ROBIN", "", "two words", "x" * 151])
def test_a_name_that_cannot_be_is_told_at_its_field(world, owner_client, name):
    answer = owner_client.post(PAGE, {"username": name})
    assert answer.context["form"].errors["username"]
    assert User.objects.count() == 1


def test_who_forgot_a_password_gets_a_link_and_who_is_not_let_in_none(world, owner_client, sam):
    answer = owner_client.post(f"{PAGE}/{sam.pk}/password-link").text
    link = re.search(r"/password/[^\"]+", answer)[0]
    assert Client().get(link, follow=True).context["validlink"]
    owner_client.post(f"{PAGE}/{sam.pk}/access", {})
    assert not Client().get(link, follow=True).context["validlink"]
    assert "/password/" not in owner_client.post(f"{PAGE}/{sam.pk}/password-link").text
    for wrong in ("/password/x/y", "/password/AAAA/c0-0", f"/password/{'9' * 90}/a-b"):
        assert "no longer works" in Client().get(wrong).text


def test_a_person_is_renamed_and_let_run_the_tracker_and_back(world, owner_client, sam):
    answer = owner_client.post(f"{PAGE}/{sam.pk}", {"username": "samuel"}, follow=True)
    assert said(answer) == ["sam is called samuel now."]
    assert owner_client.post(f"{PAGE}/{sam.pk}", {"username": "robin"}).context["form"].errors
    owner_client.post(f"{PAGE}/{sam.pk}/role", {"runs_it": "on"})
    sam.refresh_from_db()
    assert (sam.username, sam.is_staff, sam.is_superuser) == ("samuel", True, True)
    owner_client.post(f"{PAGE}/{sam.pk}/role", {})
    sam.refresh_from_db()
    assert not sam.is_staff
    assert not sam.is_superuser


def test_who_is_not_let_in_is_signed_out_at_once(world, owner_client, sam):
    client = Client()
    client.force_login(sam)
    owner_client.post(f"{PAGE}/{sam.pk}/access", {})
    assert client.get("/").status_code == 302
    owner_client.post(f"{PAGE}/{sam.pk}/access", {"is_active": "on"})
    assert Client().login(username="sam", password="another long password")


@pytest.mark.parametrize("change", ["role", "access", "delete"])
def test_the_last_who_runs_the_tracker_cannot_lock_themself_out(world, owner_client, sam, change):
    answer = owner_client.post(f"{PAGE}/{world.owner.pk}/{change}", {}, follow=True)
    assert said(answer) == ["robin is the only one who runs this tracker. Let somebody else run it first."]
    world.owner.refresh_from_db()
    assert world.owner.is_active
    assert world.owner.is_superuser
    people.let_run(sam, runs_it=True)
    assert owner_client.post(f"{PAGE}/{world.owner.pk}/{change}", {}).status_code == 302
    assert not User.objects.filter(pk=world.owner.pk, is_active=True, is_superuser=True).exists()


def test_an_account_is_linked_with_what_was_set_aside_and_unlinked(world, owner_client, sam):
    play = scrobble("Severance", 1, 1, grandparentGuid="com.plexapp.agents.thetvdb://371980", account=SAM)
    event = world.send(play | {"user": False})
    account = PlexAccount.objects.get(account_id=SAM["id"])
    answer = owner_client.post(f"{PAGE}/{sam.pk}/accounts", {"account": account.pk, "run_again": "on"}, follow=True)
    assert said(answer)[1] == "1 play of it, set aside before, will be run again."
    world.work()
    assert Watch.objects.get(user=sam).watched_at == event.created_at
    owner_client.post(f"{PAGE}/{sam.pk}/accounts/{account.pk}/unlink")
    account.refresh_from_db()
    assert (account.user, account.linked_by) == (None, "person")
    assert Watch.objects.filter(user=sam).exists()
    assert "no such account" in owner_client.post(f"{PAGE}/{sam.pk}/accounts", {"account": "77"}).text


def test_deleting_says_what_goes_and_what_stays(world, owner_client, sam):
    episode = Episode.objects.first()
    Watch.objects.create(user=sam, episode=episode, watched_at=timezone.now())
    TrackedShow.objects.create(user=sam, show=episode.show)
    account = PlexAccount.objects.create(config=world.config, account_id=2, title="sam", user=sam)
    text = owner_client.get(f"{PAGE}/{sam.pk}/delete").text
    for words in ('<span class="num">1</span> watch of', "The Plex account sam: what it watches"):
        assert words in text, words
    assert "connection to Plex" in owner_client.get(f"{PAGE}/{world.owner.pk}/delete").text
    owner_client.post(f"{PAGE}/{sam.pk}/delete")
    account.refresh_from_db()
    assert account.user is None
    assert not Watch.objects.exists()
    assert PlexConfig.objects.exists()


def test_numbers_are_of_a_week_a_month_and_all(world, sam):
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for ago, episode in zip((1, 10, 50), Episode.objects.all()[:3], strict=True):
        Watch.objects.create(user=sam, episode=episode, watched_at=now - timedelta(days=ago))
    TrackedShow.objects.create(user=sam, show=world.shows["severance"], watched_episodes=3)
    listed = people.everybody(now=now).get(pk=sam.pk)
    assert (listed.week, listed.month, listed.episodes) == (1, 2, 3)
    assert listed.last_watched == now - timedelta(days=1)


def test_others_may_not_look_and_staff_with_fewer_rights_not_change(world, sam):
    paths = [PAGE, f"{PAGE}/{world.owner.pk}"]
    client = Client()
    client.force_login(sam)
    assert [client.get(path).status_code for path in paths] == [403, 403]
    User.objects.filter(pk=sam.pk).update(is_staff=True)
    assert [client.get(path).status_code for path in paths] == [200, 200]
    assert "Add a person" not in client.get(PAGE).text
    assert "/password/" not in client.get(f"{PAGE}/{world.owner.pk}").text
    changes = ["", "/password-link", "/role", "/access", "/accounts", "/delete"]
    assert {client.post(f"{PAGE}/{world.owner.pk}{change}").status_code for change in changes} == {403}
    assert client.post(PAGE, {"username": "kim"}).status_code == 403


def test_the_queries_do_not_grow_with_the_people(world, owner_client):
    counts = []
    for batch in range(2):
        for number in range(1 + 20 * batch):
            user = User.objects.create_user(f"p{batch}-{number}")
            PlexAccount.objects.create(config=world.config, account_id=100 * batch + number, user=user)
        with CaptureQueriesContext(connection) as asked:
            assert owner_client.get(PAGE).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]

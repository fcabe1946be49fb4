"""Connections and accounts in the admin."""

import pytest
from django.contrib.auth.models import User

from plex_integration import config as plex_config
from plex_integration.models import PlexAccount, PlexConfig
from tests.plex_integration.admin.pages import run, said, url
from tests.world import FRIEND, scrobble

SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}


@pytest.fixture
def friend(world):
    """A friend's account, with one play that was set aside."""
    event = world.send(scrobble("Severance", 1, 1, account=FRIEND, **SEVERANCE) | {"user": False})
    assert event.action_taken == "unlinked_account"
    return PlexAccount.objects.get(title="alex")


def test_the_token_is_never_shown_and_the_secret_only_within_the_url(owner, world):
    plex_config.set_token(world.config, "canary-token")
    world.config.save()
    for page in ("changelist", "change"):
        address = url("plexconfig", page, *([world.config.pk] if page == "change" else []))
        content = owner.get(address).content.decode()
        assert "canary-token" not in content
        assert world.config.plex_token not in content
        assert content.count(world.config.webhook_secret) == (1 if page == "change" else 0)
    assert f'value="http://testserver/api/plex/webhook?secret={world.config.webhook_secret}" readonly' in content


def test_staff_who_may_only_look_do_not_see_the_url(viewer_of, world):
    content = viewer_of("plexconfig").get(url("plexconfig", "change", world.config.pk)).content.decode()
    assert world.config.webhook_secret not in content
    assert "Auto mark watched" in content


def test_the_switches_are_written_and_nothing_else(owner, world):
    secret = world.config.webhook_secret
    strange = {"webhook_secret": "mine", "plex_token": "mine", "user": "99", "plex_server_url": "x"}
    entered = {"auto_add_shows": "on", **strange}
    owner.post(url("plexconfig", "change", world.config.pk), entered)
    row = PlexConfig.objects.get()
    assert (row.enabled, row.auto_mark_watched, row.auto_add_shows) == (False, False, True)
    assert (row.webhook_secret, row.plex_token, row.user, row.plex_server_url) == (secret, "", world.owner, "")


def test_a_new_connection_gets_a_secret_of_its_own(owner, world):
    kid = User.objects.create_user("kid")
    owner.post(url("plexconfig", "add"), {"user": kid.pk})
    secret = PlexConfig.objects.get(user=kid).webhook_secret
    assert len(secret) == 64
    assert secret != world.config.webhook_secret


def test_a_person_has_one_connection(owner, world):
    answer = owner.post(url("plexconfig", "add"), {"user": world.owner.pk})
    assert "already exists" in answer.content.decode()
    assert PlexConfig.objects.count() == 1


def test_linking_an_account_is_a_persons_choice_and_can_run_again_what_was_set_aside(owner, friend, world):
    kid = User.objects.create_user("kid")
    answer = owner.post(url("plexaccount", "change", friend.pk), {"user": kid.pk, "run_again": "on"})
    friend.refresh_from_db()
    assert (friend.user, friend.linked_by) == (kid, "person")
    assert "1 event of alex will be run again." in said(answer)
    received = world.last().created_at
    world.work()
    assert world.watched(kid) == {"Severance (2022) S01E01"}
    assert kid.watches.get().watched_at == received
    assert world.watched() == set()


def test_unlinking_is_remembered_as_a_choice(owner, friend, world):
    owner.post(url("plexaccount", "change", friend.pk), {"user": ""})
    friend.refresh_from_db()
    assert (friend.user, friend.linked_by) == (None, "person")


def test_what_was_set_aside_is_run_again_for_linked_accounts_only(owner, friend, world):
    assert said(run(owner, "plexaccount", "run_again", [friend.pk])) == ["alex is linked to nobody. Link it first."]
    friend.user = world.owner
    friend.save()
    assert said(run(owner, "plexaccount", "run_again", [friend.pk])) == ["1 event of alex will be run again."]
    world.work()
    assert world.watched() == {"Severance (2022) S01E01"}


def test_accounts_are_filtered_by_whether_they_are_linked(owner, friend, world):
    world.send(scrobble("Severance", 1, 2, **SEVERANCE))
    def names(linked):
        page = owner.get(url("plexaccount", "changelist"), {"linked": linked}).content.decode()
        return [name for name in ("alex", "robin") if f">{name}</a>" in page]
    assert (names("no"), names("yes")) == (["alex"], ["robin"])


def test_somebody_without_staff_is_refused(household, friend, world):
    for address in (url("plexaccount", "change", friend.pk), url("plexconfig", "change", world.config.pk)):
        assert "/admin/login/" in household.get(address).url
        assert "/admin/login/" in household.post(address, {"user": world.owner.pk}).url
    friend.refresh_from_db()
    assert friend.user is None
    assert PlexConfig.objects.get().enabled

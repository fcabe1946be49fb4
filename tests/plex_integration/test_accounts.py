import pytest
from django.contrib.auth.models import User

from plex_integration import accounts
from plex_integration.config import create_config
from plex_integration.models import PlexAccount
from tests.world import FRIEND, OWNER, SAM, scrobble
from tvshows.models import Watch

LinkedBy = PlexAccount.LinkedBy
STRANGER = {"id": 999, "title": "kim"}


def send(world, account, *, user, owner, event="media.scrobble", **metadata):
    metadata = {"guid": "com.plexapp.agents.thetvdb://371980/1/1", "grandparentGuid": None} | metadata
    return world.send(scrobble(account=account, **metadata) | {"user": user, "owner": owner, "event": event})


def linked(account):
    row = PlexAccount.objects.get(account_id=account["id"])
    return row.user and row.user.username, row.linked_by


def test_account_1_as_user_and_owner_is_the_owner(world):
    assert send(world, OWNER, user=True, owner=True).action_taken == "marked_watched"
    assert linked(OWNER) == ("robin", LinkedBy.RULE)


def test_the_first_account_with_user_and_owner_is_the_owner_also_with_another_id(world):
    """Some servers know their owner by the id that plex.tv gave them."""
    assert send(world, SAM, user=True, owner=True).action_taken == "marked_watched"
    assert linked(SAM) == ("robin", LinkedBy.RULE)


def test_account_1_and_another_id_of_the_owner_may_both_be_linked(world):
    send(world, SAM, user=True, owner=True)
    send(world, OWNER, user=True, owner=True)
    assert linked(OWNER) == linked(SAM) == ("robin", LinkedBy.RULE)


def test_once_one_is_linked_another_account_is_not_whatever_its_flags(world):
    send(world, OWNER, user=True, owner=True)
    log = send(world, SAM, user=True, owner=True)
    assert (log.status, log.action_taken) == ("ignored", "unlinked_account")
    assert linked(SAM) == (None, LinkedBy.NOBODY)


@pytest.mark.parametrize(("user", "owner"), [(False, True), (True, False), (False, False)])
def test_neither_flag_alone_links_an_account(world, user, owner):
    """A friend on our server comes with `owner`, we on a friend's without it."""
    for account in (FRIEND, OWNER):
        log = send(world, account, user=user, owner=owner)
        assert (log.status, log.action_taken) == ("ignored", "unlinked_account")
        assert linked(account) == (None, LinkedBy.NOBODY)
    assert Watch.objects.count() == 0


def test_a_friends_viewing_never_lands_on_the_owners_list(world):
    send(world, OWNER, user=True, owner=True)
    log = send(world, FRIEND, user=False, owner=True, index=2)
    assert log.reason == "The Plex account alex is linked to nobody here."
    assert world.watched() == {"Severance (2022) S01E01"}
    assert log.account.title == "alex"


@pytest.mark.parametrize("event", ["media.pause", "media.stop", "media.resume", "media.rate", "library.new"])
def test_only_scrobbles_and_plays_link(world, event):
    send(world, OWNER, user=True, owner=True, event=event)
    assert linked(OWNER) == (None, LinkedBy.NOBODY)
    send(world, OWNER, user=True, owner=True, event="media.play")
    assert linked(OWNER) == ("robin", LinkedBy.RULE)


def test_a_flag_as_text_is_read_as_plex_means_it(world):
    send(world, SAM, user="1", owner="0")
    assert linked(SAM) == (None, LinkedBy.NOBODY)
    send(world, SAM, user="1", owner="1")
    assert linked(SAM) == ("robin", LinkedBy.RULE)


def test_a_person_links_a_household_members_account(world):
    send(world, OWNER, user=True, owner=True)
    send(world, SAM, user=False, owner=True)
    sam = User.objects.create_user("sam")
    accounts.link(PlexAccount.objects.get(account_id=SAM["id"]), user_id=sam.pk)
    assert send(world, SAM, user=False, owner=True, index=2, ratingKey="x").action_taken == "marked_watched"
    assert world.watched(sam) == {"Severance (2022) S01E02"}
    assert linked(SAM) == ("sam", LinkedBy.PERSON)


def test_what_a_person_unlinked_is_never_linked_again(world):
    send(world, OWNER, user=True, owner=True)
    accounts.link(PlexAccount.objects.get(account_id=1), user_id=None)
    assert send(world, OWNER, user=True, owner=True, index=2, ratingKey="x").action_taken == "unlinked_account"
    assert linked(OWNER) == (None, LinkedBy.PERSON)


def test_where_a_person_has_chosen_the_first_comer_is_not_linked(world):
    send(world, OWNER, user=True, owner=True)
    accounts.link(PlexAccount.objects.get(account_id=1), user_id=None)
    send(world, SAM, user=True, owner=True)
    assert linked(SAM) == (None, LinkedBy.NOBODY)


def test_a_choice_made_while_an_event_comes_in_stands(world, monkeypatch):
    """The account was read before the person chose, and the rule comes after."""
    send(world, OWNER, user=True, owner=True, event="media.pause")

    def choose(*_names):
        PlexAccount.objects.update(linked_by=LinkedBy.PERSON, user=None)

    monkeypatch.setattr(accounts, "lock", choose)
    assert send(world, OWNER, user=True, owner=True).action_taken == "unlinked_account"
    assert linked(OWNER) == (None, LinkedBy.PERSON)


def test_an_event_that_names_no_account_is_the_owners(world):
    assert send(world, None, user=False, owner=False).action_taken == "marked_watched"
    assert world.watched() == {"Severance (2022) S01E01"}
    assert PlexAccount.objects.count() == 0


@pytest.mark.parametrize("account", [
    {}, {"id": None, "title": ""}, {"thumb": "https://example.com/a.png"}, [], "robin", 1,
])
def test_an_account_that_says_nothing_is_no_account(world, account):
    event = scrobble(account=None, grandparentGuid="com.plexapp.agents.thetvdb://371980") | {"Account": account}
    assert world.send(event).action_taken == "marked_watched"
    assert PlexAccount.objects.count() == 0


def test_an_account_without_an_id_is_known_by_its_title(world):
    send(world, {"title": "robin"}, user=True, owner=True)
    send(world, {"title": "robin"}, user=True, owner=True, index=2, ratingKey="x")
    account = PlexAccount.objects.get()
    assert (account.account_id, account.title, account.user) == (None, "robin", world.owner)


def test_an_account_without_an_id_is_not_the_one_with_an_id_and_that_title(world):
    send(world, {"id": 1, "title": "robin"}, user=True, owner=True)
    log = send(world, {"title": "robin"}, user=False, owner=True, index=2, ratingKey="x")
    assert log.action_taken == "unlinked_account"
    assert PlexAccount.objects.count() == 2


def test_an_account_keeps_its_newest_title(world):
    send(world, OWNER, user=True, owner=True)
    send(world, OWNER | {"title": "robin the great"}, user=True, owner=True, index=2, ratingKey="x")
    assert PlexAccount.objects.get().title == "robin the great"


def test_a_strangers_account_is_stored_with_its_first_and_last_event(world):
    log = send(world, STRANGER, user=False, owner=False)
    account = PlexAccount.objects.get()
    assert (account.title, account.first_seen, account.last_seen) == ("kim", log.created_at, log.created_at)


def test_another_connection_has_accounts_of_its_own(world):
    send(world, OWNER, user=True, owner=True)
    sam = User.objects.create_user("sam")
    secret = create_config(user=sam).webhook_secret
    event = scrobble(account=OWNER, grandparentGuid="com.plexapp.agents.thetvdb://371980")
    assert world.send(event, secret=secret).action_taken == "marked_watched"
    assert world.watched(sam) == {"Severance (2022) S01E01"}
    assert PlexAccount.objects.filter(account_id=1).count() == 2

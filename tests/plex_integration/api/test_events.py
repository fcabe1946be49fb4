"""The log, accounts and the search by the API."""

import pytest

from plex_integration.models import PlexAccount, PlexWebhookLog
from tests.world import FRIEND, scrobble
from tvshows.models import Watch

SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}


@pytest.fixture
def friend(world):
    """A friend whose play was set aside."""
    event = scrobble("Severance", 1, 1, account=FRIEND, **SEVERANCE) | {"user": False}
    assert world.send(event).action_taken == "unlinked_account"
    return PlexAccount.objects.get(account_id=FRIEND["id"])


def test_the_log_comes_in_parts_the_newest_first(owner, world):
    PlexWebhookLog.objects.bulk_create(PlexWebhookLog(event_type="media.play", plex_title=str(n)) for n in range(60))
    page = owner.get("logs")
    assert (len(page["logs"]), page["total"], page["limit"]) == (50, 60, 50)
    assert [log["plexTitle"] for log in owner.get("logs", limit=2, offset=1)["logs"]] == ["58", "57"]
    assert len(owner.get("logs", limit=200)["logs"]) == 60


SENSELESS = [
    {"limit": "0"}, {"limit": "-1"}, {"limit": "201"}, {"limit": "many"}, {"limit": ""}, {"limit": "1e9"},
    {"limit": "9" * 5000}, {"offset": "-1"}, {"offset": "9" * 30}, {"status": "lost"}, {"status": "\0"}, {"status": ""},
    {"limit": "5\0"}, {"limit": "٥x"},
]


def test_nonsense_about_the_log_is_refused_by_name(owner):
    for query in SENSELESS:
        name, = query
        assert owner.get("logs", 400, **query)["error"].startswith(f"{name}: ")


def test_what_nobody_knows_in_a_query_is_nobodys(owner):
    assert owner.get("logs", utm_source="mail")["logs"] == []


def test_every_status_can_be_asked_for(owner, world):
    PlexWebhookLog.objects.bulk_create(
        PlexWebhookLog(event_type="media.play", status=value) for value in PlexWebhookLog.Status.values
    )
    for status in PlexWebhookLog.Status.values:
        assert [log["status"] for log in owner.get("logs", status=status)["logs"]] == [status]


def test_running_an_event_again_keeps_its_time(owner, world):
    event = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    assert owner.post(f"logs/{event.pk}/replay", expected=202) == {"success": True}
    event.refresh_from_db()
    assert (event.status, event.done_at) == ("received", None)
    owner.post(f"logs/{event.pk}/replay", None, 409)
    world.work()
    assert Watch.objects.get().watched_at == event.created_at


def test_what_was_no_event_is_not_run_again(owner, world):
    world.post("no json")
    answer = owner.post(f"logs/{world.last().pk}/replay", None, 409)
    assert "unreadable" in answer["error"]


def test_accounts_are_listed_with_the_people_to_whom_they_can_be_linked(owner, friend, world):
    page = owner.get("accounts")
    row, = page["accounts"]
    assert {key: row[key] for key in ("id", "accountId", "title", "userId", "username", "linkedBy")} == {
        "id": friend.pk, "accountId": FRIEND["id"], "title": "alex", "userId": None, "username": None, "linkedBy": "",
    }
    assert page["users"] == [{"id": world.owner.pk, "username": "robin"}]


def test_a_friend_is_linked_and_what_was_set_aside_is_theirs(owner, friend, world, django_user_model):
    alex = django_user_model.objects.create_user("alex")
    linked = owner.patch(f"accounts/{friend.pk}", {"userId": alex.pk})["account"]
    assert (linked["userId"], linked["username"], linked["linkedBy"]) == (alex.pk, "alex", "person")
    assert owner.post(f"accounts/{friend.pk}/replay", expected=202) == {"success": True, "replayed": 1, "left": 0}
    world.work()
    assert world.watched(alex) == {"Severance (2022) S01E01"}
    assert world.watched() == set()
    assert owner.patch(f"accounts/{friend.pk}", {"userId": None})["account"]["userId"] is None


def test_what_is_linked_to_nobody_is_not_run_again(owner, friend):
    assert owner.post(f"accounts/{friend.pk}/replay", None, 409)["error"] == "alex is linked to nobody. Link it first."


def test_an_account_is_linked_to_nobody_who_is_not_there(owner, friend):
    for user_id in (999_999, "x", 0, -1, 2**63, 1.5, True, [], {}):
        owner.patch(f"accounts/{friend.pk}", {"userId": user_id}, 400)
    friend.refresh_from_db()
    assert (friend.user, friend.linked_by) == (None, "")


def test_leaving_the_person_out_unlinks_nobody(owner, friend):
    assert owner.patch(f"accounts/{friend.pk}", {}, 400)["error"] == "userId: This field is required."


def test_shows_are_found_by_a_part_of_a_title_a_year_and_an_imdb_id(sam, world):
    def found(text, **page):
        return [(show["title"], show["year"], show["tmdbId"]) for show in sam.get("shows", query=text, **page)["shows"]]

    assert found("offi") == [("The Office", 2001, 2996), ("The Office", 2005, 2316)]
    assert found("the office (2005)") == [("The Office", 2005, 2316)]
    assert found("tt11280740") == [("Severance", 2022, 95396)]
    assert found("offi", limit=1, offset=1) == [("The Office", 2005, 2316)]
    assert found("nothing like it") == []
    assert found("\0") == []


def test_a_search_needs_something_to_look_for(sam):
    for query in ({}, {"query": ""}, {"query": "  "}, {"query": "x" * 201}):
        assert sam.get("shows", 400, **query)["error"].startswith("query: ")

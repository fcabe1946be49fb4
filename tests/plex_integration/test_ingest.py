"""Copies: one event has one effect, and no event is taken for the copy of another."""

from datetime import UTC, datetime, timedelta

import pytest

from plex_integration.ingest import keep_invalid, receive
from plex_integration.models import PlexAccount, PlexConfig, PlexWebhookLog
from plex_integration.payloads import InvalidPayload, parse_event
from tests.stages import stage
from tests.world import FRIEND, NOON, OWNER, SAM, scrobble

KNOWN = "Severance (2022)"
NO_KEY = {"ratingKey": None}


@stage
def known(world):
    """The world in which Severance is known, and a household member's account is linked."""
    world.send(scrobble(KNOWN, number=9))
    PlexAccount.objects.create(config=world.config, account_id=SAM["id"], title="sam", user=world.owner)
    PlexWebhookLog.objects.all().delete()
    return world


def received(world, event, *, seconds=0.0, **extra) -> str:
    return receive(world.config, event, now=NOON + timedelta(seconds=seconds), **extra).log.status


def test_a_copy_within_five_minutes_is_logged_as_a_duplicate_and_has_no_effect(known):
    event = scrobble(KNOWN, number=2)
    statuses = [received(known, event, seconds=s) for s in (0, 1, 299, 300)]
    assert statuses == ["success", "duplicate", "duplicate", "duplicate"]
    assert PlexWebhookLog.objects.count() == 4
    assert known.owner.watches.filter(episode__episode_number=2).count() == 1


def test_after_five_minutes_it_is_an_event_of_its_own(known):
    event = scrobble(KNOWN, number=2)
    assert [received(known, event, seconds=s) for s in (0, 300.001)] == ["success", "success"]
    assert PlexWebhookLog.objects.latest("pk").action_taken == "already_watched"


def test_the_first_counts_and_copies_do_not_make_the_time_slide(known):
    event = scrobble(KNOWN, number=2)
    assert [received(known, event, seconds=s) for s in (0, 200, 400)] == ["success", "duplicate", "success"]
    assert received(known, event, seconds=600) == "duplicate"


def test_a_copy_of_an_event_that_waits_is_a_duplicate(world):
    event = scrobble("iCarly")
    assert [received(world, event, seconds=s) for s in (0, 10)] == ["received", "duplicate"]
    world.work(now=NOON + timedelta(seconds=20))
    assert received(world, event, seconds=30) == "duplicate"


@pytest.mark.parametrize("change", [
    {"Account": SAM}, {"Account": {"title": "robin"}}, {"Account": None}, {"Server": {"uuid": "another"}},
    {"event": "library.new"},
    {"Metadata": scrobble(KNOWN, number=3)["Metadata"]},
])
def test_another_person_server_event_or_episode_is_no_copy(known, change):
    assert received(known, scrobble(KNOWN, number=2)) == "success"
    assert received(known, scrobble(KNOWN, number=2) | change, seconds=1) != "duplicate"


def test_the_same_event_for_another_connection_is_no_copy(known, django_user_model):
    sams = PlexConfig.objects.create(user=django_user_model.objects.create_user("sam"), webhook_secret="s")
    assert received(known, scrobble(KNOWN, number=2)) == "success"
    assert receive(sams, scrobble(KNOWN, number=2), now=NOON).log.status != "duplicate"


@pytest.mark.parametrize("change", [
    {"Player": {"title": "Phone"}}, {"Account": OWNER | {"thumb": "x"}}, {"Account": {"id": "1", "title": "renamed"}},
    {"Server": {"uuid": scrobble()["Server"]["uuid"], "title": "renamed"}}, {"user": False}, {"more": [1]},
])
def test_what_does_not_say_who_watched_what_does_not_matter(known, change):
    assert received(known, scrobble(KNOWN, number=2)) == "success"
    assert received(known, scrobble(KNOWN, number=2) | change, seconds=1) == "duplicate"


def test_without_a_rating_key_the_show_the_season_and_the_episode_say_it(known):
    assert received(known, scrobble(KNOWN, number=2, **NO_KEY)) == "success"
    assert received(known, scrobble(KNOWN, number=2, **NO_KEY), seconds=1) == "duplicate"
    assert received(known, scrobble(KNOWN, number=3, **NO_KEY), seconds=1) == "success"
    assert received(known, scrobble(KNOWN, season=2, number=2, **NO_KEY), seconds=1) != "duplicate"
    assert received(known, scrobble("Other", number=2, show_id="s2", **NO_KEY), seconds=1) != "duplicate"


def test_season_zero_is_a_season_of_the_key(known):
    special = scrobble(KNOWN, season=0, number=1, **NO_KEY)
    assert received(known, special) != "duplicate"
    assert received(known, special, seconds=1) == "duplicate"


@pytest.mark.parametrize("metadata", [
    {"index": None}, {"parentIndex": None}, {"index": "five"},
    {"grandparentGuid": None, "grandparentRatingKey": None, "grandparentTitle": None, "guid": "local://1"},
])
def test_an_event_that_says_too_little_is_never_a_copy(world, metadata):
    event = scrobble("iCarly", **NO_KEY, **metadata)
    assert parse_event(event).dedup_key(1) == ""
    assert [received(world, event, seconds=s) for s in (0, 1, 2)] == ["received"] * 3


def test_an_ignored_event_makes_no_copy_of_what_comes_after_it(known):
    friends = scrobble(KNOWN, number=2, account=FRIEND) | {"user": False}
    assert [received(known, friends, seconds=s) for s in (0, 1)] == ["ignored", "ignored"]
    PlexAccount.objects.filter(account_id=FRIEND["id"]).update(user=known.owner, linked_by="person")
    assert received(known, friends, seconds=2) == "success"


def test_a_failed_event_makes_no_copy_of_what_comes_after_it(known):
    event = scrobble(KNOWN, number=2)
    assert received(known, event) == "success"
    PlexWebhookLog.objects.update(status="failed")
    assert received(known, event, seconds=1) == "success"


def test_a_copy_bears_the_episode_and_says_that_it_is_one(known):
    received(known, scrobble(KNOWN, number=2))
    row = receive(known.config, scrobble(KNOWN, number=2), now=NOON).log
    assert (row.plex_title, row.code, row.action_taken) == (KNOWN, "S01E02", "duplicate")
    assert "copy" in row.reason.lower()
    assert (row.due_at, row.done_at) == (None, NOON)


def test_an_event_left_to_the_worker_is_due_at_once(known):
    row = receive(known.config, scrobble(KNOWN, number=2), now=NOON, defer=True).log
    assert (row.status, row.due_at, row.done_at) == ("received", NOON, None)


def test_an_event_that_cannot_be_settled_stays_due_and_says_why(known, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("out of order")

    monkeypatch.setattr("plex_integration.ingest.settle_at_once", fail)
    result = receive(known.config, scrobble(KNOWN, number=2), now=NOON)
    assert result.settled is None
    assert (result.log.status, result.log.due_at) == ("received", NOON)
    assert result.log.error_message == "RuntimeError: out of order"
    monkeypatch.undo()
    known.work(now=NOON + timedelta(seconds=1))
    result.log.refresh_from_db()
    assert result.log.action_taken == "marked_watched"


def test_a_library_new_needs_no_account(world):
    event = {"event": "library.new", "Metadata": {"type": "show", "title": "Severance", "year": 2022, "ratingKey": "7"}}
    world.send(event)
    assert world.last().action_taken == "show_already_exists"


def test_an_event_that_names_no_account_is_the_connections_persons(known):
    known.send(scrobble(KNOWN, number=2, account=None))
    assert f"{KNOWN} S01E02" in known.watched()


def test_an_invalid_event_is_kept_whole_and_raises(world):
    event = {"event": "", "more": {"a": [1]}}
    with pytest.raises(InvalidPayload):
        receive(world.config, event, now=NOON)
    row = PlexWebhookLog.objects.get()
    assert (row.event_type, row.status, row.payload, row.done_at) == ("invalid", "failed", event, NOON)


def test_of_what_is_no_object_a_part_is_kept(world):
    row = keep_invalid(world.config, "x" * 50_000, "it is\0no \ud800 JSON", now=NOON)
    row.refresh_from_db()
    assert row.payload == {"unreadable": "x" * 10_000}
    assert row.reason == "The payload cannot be used: it is␀no \ufffd JSON."


def test_when_a_webhook_last_came_is_known_to_the_minute(world):
    receive(world.config, scrobble(), now=NOON)
    world.config.refresh_from_db()
    assert world.config.last_webhook_received == NOON
    for seconds, expected in ((30, 0), (61, 61)):
        receive(world.config, scrobble(), now=NOON + timedelta(seconds=seconds))
        world.config.refresh_from_db()
        assert world.config.last_webhook_received == NOON + timedelta(seconds=expected)


def test_a_row_is_received_at_the_time_of_the_request(world):
    before = datetime.now(UTC)
    world.post(scrobble())
    assert before <= world.last().created_at <= datetime.now(UTC)

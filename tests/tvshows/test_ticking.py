"""Ticking many episodes at once, and what undoing it takes back and leaves."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from tests.world import NOON, scrobble
from tvshows import ticking, watching
from tvshows.histories import Seen, take_all
from tvshows.models import Episode, TrackedShow, Viewer, Watch
from tvshows.ticking import Undo
from tvshows.watching import Refusal, Viewing

DAY = timedelta(days=1)


def ep(world, number=1, season=1, title="severance"):
    return Episode.objects.get(show=world.shows[title], season_number=season, episode_number=number)


def tick_season(world, title="severance", now=NOON):
    """Mark season 1."""
    return ticking.tick_all(
        user_id=world.owner.pk, show_id=world.shows[title].pk, episodes=Episode.objects.filter(season_number=1),
        when=lambda _: now, now=now,
    )


def undo(world, change, title="severance"):
    now = timezone.now()
    return ticking.take_back(user_id=world.owner.pk, show_id=world.shows[title].pk, undo=change.undo, now=now)


def watched(world, episode, at=NOON, source="plex"):
    return watching.mark_watched(user_id=world.owner.pk, episode=episode, viewing=Viewing(at, source), now=timezone.now())


def status(world, title):
    return TrackedShow.objects.get(user=world.owner, show=world.shows[title]).status


def dated(world):
    watching.change_date(Watch.objects.get(episode=ep(world, 3)).pk, watched_at=NOON - 9 * DAY, now=timezone.now())


def dated_by_ticking(world):
    ticking.tick(user_id=world.owner.pk, episode=ep(world, 3), watched_at=NOON - 9 * DAY, now=timezone.now())


def scrobbled(world):
    log = world.send(scrobble(number=3, grandparentGuid="com.plexapp.agents.thetvdb://371980"))
    assert log.action_taken == "already_watched"


def found_in_the_history(world):
    episode = ep(world, 3)
    take_all([Seen(world.owner.pk, episode.show_id, episode.pk, Viewing(NOON, "plex"))], now=timezone.now())


@pytest.mark.parametrize("told", [dated, dated_by_ticking, scrobbled, found_in_the_history])
def test_undoing_a_season_leaves_what_was_told_of_its_episodes_since(world, told):
    change = tick_season(world)
    told(world)
    assert undo(world, change) == 8
    assert world.watched() == {"Severance (2022) S01E03"}


@pytest.mark.parametrize("before", ["plan_to_watch", "on_hold"])
def test_undoing_puts_the_status_back_only_where_nothing_was_watched_since(world, before):
    TrackedShow.objects.create(user=world.owner, show=world.shows["office_us"], status=before)
    watched(world, ep(world, 1, 2, "office_us"), source="manual")
    TrackedShow.objects.update(status=before)
    undo(world, tick_season(world, "office_us", timezone.now() + DAY), "office_us")
    assert status(world, "office_us") == before
    change = tick_season(world, "office_us")
    watched(world, ep(world, 2, 2, "office_us"))
    undo(world, change, "office_us")
    assert status(world, "office_us") == "watching"


def test_undoing_does_not_complete_a_show_of_which_more_was_unticked_since(world):
    tick_season(world)
    ticking.set_status(user_id=world.owner.pk, show_id=world.shows["severance"].pk, status="completed")
    first, second = (
        ticking.untick(
            user_id=world.owner.pk, show_id=world.shows["severance"].pk, now=NOON + days * DAY,
            episodes=Episode.objects.filter(pk=ep(world, days).pk),
        ) for days in (1, 2)
    )
    undo(world, first)
    assert status(world, "severance") == "watching"
    undo(world, second)
    assert len(world.watched()) == 9


def test_a_viewing_does_not_come_back_beside_another_of_the_same_time(world):
    Viewer.objects.create(user=world.owner, records_rewatches=True)
    episode = ep(world)
    for at in (NOON, NOON + 5 * DAY):
        watched(world, episode, at)
    removed = Watch.objects.get(play=1)
    change = ticking.remove_viewing(
        user_id=world.owner.pk, show_id=episode.show_id, watch_id=removed.pk, now=timezone.now(),
    )
    assert ticking.watch_again(user_id=world.owner.pk, episode=episode, watched_at=NOON, now=timezone.now()) is None
    assert undo(world, change) == 0
    assert Watch.objects.live().count() == 2


def test_without_rewatches_only_the_first_viewing_is_added(world):
    def again(days):
        return ticking.watch_again(
            user_id=world.owner.pk, episode=ep(world), watched_at=NOON + days * DAY, now=timezone.now(),
        )
    assert (again(0), again(0), again(3)) == (None, Refusal.ONCE, Refusal.ONCE)
    assert Watch.objects.get().watched_at == NOON


@pytest.mark.parametrize("zone", ["Etc/GMT-1", "EST", "Europe/Berlin", "UTC"])
def test_a_day_is_noon_in_any_zone_but_never_later_than_now(zone):
    now = datetime(2026, 7, 1, 13, tzinfo=UTC)
    with timezone.override(zone):
        noon = ticking.at(now.date(), None, now=now - DAY + timedelta(hours=23))
        assert noon <= now
        assert timezone.localtime(ticking.at((now - DAY).date(), None, now=now)).time() == time(12)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-01", "x"])
def test_what_no_undo_wrote_is_none(moment):
    assert Undo.read(f"ticked {moment} watching") is None

"""What people watched, in numbers, and what they would watch next."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.world import NOON, show
from tvshows import local_days, next_up, statistics, watching
from tvshows.models import Episode, TrackedShow, Watch
from tvshows.next_up import Numbered
from tvshows.statistics import Seen, SeenOn


def watch(user, some, number=1, *, at=NOON, season=1, **fields):
    episode = Episode.objects.get(show=some, season_number=season, episode_number=number)
    return Watch.objects.create(user=user, episode=episode, watched_at=at, **fields)


def days_of(zone, **options):
    with timezone.override(ZoneInfo(zone)):
        return [(one.day, one.seen) for one in statistics.by_day(statistics.viewings(), now=NOON, **options)]


@pytest.mark.parametrize(("zone", "day"), [
    ("UTC", date(2026, 2, 28)), ("Europe/Berlin", date(2026, 3, 1)), ("America/New_York", date(2026, 2, 28)),
    ("Asia/Kathmandu", date(2026, 3, 1)), ("Pacific/Kiritimati", date(2026, 3, 1)),
])
def test_a_viewing_counts_on_the_day_that_it_was_where_the_person_is(world, zone, day):
    watch(world.owner, world.shows["severance"], at=datetime(2026, 2, 28, 23, 20, tzinfo=UTC))
    assert [on for on, _ in days_of(zone)] == [day]


def test_days_follow_the_change_of_the_clocks(world):
    before, after = datetime(2026, 3, 28, 23, 30, tzinfo=UTC), datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
    watch(world.owner, world.shows["severance"], 1, at=before)
    watch(world.owner, world.shows["severance"], 2, at=after)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        found = statistics.by_day(statistics.viewings(), now=after + timedelta(days=1))
        assert [one.day for one in found] == [timezone.localdate(before), timezone.localdate(after)]
    assert [one.day for one in found] == [date(2026, 3, 29), date(2026, 3, 30)]


def test_the_change_of_the_clocks_is_found_to_the_minute():
    zone, change = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 29, 1, tzinfo=UTC)
    start, end = change - timedelta(days=40, hours=3, minutes=7, seconds=31), change + timedelta(days=3)
    assert list(local_days.offsets(zone, start, end)) == [(change, timedelta(hours=1)), (end, timedelta(hours=2))]


def test_minutes_are_those_of_episodes_whose_length_is_known(world):
    some = world.shows["severance"]
    Episode.objects.filter(show=some, episode_number=1).update(runtime=None)
    watch(world.owner, some, 1)
    watch(world.owner, some, 2)
    assert days_of("UTC") == [(NOON.date(), Seen(2, 25, 1))]
    assert days_of("UTC", with_minutes=False) == [(NOON.date(), Seen(2, 0))]


def test_unticked_viewings_and_other_peoples_do_not_count(world):
    sam = User.objects.create_user("sam")
    watch(sam, world.shows["severance"])
    watch(world.owner, world.shows["severance"], removed_at=NOON)
    assert not statistics.viewings(user_id=world.owner.pk).exists()
    assert statistics.viewings().get().user == sam
    assert not statistics.viewings(since=NOON + timedelta(seconds=1)).exists()


def test_the_shows_with_the_most_time_come_first(world):
    long, short = world.shows["office_us"], world.shows["office_uk"]
    Episode.objects.filter(show=long).update(runtime=60)
    watch(world.owner, short, 1)
    watch(world.owner, short, 2)
    watch(world.owner, long, 1)
    found = statistics.shows_seen(statistics.viewings(), most=1)
    assert [(one.show, one.seen) for one in found.best] == [(long, Seen(1, 60))]
    assert found.number == 2


def test_sums_and_runs():
    days = [SeenOn(1, date(2026, 3, 1), Seen(2, 50)), SeenOn(2, date(2026, 3, 1), Seen(1, 25))]
    assert statistics.total(days) == Seen(3, 75)
    assert Seen(2, 25, 1) + Seen(1, 0, 1) == Seen(3, 25, 2)
    assert statistics.grouped(days, lambda one: one.user_id) == {1: Seen(2, 50), 2: Seen(1, 25)}
    assert Seen(3, 75).hours == 1.2
    assert statistics.longest_run([date(2026, 3, day) for day in (1, 2, 4, 5, 6, 9)]) == 3
    assert statistics.longest_run([]) == 0
    weeks = list(statistics.weeks(date(2026, 3, 1), date(2026, 3, 2)))
    assert weeks == [date(2026, 2, 23), date(2026, 3, 2)]


def numbered(*seen):
    return [Numbered(place, 1, place, is_seen) for place, is_seen in enumerate(seen, 1)]


@pytest.mark.parametrize(("seen", "number"), [
    ((True, False, False), 2), ((False, True, False), 3), ((False, True, True), 1), ((False, False), 1),
    ((True, True), None), ((), None),
])
def test_the_next_episode_follows_the_last_that_was_seen(seen, number):
    found = next_up.choose(numbered(*seen))
    assert (found.number if found else None) == number


def tick(user, some, number, at=NOON):
    episode = Episode.objects.get(show=some, season_number=1, episode_number=number)
    watching.mark_watched(user_id=user.pk, episode=episode, viewing=watching.Viewing(at, "manual"), now=at)


def test_shows_under_way_are_offered_the_last_one_first(world):
    office, severance = world.shows["office_uk"], world.shows["severance"]
    tick(world.owner, severance, 1, NOON + timedelta(hours=1))
    tick(world.owner, office, 1)
    tick(world.owner, office, 2)
    found = next_up.next_up(world.owner.pk, now=NOON, most=6)
    assert [(one.show, one.episode.code, one.seen, one.of) for one in found] == [
        (severance, "S01E02", 1, 9), (office, "S01E03", 2, 6),
    ]
    assert found[1].percent == 33


def test_what_is_dropped_planned_finished_or_not_aired_is_not_offered(world):
    tick(world.owner, world.shows["severance"], 1)
    TrackedShow.objects.update(status="dropped")
    watching.plan_to_watch(user_id=world.owner.pk, show_id=world.shows["office_us"].pk)
    tick(world.owner, show("Finished", seasons=((1, 1),)), 1)
    coming = show("Coming", NOON.date(), seasons=((1, 2),))
    tick(world.owner, coming, 1)
    assert next_up.next_up(world.owner.pk, now=NOON, most=6) == []
    assert len(next_up.next_up(world.owner.pk, now=NOON + timedelta(weeks=2), most=6)) == 1


def test_what_is_next_costs_the_same_queries_however_many_shows_there_are(world):
    counts = []
    for size in (2, 12):
        for index in range(size):
            tick(world.owner, show(f"Show {size} {index}", seasons=((1, 3),)), 1)
        with CaptureQueriesContext(connection) as queries:
            next_up.next_up(world.owner.pk, now=NOON, most=6)
        counts.append(len(queries))
    assert counts[0] == counts[1]

"""Many viewings at once come to the same as one after the other."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tvshows import watching
from tvshows.histories import Seen, take_all
from tvshows.models import Episode, TrackedShow, Viewer, Watch
from tvshows.watching import Viewing

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def state(user):
    watches = Watch.objects.filter(user=user).order_by("episode", "play", "watched_at", "pk")
    tracked = TrackedShow.objects.filter(user=user).order_by("show")
    return (
        list(watches.values_list("episode", "play", "watched_at", "source", "source_ref", "removed_at")),
        list(tracked.values_list("show", "status", "watched_episodes", "total_minutes", "last_watched_at")),
    )


def held_before(user, episodes, draw):
    """What a person did by hand, and what they unticked."""
    for episode in draw.sample(episodes, 4):
        viewing = Viewing(NOW - timedelta(hours=draw.randrange(900)), draw.choice(["manual", "plex"]), "1")
        watching.mark_watched(user_id=user.pk, episode=episode, viewing=viewing, now=NOW)
        if draw.random() < 0.4:
            gone = NOW - timedelta(hours=draw.randrange(900))
            watching.unmark_watched(user_id=user.pk, episode=episode, now=gone)


@pytest.mark.parametrize("seed", range(8))
def test_many_at_once_are_the_same_as_one_by_one(world, django_user_model, seed):
    show = world.shows["severance"]
    episodes = list(Episode.objects.filter(show=show))
    one, many = world.owner, django_user_model.objects.create_user("twin")
    for user in (one, many):
        Viewer.objects.create(user=user, records_rewatches=bool(seed % 2))
        held_before(user, episodes, random.Random(seed))
        TrackedShow.objects.filter(user=user).update(status="on_hold")
    draw = random.Random(seed + 100)
    viewings = sorted(
        ((NOW - timedelta(hours=draw.randrange(900), minutes=draw.randrange(60)), draw.choice(episodes)) for _ in range(30)),
        key=lambda pair: (pair[0], pair[1].pk),
    )
    came = [
        watching.mark_watched(user_id=one.pk, episode=episode, viewing=Viewing(when, "plex", "7"), now=NOW)
        for when, episode in viewings
    ]
    taken = take_all(
        [Seen(many.pk, show.pk, episode.pk, Viewing(when, "plex", "7")) for when, episode in reversed(viewings)], now=NOW,
    )
    assert state(many) == state(one)
    assert len(taken.marked) == came.count(watching.Marked.MARKED)
    assert (taken.already, taken.unticked) == (came.count(watching.Marked.ALREADY), came.count(watching.Marked.UNTICKED))


def test_when_a_show_was_watched_last_follows_an_earlier_date_and_its_status_stays(world):
    episode, earlier = Episode.objects.filter(show=world.shows["severance"]).first(), NOW - timedelta(days=30)
    watching.mark_watched(user_id=world.owner.pk, episode=episode, viewing=Viewing(NOW, "plex"), now=NOW)
    TrackedShow.objects.update(status="on_hold")
    take_all([Seen(world.owner.pk, episode.show_id, episode.pk, Viewing(earlier, "plex"))], now=NOW)
    tracked = TrackedShow.objects.get()
    assert (tracked.last_watched_at, tracked.status) == (earlier, "on_hold")


def test_many_viewings_cost_as_many_queries_as_few(world, django_assert_max_num_queries):
    episodes = Episode.objects.all()
    seen = [Seen(world.owner.pk, e.show_id, e.pk, Viewing(NOW, "plex")) for e in episodes]
    with django_assert_max_num_queries(14):
        assert len(take_all(seen, now=NOW).marked) == len(seen)
    assert TrackedShow.objects.get(show=world.shows["office_uk"]).watched_episodes == 12

"""What a person ticks and unticks by hand, and where they stand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from tests.stages import stage
from tests.world import show
from tvshows import library, standing, ticking
from tvshows.library import Wanted
from tvshows.models import Episode, TrackedShow, Watch
from tvshows.ticking import Kind, Undo
from tvshows.watching import Marked, Viewing, mark_watched

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def robin():
    return User.objects.create_user("robin")


@stage
def lost():
    return show("Lost", date(2020, 1, 1), seasons=((0, 1), (1, 3), (2, 2)))


def all_of(lost):
    return Episode.objects.filter(show=lost)


def tick_all(robin, lost, episodes=None, now=NOW):
    episodes = all_of(lost) if episodes is None else episodes
    return ticking.tick_all(user_id=robin.pk, show_id=lost.pk, episodes=episodes, when=lambda _: now, now=now)


def test_the_order_of_the_shelf_is_what_was_watched_last_then_what_is_on_the_list(robin, lost):
    planned, begun, _ = show("Planned"), show("Begun"), show("Another")
    ticking.set_status(user_id=robin.pk, show_id=planned.pk, status="plan_to_watch")
    tick_all(robin, lost, now=NOW - DAY)
    tick_all(robin, begun, begun.episodes.filter(episode_number=1))
    shelf = library.shelf(robin.pk, Wanted())
    assert [tile.show.title for tile in shelf.tiles] == ["Begun", "Lost", "Planned", "Another"]
    by_progress = library.shelf(robin.pk, Wanted(sort="progress"))
    assert [tile.percent for tile in by_progress.tiles] == [100, 10, 0, 0]
    assert {choice.value: choice.shows for choice in shelf.choices if choice.shows} == {"": 4, "watching": 2, "plan_to_watch": 1, "none": 1}


def test_the_last_viewing_is_kept_with_the_totals(robin, lost):
    tick_all(robin, lost)
    ticking.untick(user_id=robin.pk, show_id=lost.pk, episodes=all_of(lost).filter(season_number__gt=0), now=NOW + DAY)
    row = TrackedShow.objects.get()
    assert (row.watched_episodes, row.last_watched_at) == (0, NOW)
    ticking.untick(user_id=robin.pk, show_id=lost.pk, episodes=all_of(lost), now=NOW + DAY)
    assert TrackedShow.objects.get().last_watched_at is None


def test_where_a_person_stands(robin, lost):
    Episode.objects.filter(show=lost, season_number=2, episode_number=2).update(air_date=date(2030, 1, 1))
    tick_all(robin, lost, all_of(lost).filter(season_number=1))
    stands = standing.standing(lost, robin.pk, now=NOW)
    assert [(season.name, season.watched, season.left) for season in stands.seasons] == [
        ("Season 2", 0, 1), ("Season 1", 3, 0), ("Specials", 0, 1),
    ]
    assert (stands.watched, stands.episodes, stands.left, stands.to_come, stands.time_left) == (3, 5, 1, 1, "about 25 minutes")
    assert stands.next_up.code == "S02E01"
    assert standing.opened(stands).number == 2


def test_what_was_ticked_by_mistake_goes_as_if_it_had_never_been(robin, lost):
    change = tick_all(robin, lost)
    assert change.episodes == 6
    assert ticking.take_back(user_id=robin.pk, show_id=lost.pk, undo=change.undo, now=NOW + DAY) == 6
    assert not TrackedShow.objects.exists()
    seen_before = Viewing(NOW - DAY, "plex")
    assert mark_watched(user_id=robin.pk, episode=all_of(lost).first(), viewing=seen_before, now=NOW) is Marked.MARKED


def test_undoing_puts_the_status_back_but_not_over_one_that_was_chosen_since(robin, lost):
    for chosen, after in (("", "on_hold"), ("dropped", "dropped")):
        ticking.set_status(user_id=robin.pk, show_id=lost.pk, status="on_hold")
        change = tick_all(robin, lost)
        assert TrackedShow.objects.get().status == "watching"
        if chosen:
            ticking.set_status(user_id=robin.pk, show_id=lost.pk, status=chosen)
        ticking.take_back(user_id=robin.pk, show_id=lost.pk, undo=change.undo, now=NOW)
        assert TrackedShow.objects.get().status == after


def test_undoing_an_untick_leaves_what_was_ticked_again_since(robin, lost):
    tick_all(robin, lost)
    change = ticking.untick(user_id=robin.pk, show_id=lost.pk, episodes=all_of(lost), now=NOW + DAY)
    first = all_of(lost).first()
    ticking.tick(user_id=robin.pk, episode=first, watched_at=None, now=NOW + 2 * DAY)
    assert ticking.take_back(user_id=robin.pk, show_id=lost.pk, undo=change.undo, now=NOW + 3 * DAY) == 5
    assert Watch.objects.live().get(episode=first).watched_at == NOW + 2 * DAY
    assert Watch.objects.live().count() == 6


def test_each_person_undoes_their_own_changes_only(robin, lost):
    sam = User.objects.create_user("sam")
    mine, theirs = tick_all(robin, lost), tick_all(sam, lost)
    assert mine.undo == theirs.undo
    ticking.take_back(user_id=sam.pk, show_id=lost.pk, undo=theirs.undo, now=NOW)
    assert set(Watch.objects.values_list("user", flat=True)) == {robin.pk}


def test_a_change_is_named_in_an_address_and_what_is_no_such_name_is_nothing():
    undo = Undo(Kind.UNTICKED, NOW, "on_hold")
    assert Undo.read(str(undo)) == undo
    for text in ("", "unticked", "unticked x", "gone 2026-03-01T09:30:00+00:00", "ticked 2026-03-01", f"{undo}x"):
        assert Undo.read(text) is None, text


def test_noon_of_today_is_not_later_than_now():
    assert ticking.at(NOW.date(), None, now=NOW) == NOW
    assert ticking.at(NOW.date() - DAY, None, now=NOW).hour == 12

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.stages import stage
from tests.world import show
from tvshows.models import Episode, TrackedShow, TVShow, Viewer, Watch
from tvshows.watching import (
    Marked,
    Move,
    Refusal,
    Viewing,
    at_noon,
    change_date,
    mark_watched,
    move_watches,
    plan_move,
    unmark_watched,
    withdraw,
)

pytestmark = pytest.mark.django_db

EIGHT = datetime(2026, 3, 1, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Status = TrackedShow.Status


@pytest.fixture
def robin():
    return User.objects.create_user("robin")


@stage
def lost():
    """Two regular episodes of 25 minutes and a special."""
    return show("Lost", date(2020, 1, 1), seasons=((0, 1), (1, 2)))


def ep(lost, season=1, number=1):
    return Episode.objects.get(show=lost, season_number=season, episode_number=number)


def mark(user, episode, at=EIGHT, source="plex", ref="7"):
    return mark_watched(user_id=user.pk, episode=episode, viewing=Viewing(at, source, ref), now=at)


def untick(user, episode, at):
    return unmark_watched(user_id=user.pk, episode=episode, now=at)


def times(user, episode):
    live = Watch.objects.live().filter(user=user, episode=episode)
    return list(live.order_by("play").values_list("watched_at", flat=True))


def tracked(user, lost):
    return TrackedShow.objects.get(user=user, show=lost)


def totals(user, lost):
    row = tracked(user, lost)
    return row.watched_episodes, row.total_minutes


def records_rewatches(user):
    Viewer.objects.create(user=user, records_rewatches=True)


def test_an_episode_is_marked_with_the_time_of_the_viewing(robin, lost):
    assert mark(robin, ep(lost)) is Marked.MARKED
    watch = Watch.objects.get()
    assert (watch.watched_at, watch.source, watch.source_ref, watch.play) == (EIGHT, "plex", "7", 1)


def test_an_episode_that_was_watched_is_not_marked_again(robin, lost):
    mark(robin, ep(lost))
    assert mark(robin, ep(lost), EIGHT + DAY) is Marked.ALREADY
    assert times(robin, ep(lost)) == [EIGHT]


def test_each_person_has_their_own_watches(robin, lost):
    sam = User.objects.create_user("sam")
    mark(robin, ep(lost))
    assert mark(sam, ep(lost)) is Marked.MARKED
    assert totals(robin, lost) == totals(sam, lost) == (1, 25)


@pytest.mark.parametrize("later", [-DAY, DAY])
def test_a_date_entered_by_hand_is_never_overwritten(robin, lost, later):
    mark(robin, ep(lost), source="manual")
    assert mark(robin, ep(lost), EIGHT + later) is Marked.ALREADY
    watch = Watch.objects.get()
    assert (watch.watched_at, watch.source) == (EIGHT, "manual")


def test_a_date_entered_by_hand_replaces_an_automatic_one_and_an_earlier_one_by_hand(robin, lost):
    mark(robin, ep(lost))
    assert mark(robin, ep(lost), EIGHT - DAY, "manual") is Marked.ALREADY
    assert mark(robin, ep(lost), EIGHT + DAY, "manual") is Marked.ALREADY
    watch = Watch.objects.get()
    assert (watch.watched_at, watch.source, watch.source_ref) == (EIGHT + DAY, "manual", "")


def test_when_a_show_was_watched_last_follows_the_date_that_is_kept(robin, lost):
    mark(robin, ep(lost))
    for at, source in ((EIGHT - DAY, "plex"), (EIGHT - 2 * DAY, "manual")):
        mark(robin, ep(lost), at, source)
        assert tracked(robin, lost).last_watched_at == at


def test_a_viewing_gets_another_date_but_not_that_of_another_viewing(robin, lost):
    records_rewatches(robin)
    for at in (EIGHT, EIGHT + DAY):
        mark(robin, ep(lost), at)
    second = Watch.objects.get(play=2).pk
    assert change_date(second, watched_at=EIGHT + 4 * HOUR, now=EIGHT + 2 * DAY) is Refusal.NEAR
    assert change_date(second, watched_at=EIGHT + 5 * HOUR, now=EIGHT + 2 * DAY) is None
    assert times(robin, ep(lost)) == [EIGHT, EIGHT + 5 * HOUR]
    Watch.objects.all().delete()
    assert change_date(second, watched_at=EIGHT, now=EIGHT) is Refusal.GONE


def test_a_date_that_is_sent_as_it_was_shown_leaves_the_viewing_as_it_is(robin, lost):
    at = EIGHT + timedelta(seconds=42, microseconds=7)
    mark(robin, ep(lost), at)
    for sent in (EIGHT, EIGHT + timedelta(seconds=42)):
        change_date(Watch.objects.get().pk, watched_at=sent, now=at)
        watch = Watch.objects.get()
        assert (watch.watched_at, watch.source) == (at, "plex")


def test_what_is_withdrawn_is_of_a_time_or_of_an_episode_near_a_time(robin, lost):
    mark(robin, ep(lost, 1, 1), EIGHT - HOUR)
    mark(robin, ep(lost, 1, 2), EIGHT - 2 * HOUR)
    mark(robin, ep(lost, 0, 1), EIGHT + HOUR)
    seen = {("S01E01", EIGHT), ("S05E05", EIGHT + HOUR), ("S01E02", EIGHT - DAY)}
    assert withdraw(source_ref="7", show_id=lost.pk, seen=seen, since=EIGHT, now=EIGHT) == 2
    assert times(robin, ep(lost, 1, 2)) == [EIGHT - 2 * HOUR]


def test_of_automatic_times_the_earliest_stays(robin, lost):
    mark(robin, ep(lost))
    assert mark(robin, ep(lost), EIGHT - DAY) is Marked.ALREADY
    assert mark(robin, ep(lost), EIGHT + DAY) is Marked.ALREADY
    assert times(robin, ep(lost)) == [EIGHT - DAY]


def test_rewatches_are_not_recorded_unless_a_person_switched_them_on(robin, lost):
    Viewer.objects.create(user=robin)
    mark(robin, ep(lost))
    assert mark(robin, ep(lost), EIGHT + 30 * DAY) is Marked.ALREADY


def test_a_rewatch_is_recorded_where_a_person_switched_it_on(robin, lost):
    records_rewatches(robin)
    mark(robin, ep(lost))
    assert mark(robin, ep(lost), EIGHT + DAY) is Marked.MARKED
    assert mark(robin, ep(lost), EIGHT - DAY) is Marked.MARKED
    assert times(robin, ep(lost)) == [EIGHT, EIGHT + DAY, EIGHT - DAY]
    assert totals(robin, lost) == (1, 75)


@pytest.mark.parametrize(("apart", "marked"), [
    (4 * HOUR, Marked.ALREADY), (-4 * HOUR, Marked.ALREADY),
    (4 * HOUR + timedelta(seconds=1), Marked.MARKED), (-4 * HOUR - timedelta(seconds=1), Marked.MARKED),
])
def test_a_rewatch_is_more_than_four_hours_from_every_watch(robin, lost, apart, marked):
    records_rewatches(robin)
    mark(robin, ep(lost))
    mark(robin, ep(lost), EIGHT + 10 * DAY)
    assert mark(robin, ep(lost), EIGHT + apart) is marked
    assert mark(robin, ep(lost), EIGHT + 10 * DAY + apart) is marked


def test_a_rewatch_close_to_a_date_entered_by_hand_is_that_viewing(robin, lost):
    records_rewatches(robin)
    mark(robin, ep(lost), source="manual")
    assert mark(robin, ep(lost), EIGHT + HOUR) is Marked.ALREADY
    assert times(robin, ep(lost)) == [EIGHT]


def test_unticking_takes_back_every_play(robin, lost):
    records_rewatches(robin)
    mark(robin, ep(lost))
    mark(robin, ep(lost), EIGHT + DAY)
    assert untick(robin, ep(lost), EIGHT + 2 * DAY) == 2
    assert times(robin, ep(lost)) == []
    assert totals(robin, lost) == (0, 0)


def test_what_was_unticked_stays_so_for_viewings_at_or_before_it(robin, lost):
    mark(robin, ep(lost))
    untick(robin, ep(lost), EIGHT + DAY)
    for at in (EIGHT - DAY, EIGHT, EIGHT + DAY):
        assert mark(robin, ep(lost), at) is Marked.UNTICKED
    assert times(robin, ep(lost)) == []


def test_a_later_viewing_ticks_what_was_unticked(robin, lost):
    mark(robin, ep(lost))
    untick(robin, ep(lost), EIGHT + DAY)
    assert mark(robin, ep(lost), EIGHT + 2 * DAY) is Marked.MARKED
    assert mark(robin, ep(lost), EIGHT) is Marked.UNTICKED
    assert times(robin, ep(lost)) == [EIGHT + 2 * DAY]
    assert totals(robin, lost) == (1, 25)


def test_a_person_may_tick_again_with_any_date(robin, lost):
    mark(robin, ep(lost))
    untick(robin, ep(lost), EIGHT + DAY)
    assert mark(robin, ep(lost), EIGHT - DAY, "manual") is Marked.MARKED
    assert times(robin, ep(lost)) == [EIGHT - DAY]


def test_unticking_one_persons_watch_leaves_the_others(robin, lost):
    sam = User.objects.create_user("sam")
    mark(robin, ep(lost))
    mark(sam, ep(lost))
    untick(robin, ep(lost), EIGHT + DAY)
    assert times(sam, ep(lost)) == [EIGHT]


def test_unticking_what_was_never_ticked_takes_nothing_back(robin, lost):
    assert untick(robin, ep(lost), EIGHT) == 0


def test_specials_count_towards_the_minutes_and_not_towards_the_episodes(robin, lost):
    mark(robin, ep(lost, 0, 1))
    assert totals(robin, lost) == (0, 25)
    mark(robin, ep(lost, 1, 1))
    assert totals(robin, lost) == (1, 50)


def test_an_episode_whose_length_nobody_knows_counts_no_minutes(robin, lost):
    Episode.objects.filter(show=lost, season_number=1, episode_number=1).update(runtime=None)
    mark(robin, ep(lost))
    assert totals(robin, lost) == (1, 0)


@pytest.mark.parametrize(("before", "after"), [
    (Status.PLAN_TO_WATCH, Status.WATCHING), (Status.ON_HOLD, Status.WATCHING), (Status.WATCHING, Status.WATCHING),
    (Status.DROPPED, Status.DROPPED), (Status.COMPLETED, Status.COMPLETED),
])
def test_a_viewing_takes_up_what_was_planned_or_on_hold_and_never_what_was_dropped(robin, lost, before, after):
    TrackedShow.objects.create(user=robin, show=lost, status=before)
    mark(robin, ep(lost))
    assert tracked(robin, lost).status == after


def test_a_show_that_nobody_followed_is_being_watched(robin, lost):
    mark(robin, ep(lost))
    assert tracked(robin, lost).status == Status.WATCHING


@pytest.mark.parametrize("airing", ["ended", "canceled"])
def test_a_show_that_has_ended_is_completed_when_all_but_the_specials_is_watched(robin, lost, airing):
    TVShow.objects.filter(pk=lost.pk).update(airing=airing)
    mark(robin, ep(lost, 1, 1))
    assert tracked(robin, lost).status == Status.WATCHING
    mark(robin, ep(lost, 1, 2))
    assert tracked(robin, lost).status == Status.COMPLETED


@pytest.mark.parametrize("airing", ["", "returning", "planned"])
def test_a_show_that_goes_on_is_not_completed(robin, lost, airing):
    TVShow.objects.filter(pk=lost.pk).update(airing=airing)
    mark(robin, ep(lost, 1, 1))
    mark(robin, ep(lost, 1, 2))
    assert tracked(robin, lost).status == Status.WATCHING


def test_a_rewatch_does_not_stand_for_an_episode_that_is_missing(robin, lost):
    records_rewatches(robin)
    TVShow.objects.filter(pk=lost.pk).update(airing="ended")
    mark(robin, ep(lost, 1, 1))
    mark(robin, ep(lost, 1, 1), EIGHT + DAY)
    mark(robin, ep(lost, 0, 1))
    assert tracked(robin, lost).status == Status.WATCHING


def test_a_dropped_show_stays_dropped_when_all_is_watched(robin, lost):
    TVShow.objects.filter(pk=lost.pk).update(airing="ended")
    TrackedShow.objects.create(user=robin, show=lost, status=Status.DROPPED)
    mark(robin, ep(lost, 1, 1))
    mark(robin, ep(lost, 1, 2))
    assert tracked(robin, lost).status == Status.DROPPED
    assert totals(robin, lost) == (2, 50)


def test_unticking_an_episode_of_a_completed_show_makes_it_watched_again(robin, lost):
    TVShow.objects.filter(pk=lost.pk).update(airing="ended")
    mark(robin, ep(lost, 1, 1))
    mark(robin, ep(lost, 1, 2))
    untick(robin, ep(lost, 1, 2), EIGHT + DAY)
    assert tracked(robin, lost).status == Status.WATCHING
    untick(robin, ep(lost, 0, 1), EIGHT + DAY)
    mark(robin, ep(lost, 1, 2), EIGHT + 2 * DAY)
    untick(robin, ep(lost, 0, 1), EIGHT + 3 * DAY)
    assert tracked(robin, lost).status == Status.COMPLETED


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Berlin", 10), ("America/New_York", 16), ("", 12), ("UTC", 12)])
def test_a_date_without_a_time_is_noon_in_the_persons_zone(zone, hour):
    assert at_noon(date(2026, 7, 1), zone) == datetime(2026, 7, 1, hour, tzinfo=UTC)


class TestMoving:
    """What a wrong mapping marked moves to the right show."""

    @pytest.fixture
    def right(self):
        return show("Lost", date(2004, 9, 22), seasons=((0, 1), (1, 1)))

    def move(self, right, ref="7"):
        return move_watches(source_ref=ref, to_show_id=right.pk, now=EIGHT + DAY)

    def test_watches_move_with_their_times_and_totals(self, robin, lost, right):
        mark(robin, ep(lost))
        assert self.move(right) == Move(1, ())
        assert times(robin, ep(right)) == [EIGHT]
        assert (totals(robin, lost), totals(robin, right)) == ((0, 0), (1, 25))

    def test_what_the_right_show_lacks_stays_where_it_is_and_is_named(self, robin, lost, right):
        mark(robin, ep(lost, 1, 1))
        mark(robin, ep(lost, 1, 2))
        assert plan_move(source_ref="7", to_show_id=right.pk) == self.move(right) == Move(1, ("S01E02",))
        assert times(robin, ep(lost, 1, 2)) == [EIGHT]
        assert (totals(robin, lost), totals(robin, right)) == ((1, 25), (1, 25))

    def test_what_others_marked_stays(self, robin, lost, right):
        mark(robin, ep(lost, 1, 1), source="manual", ref="")
        mark(robin, ep(lost, 1, 2), ref="8")
        assert self.move(right) == Move(0, ())
        assert totals(robin, lost) == (2, 50)

    def test_a_date_that_a_person_entered_stays_at_either_show(self, robin, lost, right):
        mark(robin, ep(lost, 1, 1))
        mark(robin, ep(lost, 1, 1), EIGHT - DAY, "manual")
        mark(robin, ep(right, 0, 1), EIGHT - 2 * DAY, "manual", "")
        mark(robin, ep(lost, 0, 1))
        self.move(right)
        assert times(robin, ep(lost, 1, 1)) == [EIGHT - DAY]
        assert times(robin, ep(right, 0, 1)) == [EIGHT - 2 * DAY]

    def test_a_date_entered_at_the_right_show_stays_even_where_the_wrong_one_was_dated_too(self, robin, lost, right):
        mark(robin, ep(lost))
        change_date(Watch.objects.get().pk, watched_at=EIGHT - DAY, now=EIGHT)
        mark(robin, ep(right), EIGHT - 9 * DAY, "manual", "")
        assert self.move(right) == Move(1, ())
        assert (times(robin, ep(lost)), times(robin, ep(right))) == ([], [EIGHT - 9 * DAY])

    def test_what_was_unticked_at_the_right_show_stays_so(self, robin, lost, right):
        mark(robin, ep(right), EIGHT - DAY, ref="8")
        untick(robin, ep(right), EIGHT + DAY)
        mark(robin, ep(lost))
        self.move(right)
        assert times(robin, ep(right)) == times(robin, ep(lost)) == []

    def test_rewatches_move_too(self, robin, lost, right):
        records_rewatches(robin)
        mark(robin, ep(lost))
        mark(robin, ep(lost), EIGHT + DAY)
        assert self.move(right) == Move(2, ())
        assert times(robin, ep(right)) == [EIGHT, EIGHT + DAY]

    def test_everybodys_watches_move(self, robin, lost, right):
        sam = User.objects.create_user("sam")
        mark(robin, ep(lost))
        mark(sam, ep(lost), EIGHT + HOUR)
        self.move(right)
        assert (times(robin, ep(right)), times(sam, ep(right))) == ([EIGHT], [EIGHT + HOUR])

    def test_the_wrong_show_is_not_completed_any_more(self, robin, lost, right):
        TVShow.objects.update(airing="ended")
        mark(robin, ep(lost, 1, 1))
        mark(robin, ep(lost, 1, 2))
        self.move(right)
        assert (tracked(robin, lost).status, tracked(robin, right).status) == (Status.WATCHING, Status.COMPLETED)

    def test_moving_twice_changes_nothing_more(self, robin, lost, right):
        mark(robin, ep(lost))
        self.move(right)
        assert self.move(right) == Move(0, ())
        assert times(robin, ep(right)) == [EIGHT]


def in_threads(*calls):
    """Run them at once, each on a connection of its own; what went wrong, if anything did."""
    barrier, wrong = threading.Barrier(len(calls)), []

    def run(call):
        try:
            barrier.wait(10)
            call()
        except Exception as error:  # noqa: BLE001  (it is asserted to be none)
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return wrong


@pytest.mark.django_db(transaction=True)
def test_one_viewing_reported_twice_at_once_is_one_watch():
    robin, lost = User.objects.create_user("robin"), show("Lost", date(2020, 1, 1), seasons=((1, 8),))
    episodes = list(Episode.objects.filter(show=lost))
    for episode in episodes:
        assert in_threads(*[lambda episode=episode: mark(robin, episode)] * 4) == []
    assert Watch.objects.count() == len(episodes)
    assert totals(robin, lost) == (8, 200)


@pytest.mark.django_db(transaction=True)
def test_two_moves_between_the_same_shows_at_once_do_not_wait_for_each_other():
    one, other = (show(title, date(2020, 1, 1), seasons=((1, 6),)) for title in ("One", "Other"))
    people = [User.objects.create_user(name) for name in ("robin", "sam", "alex")]
    for number in range(1, 7):
        for offset, user in enumerate(people if number % 2 else people[::-1]):
            at = EIGHT + number * HOUR + offset * timedelta(minutes=1)
            mark(user, ep(one, 1, number), at, ref="1")
            mark(user, ep(other, 1, number), at, ref="2")
    assert in_threads(
        lambda: move_watches(source_ref="1", to_show_id=other.pk, now=EIGHT),
        lambda: move_watches(source_ref="2", to_show_id=one.pk, now=EIGHT),
    ) == []
    for user in people:
        assert totals(user, one)[0] + totals(user, other)[0] == Watch.objects.live().filter(user=user).count()

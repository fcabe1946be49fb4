import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import BigIntegerField, CharField, Count, DateTimeField, IntegerField
from django.test.utils import CaptureQueriesContext

from tests.world import show
from tvshows.models import Episode, TrackedShow, TVShow, Watch
from tvshows.prepared import Given, Prepared

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def by_title():
    return TVShow.objects.filter(title=Given("title", CharField())).order_by("pk")


@pytest.fixture
def shows(db):
    return [show("Severance", tmdb_id=1), show("Dark", tmdb_id=2)]


def test_each_run_takes_its_own_values(shows):
    query = Prepared(by_title)
    assert [query(title=title) for title in ("Severance", "Dark", "Lost")] == [[shows[0]], [shows[1]], []]


def test_it_sees_what_was_written_since(shows):
    query = Prepared(by_title)
    assert query(title="Lost") == []
    lost = show("Lost")
    assert query(title="Lost") == [lost]


def test_it_is_written_once(shows):
    built = []

    def build():
        built.append(1)
        return by_title()

    query = Prepared(build)
    query(title="Dark")
    query(title="Severance")
    assert len(built) == 1


def test_a_run_is_one_query_and_related_rows_come_with_it(shows):
    query = Prepared(lambda: Episode.objects.filter(show=Given("show", BigIntegerField())).select_related("show"))
    query(show=shows[0].pk)
    with CaptureQueriesContext(connection) as captured:
        episodes = query(show=shows[1].pk)
        assert {episode.show.title for episode in episodes} == {"Dark"}
    assert len(captured.captured_queries) == 1
    assert episodes == list(Episode.objects.filter(show=shows[1].pk))


def test_what_it_returns_can_be_changed_and_saved(shows):
    found = Prepared(by_title)(title="Dark")[0]
    found.network = "Netflix"
    found.save()
    assert TVShow.objects.get(pk=found.pk).network == "Netflix"


def test_times_dates_and_flags_come_as_the_fields_have_them(shows):
    user = User.objects.create(username="robin")
    episode = Episode.objects.filter(show=shows[0])[0]
    Watch.objects.create(user=user, episode=episode, watched_at=NOON)
    since = Prepared(lambda: Watch.objects.filter(watched_at__gte=Given("since", DateTimeField())).select_related("episode"))
    [found] = since(since=NOON)
    assert (found.watched_at, found.episode.air_date) == (NOON, episode.air_date)
    assert since(since=NOON + timedelta(microseconds=1)) == []


def test_annotations_and_slices_are_kept(shows):
    longest = Prepared(
        lambda: TVShow.objects.filter(tmdb_id__lte=Given("most", IntegerField()))
        .annotate(parts=Count("episodes")).order_by("-tmdb_id")[:1],
    )
    [found] = longest(most=9)
    assert (found, found.parts) == (shows[1], 10)
    assert longest(most=1) == [shows[0]]


def test_empty_texts_and_percent_signs_are_taken_as_they_are(shows):
    odd = show("100% Wolf")
    query = Prepared(lambda: by_title().filter(title__contains="100%", network="").exclude(overview="%s"))
    assert query(title="100% Wolf") == [odd]
    assert query(title="") == []


def test_a_missing_value_is_an_error_and_not_an_empty_answer(shows):
    with pytest.raises(KeyError):
        Prepared(by_title)()


@pytest.mark.django_db(transaction=True)
def test_threads_run_it_at_the_same_time_each_with_its_own_values():
    for number in range(8):
        show(f"Show {number}")
    query, wrong = Prepared(by_title), []

    def run(number):
        for _ in range(30):
            found = [row.title for row in query(title=f"Show {number}")]
            if found != [f"Show {number}"]:
                wrong.append(found)
        connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("airing", ["", "returning", "ended", "canceled"])
def test_the_totals_count_each_episode_once_and_every_minute(db, airing):
    """Against the same sums in Python."""
    followed = show("Dark", seasons=((0, 2), (1, 3)))
    TVShow.objects.update(airing=airing)
    other = show("Lost", seasons=((1, 3),))
    robin, sam = User.objects.create(username="robin"), User.objects.create(username="sam")
    for user in (robin, sam):
        TrackedShow.objects.create(user=user, show=followed)
    special, *_ = Episode.objects.filter(show=followed, season_number=0)
    regular = list(Episode.objects.filter(show=followed, season_number=1))
    Episode.objects.filter(pk=regular[2].pk).update(runtime=None)
    for user, episode, play, removed in [
        (robin, special, 1, None), (robin, regular[0], 1, None), (robin, regular[0], 2, None), (robin, regular[1], 1, None),
        (robin, regular[2], 1, NOON), (sam, regular[2], 1, None), (robin, Episode.objects.filter(show=other)[0], 1, None),
    ]:
        Watch.objects.create(user=user, episode=episode, play=play, watched_at=NOON, removed_at=removed)
    assert TrackedShow.objects.recount(NOON) == 2
    rows = {row.user: row for row in TrackedShow.objects.select_related("user")}
    assert (rows[robin].watched_episodes, rows[robin].total_minutes) == (2, 4 * 25)
    assert (rows[sam].watched_episodes, rows[sam].total_minutes) == (1, 0)
    assert {row.status for row in rows.values()} == {"watching"}
    Watch.objects.create(user=robin, episode=regular[2], watched_at=NOON)
    rows[robin].recount(NOON)
    rows[robin].refresh_from_db()
    assert rows[robin].status == ("completed" if airing in {"ended", "canceled"} else "watching")
    assert rows[robin].updated_at == NOON


def test_recounting_nobodys_rows_is_nothing(db):
    assert TrackedShow.objects.filter(pk__in=[]).recount(NOON) == 0

"""Shows, lists and viewings in the admin."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_q.models import OrmQ

from plex_integration.models import PlexConflict
from tests.plex_integration.admin.pages import run, url
from tests.stages import stage
from tests.world import NOON, scrobble, show
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow, Viewer, Watch

SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}
NO_TITLES = {"titles-TOTAL_FORMS": "0", "titles-INITIAL_FORMS": "0"}


@pytest.fixture
def owner(world):
    return world.browser()


@stage
def seen(world):
    """The first two episodes of Severance, watched in Plex."""
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    world.send(scrobble("Severance", 1, 2, **SEVERANCE))
    return world.shows["severance"]


def _show(**changes):
    return {"title": "Shogun", "original_title": "", "show_start_date": "2024-02-27", "airing": "", "network": "",
            "tmdb_id": "", "tvdb_id": "", "imdb_id": "", "overview": "", "poster": "", **NO_TITLES, **changes}


def test_a_show_added_by_hand_is_found_by_all_its_titles_and_open_questions_are_looked_at_again(
    owner, world, django_capture_on_commit_callbacks,
):
    world.send(scrobble("Shogun", show_id="sh"))
    assert PlexConflict.objects.open().count() == 1
    OrmQ.objects.all().delete()
    extra = {"titles-TOTAL_FORMS": "1", "titles-0-title": "将軍", "original_title": "Shōgun"}
    with django_capture_on_commit_callbacks(execute=True):
        owner.post(url("tvshow", "add"), _show(**extra))
    made = TVShow.objects.get(title="Shogun")
    assert dict(made.titles.values_list("title", "kind")) == {"Shogun": "main", "Shōgun": "original", "将軍": "person"}
    assert (made.indexed_title, made.imdb_id) == ("Shogun", None)
    assert [task.func() for task in OrmQ.objects.all()] == ["plex_integration.tasks.reevaluate_conflicts"]


def test_renaming_a_show_writes_its_titles_anew_and_keeps_a_persons(owner, world):
    show = world.shows["severance"]
    ShowTitle.objects.create(show=show, title="Macrodata", kind="person")
    mine = show.titles.get(kind="person")
    titles = {"titles-TOTAL_FORMS": "1", "titles-INITIAL_FORMS": "1", "titles-0-id": mine.pk, "titles-0-show": show.pk,
              "titles-0-title": "Macrodata"}
    owner.post(url("tvshow", "change", show.pk), _show(title="Severed", tmdb_id="95396", **titles))
    assert set(show.titles.values_list("title", "kind")) == {("Severed", "main"), ("Macrodata", "person")}


def test_an_id_that_another_show_has_is_refused_at_its_field(owner, world):
    answer = owner.post(url("tvshow", "add"), _show(tmdb_id="5371"))
    assert "Show with this TMDB id already exists." in answer.content.decode()


def test_shows_are_found_by_any_title_and_by_id(owner, world):
    ShowTitle.objects.create(show=world.shows["severance"], title="Macrodata", kind="person")
    for text in ("macroda", "95396", "tt11280740"):
        page = owner.get(url("tvshow", "changelist"), {"q": text}).content.decode()
        assert page.count('class="field-title"') == 1, text
        assert "Severance" in page


def test_ticking_by_hand_counts_and_a_date_without_time_is_noon_where_the_person_lives(owner, world):
    Viewer.objects.create(user=world.owner, time_zone="America/New_York")
    episode = Episode.objects.get(show=world.shows["severance"], episode_number=3)
    entered = {"user": world.owner.pk, "episode": episode.pk, "watched_on": "2024-01-05", "watched_time": ""}
    answer = owner.post(url("watch", "add"), entered)
    assert answer.status_code == 302
    watch = Watch.objects.get()
    assert (watch.watched_at, watch.source) == (datetime(2024, 1, 5, 17, tzinfo=UTC), "manual")
    assert TrackedShow.objects.get().watched_episodes == 1


def test_a_date_changed_by_hand_is_a_persons_from_then_on(owner, seen, world):
    watch = Watch.objects.get(episode__episode_number=1)
    owner.post(url("watch", "change", watch.pk), {"watched_on": "2024-01-05", "watched_time": "20:00"})
    watch.refresh_from_db()
    assert (watch.watched_at.date().isoformat(), watch.source) == ("2024-01-05", "manual")
    assert world.watched() == {"Severance (2022) S01E01", "Severance (2022) S01E02"}


def test_a_viewing_in_the_future_is_refused(owner, world):
    episode = Episode.objects.filter(show=world.shows["severance"]).first()
    entered = {"user": world.owner.pk, "episode": episode.pk, "watched_on": "2199-01-05", "watched_time": ""}
    assert "That is in the future." in owner.post(url("watch", "add"), entered).content.decode()
    assert Watch.objects.count() == 0


def test_deleting_a_viewing_unticks_it_and_the_total_follows(owner, seen, world):
    watch = Watch.objects.get(episode__episode_number=1)
    assert "Untick S01E01 of Severance (2022)?" in owner.get(url("watch", "delete", watch.pk)).content.decode()
    owner.post(url("watch", "delete", watch.pk), {"post": "yes"})
    assert world.watched() == {"Severance (2022) S01E02"}
    assert TrackedShow.objects.get().watched_episodes == 1
    watch.refresh_from_db()
    assert watch.removed_at


def test_deleting_many_viewings_unticks_each(owner, seen, world):
    run_on = Watch.objects.values_list("pk", flat=True)
    run(owner, "watch", "delete_selected", run_on, post="yes")
    assert world.watched() == set()
    assert Watch.objects.count() == 2
    tracked = TrackedShow.objects.get()
    assert (tracked.watched_episodes, tracked.total_minutes) == (0, 0)


def test_deleting_or_changing_an_episode_keeps_totals_right(owner, seen, world):
    first, second = Episode.objects.filter(show=seen)[:2]
    owner.post(url("episode", "delete", first.pk), {"post": "yes"})
    assert TrackedShow.objects.get().watched_episodes == 1
    entered = {"show": seen.pk, "season_number": 1, "episode_number": 2, "title": "x", "air_date": "", "runtime": "50",
               "tmdb_id": "", "tvdb_id": "", "imdb_id": ""}
    owner.post(url("episode", "change", second.pk), entered)
    assert TrackedShow.objects.get().total_minutes == 50
    run(owner, "episode", "delete_selected", [second.pk], post="yes")
    assert TrackedShow.objects.get().watched_episodes == 0


def test_a_show_that_is_deleted_stays_gone(owner, seen, world):
    page = owner.get(url("tvshow", "delete", seen.pk)).content.decode()
    assert "A show that you delete stays gone" in page
    owner.post(url("tvshow", "delete", seen.pk), {"post": "yes"})
    assert world.send(scrobble("Severance", 1, 3, **SEVERANCE)).status == "ignored"


def test_a_zone_that_nobody_knows_is_refused(owner, world):
    answer = owner.post(url("viewer", "add"), {"user": world.owner.pk, "time_zone": "Mars/Olympus"})
    assert "There is no such zone." in answer.content.decode()
    assert Viewer.objects.count() == 0


def test_somebody_without_staff_is_refused(seen, world):
    client = Client()
    client.force_login(User.objects.create_user("kid"))
    watch = Watch.objects.first()
    for address in (url("tvshow", "changelist"), url("watch", "delete", watch.pk)):
        assert "/admin/login/" in client.post(address, {"post": "yes"}).url
    assert Watch.objects.live().count() == 2


def test_a_list_costs_the_same_queries_however_long_it_is(owner, world, django_assert_max_num_queries):
    def costs():
        found = {}
        for model in ("tvshow", "episode", "watch", "trackedshow"):
            with django_assert_max_num_queries(40) as counted:
                assert owner.get(url(model, "changelist")).status_code == 200
            found[model] = len(counted)
        return found

    Episode.objects.exclude(show=world.shows["severance"], episode_number=1).delete()
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    few = costs()
    for name in range(10):
        made = show(f"Show {name}", seasons=((1, 2),))
        TrackedShow.objects.create(user=world.owner, show=made)
        Watch.objects.create(user=world.owner, episode=made.episodes.first(), watched_at=NOON)
    assert costs() == few

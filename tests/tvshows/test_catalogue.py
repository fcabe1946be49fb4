from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tvshows import catalogue
from tvshows.described import NewEpisode, NewShow
from tvshows.models import Episode, ShowTitle, TVShow
from tvshows.signals import show_changed

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def add(title="Dark", **fields):
    return catalogue.add_show(NewShow(title=title, **fields), now=NOW)


def titles(show):
    return {(row.title, row.kind) for row in ShowTitle.objects.filter(show=show)}


@pytest.fixture
def told():
    """The shows that others were told of."""
    heard = []

    def listen(show_id, **_):
        heard.append(show_id)

    show_changed.connect(listen)
    yield heard
    show_changed.disconnect(listen)


def test_a_show_is_added_with_its_episodes(told):
    made = add(first_aired=date(2017, 12, 1), tmdb_id=70523, episodes=(
        NewEpisode(1, 1, "Geheimnisse", date(2017, 12, 1), 51), NewEpisode(0, 1, "Making of"),
    ))
    assert str(made) == "Dark (2017)"
    assert [str(episode) for episode in Episode.objects.filter(show=made)] == ["S00E01 Making of", "S01E01 Geheimnisse"]
    assert made.refreshed_at == NOW
    assert told == [made.pk]


def test_a_show_without_episodes_was_never_refreshed():
    assert add().refreshed_at is None


def test_two_shows_may_share_title_and_year():
    add(first_aired=date(2017, 1, 1))
    add(first_aired=date(2017, 1, 1))
    assert TVShow.objects.count() == 2


@pytest.mark.parametrize("ids", [{"tmdb_id": 7}, {"tvdb_id": 7}, {"imdb_id": "tt0000007"}])
def test_an_id_is_one_shows_only_and_the_other_is_named(ids):
    add("Dark", **ids)
    with pytest.raises(ValidationError, match="Dark has this id already"):
        catalogue.require_free_ids(NewShow(title="Light", **ids))
    with pytest.raises(ValidationError):
        add("Light", **ids)
    assert TVShow.objects.count() == 1


def test_any_number_of_shows_may_have_no_id():
    add("Dark", imdb_id="")
    add("Light", imdb_id="")
    catalogue.require_free_ids(NewShow(title="Grey"))
    assert set(TVShow.objects.values_list("imdb_id", flat=True)) == {None}


def test_a_show_needs_a_title(told):
    with pytest.raises(ValidationError):
        add("  ")
    assert (TVShow.objects.count(), told) == (0, [])


def test_every_title_of_a_show_is_found_by():
    made = add("Money Heist", original_title="La casa de papel", other_titles=("Haus des Geldes", "Money Heist"))
    assert titles(made) == {
        ("Money Heist", "main"), ("La casa de papel", "original"), ("Haus des Geldes", "alternative"),
    }
    assert ShowTitle.objects.get(title="Haus des Geldes").normalised == "haus des geldes"


def test_a_renamed_show_is_found_by_its_new_title_and_the_other_ones(told):
    made = add("Money Heist", other_titles=("Haus des Geldes",))
    ShowTitle.objects.create(show=made, title="Bella Ciao")
    made.title = "La casa de papel"
    made.save()
    catalogue.show_edited(made)
    assert titles(made) == {
        ("La casa de papel", "main"), ("Haus des Geldes", "alternative"), ("Bella Ciao", "person"),
    }
    assert told == [made.pk, made.pk]


def test_shows_added_and_renamed_by_sql_are_found():
    renamed = add("Dark")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tvshows (title, show_start_date) VALUES ('The Wire', '2002-06-02')")
        cursor.execute("UPDATE tvshows SET title = 'Darker' WHERE title = 'Dark'")
    before = catalogue.last_changed()
    assert catalogue.index_stale_titles() == 2
    assert titles(renamed) == {("Darker", "main")}
    assert ShowTitle.objects.get(title="The Wire").normalised == "wire"
    assert catalogue.last_changed() >= before
    assert catalogue.index_stale_titles() == 0


def test_the_catalogue_changes_when_a_show_is_added_or_renamed():
    assert catalogue.last_changed() is None
    made = add()
    TVShow.objects.update(updated_at=NOW - timedelta(days=9))
    assert catalogue.last_changed() == NOW - timedelta(days=9)
    catalogue.show_edited(made)
    assert catalogue.last_changed() > NOW - timedelta(days=9)


def test_many_shows_added_by_sql_cost_no_more_queries_than_a_few():
    counts = []
    for number in (2, 60):
        names = [(f"Show {number}.{i}", f"{i}.{number}") for i in range(number)]
        TVShow.objects.bulk_create(TVShow(title=title, original_title=original) for title, original in names)
        with CaptureQueriesContext(connection) as queries:
            assert catalogue.index_stale_titles() == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_episode_is_added_by_hand_once():
    made = add()
    assert catalogue.add_episode(made.pk, NewEpisode(1, 1, "Pilot")).code == "S01E01"
    with pytest.raises(ValidationError):
        catalogue.add_episode(made.pk, NewEpisode(1, 1, "Again"))
    assert Episode.objects.get().title == "Pilot"

"""Shows with titles like one that is named: both engines find the same."""

from datetime import date

import pytest
from django.db import connection

from tests.world import show
from tvshows.models import ShowTitle, TVShow
from tvshows.title_search import with_title_around, with_title_like

pytestmark = pytest.mark.django_db


def like(title, least=0.5):
    return [TVShow.objects.get(pk=pk).title for pk in with_title_like(title, least=least)]


def around(title, years=()):
    return [TVShow.objects.get(pk=pk).title for pk in with_title_around(title, years)]


def test_titles_are_found_closest_first():
    for title in ("Severance", "Severed", "Perseverance", "Fargo"):
        show(title, seasons=())
    assert like("severance", least=0.6) == ["Severance"]
    assert like("severance", least=0.3) == ["Severance", "Perseverance", "Severed"]


@pytest.mark.parametrize("title", ["進撃の巨人", "слуга народа", "élite", "m a s h", "24", '"', "???", "% _"])
def test_any_title_can_be_looked_for(title):
    show(title, seasons=())
    like(title)
    around(title)


def test_a_rare_part_is_found_among_many_common_ones():
    for number in range(60):
        show(f"The Real House of the Hills {number}", seasons=())
    show("The Real Vampires of the Hills", seasons=())
    assert like("real vampire of the hills", least=0.6)[0] == "The Real Vampires of the Hills"


def test_titles_that_begin_or_end_with_one_are_found_shortest_first():
    for title in ("Agatha Christie's Poirot", "Poirot Returns", "Poirots", "Poirot"):
        show(title, seasons=())
    assert around("poirot") == ["Poirot Returns", "Agatha Christie's Poirot"]


def test_of_titles_that_have_more_those_of_the_year_are_found():
    show("Angel Links", date(1999, 4, 7), seasons=())
    show("Angel Beats", date(2010, 4, 3), seasons=())
    show("Angel Cop", seasons=())
    assert around("angel", {2010}) == ["Angel Cop", "Angel Beats"]


def test_a_title_of_a_few_letters_stands_in_too_many_others():
    show("You and Me", seasons=())
    assert around("you") == []


def test_the_index_follows_what_is_written_by_sql_too():
    """A migration that makes the table anew on SQLite must make its triggers again."""
    held = show("Severance", seasons=())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tvshow_titles SET title = 'Lumon', normalised = 'lumon' WHERE show_id = %s", [held.pk])
        assert like("severance") == []
        assert like("lumon") == ["Severance"]
        cursor.execute(
            "INSERT INTO tvshow_titles (show_id, title, normalised, kind) VALUES (%s, 'Outie', 'outie', 'person')", [held.pk],
        )
    assert like("outies") == ["Severance"]
    ShowTitle.objects.filter(show=held).delete()
    assert like("lumon") == like("outie") == []

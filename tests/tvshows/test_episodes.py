from datetime import date, timedelta

import pytest

from tests.stages import stage
from tests.world import show
from tvshows.described import DescribedEpisode, Ids
from tvshows.episodes import dates_agree, find_episode, ids_agree, search_episode, titles_agree
from tvshows.models import Episode

pytestmark = pytest.mark.django_db

BEGAN = date(2020, 1, 1)
WEEK = timedelta(weeks=1)


@stage
def lost():
    """Two seasons of three episodes, a week apart, and three specials."""
    made = show("Lost", BEGAN, seasons=((1, 3), (2, 3)), tmdb_id=4607, tvdb_id=73739, imdb_id="tt0411008")
    titles = {(1, 1): "Pilot", (1, 2): "Tabula Rasa", (1, 3): "Walkabout", (2, 1): "Adrift", (2, 2): "Orientation"}
    for (season, number), title in titles.items():
        Episode.objects.filter(show=made, season_number=season, episode_number=number).update(title=title)
    for number, title, day in [
        (1, "The Journey", date(2020, 5, 1)), (2, "Answers", date(2020, 6, 1)), (3, "Christmas Special 2018", None),
    ]:
        Episode.objects.create(show=made, season_number=0, episode_number=number, title=title, air_date=day)
    return made


def named(season=None, number=None, title="", air_date=None, **ids):
    return DescribedEpisode(season=season, number=number, title=title, air_date=air_date, ids=Ids(**ids))


def found(lost, wanted, how=search_episode):
    episode = how(lost.pk, wanted).episode
    return episode.code if episode else None


def aired(lost, season, number):
    return Episode.objects.get(show=lost, season_number=season, episode_number=number).air_date


def give(lost, season, number, **fields):
    Episode.objects.filter(show=lost, season_number=season, episode_number=number).update(**fields)


@pytest.mark.parametrize("how", [find_episode, search_episode])
def test_season_and_number_find_it(lost, how):
    assert found(lost, named(1, 2), how) == "S01E02"


def test_nothing_is_found_in_another_show(lost):
    show("Fringe", BEGAN, seasons=((1, 9),))
    assert found(lost, named(1, 9)) is None


def test_finding_by_number_takes_one_query(lost, django_assert_num_queries):
    with django_assert_num_queries(1):
        find_episode(lost.pk, named(1, 2, "Tabula Rasa"))


@pytest.mark.parametrize("ids", [{"tmdb": 7}, {"tvdb": 8}, {"imdb": "tt0000009"}])
def test_an_id_wins_over_the_number(lost, ids):
    give(lost, 2, 1, tmdb_id=7, tvdb_id=8, imdb_id="tt0000009")
    assert found(lost, named(1, 2, **ids)) == "S02E01"


def test_an_id_of_another_shows_episode_finds_nothing_here(lost):
    other = show("Fringe", BEGAN)
    give(other, 1, 5, tmdb_id=7)
    assert found(lost, named(9, 9, tmdb=7)) is None
    assert found(lost, named(1, 2, tmdb=7)) == "S01E02"


def test_ids_that_differ_speak_against_the_number_alone(lost):
    give(lost, 1, 2, tmdb_id=7)
    assert found(lost, named(1, 2, tmdb=99)) is None


def test_ids_that_differ_are_outweighed_by_the_title_or_the_date(lost):
    give(lost, 1, 2, tmdb_id=7)
    assert found(lost, named(1, 2, "Tabula Rasa", tmdb=99)) == "S01E02"
    assert found(lost, named(1, 2, air_date=aired(lost, 1, 2), tmdb=99)) == "S01E02"


def test_one_equal_id_outweighs_another_that_differs(lost):
    give(lost, 1, 2, tmdb_id=7, tvdb_id=8)
    assert found(lost, named(1, 2, tmdb=99, tvdb=8)) == "S01E02"


def test_the_shows_own_ids_in_place_of_the_episodes_do_not_count(lost):
    """Tautulli writes them there; by accident one is another episode's."""
    give(lost, 1, 2, tmdb_id=7, tvdb_id=8)
    give(lost, 2, 3, tvdb_id=lost.tvdb_id)
    trap = {"tmdb": lost.tmdb_id, "tvdb": lost.tvdb_id, "imdb": lost.imdb_id}
    assert found(lost, named(1, 2, **trap)) == "S01E02"


@pytest.mark.parametrize("days", [-7, -1, 0, 1, 7])
def test_a_date_up_to_a_week_off_does_not_contradict_the_number(lost, days):
    assert found(lost, named(1, 2, air_date=aired(lost, 1, 2) + timedelta(days=days)), find_episode) == "S01E02"


@pytest.mark.parametrize("days", [-8, 8, 400])
def test_a_date_more_than_a_week_off_is_not_settled_at_once(lost, days):
    day = aired(lost, 1, 2) + timedelta(days=days)
    assert found(lost, named(1, 2, air_date=day), find_episode) is None
    assert found(lost, named(1, 2, "Tabula Rasa", air_date=day), find_episode) is None


def test_with_a_date_off_by_more_than_a_week_the_one_other_that_agrees_in_date_and_title_is_meant(lost):
    assert found(lost, named(1, 2, "Adrift", aired(lost, 2, 1))) == "S02E01"
    assert found(lost, named(1, 2, "adrift!", aired(lost, 2, 1) + timedelta(days=1))) == "S02E01"


def test_where_two_others_agree_none_is_meant(lost):
    day = aired(lost, 2, 1)
    give(lost, 2, 2, title="Adrift", air_date=day)
    assert found(lost, named(1, 2, "Adrift", day)) is None


def test_the_date_alone_or_the_title_alone_finds_no_other_episode(lost):
    assert found(lost, named(1, 2, "Something else", aired(lost, 2, 1))) is None
    assert found(lost, named(9, 9, "Adrift")) is None
    assert found(lost, named(9, 9, air_date=aired(lost, 2, 1))) is None


def test_a_wrong_date_alone_does_not_outweigh_the_number(lost):
    day = aired(lost, 1, 2) + 60 * WEEK
    assert found(lost, named(1, 2, "Tabula Rasa", day)) == "S01E02"
    assert found(lost, named(1, 2, air_date=day)) == "S01E02"


def test_a_number_that_date_and_title_contradict_is_another_episode(lost):
    assert found(lost, named(1, 2, "Walkabout in the rain", aired(lost, 1, 2) + 60 * WEEK)) is None


def test_a_number_that_is_missing_is_found_by_date_and_title(lost):
    assert found(lost, named(1, 17, "Orientation", aired(lost, 2, 2))) == "S02E02"


def test_a_season_numbered_by_year_is_found_by_date_and_title(lost):
    assert found(lost, named(2020, 5, "Orientation", aired(lost, 2, 2))) == "S02E02"


def test_an_episode_without_any_number_is_found_by_date_and_title(lost):
    assert found(lost, named(title="Orientation", air_date=aired(lost, 2, 2))) == "S02E02"
    assert found(lost, named(number=2, title="Orientation", air_date=aired(lost, 2, 2))) == "S02E02"


def test_nothing_named_finds_nothing(lost):
    assert found(lost, named()) is None


@pytest.mark.parametrize("how", [find_episode, search_episode])
def test_a_special_is_never_found_by_its_number_alone(lost, how):
    assert found(lost, named(0, 1), how) is None
    assert found(lost, named(0, 1, "Answers, once more"), how) is None


def test_a_special_is_found_by_its_title_or_its_date(lost):
    assert found(lost, named(0, 1, "The Journey")) == "S00E01"
    assert found(lost, named(0, 1, air_date=date(2020, 5, 2))) == "S00E01"
    assert found(lost, named(0, 9, "Answers")) == "S00E02"
    assert found(lost, named(0, 9, "Answers", date(2020, 6, 1))) == "S00E02"


def test_a_special_whose_date_contradicts_its_title_is_another_one(lost):
    assert found(lost, named(0, 1, "The Journey", date(2021, 5, 1))) is None


def test_specials_of_two_years_are_two(lost):
    assert found(lost, named(0, 3, "Christmas Special 2018")) == "S00E03"
    assert found(lost, named(0, 3, "Christmas Special 2019")) is None
    assert found(lost, named(0, 9, "Christmas Special (2019)")) is None


def test_a_special_is_not_taken_for_a_regular_episode_of_that_title_without_a_date(lost):
    assert found(lost, named(0, 9, "Orientation")) is None
    assert found(lost, named(0, 9, "Orientation", aired(lost, 2, 2))) == "S02E02"


def test_what_was_not_found_says_why(lost):
    assert search_episode(lost.pk, named(4, 4)).why == "no episode has this number"
    assert search_episode(lost.pk, named(0, 1)).why == "what has this number is another episode"


@pytest.mark.parametrize(("one", "other", "agree"), [
    ("iStart Over", "istart over", True),
    ("The One With the Pilot", "The One with The Pilot!", True),
    ("Part 1", "Part 2", False),
    ("The Long and Winding Road Part 1", "The Long and Winding Road Part 2", False),
    ("???", "???", True),
    ("", "Pilot", None),
])
def test_titles_of_episodes_agree_when_they_are_nearly_the_same(one, other, agree):
    assert titles_agree(one, other) is agree
    assert titles_agree(other, one) is agree


@pytest.mark.parametrize(("days", "agree"), [(0, True), (1, True), (-1, True), (2, False)])
def test_air_dates_agree_within_a_day(days, agree):
    assert dates_agree(BEGAN, BEGAN + timedelta(days=days)) is agree
    assert dates_agree(BEGAN, None) is None


def test_ids_that_cannot_be_compared_say_nothing():
    assert ids_agree(Episode(tmdb_id=7), Ids(tvdb=7)) is None
    assert ids_agree(Episode(), Ids()) is None

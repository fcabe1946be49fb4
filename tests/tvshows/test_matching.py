from datetime import UTC, date, datetime, timedelta

import pytest

from tests.stages import stage
from tests.world import show
from tvshows import catalogue
from tvshows.described import DescribedEpisode, DescribedShow, Ids, NewShow
from tvshows.matching import match
from tvshows.models import Episode, ShowTitle, TVShow, Watch

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@stage
def shows():
    """Two iCarlys, two Offices, and a show without a namesake."""
    return {
        "icarly2007": show("iCarly", date(2007, 9, 8), seasons=((1, 25),), tmdb_id=5371,
                           titles={(1, 1): "iPilot"}.items()),
        "icarly2021": show("iCarly", date(2021, 6, 17), seasons=((1, 13),), tmdb_id=119243,
                           titles={(1, 1): "iStart Over"}.items()),
        "office_us": show("The Office", date(2005, 3, 24), seasons=((1, 6), (2, 22)), tmdb_id=2316, tvdb_id=73244),
        "office_uk": show("The Office", date(2001, 7, 9), seasons=((1, 6),), tmdb_id=2996, tvdb_id=78107),
        "severance": show("Severance", date(2022, 2, 18), seasons=((1, 9),), tmdb_id=95396, tvdb_id=371980,
                          imdb_id="tt11280740"),
    }


def described(title="", *, year=None, years=(), country="", episode=None, titles=(), **ids):
    named = {year} if year else set(years)
    return DescribedShow(
        titles=(title, *titles) if title else titles, years=frozenset(named), country=country, ids=Ids(**ids),
        episode=episode,
    )


def episode(season=1, number=1, title="", air_date=None, year=None, **ids):
    return DescribedEpisode(season, number, title, air_date, year, Ids(**ids))


def chosen(wanted):
    """The show that is taken without asking, with how sure and by what."""
    best = match(wanted).chosen
    return (str(best.show), best.score, best.method) if best else None


def scores(wanted):
    return {str(candidate.show): candidate.score for candidate in match(wanted).candidates}


def reasons(wanted, name):
    (candidate,) = [candidate for candidate in match(wanted).candidates if str(candidate.show) == name]
    return [(reason.sign, reason.text) for reason in candidate.reasons]


# Ids of the show


@pytest.mark.parametrize(("ids", "confidence", "method"), [
    ({"tmdb": 95396}, 1.00, "tmdb_id"),
    ({"tvdb": 371980}, 0.95, "tvdb_id"),
    ({"imdb": "tt11280740"}, 0.95, "imdb_id"),
])
def test_an_equal_id_decides_whatever_the_title(shows, ids, confidence, method):
    assert chosen(described("Something else", **ids)) == ("Severance (2022)", confidence, method)
    assert chosen(described(**ids)) == ("Severance (2022)", confidence, method)


def test_an_equal_id_decides_against_a_title_and_year_that_are_another_shows(shows):
    assert chosen(described("iCarly", year=2021, tmdb=5371)) == ("iCarly (2007)", 1.0, "tmdb_id")


def test_ids_that_name_two_shows_ask_with_both(shows):
    wanted = described("iCarly", year=2021, tmdb=5371, tvdb=371980)
    assert chosen(wanted) is None
    assert scores(wanted) == {"iCarly (2007)": 1.0, "Severance (2022)": 0.95}


def test_an_id_that_differs_rules_a_show_out_whatever_else_agrees(shows):
    held = shows["icarly2021"].episodes.get(season_number=1, episode_number=1)
    wanted = described("iCarly", year=2021, tmdb=999, episode=episode(title=held.title, air_date=held.air_date))
    assert match(wanted).candidates == ()


def test_an_id_that_cannot_be_compared_leaves_it_to_the_title(shows):
    assert chosen(described("iCarly", year=2021, tvdb=999)) == ("iCarly (2021)", 0.95, "title_year")


def test_an_id_of_another_kind_with_the_same_number_is_no_evidence(shows):
    assert match(described(tvdb=95396)).candidates == ()


# Ids of the episode


def test_an_id_of_the_episode_that_the_catalogue_holds_names_its_show(shows):
    held = shows["severance"].episodes.get(episode_number=3)
    Episode.objects.filter(pk=held.pk).update(tmdb_id=7001, tvdb_id=7002, imdb_id="tt0007003")
    for ids, expected in [
        ({"tmdb": 7001}, (1.0, "tmdb_id")), ({"tvdb": 7002}, (0.95, "tvdb_id")),
        ({"imdb": "tt0007003"}, (0.95, "imdb_id")),
    ]:
        assert chosen(described("Severance", episode=episode(1, 3, **ids))) == ("Severance (2022)", *expected)


def test_the_episodes_id_is_enough_in_another_language_where_the_date_agrees(shows):
    held = shows["severance"].episodes.get(episode_number=3)
    Episode.objects.filter(pk=held.pk).update(tmdb_id=7001)
    named = episode(1, 3, "In der Ewigkeit", held.air_date + timedelta(days=1), tmdb=7001)
    assert chosen(described("Gewaltenteilung", episode=named)) == ("Severance (2022)", 1.0, "tmdb_id")


def test_the_episodes_id_asks_where_nothing_but_its_number_agrees(shows):
    """As when the sender writes the show's id there: then it is a stranger's episode."""
    Episode.objects.filter(show=shows["severance"], episode_number=3).update(tmdb_id=7001)
    for named in (episode(1, 3, tmdb=7001), episode(1, 3, "Severance 1.3", tmdb=7001)):
        wanted = described("Night Carriers", episode=named)
        assert chosen(wanted) is None
        assert scores(wanted) == {"Severance (2022)": 0.6}


def test_the_episodes_id_counts_for_nothing_where_all_else_differs(shows):
    Episode.objects.filter(show=shows["severance"], episode_number=3).update(tmdb_id=7001)
    for named in (episode(1, 4, "Dead Letter", tmdb=7001), episode(1, 3, air_date=date(2001, 1, 1), tmdb=7001)):
        assert match(described("Night Carriers", episode=named)).candidates == ()


def test_ids_of_show_and_episode_that_name_two_shows_ask(shows):
    held = shows["severance"].episodes.get(episode_number=3)
    Episode.objects.filter(pk=held.pk).update(tvdb_id=7002)
    TVShow.objects.filter(pk=shows["severance"].pk).update(tmdb_id=None)
    wanted = described("Severance", tmdb=5371, episode=episode(1, 3, held.title, held.air_date, tvdb=7002))
    assert chosen(wanted) is None


# The title


@pytest.mark.parametrize("title", ["Severance", "severance!", "SÉVÉRANCE"])
def test_a_title_alone_asks_though_the_catalogue_has_but_one(shows, title):
    assert chosen(described(title)) is None
    assert scores(described(title)) == {"Severance (2022)": 0.85}


def test_the_same_title_with_the_same_year_decides(shows):
    assert chosen(described("iCarly", year=2021)) == ("iCarly (2021)", 0.95, "title_year")
    assert chosen(described("THE OFFICE!", year=2001)) == ("The Office (2001)", 0.95, "title_year")


def test_a_missing_article_asks_only_where_the_title_is_but_a_word(shows):
    show("The X-Files", date(1993, 9, 10))
    assert chosen(described("X Files", year=1993)) == ("The X-Files (1993)", 0.95, "title_year")
    assert chosen(described("Office", year=2001)) is None
    why = ("against", "Its article is another one, and its title but a word")
    assert why in reasons(described("Office", year=2001), "The Office (2001)")


def test_initials_for_the_last_words_decide_with_the_year_and_find_the_show_without_it(db):
    for name, day in [("NCIS: Los Angeles", date(2009, 9, 22)), ("NCIS", date(2009, 1, 1))]:
        show(name, day)
    assert chosen(described("NCIS LA", year=2009)) == ("NCIS: Los Angeles (2009)", 0.90, "title_year")
    assert match(described("NCIS LA")).candidates[0].show.title == "NCIS: Los Angeles"


def test_initials_that_two_shows_may_have_ask(db):
    for name in ("Law & Order: Special Victims Unit", "Law & Order: Silent Victims Unit"):
        show(name, date(1999, 9, 20))
    assert chosen(described("Law & Order: SVU", year=1999)) is None


def test_the_article_tells_shows_apart_behind_whose_title_more_is_said(db):
    show("The War of the Worlds", date(2019, 11, 17))
    assert chosen(described("War of the Worlds 2019", year=2019)) is None
    show("War of the Worlds", date(2019, 10, 28))
    assert chosen(described("War of the Worlds 2019", year=2019))[0] == "War of the Worlds (2019)"
    assert chosen(described("The War of the Worlds (2019 : UK)", year=2019))[0] == "The War of the Worlds (2019)"


def test_late_shows_that_differ_by_their_hosts_are_not_alike(db):
    show("The Late Late Show with James Corden", date(2015, 3, 23))
    assert chosen(described("Late Show with Stephen Colbert", year=2015)) is None
    assert chosen(described("Carpool with James Corden", year=2015)) is None


@pytest.mark.parametrize("year", [2020, 2022, 1990])
def test_a_year_off_by_one_or_more_asks(shows, year):
    assert chosen(described("iCarly", year=year)) is None


def test_two_years_that_disagree_ask(shows):
    wanted = described("iCarly", years={2007, 2021})
    assert chosen(wanted) is None
    assert ("unknown", "It is said to have begun in 2007 or 2021") in reasons(wanted, "iCarly (2021)")


def test_two_shows_with_the_same_title_and_year_ask(shows):
    show("iCarly", date(2021, 1, 1))
    assert chosen(described("iCarly", year=2021)) is None


def test_a_show_whose_year_the_catalogue_lacks_asks(shows):
    show("Dark")
    assert chosen(described("Dark", year=2017)) is None
    wanted = described("Dark", year=2017)
    assert ("unknown", "The catalogue has no year to compare with 2017") in reasons(wanted, "Dark")


def test_another_title_of_a_show_counts_as_much_as_its_main_one(shows):
    ShowTitle.objects.create(show=shows["severance"], title="Gewaltenteilung", kind=ShowTitle.Kind.PERSON)
    assert chosen(described("Gewaltenteilung", year=2022)) == ("Severance (2022)", 0.95, "title_year")


def test_any_of_the_titles_that_are_named_counts(shows):
    wanted = described("Gewaltenteilung", titles=("Severance",), year=2022)
    assert chosen(wanted) == ("Severance (2022)", 0.95, "title_year")


def test_the_same_title_with_the_episodes_date_and_title_decides_where_one_show_alone_agrees(shows):
    named = episode(1, 1, "iStart Over", date(2021, 6, 18))
    assert chosen(described("iCarly", episode=named)) == ("iCarly (2021)", 0.95, "title_year")


@pytest.mark.parametrize("named", [
    episode(1, 1, "iStart Over"),
    episode(1, 1, "", date(2021, 6, 17)),
    episode(1, 1, "iStart Over", date(2021, 6, 20)),
    episode(1, 1, "Something else", date(2021, 6, 17)),
    episode(1, 2, "iStart Over", date(2021, 6, 17)),
])
def test_the_episodes_title_or_date_alone_asks(shows, named):
    assert chosen(described("iCarly", episode=named)) is None


def test_date_and_title_that_agree_for_two_shows_ask(shows):
    show("iCarly", date(2021, 6, 17), titles={(1, 1): "iStart Over"}.items())
    assert chosen(described("iCarly", episode=episode(1, 1, "iStart Over", date(2021, 6, 17)))) is None


def test_date_and_title_do_not_decide_for_a_title_that_is_only_alike(shows):
    assert chosen(described("iCarley", episode=episode(1, 1, "iStart Over", date(2021, 6, 17)))) is None


@pytest.mark.parametrize("year", [2020, 2007])
def test_date_and_title_do_not_decide_against_a_year_that_is_another(shows, year):
    assert chosen(described("iCarly", year=year, episode=episode(1, 1, "iStart Over", date(2021, 6, 17)))) is None


def test_the_year_of_the_episode_is_not_the_year_of_the_show(shows):
    """A show of 2007 has episodes of 2009; and a show of 2009 with that title may be the one that is missing."""
    show("iCarly", date(2009, 1, 1))
    assert chosen(described("iCarly", episode=episode(1, 1, "", None, year=2009))) is None
    assert chosen(described("Severance", episode=episode(1, 1, "", None, year=2022))) is None


@pytest.mark.parametrize(("title", "held"), [
    ("Marvel's Daredevil Born Again", "Daredevil Born Again"),
    ("Daredevil Born Again", "Daredevil Born Again: The Series"),
    ("Daredevil", "Marvel's Daredevil"),
    ("The Mandalorians", "The Mandalorian"),
])
def test_a_title_that_contains_the_other_or_is_much_alike_decides_with_the_same_year(db, title, held):
    show(held, date(2025, 3, 4))
    assert chosen(described(title, year=2025)) == (f"{held} (2025)", 0.90, "title_year")
    assert chosen(described(title, year=2024)) is None
    assert chosen(described(title)) is None


@pytest.mark.parametrize(("title", "held"), [("The Wire", "Wire in the Blood"), ("Doctor Who", "Doctor Who: Tales of the Tardis")])
def test_a_small_part_of_a_title_does_not_decide(db, title, held):
    show(held, date(2002, 1, 1))
    assert chosen(described(title, year=2002)) is None


def test_titles_about_as_close_as_each_other_ask(db):
    show("The Mandalorian One", date(2019, 11, 12))
    show("The Mandalorian Two", date(2019, 11, 12))
    wanted = described("The Mandalorian", year=2019)
    assert chosen(wanted) is None
    assert ("against", "Another show's title is about as close") in reasons(wanted, "The Mandalorian One (2019)")


def test_a_title_that_is_only_somewhat_alike_is_listed_by_its_likeness(db):
    show("Star Trek: Discovery", date(2017, 9, 24))
    wanted = described("Star Trek: Picard", year=2017)
    (candidate,) = match(wanted).candidates
    assert 0.30 <= candidate.score < 0.85 * 0.75
    assert match(wanted).chosen is None


@pytest.mark.parametrize(("title", "held"), [("Angel", "Angel Links"), ("Bering Sea Gold", "Bering Sea Gold: Under the Ice")])
def test_a_part_of_a_title_decides_only_with_the_episodes_date_and_title(db, title, held):
    show(held, date(2012, 8, 24), titles={(1, 1): "Wet, Wild and Wired"}.items())
    named = episode(1, 1, "Wet, Wild and Wired", date(2012, 8, 24))
    assert chosen(described(title, year=2012)) is None
    assert chosen(described(title, year=2012, episode=episode(1, 1, "Wet, Wild and Wired"))) is None
    assert chosen(described(title, episode=named)) is None
    assert chosen(described(title, year=2012, episode=named)) == (f"{held} (2012)", 0.90, "title_year")


def test_of_titles_nearly_the_same_the_year_decides_and_a_country_tells_them_apart(db):
    show("Hell's Kitchen", date(2005, 5, 30))
    show("Hell's Kitchen", date(2004, 5, 23))
    assert chosen(described("Hells Kitchen US", year=2005)) == ("Hell's Kitchen (2005)", 0.90, "title_year")
    show("Hell's Kitchen (UK)", date(2005, 1, 1))
    assert chosen(described("Hells Kitchen US", year=2005)) == ("Hell's Kitchen (2005)", 0.90, "title_year")
    show("Hell's Kitchen: The Series", date(2005, 1, 1))
    assert chosen(described("Hells Kitchen US", year=2005)) is None
    show("Hells Kitchen USA", date(2005, 1, 1))
    assert chosen(described("Hells Kitchen US", year=2005)) == ("Hells Kitchen USA (2005)", 0.90, "title_year")


def test_two_years_next_to_each_other_decide_where_one_show_began_in_either(db):
    show("Aquarius", date(2015, 5, 28))
    assert chosen(described("Aquarius", years={2014, 2015})) == ("Aquarius (2015)", 0.95, "title_year")
    assert chosen(described("Aquarius", years={2013, 2015})) is None
    show("Aquarius", date(2014, 1, 1))
    assert chosen(described("Aquarius", years={2014, 2015})) is None


def test_another_title_of_a_show_asks_where_it_is_the_main_one_of_another(db):
    voyage = show("Cosmos: A Personal Voyage", date(1980, 9, 28))
    ShowTitle.objects.create(show=voyage, title="Cosmos")
    assert chosen(described("Cosmos", year=1980)) == ("Cosmos: A Personal Voyage (1980)", 0.95, "title_year")
    show("Cosmos", date(2014, 3, 9))
    assert chosen(described("Cosmos", year=1980)) is None


def test_a_show_that_began_in_quite_another_year_is_listed_after_one_that_is_less_alike(db):
    show("Monster", date(2004, 4, 7))
    show("Monster: The Jeffrey Dahmer Story", date(2022, 9, 21))
    listed = [candidate.show.year for candidate in match(described("Monster", year=2022)).candidates]
    assert listed == [2022, 2004]
    assert [candidate.show.year for candidate in match(described("Monster")).candidates] == [2004, 2022]


# What speaks against


def test_a_show_that_began_after_the_episode_aired_is_capped_at_060(shows):
    for named in (episode(air_date=date(2009, 5, 1)), episode(year=2009)):
        wanted = described("iCarly", year=2021, episode=named)
        assert scores(wanted)["iCarly (2021)"] == 0.60
        assert chosen(wanted) is None


def test_a_show_that_began_later_in_the_year_is_capped_too(shows):
    assert scores(described("iCarly", year=2021, episode=episode(air_date=date(2021, 6, 1))))["iCarly (2021)"] == 0.60
    assert chosen(described("iCarly", year=2021, episode=episode(air_date=date(2021, 6, 14))))  # a premiere ahead


def test_a_show_whose_season_lacks_the_episode_is_capped_at_060(shows):
    wanted = described("iCarly", year=2021, episode=episode(1, 20, air_date=date(2021, 12, 1)))
    assert scores(wanted)["iCarly (2021)"] == 0.60
    assert chosen(wanted) is None
    assert ("against", "Its season 1 has no episode 20") in reasons(wanted, "iCarly (2021)")


@pytest.mark.parametrize("named", [
    episode(1, 20, air_date=date(2026, 3, 20)),  # newer than the last refresh
    episode(1, 20),  # nobody knows how old
    episode(7, 1, air_date=date(2024, 12, 1)),  # a season that the catalogue does not have
    episode(0, 20, air_date=date(2021, 12, 1)),  # specials are numbered differently everywhere
])
def test_a_missing_episode_speaks_against_a_show_only_where_the_catalogue_should_have_it(shows, named):
    Episode.objects.create(show=shows["icarly2021"], season_number=0, episode_number=1)
    assert chosen(described("iCarly", year=2021, episode=named)) == ("iCarly (2021)", 0.95, "title_year")


def test_a_show_that_was_never_refreshed_may_lack_episodes(shows):
    TVShow.objects.filter(pk=shows["icarly2021"].pk).update(refreshed_at=None)
    assert chosen(described("iCarly", year=2021, episode=episode(1, 20, air_date=date(2021, 12, 1))))


def test_another_country_behind_the_title_speaks_against_a_show(shows):
    uk = show("The Office (UK)", date(2005, 1, 1))
    wanted = described("The Office (US)", year=2005, country="US")
    assert chosen(wanted) == ("The Office (2005)", 0.95, "title_year")
    assert scores(wanted)[str(uk)] == 0.60
    assert ("against", "It is from UK, not US") in reasons(wanted, str(uk))


def test_the_same_country_behind_the_title_ranks_a_show_first_and_decides_nothing(shows):
    ShowTitle.objects.create(show=shows["office_uk"], title="The Office (UK)")
    found = match(described("The Office (UK)", country="UK"))
    assert found.chosen is None
    assert found.candidates[0].show == shows["office_uk"]


def test_contrary_evidence_does_not_touch_an_id(shows):
    assert chosen(described("iCarly", tmdb=119243, episode=episode(year=1999))) == ("iCarly (2021)", 1.0, "tmdb_id")


# What is listed


def test_at_most_five_candidates_are_listed_best_first(db):
    for year in range(2001, 2009):
        show("Love Island", date(year, 6, 1))
    found = match(described("Love Island", year=2004))
    assert len(found.candidates) == 5
    assert [candidate.score for candidate in found.candidates] == [0.95, 0.85, 0.85, 0.85, 0.85]
    assert found.chosen.show.year == 2004


def test_a_namesake_is_not_overlooked_however_many_there_are(db):
    """That one show alone agrees is evidence, so all with the title are looked at."""
    for _ in range(60):
        show("Love Island", date(2015, 6, 7), seasons=())
    show("Love Island", date(2015, 6, 7), seasons=((1, 1),), titles={(1, 1): "Episode 1"}.items())
    assert chosen(described("Love Island", year=2015)) is None


def test_nothing_below_030_is_listed(shows):
    assert match(described("Breaking Bad", year=2008)).candidates == ()
    assert all(score >= 0.30 for score in scores(described("Severed Ties", year=2022)).values())


def test_a_show_without_a_title_or_an_id_has_no_candidates(shows):
    assert match(DescribedShow()).candidates == ()


def test_a_title_of_only_punctuation_is_matched_by_nothing_but_itself(db):
    show("???", date(2010, 1, 1))
    show("!!!", date(2010, 1, 1))
    assert chosen(described("???", year=2010)) == ("??? (2010)", 0.95, "title_year")


def test_what_was_weighed_is_told(shows):
    wanted = described("iCarly", year=2021, episode=episode(1, 1, "iStart Over", date(2021, 6, 17)))
    assert reasons(wanted, "iCarly (2021)") == [
        ("for", "The title is the same"), ("for", "First aired 2021"),
        ("for", "The title of S01E01 agrees"), ("for", "The date of S01E01 agrees"),
    ]
    assert ("against", "First aired 2007, not 2021") in reasons(wanted, "iCarly (2007)")


def test_a_percent_sign_in_a_title_is_only_a_percent_sign(shows):
    assert match(described("%", year=2021)).candidates == ()
    assert match(described("_everance%", year=1990)).chosen is None


def test_matching_writes_nothing(shows, django_assert_num_queries):
    before = list(TVShow.objects.values()), list(ShowTitle.objects.values()), Watch.objects.count()
    match(described("iCarly", year=2021, episode=episode(1, 1, "iStart Over", date(2021, 6, 17), tmdb=4)))
    assert before == (list(TVShow.objects.values()), list(ShowTitle.objects.values()), Watch.objects.count())


def test_the_queries_of_a_match_do_not_grow_with_the_catalogue(shows, django_assert_max_num_queries):
    wanted = described("iCarly", year=2021, episode=episode(1, 1, "iStart Over", date(2021, 6, 17), tmdb=4))
    for more in (0, 40):
        for number in range(more):
            catalogue.add_show(NewShow(title=f"iCarly {number}"), now=NOW)
        with django_assert_max_num_queries(9):
            match(wanted)

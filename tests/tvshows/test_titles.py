import pytest

from tvshows.titles import country_of, forms, is_short_for, normalise, slug_year, spellings


@pytest.mark.parametrize(("written", "same"), [
    ("THE OFFICE", "the office"),
    ("Élite", "Elite"),
    ("Motörhead: Überall", "motorhead uberall"),
    ("Borgen – Gefährliche Seilschaften", "Borgen - Gefahrliche Seilschaften"),
    ("Straße", "Strasse"),
    ("Æon Flux", "Aeon Flux"),
    ("Łódź", "Lodz"),
    ("Law & Order", "Law and Order"),
    ("Law＆Order", "Law and Order"),
    ("The Office", "Office"),
    ("A Discovery of Witches", "Discovery of Witches"),
    ("An Idiot Abroad", "Idiot Abroad"),
    ("Marvel's Agents of S.H.I.E.L.D.", "Marvels Agents of S H I E L D"),
    ("It’s Always Sunny", "It's Always Sunny"),
    ("The A-Team", "A-Team"),
    ("“The Bear”", "The Bear"),
    ("Star Trek: Discovery", "Star Trek - Discovery"),
    ("  Twin   Peaks ", "Twin Peaks"),
    ("iCarly (2021)", "iCarly"),
    ("iCarly [2021]", "iCarly"),
    ("The Office (US)", "The Office"),
    ("Ｓｅｖｅｒａｎｃｅ", "Severance"),
])
def test_the_same_title_written_differently_is_equal(written, same):
    assert normalise(written).text == normalise(same).text


@pytest.mark.parametrize(("one", "other"), [
    ("The Office", "The Officer"),
    ("Space: 1999", "Space"),
    ("???", "!!!"),
    ("...", ""),
    ("24", "24: Live Another Day"),
    ("काली", "कला"),  # vowel signs are part of a word
    ("がっこう", "かっこう"),  # voicing marks tell Japanese words apart
    ("A.I.", "I"),
])
def test_different_titles_stay_different(one, other):
    assert normalise(one).text != normalise(other).text


@pytest.mark.parametrize("title", [
    "The", "A", "???", "…", "(2021)", "24", "1883", "The 100", "हिन्दी", "進撃の巨人", "한국",
])
def test_no_title_is_normalised_to_nothing(title):
    assert normalise(title).text


def test_a_title_of_only_punctuation_stays_as_it_is():
    assert normalise(" ??? ").text == "???"


@pytest.mark.parametrize(("title", "year", "country"), [
    ("iCarly (2021)", 2021, ""),
    ("The Office (US)", None, "US"),
    ("The Office (USA)", None, "US"),
    ("The Office (GB)", None, "UK"),
    ("House of Cards (US) (2013)", 2013, "US"),
    ("House of Cards (2013) (US)", 2013, "US"),
    ("Space: 1999", None, ""),
    ("2001", None, ""),
    ("(2021)", None, ""),
    ("Show (3021)", None, ""),
    ("Show (2021) Extra", None, ""),
    ("Show (us)", None, ""),
])
def test_a_year_and_a_country_behind_a_title_are_kept_as_evidence(title, year, country):
    assert (normalise(title).year, normalise(title).country) == (year, country)


def test_an_accent_written_as_two_characters_is_the_same():
    assert normalise("Elite\u0301").text == normalise("Elit\u00e9").text == "elite"


def test_a_long_title_is_cut_to_its_column():
    assert len(normalise("x" * 400).text) == 255


@pytest.mark.parametrize(("slug", "title", "year"), [
    ("icarly-2021", "iCarly", 2021),
    ("the-office-2005", "The Office", 2005),
    ("space-1999", "Space: 1999", None),
    ("icarly", "iCarly", None),
    ("1883", "1883", None),
    ("icarly-2021", "Something else", None),
    ("icarly-20210", "iCarly", None),
    ("-2021", "", None),
    ("icarly-2021", "iCarly (2021)", 2021),
])
def test_a_slug_names_the_year_unless_it_is_part_of_the_title(slug, title, year):
    assert slug_year(slug, title) == year


@pytest.mark.parametrize(("written", "held"), [
    ("Undercover Boss US", "Undercover Boss"),
    ("Heartland (2007: Canada)", "Heartland"),
    ("The Punisher", "Marvel's The Punisher"),
    ("Jack Ryan", "Tom Clancy's Jack Ryan"),
    ("MTV The Challenge", "The Challenge"),
    ("Scream", "Scream: The TV Series"),
    ("Supernatural: TAS", "Supernatural the Animation"),
    ("Transporter", "Transporter: The Series"),
    ("Real Time", "Real Time with Bill Maher"),
    ("DanDaDan", "Dan Da Dan"),
    ("The OC", "The O.C."),
    ("C.S.I.: Miami", "CSI: Miami"),
    ("Rocky II", "Rocky Two"),
    ("Penn Teller: Fool Us", "Penn & Teller: Fool Us"),
    ("Sarabhai versus Sarabhai", "Sarabhai vs. Sarabhai"),
    ("MasterChef AU", "MasterChef Australia"),
    ("PLUR1BUS", "Pluribus"),
    ("Our War AKA Generation War", "Generation War"),
])
def test_a_title_and_what_libraries_make_of_it_share_a_form(written, held):
    assert forms(written) & forms(held)


@pytest.mark.parametrize(("one", "other"), [
    ("Hell's Kitchen", "Kitchen"),  # one word behind a name is too little
    ("Dancing with the Stars", "Dancing"),
    ("Anne with an E", "Anne"),
    ("Angel", "Angel Links"),
    ("Evil Genius", "Genius"),
    ("V", "5"),
    ("The Series", ""),
    ("???", "!!!"),
    ("About Us", "About"),
    ("CONTACT US", "CONTACT"),
])
def test_titles_that_differ_in_more_share_none(one, other):
    assert not forms(one) & forms(other)


def test_a_year_behind_a_title_is_taken_off_only_where_it_is_the_shows():
    assert forms("Bull 2016", frozenset({2016})) & forms("Bull")
    assert not forms("Bull 2016", frozenset({2015})) & forms("Bull")
    assert not forms("Space 1999") & forms("Space")


@pytest.mark.parametrize(("written", "held"), [
    ("DanDaDan", "dan da dan"), ("XFiles", "x files"), ("MASH", "m a s h"), ("M*A*S*H", "mash"), ("Dan Da Dan", "dandadan"),
    ("C.S.I.: Miami", "csi miami"), ("Stargate SG1", "stargate sg 1"), ("The Bridge US", "bridge"),
])
def test_a_title_is_looked_for_as_the_catalogue_may_hold_it(written, held):
    assert held in spellings(written)


@pytest.mark.parametrize(("title", "country"), [
    ("The Office (US)", "US"), ("The Office UK", "UK"), ("The Voice (AUS)", "AU"), ("Frontline (PBS)", ""),
    ("The Office", ""), ("CONTACT US", ""), ("This Is Us", ""),
])
def test_a_country_is_read_behind_a_title_with_and_without_brackets(title, country):
    assert country_of(title) == country


def test_the_article_is_told_and_does_not_make_titles_differ():
    assert (normalise("The Swarm").article, normalise("Swarm").article) == ("the", "")
    assert normalise("The Swarm") == normalise("Swarm")


@pytest.mark.parametrize(("short", "long"), [
    ("NCIS LA", "NCIS: Los Angeles"),
    ("Law & Order: SVU", "Law & Order: Special Victims Unit"),
    ("Star Trek DS9", "Star Trek: Deep Space Nine"),
    ("CSI: NY", "CSI: New York"),
    ("Batman: TAS", "Batman: The Animated Series"),
    ("Jay Leno", "The Tonight Show with Jay Leno"),
])
def test_a_short_title_stands_for_a_long_one(short, long):
    assert is_short_for(short, long)
    assert not is_short_for(long, short)


@pytest.mark.parametrize(("short", "long"), [
    ("LA", "Los Angeles"),  # initials alone could be anything's
    ("NCIS LA", "NCIS: Long Beach"),
    ("NCIS N", "NCIS: Naples"),
    ("Dragons", "Dances with Dragons"),
    ("The Stars", "Dancing with the Stars"),
    ("Leno", "The Tonight Show with Jay Leno"),
])
def test_what_is_not_said_by_initials_or_by_the_host_is_another_title(short, long):
    assert not is_short_for(short, long)

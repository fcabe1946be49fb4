import pytest

from tvshows.titles import normalise, slug_year


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

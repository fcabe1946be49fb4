import random
import sqlite3
import unicodedata
from collections.abc import Callable

import pytest
from django.db import connection

from tvshows.similarity import register, similarity

# What PostgreSQL 15.20 answered (LC_CTYPE C.UTF-8).
ANSWERS = [
    ("Doctor Who", "doctor who", 1.0),
    ("Doctor Who", "Doctor Who (2005)", 0.6875),
    ("The Office", "The Office (US)", 0.78571427),
    ("The Office", "Office, The", 1.0),
    ("24", "24 Hours", 0.33333334),
    ("Breaking Bad", "Braking Bad", 0.64285713),
    ("M*A*S*H", "MASH", 0.083333336),
    ("snake_case", "snake case", 1.0),
    ("ab ab ab", "ab", 1.0),
    ("word", "two words", 0.36363637),
    ("a", "b", 0.0),
    # diacritics, composed and not; ß stays; İ becomes a plain i; there is no final sigma
    ("POKÉMON", "pokémon", 1.0),
    ("Pokémon", "Pokemon", 0.45454547),
    ("Pok\u00e9mon", "Poke\u0301mon", 0.41666666),
    ("Straße", "STRASSE", 0.36363637),
    ("İstanbul", "istanbul", 1.0),
    ("Iğdır", "ığdır", 0.33333334),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ", 1.0),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", 0.6363636),
    # other scripts
    ("Ёлки", "елки", 0.25),
    ("Слуга народа", "слуга НАРОДА 2", 0.8666667),
    ("進撃の巨人", "進撃の巨人 2期", 0.6666667),
    ("오징어 게임", "오징어게임", 0.44444445),
    ("रामायण", "रामायन", 0.5555556),
    ("كتاب", "كِتَاب", 0.2),
    ("กรงกรรม", "กรงกรร", 0.6666667),
    # digits of any script and circled letters are parts of words; superscripts and emoji are not
    ("Area 51", "Area ٥١", 0.45454547),
    ("Ⓐ team", "ⓐ TEAM", 1.0),
    ("CO₂", "CO", 1.0),
    ("x²", "x", 1.0),
    ("Fox 🦊", "fox", 1.0),
    ("🦊", "🦊", 0.0),
    ("-", "-", 0.0),
    ("", "", 0.0),
    # nothing in common but the checksum that PostgreSQL stores
    ("牔", "凸灼", 0.25),
]

SCRIPTS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "aeiouáàâäãåæçéèêëíìîïñóòôöõøœúùûüýÿčďěňřšťůžąćęłńśźżőűğışĐŁØÅÄÖÜÉÇŠŽ",
    "İIıiĞğŞşÇçÖöÜü",
    "ßẞsSſﬁﬂǅǆǄ",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗҐґЄєІіЇїЎў",
    "αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΔΕΖΗΘΣΩάέήίόύώΐΰἀἁᾳᾼ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةىپچژگ\u064b\u064c\u064e\u064f\u0650\u0651\u0652\u0640",
    "אבגדהוזחטיכךלמםנןסעפףצץקרשת\u05b0\u05b4\u05b8\u05bc\u05be",
    "進撃巨人鬼滅刃火影忍者的名字三体狂飙愛の物語ひらがなカタカナーヽ々〇・",
    "अआइईउऊएकखगघचछजटडणतदनपबमयरलवशसह\u093e\u093f\u0940\u0941\u0947\u094b\u094d\u0902\u0903",
    "กขคงจชซญดตถทนบปผพฟมยรลวสหอ\u0e30\u0e31\u0e32\u0e34\u0e35\u0e38\u0e40\u0e41\u0e48\u0e49\u0e4c",
    "오징어게임사랑의불시착도깨비미생한국드라마ㄱㄴㅏ\u1100\u1161\u11a8",
    "🦊🐉🔥❤\ufe0f\u200d👩🏽🇩🇪★☆♥→",
    "e\u0301a\u0308n\u0303o\u030bc\u0327s\u030cI\u0307i\u0307\u0345",
    "٠١٢٣٤٥۶۷۸۹०१२३๐๑๒０１２３Ⅰ Ⅱ Ⅲ Ⅳ ⅰⅱⅲ",
    "⁰¹²³⁴₀₁₂½¼①②③Ⓐⓐⓩªºªʰʲ",
    " -_.,:;!?'\"()[]&/+*#@\u00a0\u2019\u2013\u2026\u3000\t",
]  # fmt: skip


def make_pairs(count: int) -> list[tuple[str, str]]:
    """Made-up titles, each beside a changed copy of itself or another title; the same at every run."""
    dice = random.Random(1)
    alphabets = [*SCRIPTS, assigned_characters()]
    titles = [make_title(dice, alphabets) for _ in range(count)]
    return [(title, changed(dice, title, dice.choice(titles))) for title in titles]


def assigned_characters() -> str:
    # What Unicode 3.2 knew, because every Python and every C library of today agree on that.
    codes = (code for code in range(1, 0x110000) if not 0xD800 <= code <= 0xDFFF)
    known = (chr(code) for code in codes if unicodedata.ucd_3_2_0.category(chr(code)) not in {"Cn", "Co"})
    # Han and Hangul are most of it: thin them out, so that the other scripts get their turn.
    return "".join(char for char in known if unicodedata.category(char) != "Lo" or ord(char) % 16 == 0)


def make_title(dice: random.Random, alphabets: list[str]) -> str:
    # Now and then a word of another script stands in the title, as it does in life.
    home = dice.choice(alphabets)
    scripts = [home if dice.random() < 0.8 else dice.choice(alphabets) for _ in range(dice.randint(1, 4))]
    return " ".join("".join(dice.choices(script, k=dice.randint(1, 8))) for script in scripts)


def changed(dice: random.Random, title: str, other: str) -> str:
    at = dice.randrange(len(title))
    changes: list[Callable[[], str]] = [
        title.upper,
        title.title,
        lambda: unicodedata.normalize("NFD", title),
        lambda: unicodedata.normalize("NFKC", title),
        lambda: title[:at] + title[at + 1 :],
        lambda: title[:at] + dice.choice(other) + title[at:],
        lambda: " ".join(reversed(title.split(" "))),
        lambda: f"{title} {other}",
        lambda: f"{title} ({dice.randint(1950, 2030)})",
        lambda: other,
    ]
    return dice.choice(changes)()


def ask_the_database(pairs: list[tuple[str, str]]) -> list[float]:
    # The cast shows the float4 as it is; without it the driver would read its shortest decimal.
    sql = "SELECT CAST(SIMILARITY(%s, %s) AS double precision)"
    with connection.cursor() as cursor:
        answers = []
        for pair in pairs:
            cursor.execute(sql, pair)
            answers.append(cursor.fetchone()[0])
    return answers


@pytest.mark.parametrize(("a", "b", "expected"), ANSWERS)
def test_it_answers_what_postgresql_answered(a: str, b: str, expected: float) -> None:
    assert similarity(a, b) == pytest.approx(expected, rel=1e-7)
    assert similarity(b, a) == similarity(a, b)


@pytest.mark.parametrize(("a", "b"), [(None, "Doctor Who"), ("Doctor Who", None), (None, None)])
def test_a_missing_text_has_no_similarity(a: str | None, b: str | None) -> None:
    assert similarity(a, b) is None


def test_the_value_has_single_precision_so_that_thresholds_cut_as_in_postgresql() -> None:
    assert similarity("abcd", "abc") == 0.5
    assert similarity("24", "24 Hours") == 0.3333333432674408


def test_characters_that_no_database_can_store_are_no_parts_of_words() -> None:
    assert similarity("Lost\x00", "\ud800Lost") == 1.0


def test_a_plain_sqlite_connection_gets_the_function() -> None:
    database = sqlite3.connect(":memory:")
    register(database)
    row = database.execute("SELECT similarity('Doctor Who', 'doctor who'), similarity('x', NULL)").fetchone()
    database.close()
    assert row == (1.0, None)


@pytest.mark.django_db
def test_the_database_in_use_gives_the_same_similarity_for_titles_in_many_scripts() -> None:
    # SQLite runs the same Python, so there a sample shows enough: that the function is registered.
    pairs = make_pairs(4_000 if connection.vendor == "postgresql" else 200)
    differing = [
        (a, b, ours, theirs)
        for (a, b), theirs in zip(pairs, ask_the_database(pairs), strict=True)
        if (ours := similarity(a, b)) != theirs
    ]
    assert differing == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL about its own characters")
def test_postgresql_takes_the_same_characters_for_parts_of_words() -> None:
    characters = list(assigned_characters())
    with connection.cursor() as cursor:
        sql = "SELECT c, SIMILARITY(c, c) FROM unnest(%s::text[]) AS c WHERE c <> ''"
        cursor.execute(sql, [characters])
        answers = dict(cursor.fetchall())
    assert [ascii(char) for char in characters if answers[char] != similarity(char, char)] == []

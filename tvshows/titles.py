"""Titles, brought to a form in which the same show's titles are equal."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

# Behind a title, in brackets: the year the show began, or the country it is from.
_SUFFIX = re.compile(r"^(?P<title>.*\S)\s*[(\[](?:(?P<year>(?:19|20)\d\d)|(?P<country>[A-Z]{2,3}))[)\]]\s*$", re.DOTALL)
_ARTICLE = re.compile(r"^\W*(the|a|an)\s+(?=\W*\w)")  # a word of its own: not the A of A.I. or A-Team
_APOSTROPHE = re.compile(r"['’‘ʼ`´]")
COUNTRY_LETTERS = 2
_COUNTRIES = {"USA": "US", "GB": "UK", "AUS": "AU", "NZL": "NZ", "CAN": "CA"}
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"})
_SPELLING = 9  # combining classes up to here are part of a letter: Indic vowels and nukta, Japanese voicing

# What some libraries write around a title and others do not.
_COUNTRY_WORD = re.compile(r"^(?P<title>.*[a-z].*)\s(?P<country>US|USA|UK|GB|AU|AUS|CA|CAN|NZ|NZL)$", re.DOTALL)
_YEAR_WORD = re.compile(r"^(?P<title>.*\S)\s(?P<year>(?:19|20)\d\d)$", re.DOTALL)
_REMARK = re.compile(r"^(?P<title>.*\S)\s*[(\[][^()\[\]]*[)\]]\s*$", re.DOTALL)
_MAKER = re.compile(
    r"^(?:abc|bbc|cbs|dcs?|disneys?|dreamworks|espn|hbo|itv|lego|marvels?|mtv|national geographic|nbc|netflix|pbs"
    r"|star trek|star wars) (?:the )?(?P<rest>.+)$"
)
_ALSO = re.compile(r"\s+a\.?k\.?a\.?\s+", re.IGNORECASE)
_NAMED = re.compile(r"^(?:[\w.]+\s+){0,2}[\w.]+['’]s?\s+(?P<title>\S+\s+\S.*)$", re.DOTALL)  # Tom Clancy's Jack Ryan
_HOST = re.compile(r"^(?P<title>\S+\s+\S.*?)\s+with(?!\s+(?:the|an?)\s)\s+\S+\s+\S+$", re.DOTALL | re.IGNORECASE)
_HOSTED = re.compile(r"^\S.* (?:with|starring) (?P<host>(?!(?:the|an?) )\S+ \S+)$")  # The Tonight Show with Jay Leno
_KIND = re.compile(r"^(?P<rest>.+?) (?:(?:the )?(?:tv |animated |original |mini )?series|the animation|tas|tv)$")
# Words that are written in several ways, and one that is often left out.
_SAME_WORDS = {
    "and": "", "versus": "vs", "brothers": "bros", "doctor": "dr", "saint": "st", "australia": "au",
    **dict(zip(("ii", "iii", "iv", "vi", "vii", "viii", "ix"), "2346789", strict=True)),
    **dict(zip(("two", "three", "four", "five", "six", "seven", "eight", "nine"), "23456789", strict=True)),
}
_INITIALS = re.compile(r"\b\w(?: \w)+\b")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)")
_DIGIT_IN_WORD = re.compile(r"(?<=[a-z])[01345](?=[a-z])")  # PLUR1BUS, Numb3rs
_DIGIT_LETTERS = str.maketrans("01345", "oieas")
_CAPITALS = re.compile(r"\b[A-Z]{2,6}\b")


@dataclass(frozen=True, slots=True)
class NormalisedTitle:
    """A comparable title, what stood behind it in brackets, and the article before it."""

    text: str
    year: int | None = None
    country: str = ""
    article: str = field(default="", compare=False)


@lru_cache(maxsize=4096)
def normalise(title: str) -> NormalisedTitle:
    """Without case, diacritics, punctuation, leading article, "(2021)" and "(US)"; `&` is "and".

    A title of nothing but punctuation ("???") stays as it is, in lower case: it must not equal another.
    """
    year, country = None, ""
    while suffix := _SUFFIX.match(title):
        title = suffix["title"]
        year = year or (int(suffix["year"]) if suffix["year"] else None)
        country = country or _country(suffix["country"] or "")
    folded = unicodedata.normalize("NFKD", title.casefold().translate(_LETTERS))
    plain = "".join(c for c in folded if unicodedata.combining(c) <= _SPELLING).replace("&", " and ")
    bare = _APOSTROPHE.sub("", unicodedata.normalize("NFC", plain))
    article = _ARTICLE.match(bare)
    text = _words(bare[article.end() :] if article else bare) or title.casefold().strip()
    return NormalisedTitle(text[:255], year, country, article[1] if article else "")


def _country(code: str) -> str:
    return _COUNTRIES.get(code, code)


def _words(text: str) -> str:
    """Letters, digits and the marks that belong to them, with one blank for whatever is between."""
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text).split())


def country_of(title: str) -> str:
    """The country behind a title, in brackets or as its last word ("Undercover Boss US"); but (PBS) is none."""
    word, bracketed = _COUNTRY_WORD.match(title), normalise(title).country
    return bracketed if len(bracketed) == COUNTRY_LETTERS else _country(word["country"]) if word else ""


@lru_cache(maxsize=16_384)
def forms(title: str, years: frozenset[int] = frozenset()) -> frozenset[str]:
    """A title in the forms in which libraries write it: what is equal in one of them is nearly the same.

    Without a country, one of these years or a remark behind it, the maker before it, and "The Series" and the like;
    each without blanks, so that DanDaDan is Dan Da Dan and M*A*S*H is MASH, with "and" left out and numerals as digits.
    """
    return frozenset(_folded(text) for text in texts(title, years))


@lru_cache(maxsize=16_384)
def bare(title: str, years: frozenset[int] = frozenset()) -> frozenset[tuple[str, str]]:
    """The normalised title with its article, and what they are without what stands behind the title."""
    return frozenset((one.text, one.article) for one in map(normalise, _without_remarks(title, years)))


def _without_remarks(title: str, years: frozenset[int]) -> set[str]:
    """The title, and what is left of it without a remark, a country or one of these years behind it."""
    raw = {title, *_ALSO.split(title)}
    for pattern in (_REMARK, _COUNTRY_WORD):
        raw |= {found["title"] for one in raw if (found := pattern.match(one))}
    return raw | {found["title"] for one in raw if (found := _YEAR_WORD.match(one)) and int(found["year"]) in years}


def searched(title: str, years: frozenset[int] = frozenset()) -> set[str]:
    """The normalised titles for which similar ones are of interest."""
    return {text for text, _ in bare(title, years)}


@lru_cache(maxsize=16_384)
def texts(title: str, years: frozenset[int] = frozenset()) -> frozenset[str]:
    """The normalised title, and what is left of it without what some libraries write around it."""
    raw = _without_remarks(title, years)
    for pattern in (_NAMED, _HOST):
        raw |= {found["title"] for one in raw if (found := pattern.match(one))}
    plain = _without_maker_or_kind(normalise(one).text for one in raw)
    return frozenset(plain | {_DIGIT_IN_WORD.sub(_letter, text) for text in plain})


def _letter(digit: re.Match[str]) -> str:
    return digit[0].translate(_DIGIT_LETTERS)


def compared(title: str, years: frozenset[int] = frozenset()) -> set[str]:
    """The normalised titles whose likeness counts: names are left in, for Late Shows differ by their hosts."""
    return _without_maker_or_kind(searched(title, years))


def _without_maker_or_kind(normalised: Iterable[str]) -> set[str]:
    plain = set(normalised)
    for pattern in (_MAKER, _KIND):
        plain |= {found["rest"] for text in plain if (found := pattern.match(text))}
    return plain


def year_word(title: str) -> int | None:
    """The year behind a title without brackets, which may be part of it."""
    found = _YEAR_WORD.match(title)
    return int(found["year"]) if found else None


def is_short_for(short: str, long: str) -> bool:
    """Whether one title says the end of the other by initials ("NCIS: LA"), or is the name of its host ("Jay Leno")."""
    one, other = normalise(short).text, normalise(long).text
    hosted = _HOSTED.match(other)
    return bool(hosted and hosted["host"] == one) or any(_initialled(one.split(), other.split()))


def _initialled(short: list[str], long: list[str]) -> Iterator[bool]:
    """For each word of the short title but the first, whether it stands for the words that the long one has there."""
    more = len(long) - len(short) + 1
    for at in range(1, len(short) if more > 1 else 0):
        spoken = long[at : at + more]
        alike = short[:at] == long[:at] and short[at + 1 :] == long[at + more :]
        yield alike and short[at] == _initials(spoken)


def _initials(words: Iterable[str]) -> str:
    return "".join(_SAME_WORDS.get(word, word)[:1] for word in words)


def _folded(text: str) -> str:
    words = text.split()
    return "".join(_SAME_WORDS.get(word, word) for word in words) or text


def spellings(title: str, years: frozenset[int] = frozenset()) -> set[str]:
    """Normalised titles under which the catalogue may hold a title: its forms, with words put together and apart."""
    plain = texts(title, years)
    joined = {_INITIALS.sub(lambda run: run[0].replace(" ", ""), text) for text in plain}
    squeezed = {text.replace(" ", "") for text in plain}
    words = normalise(title).text.split()
    short = {" ".join([*words[:cut], _initials(words[cut:])]) for cut in range(1, len(words) - 1)}
    apart = {_HUMP.sub(" ", title), _CAPITALS.sub(lambda word: " ".join(word[0]), title)}
    return {*plain} | joined | squeezed | short | {normalise(one).text for one in apart}


def slug_year(slug: str, title: str) -> int | None:
    """The year at the end of Plex's slug ("icarly-2021"), unless it is part of the title ("space-1999")."""
    stem, _, tail = slug.rpartition("-")
    if not re.fullmatch(r"(?:19|20)\d\d", tail) or not stem:
        return None
    return int(tail) if normalise(stem.replace("-", " ")).text == normalise(title).text else None

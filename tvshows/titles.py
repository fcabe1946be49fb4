"""Titles, brought to a form in which the same show's titles are equal."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Behind a title, in brackets: the year the show began, or the country it is from.
_SUFFIX = re.compile(r"^(?P<title>.*\S)\s*[(\[](?:(?P<year>(?:19|20)\d\d)|(?P<country>[A-Z]{2,3}))[)\]]\s*$", re.DOTALL)
_ARTICLE = re.compile(r"^\W*(?:the|a|an)\s+(?=\W*\w)")  # a word of its own: not the A of A.I. or A-Team
_APOSTROPHE = re.compile(r"['’‘ʼ`´]")
_COUNTRIES = {"USA": "US", "GB": "UK", "AUS": "AU", "NZL": "NZ", "CAN": "CA"}
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"})
_SPELLING = 9  # combining classes up to here are part of a letter: Indic vowels and nukta, Japanese voicing


@dataclass(frozen=True, slots=True)
class NormalisedTitle:
    """A comparable title, and what stood behind it in brackets."""

    text: str
    year: int | None = None
    country: str = ""


@lru_cache(maxsize=4096)
def normalise(title: str) -> NormalisedTitle:
    """Without case, diacritics, punctuation, leading article, "(2021)" and "(US)"; `&` is "and".

    A title of nothing but punctuation ("???") stays as it is, in lower case: it must not equal another.
    """
    year, country = None, ""
    while suffix := _SUFFIX.match(title):
        title = suffix["title"]
        year = year or (int(suffix["year"]) if suffix["year"] else None)
        country = country or _COUNTRIES.get(suffix["country"] or "", suffix["country"] or "")
    folded = unicodedata.normalize("NFKD", title.casefold().translate(_LETTERS))
    plain = "".join(c for c in folded if unicodedata.combining(c) <= _SPELLING).replace("&", " and ")
    words = _words(_ARTICLE.sub("", _APOSTROPHE.sub("", unicodedata.normalize("NFC", plain))))
    text = words or title.casefold().strip()
    return NormalisedTitle(text[:255], year, country)


def _words(text: str) -> str:
    """Letters, digits and the marks that belong to them, with one blank for whatever is between."""
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text).split())


def slug_year(slug: str, title: str) -> int | None:
    """The year at the end of Plex's slug ("icarly-2021"), unless it is part of the title ("space-1999")."""
    stem, _, tail = slug.rpartition("-")
    if not re.fullmatch(r"(?:19|20)\d\d", tail) or not stem:
        return None
    return int(tail) if normalise(stem.replace("-", " ")).text == normalise(title).text else None

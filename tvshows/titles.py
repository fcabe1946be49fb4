"""Titles, brought to a form in which the same show's titles are equal."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Behind a title, in brackets: the year the show began, or the country it is from.
_SUFFIX = re.compile(r"^(?P<title>.*\S)\s*[(\[](?:(?P<year>(?:19|20)\d\d)|(?P<country>[A-Z]{2,3}))[)\]]\s*$", re.DOTALL)
_ARTICLE = re.compile(r"^(?:the|a|an)\s+(?=\S)")
_APOSTROPHE = re.compile(r"['’‘ʼ`´]")
_NOT_WORD = re.compile(r"[\W_]+")
_COUNTRIES = {"USA": "US", "GB": "UK", "AUS": "AU", "NZL": "NZ", "CAN": "CA"}
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "o", "đ": "d", "ł": "l", "Ł": "l", "æ": "ae", "Æ": "ae", "œ": "oe", "ı": "i"})


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
    plain = "".join(c for c in folded if not unicodedata.combining(c)).replace("&", " and ")
    words = _NOT_WORD.sub(" ", _APOSTROPHE.sub("", unicodedata.normalize("NFC", plain))).strip()
    text = _ARTICLE.sub("", words) or title.casefold().strip()
    return NormalisedTitle(text[:255], year, country)


def slug_year(slug: str, title: str) -> int | None:
    """The year at the end of Plex's slug ("icarly-2021"), unless it is part of the title ("space-1999")."""
    stem, _, tail = slug.rpartition("-")
    if not re.fullmatch(r"(?:19|20)\d\d", tail) or not stem:
        return None
    return int(tail) if normalise(stem.replace("-", " ")).text == normalise(title).text else None

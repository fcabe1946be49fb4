"""Which show of the catalogue is meant: pure scoring of a described show. No writes, no HTTP.

Evidence decides, strongest first: ids that can be compared, then title with year, or title with an episode's date
and title. A title alone never decides: a tracker that holds only one of two shows with that title must not swallow
the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tvshows.catalogue_index import NEARLY_THE_SAME, Found, gather
from tvshows.described import DescribedEpisode, DescribedShow, Ids
from tvshows.episodes import TOO_FAR, dates_agree, titles_agree
from tvshows.models import TVShow
from tvshows.titles import COUNTRY_LETTERS, country_of, normalise, year_word

SURE = 0.90  # one candidate at or above this is taken without asking
LISTED = 0.30  # below this a candidate is not worth showing
MOST_LISTED = 5
SIMILAR = 0.75
MARGIN = 0.15  # by which the closest title must lead the next to be clear
SAME_TITLE_SCORE = 0.95
SIMILAR_TITLE_SCORE = 0.90
TITLE_WEIGHT = 0.85
CONTRARY_CAP = 0.60
OTHER_YEAR_RANK = 0.5  # of its score, by which a show is ranked that began in quite another year

Method = Literal["tmdb_id", "tvdb_id", "imdb_id", "title_year"]
Sign = Literal["for", "against", "unknown"]
ID_CONFIDENCE: tuple[tuple[str, Method, float], ...] = (
    ("tmdb", "tmdb_id", 1.00), ("tvdb", "tvdb_id", 0.95), ("imdb", "imdb_id", 0.95),
)
ID_NAMES = {"tmdb": "TMDB", "tvdb": "TVDB", "imdb": "IMDb"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was weighed, in words for a person."""

    sign: Sign
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A show that may be meant. `score` is from 0 to 1."""

    show: TVShow
    score: float
    method: Method
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """What was found: `chosen` when exactly one candidate is sure. Candidates come best first, at most five."""

    chosen: Candidate | None
    candidates: tuple[Candidate, ...] = field(default=())


def match(described: DescribedShow) -> Match:
    """Score the catalogue's shows against a described one. Reads, never writes."""
    described = replace(described, country=_country_of(described), years=_years_of(described))
    found = gather(described)
    by_id = [candidate for candidate in (_by_id(described, one) for one in found) if candidate]
    if any(candidate.score >= SURE for candidate in by_id):
        return _decide(described, by_id)
    by_title = _by_title(described, [one for one in found if not _ruled_out(described.ids, one.show)])
    hinted = {candidate.show.pk for candidate in by_id}
    return _decide(described, [*by_id, *(candidate for candidate in by_title if candidate.show.pk not in hinted)])


def _country_of(described: DescribedShow) -> str:
    """The country that is named, behind one of the titles too. Three letters in brackets may be a channel's."""
    named = described.country if len(described.country) == COUNTRY_LETTERS else ""
    return named or next(filter(None, map(country_of, described.titles)), "")


def _years_of(described: DescribedShow) -> frozenset[int]:
    """The years that are named, one behind a title too where it is next to another."""
    behind = {year for title in described.titles if (year := year_word(title))}
    return described.years | {year for year in behind if {year - 1, year + 1} & described.years}


def _decide(described: DescribedShow, candidates: Iterable[Candidate]) -> Match:
    ranked = sorted((c for c in candidates if c.score >= LISTED), key=lambda one: _best_first(described, one))
    listed = ranked[:MOST_LISTED]
    sure = [c for c in listed if c.score >= SURE]
    return Match(sure[0] if len(sure) == 1 else None, tuple(listed))


def _best_first(described: DescribedShow, candidate: Candidate) -> tuple[float, int, int]:
    """By score, unless the year is quite another; where equal, by how much more speaks for one than against it."""
    weight = {"for": 1, "against": -1, "unknown": 0}
    years, began = described.years, candidate.show.year
    other = candidate.method == "title_year" and years and began and all(abs(began - year) > 1 for year in years)
    rank = candidate.score * (OTHER_YEAR_RANK if other else 1)
    return -rank, -sum(weight[reason.sign] for reason in candidate.reasons), candidate.show.pk


def _held(show: TVShow) -> Ids:
    return Ids(show.tmdb_id, show.tvdb_id, show.imdb_id or "")


def _ruled_out(ids: Ids, show: TVShow) -> bool:
    """Whether an id that both have differs."""
    held = _held(show)
    pairs = [(getattr(ids, source), getattr(held, source)) for source, _, _ in ID_CONFIDENCE]
    return any(mine and theirs and mine != theirs for mine, theirs in pairs)


def _by_id(described: DescribedShow, found: Found) -> Candidate | None:
    held = _held(found.show)
    for source, method, confidence in ID_CONFIDENCE:
        value = getattr(described.ids, source)
        if value and value == getattr(held, source):
            why = Reason("for", f"The {ID_NAMES[source]} id {value} is the same")
            return Candidate(found.show, confidence, method, (why,))
    return _by_episode_id(described, found)


def _by_episode_id(described: DescribedShow, found: Found) -> Candidate | None:
    """An id of the episode that the catalogue holds, where more says that it is that episode.

    The id alone is not enough: some senders write the show's ids where the episode's belong, which are a stranger's
    episode then, maybe with a common number or title. So the date has to agree too, or the show's title be alike.
    """
    named, held = described.episode, found.episode_with_id
    if not named or not held or _ruled_out(described.ids, found.show):
        return None
    same_number = (held.season_number, held.episode_number) == (named.season, named.number)
    dates = dates_agree(held.air_date, named.air_date)
    if not dates and (dates is False or not (same_number or titles_agree(held.title, named.title))):
        return None
    alike = bool(dates) or found.similarity >= LISTED or found.contains
    for source, method, confidence in ID_CONFIDENCE:
        value = getattr(named.ids, source)
        if value and value == getattr(held, f"{source}_id"):
            why = Reason("for", f"Its {held.code} has the same {ID_NAMES[source]} id {value}")
            unlike = () if alike else (Reason("against", "Its title is another one"),)
            return Candidate(found.show, confidence if alike else CONTRARY_CAP, method, (why, *unlike))
    return None


def _by_title(described: DescribedShow, found: Sequence[Found]) -> list[Candidate]:
    agreeing = [one for one in found if one.similarity == 1.0 and _episode_agrees(described.episode, one)]
    return [_score_title(described, one, found, agreeing) for one in found]


def _other_year(described: DescribedShow, one: Found) -> bool:
    """Whether the show began in none of the years that something says of it. One year off is enough to ask."""
    return bool(described.years and one.show.year and one.show.year not in described.years)


def _same_year(described: DescribedShow, one: Found) -> bool:
    """Whether the show began in the year that is said, or in one of two next to each other, where sources differ so."""
    years = described.years
    return one.show.year in years and max(years) - min(years) <= 1


def _score_title(
    described: DescribedShow, one: Found, others: Sequence[Found], agreeing: Sequence[Found],
) -> Candidate:
    """`agreeing` are the shows of this title whose episode has the named date and title."""
    contrary = _contrary(described, one)
    reasons = (
        _title_reason(one), *_year_reasons(described, one), *_country_reasons(described, one),
        *_episode_reasons(described.episode, one), *contrary,
    )
    candidate = Candidate(one.show, round(one.similarity * TITLE_WEIGHT, 2), "title_year", reasons)
    if contrary:
        return replace(candidate, score=min(candidate.score, CONTRARY_CAP))
    if agreeing and one not in agreeing:
        return replace(candidate, reasons=(*reasons, Reason("against", "The episode is another show's")))
    year_equal = _same_year(described, one)
    alone = len(agreeing) == 1 and not _other_year(described, one)
    if one.similarity == 1.0 and (year_equal or alone):
        if not alone and (doubt := _namesake(described, one, others)):
            return replace(candidate, reasons=(*reasons, Reason("against", doubt)))
        return replace(candidate, score=SAME_TITLE_SCORE)
    if year_equal and (one.similarity >= SIMILAR or (one.contains and _episode_agrees(described.episode, one))):
        if doubt := _doubt_of_similar(described, one, others):
            return replace(candidate, reasons=(*reasons, Reason("against", doubt)))
        return replace(candidate, score=SIMILAR_TITLE_SCORE)
    return candidate


def _namesake(described: DescribedShow, one: Found, others: Sequence[Found]) -> str:
    """Why another show of the very same title may be meant: one with the same article, or with this main title.

    Of a single word the article makes another title, though the catalogue has no other: Revolution, The Revolution.
    """
    if one.other_article and any(" " not in normalise(title).text for title in described.titles):
        return "Its article is another one, and its title but a word"
    same = [other for other in others if other is not one and other.similarity == 1.0]
    if not one.same_article and any(o.same_article and o.show.year == one.show.year for o in same):
        return "Another show has the same article too"
    if not one.main_title and any(other.main_title for other in same):
        return "It is another title of this show, and the main one of another"
    return ""


def _doubt_of_similar(described: DescribedShow, one: Found, others: Sequence[Found]) -> str:
    """Why a title that is only similar may be another show's; else nothing."""
    if one.other_article:
        return "Its article is another one too"
    return "" if _leads(described, one, others) else "Another show's title is about as close"


def _leads(described: DescribedShow, one: Found, others: Sequence[Found]) -> bool:
    """Whether no other show that may have begun in that year has a title nearly as close.

    One that began a year earlier or later is in the way only with a closer title, because catalogues err by a year.
    """
    for rival in others:
        lead = one.similarity - rival.similarity
        began, year = rival.show.year, one.show.year
        near = began is None or year is None or abs(began - year) <= 1
        enough = lead >= MARGIN or (began not in (None, year) and lead >= 0)
        if rival is not one and near and not enough and not _told_apart(described, one, rival):
            return False
    return True


def _told_apart(described: DescribedShow, one: Found, rival: Found) -> bool:
    """Whether the article, the country, or what speaks against it anyway tells a rival apart from a show."""
    if one.same_article and rival.other_article:
        return True
    own = bool(described.country) and described.country in one.countries and described.country not in rival.countries
    return own or bool(_contrary(described, rival))


def _episode_agrees(named: DescribedEpisode | None, one: Found) -> bool:
    """Whether the named episode has the date and the title that this show's has."""
    held = one.episode
    return bool(
        named and held and dates_agree(held.air_date, named.air_date) and titles_agree(held.title, named.title)
    )


def _contrary(described: DescribedShow, one: Found) -> list[Reason]:
    """What speaks against the show whatever its title."""
    named, found = described.episode, []
    aired, began = (named.aired_by if named else None), one.show.year
    if aired and began and began > aired:
        found.append(Reason("against", f"It began in {began}, after the episode aired in {aired}"))
    elif named and named.air_date and one.show.show_start_date and one.show.show_start_date - named.air_date > TOO_FAR:
        found.append(Reason("against", f"It began on {one.show.show_start_date}, after the episode aired"))
    if named and named.season and one.has_season and not one.episode and _refreshed_since(named, one.show):
        found.append(Reason("against", f"Its season {named.season} has no episode {named.number}"))
    if described.country and one.countries and described.country not in one.countries:
        found.append(Reason("against", f"It is from {', '.join(sorted(one.countries))}, not {described.country}"))
    return found


def _refreshed_since(named: DescribedEpisode, show: TVShow) -> bool:
    """Whether the catalogue was refreshed after the episode aired, so that it should have it."""
    if not show.refreshed_at or named.number is None:
        return False
    if named.air_date:
        return named.air_date < show.refreshed_at.date()
    return bool(named.year and named.year < show.refreshed_at.year)


def _country_reasons(described: DescribedShow, one: Found) -> list[Reason]:
    same = described.country and described.country in one.countries
    return [Reason("for", f"It is from {described.country} too")] if same else []


def _title_reason(one: Found) -> Reason:
    if one.similarity == 1.0:
        return Reason("for", "The title is the same")
    if one.similarity >= NEARLY_THE_SAME:
        return Reason("for", "The title is nearly the same")
    if one.contains:
        return Reason("unknown", "One title contains the other")
    return Reason("unknown", f"The title is {round(one.similarity * 100)} % alike")


def _year_reasons(described: DescribedShow, one: Found) -> list[Reason]:
    began = one.show.year
    if described.year is None:
        years = " or ".join(map(str, sorted(described.years)))
        text = f"It is said to have begun in {years}" if years else "Nothing says in which year the show began"
        return [Reason("unknown", text)]
    if began is None:
        return [Reason("unknown", f"The catalogue has no year to compare with {described.year}")]
    sign: Sign = "for" if began == described.year else "against"
    return [Reason(sign, f"First aired {began}" if sign == "for" else f"First aired {began}, not {described.year}")]


def _episode_reasons(named: DescribedEpisode | None, one: Found) -> list[Reason]:
    if not named or named.season is None or named.number is None:
        return []
    code = f"S{named.season:02}E{named.number:02}"
    if not one.episode:
        return [] if one.has_season else [Reason("unknown", f"The catalogue has no season {named.season} of it")]
    held = one.episode
    checks = (("title", titles_agree(held.title, named.title)), ("date", dates_agree(held.air_date, named.air_date)))
    reasons = [Reason("for" if agrees else "against", f"The {what} of {code} {'agrees' if agrees else 'differs'}")
               for what, agrees in checks if agrees is not None]
    return reasons or [Reason("for", f"Has {code}")]

"""Gathering the shows that may be meant, with what the catalogue knows of them. Reads only; a handful of queries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection
from django.db.models import Q, QuerySet

from tvshows.described import DescribedEpisode, DescribedShow, Ids
from tvshows.models import Episode, ShowTitle, TVShow
from tvshows.similarity import similarity
from tvshows.titles import normalise

LEAST_SIMILAR = 0.3  # pg_trgm's own threshold, by which the index is searched
MOST_GATHERED = 40
SHORTEST_CONTAINED = 4  # letters; a shorter title stands in too many others
GOOD_PART = 0.5  # similarity of a title to one that contains it


@dataclass(frozen=True, slots=True)
class Found:
    """A show that may be meant. `similarity` is that of its closest title, 1.0 when one is the same."""

    show: TVShow
    similarity: float
    contains: bool = False
    countries: frozenset[str] = frozenset()
    has_season: bool = False
    episode: Episode | None = None  # with the named season and number
    episode_with_id: Episode | None = None


def gather(described: DescribedShow) -> list[Found]:
    """Shows with an id, an episode's id, or a title like the described one's."""
    wanted = {normalise(title).text for title in described.titles if title}
    with_id = _episodes_with_id(described.episode)
    show_ids = {*_shows_with_id(described.ids), *(e.show_id for e in with_id), *_shows_with_title(wanted)}
    shows = TVShow.objects.in_bulk(list(show_ids))
    titles = _titles_of(show_ids)
    seasons = _season_of(show_ids, described.episode)
    by_id = {episode.show_id: episode for episode in with_id}
    return [
        _found(shows[pk], titles[pk], wanted, seasons[pk], described, by_id.get(pk)) for pk in sorted(shows)
    ]


def _found(
    show: TVShow, titles: list[str], wanted: set[str], season: list[Episode],
    described: DescribedShow, with_id: Episode | None,
) -> Found:
    named = described.episode
    held = [normalise(title) for title in titles] or [normalise(show.title)]
    pairs = [(mine.text, theirs) for mine in held for theirs in wanted]
    return Found(
        show=show,
        similarity=max((1.0 if a == b else min(similarity(a, b) or 0.0, 0.99) for a, b in pairs), default=0.0),
        contains=any(_one_contains_other(mine, theirs) for mine in titles for theirs in described.titles),
        countries=frozenset(mine.country for mine in held if mine.country),
        has_season=bool(season),
        episode=next((e for e in season if named and e.episode_number == named.number), None),
        episode_with_id=with_id,
    )


def _one_contains_other(mine: str, theirs: str) -> bool:
    """Whether one title begins or ends the other, and is a good part of it ("Marvel's Daredevil", "Daredevil").

    A word or two stand in too many titles: The Wire is not Wire in the Blood.
    """
    short, long = sorted((normalise(mine).text, normalise(theirs).text), key=len)
    within = long.startswith(f"{short} ") or long.endswith(f" {short}")
    return within and (similarity(short, long) or 0.0) >= GOOD_PART


def _any_of(ids: Ids) -> Q | None:
    given = [Q(**{f"{source}_id": value}) for source in ("tmdb", "tvdb", "imdb") if (value := getattr(ids, source))]
    return Q(*given, _connector=Q.OR) if given else None


def _shows_with_id(ids: Ids) -> list[int]:
    wanted = _any_of(ids)
    return list(TVShow.objects.filter(wanted).values_list("pk", flat=True)) if wanted else []


def _episodes_with_id(named: DescribedEpisode | None) -> list[Episode]:
    wanted = _any_of(named.ids) if named else None
    return list(Episode.objects.filter(wanted)[:MOST_GATHERED]) if wanted else []


def _shows_with_title(wanted: set[str]) -> list[int]:
    """The same title, a part of it or more than it, or a similar one: closest first."""
    # All with the very title, however many: that there is but one is evidence.
    found = list(ShowTitle.objects.filter(normalised__in=wanted).values_list("show", flat=True))
    parts = {part for title in wanted for part in _parts(title)}
    found.extend(ShowTitle.objects.filter(normalised__in=parts).values_list("show", flat=True)[:MOST_GATHERED])
    for title in wanted:
        found.extend(_similar(title).values_list("show", flat=True)[:MOST_GATHERED])
    return list(dict.fromkeys(found))


def _parts(title: str) -> Iterable[str]:
    """What a title's first or last words are."""
    words = title.split()
    for cut in range(1, len(words)):
        yield from (part for part in (" ".join(words[:cut]), " ".join(words[cut:])) if len(part) >= SHORTEST_CONTAINED)


def _similar(title: str) -> QuerySet[ShowTitle]:
    """Titles like this one. PostgreSQL searches its index by `%`, SQLite compares each."""
    rows = ShowTitle.objects.annotate(similar=TrigramSimilarity("normalised", title)).order_by("-similar", "show")
    if connection.vendor == "postgresql":
        return rows.filter(Q(normalised__trigram_similar=title) | Q(normalised__startswith=f"{title} "))
    return rows.filter(Q(similar__gte=LEAST_SIMILAR) | Q(normalised__startswith=f"{title} "))


def _titles_of(show_ids: set[int]) -> dict[int, list[str]]:
    titles: dict[int, list[str]] = defaultdict(list)
    for show, title in ShowTitle.objects.filter(show__in=show_ids).values_list("show", "title"):
        titles[show].append(title)
    return titles


def _season_of(show_ids: set[int], named: DescribedEpisode | None) -> dict[int, list[Episode]]:
    season: dict[int, list[Episode]] = defaultdict(list)
    if named and named.season is not None:
        for episode in Episode.objects.filter(show__in=show_ids, season_number=named.season):
            season[episode.show_id].append(episode)
    return season

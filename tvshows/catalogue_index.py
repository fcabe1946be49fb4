"""Gathering the shows that may be meant, with what the catalogue knows of them. Reads only; a handful of queries."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from django.db.models import Q

from tvshows.described import DescribedEpisode, DescribedShow, Ids
from tvshows.models import Episode, ShowTitle, TVShow
from tvshows.similarity import similarity
from tvshows.title_search import SHORTEST_CONTAINED, with_title_around, with_title_like
from tvshows.titles import bare, compared, country_of, forms, is_short_for, normalise, searched, spellings

ALIKE = 0.6  # what is less alike is in no other title's way; it is looked for only where nothing else is found
LEAST_SIMILAR = 0.35  # what is less alike would not be listed
MOST_GATHERED = 40
MOST_SEARCHED = 4  # titles for which similar ones are searched; of the others the very same are looked up
NEARLY_THE_SAME = 0.97  # counts as this alike: but for what stands around it, blanks, "and", numerals
MOST_INITIALS = 4  # letters of a last word that may stand for as many words
_WORD = re.compile(r"\w+")
PART = 0.6  # a title that begins or ends the other counts as a little more alike than this


@dataclass(frozen=True, slots=True)
class Found:
    """A show that may be meant. `similarity` is that of its closest title, 1.0 when one is the same."""

    show: TVShow
    similarity: float
    contains: bool = False
    same_article: bool = False  # a title is the same with its article
    other_article: bool = False  # one is, but for its article
    main_title: bool = False  # whether the show's main one is the same, or nearly
    countries: frozenset[str] = frozenset()
    has_season: bool = False
    episode: Episode | None = None  # with the named season and number
    episode_with_id: Episode | None = None


def gather(described: DescribedShow) -> list[Found]:
    """Shows with an id, an episode's id, or a title like the described one's."""
    with_id = _episodes_with_id(described.episode)
    known = {*_shows_with_id(described.ids), *(e.show_id for e in with_id)}
    show_ids = known.union(_shows_with_title(described))
    shows = TVShow.objects.in_bulk(list(show_ids))
    titles = _titles_of(show_ids)
    seasons = _season_of(show_ids, described.episode)
    by_id = {episode.show_id: episode for episode in with_id}
    return [
        _found(shows[pk], titles[pk], seasons[pk], described, by_id.get(pk)) for pk in sorted(shows)
    ]


def _found(
    show: TVShow, titles: list[str], season: list[Episode], described: DescribedShow, with_id: Episode | None,
) -> Found:
    named, named_titles = described.episode, [title for title in described.titles if title]
    held = titles or [show.title]
    own = {pair for mine in held for pair in bare(mine, _first_years(show))}
    said = {pair for theirs in named_titles for pair in bare(theirs, described.years)}
    likeness = [_likeness(mine, theirs, show, described) for mine in held for theirs in named_titles]
    return Found(
        show=show,
        similarity=max((alike for alike, _ in likeness), default=0.0),
        contains=any(part for _, part in likeness),
        same_article=bool(own & said),
        other_article=not own & said and not {text for text, _ in own}.isdisjoint(text for text, _ in said),
        main_title=any(_likeness(show.title, theirs, show, described)[0] >= NEARLY_THE_SAME for theirs in named_titles),
        countries=frozenset(country for mine in held if (country := country_of(mine))),
        has_season=bool(season),
        episode=next((e for e in season if named and e.episode_number == named.number), None),
        episode_with_id=with_id,
    )


def _first_years(show: TVShow) -> frozenset[int]:
    return frozenset({show.year} if show.year else ())


def _likeness(mine: str, theirs: str, show: TVShow, described: DescribedShow) -> tuple[float, bool]:
    """How alike two titles are; whether one is a part of the other."""
    if normalise(mine).text == normalise(theirs).text:
        return 1.0, False
    began, years = _first_years(show), described.years
    if forms(mine, began) & forms(theirs, years) or is_short_for(mine, theirs) or is_short_for(theirs, mine):
        return NEARLY_THE_SAME, False
    pairs = list(product(compared(mine, began), compared(theirs, years)))
    alike = min(max(similarity(one, other) or 0.0 for one, other in pairs), 0.95)
    if not any(_is_part(one, other) for one, other in pairs):
        return alike, False
    return max(alike, PART + alike / 10), True


def _is_part(one: str, other: str) -> bool:
    """Whether one title begins or ends the other ("Marvel's Daredevil", "Daredevil")."""
    short, long = sorted((one, other), key=len)
    within = long.startswith(f"{short} ") or long.endswith(f" {short}")
    return within and len(short) >= SHORTEST_CONTAINED


def _any_of(ids: Ids) -> Q | None:
    given = [Q(**{f"{source}_id": value}) for source in ("tmdb", "tvdb", "imdb") if (value := getattr(ids, source))]
    return Q(*given, _connector=Q.OR) if given else None


def _shows_with_id(ids: Ids) -> list[int]:
    wanted = _any_of(ids)
    return list(TVShow.objects.filter(wanted).values_list("pk", flat=True)) if wanted else []


def _episodes_with_id(named: DescribedEpisode | None) -> list[Episode]:
    wanted = _any_of(named.ids) if named else None
    return list(Episode.objects.filter(wanted)[:MOST_GATHERED]) if wanted else []


def _shows_with_title(described: DescribedShow) -> list[int]:
    """The same title, a part of it or more than it, or a similar one."""
    # All with the very title, however many: that there is but one is evidence.
    titles, years = [title for title in described.titles if title], described.years
    wanted = {text for title in titles[:MOST_SEARCHED] for text in searched(title, years)}
    parts = {part for text in wanted for part in _parts(text)}
    written = {spelling for title in titles for spelling in spellings(title, years)}
    held = ShowTitle.objects.filter(normalised__in=parts | written).values_list("show", "normalised")
    found = [show for show, _ in held]
    alike = any(text in written for _, text in held)
    capitals = _capitals(titles[:MOST_SEARCHED])
    for text in wanted:
        for around in (text, *_before_initials(text, capitals)):
            found.extend(with_title_around(around, years))
        close = with_title_like(text, least=ALIKE)
        alike = alike or bool(close)
        found.extend(close)
    for text in wanted if not alike else ():
        found.extend(with_title_like(text, least=LEAST_SIMILAR))
    return list(dict.fromkeys(found))


def _parts(title: str) -> Iterable[str]:
    """What a title's first or last words are."""
    words = title.split()
    for cut in range(1, len(words)):
        yield from (part for part in (" ".join(words[:cut]), " ".join(words[cut:])) if len(part) >= SHORTEST_CONTAINED)


def _capitals(titles: Iterable[str]) -> set[str]:
    """The words in capitals; a search for what each may stand for costs as much as one for the title."""
    words = (word for title in titles for word in _WORD.findall(title))
    return {word.casefold() for word in words if word.isupper() and 1 < len(word) <= MOST_INITIALS}


def _before_initials(title: str, capitals: set[str]) -> list[str]:
    """The title without its last word, where that may be the initials of what others write out."""
    rest, _, last = title.rpartition(" ")
    return [rest] if rest and last in capitals else []


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

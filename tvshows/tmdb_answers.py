"""The only place that reads TMDB's answers: typed values out, whatever is in them. Every field is optional.

Fields as in https://developer.themoviedb.org/reference: tv-series-details, tv-season-details, find-by-id, search-tv.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from tvshows.described import Ids, NewEpisode, NewShow
from tvshows.models import TVShow

LARGEST = 2**31 - 1
LENGTH = 255  # of titles and addresses in our tables
EARLIEST_YEAR = 1800  # nothing aired before
MOST_TITLES = 200
MOST_RUNTIME = 60 * 24  # minutes
_LONGEST_OVERVIEW = 10_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_AIRING = {
    "returning series": TVShow.Airing.RETURNING,
    "planned": TVShow.Airing.PLANNED,
    "in production": TVShow.Airing.PLANNED,
    "pilot": TVShow.Airing.PLANNED,
    "ended": TVShow.Airing.ENDED,
    "canceled": TVShow.Airing.CANCELED,
    "cancelled": TVShow.Airing.CANCELED,
}


@dataclass(frozen=True, slots=True)
class FoundShow:
    """A show that an id of another catalogue leads to; of an episode's id also which of its episodes."""

    tmdb_id: int
    season: int | None = None
    number: int | None = None
    episode_id: int | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A show in the answer to a search. `poster` is a path below TMDB's image address."""

    tmdb_id: int
    title: str
    original_title: str = ""
    first_aired: date | None = None
    overview: str = ""
    poster: str = ""


def found_shows(data: object) -> tuple[FoundShow, ...]:
    """Shows in an answer of /find. Ids of shows, seasons and episodes overlap: only `tv_results` are shows."""
    ids = (whole(item.get("id")) for item in objects(fields(data).get("tv_results")))
    return tuple(FoundShow(tmdb_id) for tmdb_id in ids if tmdb_id)


def found_episodes(data: object) -> tuple[FoundShow, ...]:
    """The shows of the episodes in an answer of /find, which are in `tv_episode_results` only."""
    return tuple(
        FoundShow(show, whole(item.get("season_number")), whole(item.get("episode_number")), whole(item.get("id")))
        for item in objects(fields(data).get("tv_episode_results")) if (show := whole(item.get("show_id")))
    )


def search_hits(data: object) -> tuple[SearchHit, ...]:
    """The shows in an answer of /search/tv, at most 20; those without id or title are left out."""
    hits = (_hit(item) for item in objects(fields(data).get("results"))[:20])
    return tuple(hit for hit in hits if hit.tmdb_id and hit.title)


def _hit(item: dict[str, Any]) -> SearchHit:
    return SearchHit(
        tmdb_id=whole(item.get("id")) or 0, title=text(item.get("name")) or text(item.get("original_name")),
        original_title=text(item.get("original_name")), first_aired=day(item.get("first_air_date")),
        overview=text(item.get("overview"), _LONGEST_OVERVIEW), poster=_path(item.get("poster_path")),
    )


def titles_of(data: object) -> tuple[str, ...]:
    """All titles in an answer of /tv/{id} with `alternative_titles`, the main one first, each once."""
    show = fields(data)
    others = (item.get("title") for item in objects(fields(show.get("alternative_titles")).get("results")))
    titles = (text(title) for title in (show.get("name"), show.get("original_name"), *others))
    return tuple(dict.fromkeys(title for title in titles if title))[:MOST_TITLES]


def seasons_of(data: object) -> frozenset[int]:
    """The numbers of all seasons that a show has, by its list of them; some shows number them by years."""
    show = fields(data)
    listed = {whole(item.get("season_number")) for item in objects(show.get("seasons"))}
    counted = range(1, min(whole(show.get("number_of_seasons")) or 0, 200) + 1) if not listed else ()
    return frozenset(number for number in (*listed, *counted) if number is not None)


def episodes_of(data: object, seasons: Iterable[int]) -> dict[tuple[int, int], NewEpisode]:
    """The episodes in the appended `season/N`, by season and number. A season that is not there is left out."""
    answer = fields(data)
    return {
        (season, episode.number): episode for season in seasons
        for episode in _episodes(season, fields(answer.get(f"season/{season}")).get("episodes"))
    }


def _episodes(season: int, items: object) -> Iterator[NewEpisode]:
    for item in objects(items):
        if (number := whole(item.get("episode_number"))) is not None:
            yield NewEpisode(
                season=season, number=number, title=text(item.get("name")), air_date=day(item.get("air_date")),
                runtime=whole(item.get("runtime"), MOST_RUNTIME) or None, ids=Ids(tmdb=whole(item.get("id")) or None),
            )


def new_show(tmdb_id: int, data: object, episodes: Iterable[NewEpisode]) -> NewShow | None:
    """A show with `external_ids` and `alternative_titles` appended; None where it has no title."""
    show = fields(data)
    titles, ids = titles_of(show), fields(show.get("external_ids"))
    if not titles:
        return None
    imdb = text(ids.get("imdb_id"))
    networks = (text(item.get("name"), 100) for item in objects(show.get("networks")))
    return NewShow(
        title=titles[0], first_aired=day(show.get("first_air_date")), original_title=text(show.get("original_name")),
        tmdb_id=tmdb_id, tvdb_id=whole(ids.get("tvdb_id")) or None, imdb_id=imdb if is_imdb_id(imdb) else "",
        overview=text(show.get("overview"), _LONGEST_OVERVIEW), poster=_path(show.get("poster_path")),
        network=next(filter(None, networks), ""), airing=_AIRING.get(text(show.get("status")).lower(), ""),
        other_titles=titles[1:], episodes=tuple(episodes),
    )


def is_imdb_id(value: str) -> bool:
    """Whether it is tt and digits."""
    return bool(re.fullmatch(r"tt[0-9]{5,12}", value))


def fields(value: object) -> dict[str, Any]:
    """The object, or an empty one when it is something else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list; nothing when it is something else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object, length: int = LENGTH) -> str:
    """Text that both databases store, cut to its column; anything else is nothing."""
    if not isinstance(value, str):
        return ""
    return _SURROGATE.sub("\ufffd", value.replace("\0", "\u2400")).strip()[:length]


def whole(value: object, largest: int = LARGEST) -> int | None:
    """A whole number from 0 to `largest`; anything else is nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest else None


def day(value: object) -> date | None:
    """A date from ISO text ("2021-09-30"), or nothing."""
    try:
        found = date.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.year > EARLIEST_YEAR else None


def _path(value: object) -> str:
    """A path below TMDB's image address, or nothing."""
    path = text(value, LENGTH + 1)
    return path if re.fullmatch(rf"/[\w.-]{{1,{LENGTH - 1}}}", path) else ""

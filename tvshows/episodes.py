"""Which episode of a show is meant."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from tvshows import rows
from tvshows.described import DescribedEpisode, Ids
from tvshows.models import Episode
from tvshows.similarity import similarity
from tvshows.titles import normalise

SAME_DAY = timedelta(days=1)  # time zones and midnight premieres
TOO_FAR = timedelta(days=7)  # beyond this an air date contradicts a number
SAME_TITLE = 0.75

# Plain SQL because each event asks it; what is not known is NULL and equals nothing.
_CANDIDATES = """
SELECT episode.*, tvshow.tmdb_id AS show_tmdb, tvshow.tvdb_id AS show_tvdb, tvshow.imdb_id AS show_imdb
FROM tvshow_episodes AS episode JOIN tvshows AS tvshow ON tvshow.id = episode.show_id
WHERE episode.show_id = %(show)s AND (
    (episode.season_number = %(season)s AND episode.episode_number = %(number)s)
    OR episode.tmdb_id = %(tmdb)s OR episode.tvdb_id = %(tvdb)s OR episode.imdb_id = %(imdb)s
)
ORDER BY episode.season_number, episode.episode_number
"""


@dataclass(frozen=True, slots=True)
class EpisodeFound:
    """The episode, or none, and why. `certain` is what may be marked without asking anybody anything more."""

    episode: Episode | None
    why: str


def ids_agree(episode: Episode, ids: Ids) -> bool | None:
    """True when an id is equal, False when those that can be compared differ, None when none can be."""
    pairs = ((episode.tmdb_id, ids.tmdb), (episode.tvdb_id, ids.tvdb), (episode.imdb_id, ids.imdb))
    compared = [mine == theirs for mine, theirs in pairs if mine and theirs]
    return any(compared) if compared else None


def dates_agree(mine: date | None, theirs: date | None) -> bool | None:
    """Whether two air dates are within a day of each other; None when one is unknown."""
    return abs(mine - theirs) <= SAME_DAY if mine and theirs else None


def titles_agree(mine: str, theirs: str) -> bool | None:
    """Whether two episode titles are the same or nearly so; None when one is missing."""
    if not mine or not theirs:
        return None
    if _numbers(mine) and _numbers(theirs) and _numbers(mine) != _numbers(theirs):
        return False  # Part 1 and Part 2, Christmas 2018 and Christmas 2019
    one, other = normalise(mine).text, normalise(theirs).text
    return one == other or (similarity(one, other) or 0.0) >= SAME_TITLE


def _numbers(title: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]{1,9}", title)]


def _number_fits(episode: Episode, named: DescribedEpisode) -> bool:
    """Whether nothing speaks against the season and number. Specials are never found by number alone."""
    if (episode.season_number, episode.episode_number) != (named.season, named.number):
        return False
    if _is_far(episode, named):
        return False
    agreed = {dates_agree(episode.air_date, named.air_date), titles_agree(episode.title, named.title)}
    if episode.season_number == 0 or ids_agree(episode, named.ids) is False:
        return True in agreed
    return True


def _is_far(episode: Episode, named: DescribedEpisode) -> bool:
    """Whether the air dates are more than a week apart."""
    both = episode.air_date and named.air_date
    return bool(both) and abs(episode.air_date - named.air_date) > TOO_FAR  # type: ignore[operator]


def _candidates(show_id: int, named: DescribedEpisode) -> Sequence[Episode]:
    """The show's episodes with the season and number, or with one of the ids; each with the ids of the show."""
    return rows.read(Episode, _CANDIDATES, {
        "show": show_id, "season": named.season, "number": named.number,
        "tmdb": named.ids.tmdb or None, "tvdb": named.ids.tvdb or None, "imdb": named.ids.imdb or None,
    })


def _without_ids_of_show(named: DescribedEpisode, candidates: Sequence[Episode]) -> DescribedEpisode:
    """The description without its ids where they are the show's: some senders write those in their place."""
    if not candidates:
        return named
    show, ids = vars(candidates[0]), named.ids
    pairs = ((show["show_tmdb"], ids.tmdb), (show["show_tvdb"], ids.tvdb), (show["show_imdb"], ids.imdb))
    return replace(named, ids=Ids()) if any(mine and mine == theirs for mine, theirs in pairs) else named


def find_episode(show_id: int, named: DescribedEpisode) -> EpisodeFound:
    """By an id; else by season and number; nothing where the number is contradicted. One query."""
    candidates = _candidates(show_id, named)
    return choose(candidates, _without_ids_of_show(named, candidates))


def choose(candidates: Sequence[Episode], named: DescribedEpisode) -> EpisodeFound:
    """Which of these is meant, that have the number or an id; whose ids are not those of the show. No query."""
    for episode in candidates:
        if ids_agree(episode, named.ids):
            return EpisodeFound(episode, "its id is the same")
    for episode in candidates:
        if _number_fits(episode, named):
            return EpisodeFound(episode, "its season and number are the same")
    return EpisodeFound(None, "what has this number is another episode" if candidates else "no episode has this number")


def search_episode(show_id: int, named: DescribedEpisode) -> EpisodeFound:
    """Like `find_episode`, and failing that the one episode whose date and title both agree. Reads the whole show.

    Catalogues order episodes differently, and may number seasons by year; specials have a number of their own in each.
    """
    candidates = _candidates(show_id, named)
    named = _without_ids_of_show(named, candidates)
    if (found := choose(candidates, named)).episode:
        return found
    return search_others(candidates, Episode.objects.filter(show=show_id), named)


def search_others(candidates: Sequence[Episode], others: Iterable[Episode], named: DescribedEpisode) -> EpisodeFound:
    """The one of the show's `others` whose date and title both agree, where none of the candidates is meant. Of the
    others only those with about that date matter, and specials.
    """
    fits = [one for one in others if _date_fits(one, named) and titles_agree(one.title, named.title)]
    if len(fits) == 1:
        return EpisodeFound(fits[0], "its date and title are the same")
    if not fits and (numbered := _numbered_with_another_date(candidates, named)):
        return EpisodeFound(numbered, "its season and number are the same, its date is not")
    why = f"{len(fits)} episodes have its date and title" if fits else choose(candidates, named).why
    return EpisodeFound(None, why)


def _numbered_with_another_date(candidates: Sequence[Episode], named: DescribedEpisode) -> Episode | None:
    """What has the number, where only its date speaks against it: catalogues err in dates, and no other one fits."""
    for episode in candidates:
        same_number = (episode.season_number, episode.episode_number) == (named.season, named.number)
        regular = same_number and episode.season_number != 0 and ids_agree(episode, named.ids) is not False
        if regular and _is_far(episode, named) and titles_agree(episode.title, named.title) is not False:
            return episode
    return None


def _date_fits(episode: Episode, named: DescribedEpisode) -> bool:
    """The date agrees; of a special the title is enough where no date contradicts it."""
    agree = dates_agree(episode.air_date, named.air_date)
    return bool(agree) or (agree is None and named.season == 0 and episode.season_number == 0)

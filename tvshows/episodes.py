"""Which episode of a show is meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q

from tvshows.described import DescribedEpisode, Ids
from tvshows.models import Episode
from tvshows.similarity import similarity
from tvshows.titles import normalise

SAME_DAY = timedelta(days=1)  # time zones and midnight premieres
TOO_FAR = timedelta(days=7)  # beyond this an air date contradicts a number
SAME_TITLE = 0.75


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
    return (similarity(normalise(mine).text, normalise(theirs).text) or 0.0) >= SAME_TITLE


def _number_fits(episode: Episode, named: DescribedEpisode) -> bool:
    """Whether nothing speaks against the season and number. Specials are never found by number alone."""
    if (episode.season_number, episode.episode_number) != (named.season, named.number):
        return False
    agreed = {dates_agree(episode.air_date, named.air_date), titles_agree(episode.title, named.title)}
    if episode.season_number == 0 or ids_agree(episode, named.ids) is False:
        return True in agreed
    far = episode.air_date and named.air_date and abs(episode.air_date - named.air_date) > TOO_FAR
    return not far


def _candidates(show_id: int, named: DescribedEpisode) -> Sequence[Episode]:
    wanted = Q(season_number=named.season, episode_number=named.number)
    for column, value in (("tmdb_id", named.ids.tmdb), ("tvdb_id", named.ids.tvdb), ("imdb_id", named.ids.imdb)):
        if value:
            wanted |= Q(**{column: value})
    return list(Episode.objects.filter(wanted, show=show_id))


def find_episode(show_id: int, named: DescribedEpisode) -> EpisodeFound:
    """By an id; else by season and number; nothing where the number is contradicted. One query."""
    candidates = _candidates(show_id, named)
    for episode in candidates:
        if ids_agree(episode, named.ids):
            return EpisodeFound(episode, "its id is the same")
    for episode in candidates:
        if _number_fits(episode, named):
            return EpisodeFound(episode, "its season and number are the same")
    return EpisodeFound(None, "no episode has this number" if not candidates else "what has this number is another episode")


def search_episode(show_id: int, named: DescribedEpisode) -> EpisodeFound:
    """Like `find_episode`, and failing that the one episode whose date and title both agree. Reads the whole show.

    Catalogues order episodes differently, and may number seasons by year; specials have a number of their own in each.
    """
    found = find_episode(show_id, named)
    if found.episode:
        return found
    fits = [
        episode
        for episode in Episode.objects.filter(show=show_id)
        if titles_agree(episode.title, named.title) and _date_fits(episode, named)
    ]
    if len(fits) == 1:
        return EpisodeFound(fits[0], "its date and title are the same")
    return EpisodeFound(None, f"{len(fits)} episodes have its date and title" if fits else found.why)


def _date_fits(episode: Episode, named: DescribedEpisode) -> bool:
    """The date agrees; of a special the title is enough where no date contradicts it."""
    agree = dates_agree(episode.air_date, named.air_date)
    return bool(agree) or (agree is None and named.season == 0 and episode.season_number == 0)

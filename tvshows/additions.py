"""Adding a show for a person: what TMDB has under a title, and what they describe by hand.

A show that is in the catalogue already is found, not doubled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tvshows import catalogue, tmdb
from tvshows.described import NewEpisode, NewShow
from tvshows.exceptions import ContestedIds, ServiceError
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow
from tvshows.titles import normalise
from tvshows.tmdb import SearchHit

NO_KEY = (
    "No TMDB key is set, so titles cannot be looked up. A free key in TMDB_API_KEY brings posters, episodes and "
    "air dates."
)
_GONE = "TMDB does not have this show any more."
_NOT_OF_TMDB = "This show has no TMDB id, so there is nowhere to fetch from. Add the id, or the episodes by hand."


class NotAdded(Exception):  # noqa: N818  (what it is)
    """A show was not added or brought up to date; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A show of TMDB, and the one of the catalogue that it is, or that it may be by title and year."""

    found: SearchHit
    held: TVShow | None
    is_certain: bool

    @property
    def year(self) -> int | None:
        """The year in which it began."""
        return self.found.first_aired.year if self.found.first_aired else None


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found, or a sentence that says why TMDB could not be asked."""

    hits: tuple[Hit, ...] = ()
    problem: str = ""


def search(text: str) -> Search:
    """Shows of TMDB with this title; a year behind it, "(2021)", narrows it."""
    service, title = tmdb.client(), normalise(text)
    if service is None:
        return Search(problem=NO_KEY)
    try:
        found = service.search(_without_year(text) if title.year else text, year=title.year)
    except ServiceError as problem:
        return Search(problem=str(problem))
    return Search(_hits(found))


def _without_year(text: str) -> str:
    return text[: max(text.rfind("("), text.rfind("["))].strip() or text


def _hits(found: Sequence[SearchHit]) -> tuple[Hit, ...]:
    by_id = {show.tmdb_id: show for show in TVShow.objects.filter(tmdb_id__in=[hit.tmdb_id for hit in found])}
    names = {normalise(hit.title).text for hit in found}
    titles = ShowTitle.objects.filter(normalised__in=names, show__tmdb_id=None).select_related("show")
    alike = {(row.normalised, row.show.year): row.show for row in titles}
    return tuple(
        Hit(hit, by_id.get(hit.tmdb_id) or alike.get((normalise(hit.title).text, _year(hit))), hit.tmdb_id in by_id)
        for hit in found
    )


def _year(hit: SearchHit) -> int | None:
    return hit.first_aired.year if hit.first_aired else None


def add_from_tmdb(tmdb_id: int, *, now: datetime) -> TVShow:
    """The show of this TMDB id, with all its episodes; the one that is here already, where there is one.

    Raises NotAdded.
    """
    if held := TVShow.objects.filter(tmdb_id=tmdb_id).first():
        return held
    new = _described(tmdb_id)
    try:
        if held := catalogue.find_by_ids(new):
            catalogue.refresh_show(held.pk, new, now=now)
            return held
        return catalogue.add_show(new, now=now)
    except ContestedIds as problem:
        raise NotAdded(str(problem)) from None
    except ValidationError as problem:
        raise NotAdded(" ".join(problem.messages)) from None
    except IntegrityError:  # somebody else added it meanwhile
        return TVShow.objects.get(tmdb_id=tmdb_id)


def _described(tmdb_id: int) -> NewShow:
    service = tmdb.client()
    if service is None:
        raise NotAdded(NO_KEY)
    try:
        new = service.show(tmdb_id)
    except ServiceError as problem:
        raise NotAdded(str(problem)) from None
    if new is None:
        raise NotAdded(_GONE)
    return new


def refresh(show: TVShow, *, now: datetime) -> int:
    """Fetch what TMDB knows more of a show by now. Says how many episodes are new. Raises NotAdded."""
    if not show.tmdb_id:
        raise NotAdded(_NOT_OF_TMDB)
    return catalogue.refresh_show(show.pk, _described(show.tmdb_id), now=now)


def namesake(title: str, year: int | None) -> TVShow | None:
    """A show of the catalogue with this title and year: very likely the same one."""
    titles = ShowTitle.objects.filter(normalised=normalise(title).text)
    if year:
        titles = titles.filter(show__show_start_date__year=year)
    found = titles.select_related("show").order_by("show").first()
    return found.show if found else None


def add_by_hand(title: str, *, year: int | None, seasons: Sequence[int], now: datetime) -> TVShow:
    """A show that a person describes; `seasons` are the numbers of their episodes, from the first on."""
    episodes = tuple(
        NewEpisode(season, number) for season, count in enumerate(seasons, 1) for number in range(1, count + 1)
    )
    first = date(year, 1, 1) if year else None
    return catalogue.add_show(NewShow(title=title, first_aired=first, episodes=episodes), now=now)


@transaction.atomic
def add_episode(show: TVShow, new: NewEpisode, *, now: datetime) -> Episode:
    """An episode that a person describes. Who had seen all of the show has not any more. Raises NotAdded."""
    if Episode.objects.filter(show=show, season_number=new.season, episode_number=new.number).exists():
        raise NotAdded(f"{show.title} has an S{new.season:02}E{new.number:02} already.")
    try:
        episode = catalogue.add_episode(show.pk, new)
    except ValidationError as problem:
        raise NotAdded(" ".join(problem.messages)) from None
    followed = TrackedShow.objects.filter(show=show)
    if new.season:
        followed.filter(status=TrackedShow.Status.COMPLETED).update(status=TrackedShow.Status.WATCHING)
    followed.recount(now)
    return episode

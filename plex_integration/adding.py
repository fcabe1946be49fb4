"""Adding a show that nobody here has yet, by itself: from TMDB, else from what the Plex server has of it."""

import logging
import time
from dataclasses import replace
from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from plex_integration import identification
from plex_integration.client import ServerEpisode, ServerShow
from plex_integration.exceptions import PlexIntegrationError, TransientError
from plex_integration.identification import Identified
from plex_integration.models import PlexConfig
from plex_integration.payloads import PlexEvent
from tvshows import catalogue, tmdb
from tvshows.described import Ids, NewEpisode, NewShow
from tvshows.episodes import search_episode
from tvshows.exceptions import ServiceDown, ServiceError, ServiceRefused
from tvshows.matching import CONTRARY_CAP, Match
from tvshows.models import TVShow

logger = logging.getLogger(__name__)
MOST_SECONDS = 8  # after which a sweep begins no further request: its task may take a minute in all
MOST_AT_ONCE = 20  # shows that one sweep refreshes: half of what TMDB is asked in ten seconds


def may_add(config: PlexConfig, matched: Match, known: Identified) -> bool:
    """Whether the show is certainly a new one: something says which it is, and nothing here may be it already."""
    named = bool(known.described.ids) or _is_known_to_plex(known.on_server)
    alike = any(candidate.score > CONTRARY_CAP for candidate in matched.candidates)
    return config.auto_add_shows and matched.chosen is None and named and not alike and not known.contested


def _is_known_to_plex(found: ServerShow | None) -> bool:
    return bool(found and found.guid and found.guid.is_global)


def describe_new(event: PlexEvent, config: PlexConfig, known: Identified) -> NewShow | None:
    """The show with all its episodes, or nothing where no service knows it. Raises ServiceDown.

    Where TMDB does not answer or is over its budget, what Plex has is enough for now; TMDB's follows with a refresh.
    """
    problem = None
    try:
        if new := from_tmdb(known.described.ids):
            return new
    except ServiceRefused as refused:
        logger.warning("TMDB was asked for a show in vain: %s", refused)
    except ServiceDown as down:
        problem = down
    new = from_server(event, config, known)
    if new is None and problem:
        raise problem
    return new


def from_tmdb(ids: Ids) -> NewShow | None:
    """TMDB's description of a show, with the ids that are known otherwise; nothing where it has none or has no key."""
    service = tmdb.client()
    found = service.show(ids.tmdb) if service and ids.tmdb else None
    if found is None:
        return None
    return replace(
        found, source=TVShow.Source.PLEX, tvdb_id=found.tvdb_id or ids.tvdb, imdb_id=found.imdb_id or ids.imdb,
    )


def from_server(event: PlexEvent, config: PlexConfig, known: Identified) -> NewShow | None:
    """The Plex server's description; nothing where it is not connected or does not know the show."""
    found = known.on_server
    try:
        server = identification.server_for(event, config)
    except PlexIntegrationError as problem:  # such as a token that no key opens
        logger.warning("The Plex server was not asked: %s", problem)
        return None
    if server is None or found is None or not found.title:
        return None
    with identification.asking(config):
        episodes = server.episodes(found.rating_key)
    ids = known.described.ids
    return NewShow(
        title=found.title, original_title=found.original_title, first_aired=_began(found), tmdb_id=ids.tmdb,
        tvdb_id=ids.tvdb, imdb_id=ids.imdb, overview=found.overview, network=found.network[:100],
        source=TVShow.Source.PLEX, episodes=_episodes(episodes),
    )


def _began(found: ServerShow) -> date | None:
    """The day; where only the year is known its first, as for a show that a person makes."""
    return found.first_aired or (date(found.year, 1, 1) if found.year else None)


def _episodes(found: tuple[ServerEpisode, ...]) -> tuple[NewEpisode, ...]:
    """Once each: a library may have an episode in two qualities."""
    numbered = {
        (one.season, one.number): NewEpisode(one.season, one.number, one.title, one.air_date, one.runtime, one.ids)
        for one in reversed(found) if one.season is not None and one.number is not None
    }
    return tuple(numbered[number] for number in sorted(numbered))


def add(new: NewShow, *, now: datetime) -> TVShow:
    """Add a show to the catalogue, in a transaction. Raises TransientError where it cannot be added now."""
    try:
        with transaction.atomic():
            show = catalogue.add_show(new, now=now)
    except IntegrityError:
        raise TransientError("Another event is adding this show.", retry_after=timedelta(seconds=2)) from None
    if new.tmdb_id and not new.poster:  # it is not TMDB's own description, which follows
        TVShow.objects.filter(pk=show.pk).update(refreshed_at=None)
    return show


def refresh(show: TVShow, *, now: datetime) -> bool:
    """Fetch from TMDB what a show lacks. Says whether TMDB has it. Raises ServiceDown, ServiceRefused."""
    new = from_tmdb(Ids(show.tmdb_id, show.tvdb_id, show.imdb_id or ""))
    if new:
        catalogue.refresh_show(show.pk, new, now=now)
    return new is not None


def fetch_missing(show: TVShow, event: PlexEvent, config: PlexConfig, *, now: datetime) -> bool:
    """Fetch a show's episodes again for want of the one that an event names: from TMDB, else from the Plex server.

    Says whether anybody could be asked. Raises ServiceDown where nobody answers who might have it.
    """
    problem, asked = None, False
    try:
        asked = refresh(show, now=now)
        if asked and search_episode(show.pk, identification.described_episode(event)).episode:
            return True
    except ServiceRefused as refused:
        logger.warning("TMDB was asked for %s in vain: %s", show, refused)
    except ServiceDown as down:
        problem = down
    known = identification.ask_server(event, config)
    new = from_server(event, config, known)
    if new:
        catalogue.refresh_show(show.pk, new, now=now)
    elif problem or known.down:
        raise problem or known.down[0]
    return asked or new is not None


def refresh_pending(*, now: datetime) -> int:
    """Fetch what TMDB has of shows that were added without it, or with no more than the episodes that waited.

    Some at a time; the next sweep goes on. Says how many were fetched.
    """
    pending = TVShow.objects.filter(refreshed_at__isnull=True, tmdb_id__isnull=False).order_by("pk")[:MOST_AT_ONCE]
    if tmdb.client() is None:
        return 0
    done, started = 0, time.monotonic()
    for show in pending:
        if time.monotonic() - started > MOST_SECONDS:
            break
        try:
            done += refresh(show, now=now)
        except ServiceError as problem:
            logger.info("%s is refreshed later: %s", show, problem)
            continue
        except (ValidationError, IntegrityError):
            logger.exception("%s cannot be refreshed", show)
        # What TMDB does not know is not asked for every minute.
        TVShow.objects.filter(pk=show.pk, refreshed_at__isnull=True).update(refreshed_at=now)
    return done

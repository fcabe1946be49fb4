"""What is known of the show that an event is about: evidence, gathered source by source.

Each step adds to what those before it found. The payload is the first; then the Plex server is asked for the show, and
TMDB turns other catalogues' ids into its own. A service that is down is noted and its other steps are left out, so that
what the rest says may still be enough.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal

from django.utils import timezone

from plex_integration.client import PlexServer, ServerShow
from plex_integration.connecting import server_of
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig
from plex_integration.payloads import PlexEvent, PlexShow
from tvshows import tmdb
from tvshows.described import DescribedEpisode, DescribedShow, Ids
from tvshows.exceptions import ServiceDown, ServiceRefused
from tvshows.matching import Match, Method, match
from tvshows.services import guarded
from tvshows.titles import normalise

PLEX, TMDB = "Plex", "TMDB"
CONVERTED = 0.95  # how sure a show is by an id of TVDB or IMDb, also where TMDB turned it into its own


@dataclass(frozen=True, slots=True)
class Identified:
    """What is known of an event's show. `said` tells a person what each service added; `down` are those that did not
    answer. `converted_from` is the catalogue whose id TMDB turned into its own.
    """

    described: DescribedShow = DescribedShow()  # noqa: RUF009  (frozen)
    said: tuple[str, ...] = ()
    down: tuple[ServiceDown, ...] = ()
    on_server: ServerShow | None = None
    converted_from: Method | None = None

    def adding(self, sentence: str) -> "Identified":
        """The same with one more sentence for a person."""
        return replace(self, said=(*self.said, sentence))


Step = Callable[[PlexEvent, PlexConfig, Identified], Identified]


def described_episode(event: PlexEvent) -> DescribedEpisode:
    """The episode that an event names; without ids where they are the show's, as Tautulli writes them."""
    ids, show = event.ids, event.show.ids
    pairs = ((ids.tmdb, show.tmdb), (ids.tvdb, show.tvdb), (ids.imdb, show.imdb))
    are_the_shows = any(mine and mine == theirs for mine, theirs in pairs)
    named = Ids() if are_the_shows else ids
    return DescribedEpisode(event.season, event.number, event.title, event.air_date, event.year, named)


def from_payload(event: PlexEvent) -> DescribedShow:
    """What the event says itself. An episode's year only says that the show is not younger."""
    show, title = event.show, normalise(event.show.title)
    years = {year for year in (show.year, title.year, show.slug_year) if year}
    return DescribedShow(
        titles=(show.title,) if show.title else (), years=frozenset(years), country=title.country, ids=show.ids,
        episode=described_episode(event) if event.kind == "episode" else None,
    )


def identify(event: PlexEvent, config: PlexConfig) -> Identified:
    """All that can be learned of an event's show. Asks over the network; never raises for a service."""
    known, down = Identified(from_payload(event)), set()
    for service, step in STEPS:
        if service in down:
            continue
        try:
            known = step(event, config, known)
        except ServiceDown as problem:
            down.add(service)
            known = replace(known, down=(*known.down, problem))
        except (ServiceRefused, PlexIntegrationError) as problem:
            down.add(service)
            known = known.adding(str(problem))
    return known


def asks_services(config: PlexConfig) -> bool:
    """Whether anybody is connected who could be asked."""
    return bool(config.plex_token) or tmdb.client() is not None


def server_for(event: PlexEvent, config: PlexConfig) -> PlexServer | None:
    """The connected server, where the event came from it: a rating key means nothing on another one."""
    return server_of(config) if event.server and event.server == config.plex_server_uuid else None


def asking(config: PlexConfig) -> AbstractContextManager[None]:
    """Around requests to the server: while it is known not to answer, ServiceDown comes at once."""
    return guarded(breaker_name(config), now=timezone.now())


def breaker_name(config: PlexConfig) -> str:
    """The name under which it is remembered whether the server answers, and by which it is told."""
    return f"Plex server {config.plex_server_name or config.pk}"[:64]


def _from_server(event: PlexEvent, config: PlexConfig, known: Identified) -> Identified:
    """The show's own ids, year and titles, which the payload of an episode does not have."""
    server = server_for(event, config)
    if server is None or not (event.show.rating_key or event.rating_key):
        return known
    with asking(config):
        found = (
            server.show(event.show.rating_key) if event.show.rating_key else server.show_of_episode(event.rating_key)
        )
    if found is None:
        return known.adding("The Plex server does not know this show any more.")
    if not _is_same(event.show, found):
        return known.adding(f"The Plex server has another show under this key by now: {found.title}.")
    return replace(known, described=_with_server(known.described, found), on_server=found).adding(_in_words(found))


def _is_same(named: PlexShow, found: ServerShow) -> bool:
    """Whether the server's item is still what the event named: a rebuilt library gives its keys to other shows."""
    if named.guid and found.guid and named.guid.is_global and named.guid.agent == found.guid.agent:
        return named.guid.text == found.guid.text
    return not named.title or named.has_title(found.title)


def _with_server(known: DescribedShow, found: ServerShow) -> DescribedShow:
    titles = (title for title in (found.title, found.original_title) if title and title not in known.titles)
    years = known.years | ({found.year} if found.year else set())
    return replace(known, titles=(*known.titles, *titles), years=years, ids=_joined(known.ids, found.ids))


def _joined(mine: Ids, theirs: Ids) -> Ids:
    """The first's ids, and the second's where they name no other: of two that differ neither can be believed."""
    differ = any(one and other and one != other for one, other in (
        (mine.tmdb, theirs.tmdb), (mine.tvdb, theirs.tvdb), (mine.imdb, theirs.imdb),
    ))
    if differ:
        return mine
    return Ids(mine.tmdb or theirs.tmdb, mine.tvdb or theirs.tvdb, mine.imdb or theirs.imdb)


def _in_words(found: ServerShow) -> str:
    ids = (("TMDB", found.ids.tmdb), ("TVDB", found.ids.tvdb), ("IMDb", found.ids.imdb))
    named = ", ".join(f"{name} {value}" for name, value in ids if value) or "no ids"
    year = f" ({found.year})" if found.year else ""
    return f"The Plex server says: {found.title}{year}, {named}."


def _converted(event: PlexEvent, config: PlexConfig, known: Identified) -> Identified:
    """TMDB's id of the show, from the one that TVDB or IMDb has for it."""
    del event, config
    service, ids = tmdb.client(), known.described.ids
    if service is None or ids.tmdb:
        return known
    others: tuple[tuple[Literal["tvdb", "imdb"], int | str | None, Method], ...] = (
        ("tvdb", ids.tvdb, "tvdb_id"), ("imdb", ids.imdb, "imdb_id"),
    )
    for source, value, method in others:
        found = {hit.tmdb_id for hit in service.find(source, value, kind="show")} if value else set()
        if len(found) == 1:
            named = replace(ids, tmdb=found.pop())
            known = replace(known, described=replace(known.described, ids=named), converted_from=method)
            return known.adding(f"TMDB says: {source.upper()} {value} is TMDB {named.tmdb}.")
    return known


def _from_episode_ids(event: PlexEvent, config: PlexConfig, known: Identified) -> Identified:
    """The show to which the episode's own ids belong. Where they name several shows, none counts."""
    del event, config
    service, described = tmdb.client(), known.described
    if service is None or described.ids.tmdb or described.episode is None:
        return known
    ids = described.episode.ids
    asked: tuple[tuple[Literal["tvdb", "imdb"], int | str | None], ...] = (("tvdb", ids.tvdb), ("imdb", ids.imdb))
    hits = [hit for source, value in asked if value for hit in service.find(source, value, kind="episode")]
    shows = {hit.tmdb_id for hit in hits}
    if len(shows) != 1:
        return known.adding("TMDB says: the episode's ids belong to several shows.") if shows else known
    named = replace(described.ids, tmdb=shows.pop())
    known = replace(known, described=replace(described, ids=named))
    return known.adding(f"TMDB says: the episode's ids belong to the show TMDB {named.tmdb}.")


STEPS: tuple[tuple[str, Step], ...] = ((PLEX, _from_server), (TMDB, _converted), (TMDB, _from_episode_ids))


def match_identified(known: Identified) -> Match:
    """The catalogue's shows that it may be. An id that TMDB converted is as sure as the one that it was given."""
    found = match(known.described)
    if not (found.chosen and known.converted_from and found.chosen.method == "tmdb_id"):
        return found
    less = replace(found.chosen, score=CONVERTED, method=known.converted_from)
    return Match(less, tuple(less if one is found.chosen else one for one in found.candidates))

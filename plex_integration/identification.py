"""What is known of the show that an event is about: evidence, gathered source by source.

Each step adds to what those before it found. The payload is the first; then the Plex server is asked for the show, and
TMDB turns other catalogues' ids into its own. A service that is down is noted and its other steps are left out, so that
what the rest says may still be enough.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from django.utils import timezone

from plex_integration.client import UNAUTHORIZED, PlexServer, ServerShow
from plex_integration.connecting import server_of
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.guids import imdb_id
from plex_integration.models import PlexConfig
from plex_integration.payloads import PlexEvent, PlexShow
from plex_integration.untrusted import list_of, number_of, object_of, text_of
from tvshows import tmdb
from tvshows.described import DescribedEpisode, DescribedShow, Ids
from tvshows.exceptions import ServiceDown, ServiceRefused
from tvshows.matching import Match, Method, match
from tvshows.services import guarded
from tvshows.similarity import similarity
from tvshows.titles import normalise
from tvshows.tmdb import FoundShow

PLEX, TMDB = "Plex", "TMDB"
UNKNOWN = "The Plex server does not know this show."
REFUSED = ServiceDown(
    "The Plex server does not take the token any more. Sign in with Plex again, in the settings of Plex.",
    retry_after=timedelta(minutes=10),
)
ALIKE = 0.5  # how similar a title is at least to which the episode's ids lead
CONVERTED = 0.95  # how sure a show is by an id of TVDB or IMDb, also where TMDB turned it into its own


@dataclass(frozen=True, slots=True)
class Identified:
    """What is known of an event's show. `said` tells a person what each service added; `down` are those that did not
    answer. `converted_from` is the catalogue whose id TMDB turned into its own; `contested`: ids name several shows.
    """

    described: DescribedShow = field(default_factory=DescribedShow)
    said: tuple[str, ...] = ()
    down: tuple[ServiceDown, ...] = ()
    on_server: ServerShow | None = None
    converted_from: Method | None = None
    contested: bool = False

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
    return _ask(event, config, STEPS)


def ask_server(event: PlexEvent, config: PlexConfig) -> Identified:
    """What the Plex server alone knows more than the event. Never raises for a service."""
    return _ask(event, config, STEPS[:1])


def identify_found(event: PlexEvent, config: PlexConfig, found: ServerShow) -> Identified:
    """What TMDB knows more of a show that the Plex server has described. Never raises for a service."""
    return _ask(event, config, STEPS[1:], described_by(event, found))


def described_by(event: PlexEvent, found: ServerShow) -> Identified:
    """What is known of a show that the Plex server has described, before anybody else is asked."""
    return Identified(_with_server(from_payload(event), found), on_server=found).adding(_in_words(found))


def _ask(
    event: PlexEvent, config: PlexConfig, steps: Sequence[tuple[str, Step]], known: Identified | None = None,
) -> Identified:
    known, down = known or Identified(from_payload(event)), set()
    for service, step in steps:
        if service in down:
            continue
        try:
            known = step(event, config, known)
        except ServiceDown as problem:
            down.add(service)
            known = replace(known, down=(*known.down, problem))
        except (ServiceRefused, PlexIntegrationError) as problem:
            down.add(service)
            if service == PLEX and getattr(problem, "status", 0) == UNAUTHORIZED:
                known = replace(known, down=(*known.down, REFUSED))
            known = known.adding(str(problem))
    return known


def asks_services(config: PlexConfig) -> bool:
    """Whether anybody is connected who could be asked."""
    return bool(config.plex_token) or tmdb.client() is not None


def in_words(known: Identified, config: PlexConfig) -> str:
    """What each service said of a show, or that there was none to ask."""
    nobody = "Neither Plex nor TMDB is connected, so nobody else was asked."
    return " ".join(known.said) or ("" if asks_services(config) else nobody)


def server_for(event: PlexEvent, config: PlexConfig) -> PlexServer | None:
    """The connected server, where the event came from it: a rating key means nothing on another one."""
    return server_of(config) if event.server and event.server == config.plex_server_uuid else None


def asking(config: PlexConfig) -> AbstractContextManager[None]:
    """Around requests to the server: while it is known not to answer, ServiceDown comes at once."""
    return guarded(breaker_name(config), now=timezone.now())


def breaker_name(config: PlexConfig) -> str:
    """The name under which it is remembered whether the server answers, and by which it is told."""
    return f"Plex server {config.plex_server_name[:40]} ({config.plex_server_uuid[:8]})"


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
        return known.adding(UNKNOWN)
    if not _is_same(event.show, found):
        return known.adding(f"The Plex server has another show under this key by now: {found.title}.")
    contested = _differ(known.described.ids, found.ids)
    described = _with_server(known.described, found)
    return replace(known, described=described, on_server=found, contested=contested).adding(_in_words(found))


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
    """Both's ids; none where they differ, because neither can be believed then."""
    if _differ(mine, theirs):
        return Ids()
    return Ids(mine.tmdb or theirs.tmdb, mine.tvdb or theirs.tvdb, mine.imdb or theirs.imdb)


def _differ(mine: Ids, theirs: Ids) -> bool:
    pairs = ((mine.tmdb, theirs.tmdb), (mine.tvdb, theirs.tvdb), (mine.imdb, theirs.imdb))
    return any(one and other and one != other for one, other in pairs)


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
    found: dict[int, tuple[str, Method]] = {}
    for source, value, method in others:
        for hit in service.find(source, value, kind="show") if value else ():
            found.setdefault(hit.tmdb_id, (f"{source.upper()} {value}", method))
    if len(found) > 1:
        return replace(known, contested=True).adding("TMDB says: the show's ids belong to several shows.")
    for tmdb_id, (said, method) in found.items():
        described = replace(known.described, ids=replace(ids, tmdb=tmdb_id))
        known = replace(known, described=described, converted_from=method)
        known = known.adding(f"TMDB says: {said} is TMDB {tmdb_id}.")
    return known


def _from_episode_ids(event: PlexEvent, config: PlexConfig, known: Identified) -> Identified:
    """The show to which the episode's own ids belong. Where they name several shows, none counts."""
    del event, config
    service, described = tmdb.client(), known.described
    if service is None or described.ids.tmdb or described.episode is None:
        return known
    ids = described.episode.ids
    asked: tuple[tuple[Literal["tvdb", "imdb"], int | str | None, int | str | None], ...] = (
        ("tvdb", ids.tvdb, described.ids.tvdb), ("imdb", ids.imdb, described.ids.imdb),
    )
    # Some senders write the show's ids where the episode's belong: then the number is a stranger's episode.
    hits = [
        hit for source, value, of_show in asked if value and value != of_show
        for hit in service.find(source, value, kind="episode")
    ]
    shows = {hit.tmdb_id for hit in hits}
    if len(shows) > 1:
        return replace(known, contested=True).adding("TMDB says: the episode's ids belong to several shows.")
    if not shows:
        return known
    if not _fits(service.titles(hits[0].tmdb_id), hits, described):
        return known.adding("TMDB knows the episode's ids as another show's, so they do not count.")
    named = replace(described.ids, tmdb=shows.pop())
    known = replace(known, described=replace(described, ids=named))
    return known.adding(f"TMDB says: the episode's ids belong to the show TMDB {named.tmdb}.")


def _fits(titles: tuple[str, ...], hits: Sequence[FoundShow], described: DescribedShow) -> bool:
    """Whether a show to which the episode's ids lead may be the one that was named: by its title, in any language, and
    by the episode's number, unless the title is the very same: catalogues number episodes differently.
    """
    mine = [normalise(title).text for title in described.titles]
    theirs = [normalise(title).text for title in titles]
    closest = max((similarity(one, other) or 0.0 for one in mine for other in theirs), default=0.0)
    named = described.episode
    numbered = named and any((hit.season, hit.number) == (named.season, named.number) for hit in hits)
    return bool(set(mine) & set(theirs)) or bool(numbered and closest >= ALIKE)


STEPS: tuple[tuple[str, Step], ...] = ((PLEX, _from_server), (TMDB, _converted), (TMDB, _from_episode_ids))


def match_identified(known: Identified) -> Match:
    """The catalogue's shows that it may be. An id that TMDB converted is as sure as the one that it was given."""
    found = match(known.described)
    if known.contested:
        return Match(None, found.candidates)
    if not (found.chosen and known.converted_from and found.chosen.method == "tmdb_id"):
        return found
    less = replace(found.chosen, score=CONVERTED, method=known.converted_from)
    return Match(less, tuple(less if one is found.chosen else one for one in found.candidates))


def recalled(evidence: object, event: PlexEvent | None) -> Identified:
    """What was known when a question was asked, from what is stored with it; that may have been written by SQL."""
    record = object_of(evidence)
    own, ids = from_payload(event) if event else DescribedShow(), object_of(record.get("ids"))
    then = Ids(number_of(ids.get("tmdb")), number_of(ids.get("tvdb")), imdb_id(text_of(ids.get("imdb"))))
    stored = DescribedShow(
        titles=tuple(text for text in map(text_of, list_of(record.get("titles"))) if text) or own.titles,
        years=frozenset(year for year in map(number_of, list_of(record.get("years"))) if year) or own.years,
        country=text_of(record.get("country"), 2) or own.country,
        ids=_joined(own.ids, then), episode=own.episode,
    )
    said = tuple(text for text in map(text_of, list_of(record.get("said"))) if text)
    return Identified(stored, said, contested=record.get("contested") is True)

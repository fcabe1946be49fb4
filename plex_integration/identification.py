"""What is known of the show that an event is about: evidence, gathered source by source.

Each source adds to what those before it found. The payload is the first; one that asks over the network belongs behind
it, and may raise TransientError when its service does not answer.
"""

from collections.abc import Callable
from dataclasses import replace

from plex_integration.payloads import PlexEvent
from tvshows.described import DescribedEpisode, DescribedShow, Ids
from tvshows.titles import normalise

Source = Callable[[PlexEvent, DescribedShow], DescribedShow]


def described_episode(event: PlexEvent) -> DescribedEpisode:
    """The episode that an event names; without ids where they are the show's, as Tautulli writes them."""
    ids, show = event.ids, event.show.ids
    pairs = ((ids.tmdb, show.tmdb), (ids.tvdb, show.tvdb), (ids.imdb, show.imdb))
    are_the_shows = any(mine and mine == theirs for mine, theirs in pairs)
    named = Ids() if are_the_shows else ids
    return DescribedEpisode(event.season, event.number, event.title, event.air_date, event.year, named)


def from_payload(event: PlexEvent, known: DescribedShow) -> DescribedShow:
    """What the event says itself. An episode's year only says that the show is not younger."""
    show, title = event.show, normalise(event.show.title)
    years = {year for year in (show.year, title.year, show.slug_year) if year}
    episode = described_episode(event) if event.kind == "episode" else None
    return replace(
        known, titles=(*known.titles, show.title) if show.title else known.titles, years=known.years | years,
        country=title.country, ids=show.ids, episode=episode,
    )


SOURCES: tuple[Source, ...] = (from_payload,)


def describe(event: PlexEvent) -> DescribedShow:
    """All that the sources know of an event's show."""
    known = DescribedShow()
    for source in SOURCES:
        known = source(event, known)
    return known

"""What was watched: from the watched state of items, from rows of the history, from what waited. Set by set."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from django.utils import timezone

from plex_integration.library_items import LibraryEpisode
from plex_integration.models import PlexEpisode, PlexPlay
from plex_integration.sync.reports import tell
from plex_integration.sync.session import Session, ShowPlace
from tvshows import histories
from tvshows.histories import Seen
from tvshows.models import Episode, TVShow
from tvshows.watching import Viewing

PLEX = TVShow.Source.PLEX.value


def seen(user_id: int, episode: Episode, mapping_id: int | None, viewed_at: int) -> Seen:
    """A viewing as the catalogue takes it; nobody has seen anything in the future, whatever a clock says."""
    at = min(datetime.fromtimestamp(viewed_at, UTC), timezone.now())
    viewing = Viewing(at, PLEX, str(mapping_id or ""))
    return Seen(user_id, episode.show_id, episode.pk, viewing)


def of_items(
    session: Session, items: Iterable[LibraryEpisode], stored: Mapping[str, PlexEpisode],
    episodes: Mapping[str, Episode],
) -> None:
    """Tick off what the account of the token has watched, as far back as the run reaches."""
    found, would = [], 0
    for one in items:
        place, at = session.places.get(one.show_rating_key, ShowPlace()), one.viewed_at
        if not (one.view_count and at and at >= session.since and place.marks and session.owner_id):
            continue
        episode = episodes.get(one.rating_key)
        if place.is_new and one.rating_key not in stored:
            would += 1
        elif episode:
            numbers = _others_in_file(one, episode)
            found += [seen(session.owner_id, each, place.mapping_id, at) for each in [episode, *numbers]]
    session.run.marked += would
    mark(session, found)


def _others_in_file(one: LibraryEpisode, episode: Episode) -> list[Episode]:
    """Whoever watched one episode of a file has watched those behind it in the file."""
    last, number = one.found.last_number, one.found.number
    if last is None or number is None or episode.episode_number != number:
        return []
    return list(Episode.objects.filter(
        show=episode.show_id, season_number=episode.season_number, episode_number__gt=number, episode_number__lte=last,
    ))


def of_plays(
    session: Session, plays: Iterable[PlexPlay], episodes: Mapping[str, Episode], places: Mapping[str, ShowPlace],
) -> None:
    """Tick off what waited for its show to become known."""
    mark(session, [
        seen(play.user_id, episodes[play.rating_key], places[play.rating_key].mapping_id, play.viewed_at)
        for play in plays if places[play.rating_key].marks
    ])


def mark(session: Session, found: Sequence[Seen]) -> None:
    """Tick them off, and say so."""
    if not found or not session.config.auto_mark_watched:
        return
    taken = histories.take_all(found, now=session.now)
    session.run.marked += len(taken.marked)
    if not taken.marked:
        return
    wanted = [one.episode_id for one in taken.marked[:21]]
    named = Episode.objects.select_related("show").in_bulk(wanted)
    lines = [f"Marked watched: {named[pk].show.title} {named[pk].code}" for pk in wanted if pk in named]
    tell(session.reporter, lines, f"Marked {len(taken.marked)} episodes watched")

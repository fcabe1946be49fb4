"""One page of episodes: what changed of them, which they are here, and what of them was watched. A few queries."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from plex_integration.library_items import LibraryEpisode
from plex_integration.models import PlexEpisode, PlexPlay
from plex_integration.sync import viewings
from plex_integration.sync.reports import tell
from plex_integration.sync.session import Session, ShowPlace
from plex_integration.sync.shows import place_shows_of
from tvshows import episode_lists
from tvshows.described import DescribedEpisode, NewEpisode
from tvshows.episode_lists import Named, Place
from tvshows.models import Episode

_KEPT = (
    "show_rating_key", "section_key", "mapping", "episode", "season_number", "episode_number", "last_number", "title",
    "file_path", "plex_updated_at", "view_count", "last_viewed_at", "waits", "removed_at",
)
NOWHERE = ShowPlace()


@dataclass(slots=True)
class Looked:
    """A page of a section: its items, what is stored of them, which changed, and their episodes here."""

    section: str
    items: Sequence[LibraryEpisode]
    stored: dict[str, PlexEpisode]
    changed: list[LibraryEpisode]
    episodes: dict[str, Episode] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)


def look(session: Session, items: Sequence[LibraryEpisode], *, section: str, again: bool = False) -> Looked:
    """Before the page's transaction: which items changed (`again`: all count as changed), and whose they are. It may
    ask the server and TMDB about shows that are not known yet.
    """
    stored = _stored(session, items)
    changed = [one for one in items if again or _differs(one, stored.get(one.rating_key))]
    place_shows_of(session, changed)
    return Looked(section, items, stored, changed)


def take(session: Session, page: Looked) -> int:
    """A page, within its transaction. Says how many of its items changed. What did not change costs nothing more."""
    session.run.processed += len(page.items)
    if session.dry_run:
        session.read.update(one.rating_key for one in page.items)
    session.run.skipped += len(page.items) - len(page.changed)
    _tell_items(session, page.items)
    if page.changed:
        _find(session, page)
        _count(session, page)
        rows = [_row(session, page, one) for one in page.changed]
        PlexEpisode.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["server_uuid", "rating_key"], update_fields=_KEPT,
        )
        viewings.of_items(session, page.changed, page.stored, page.episodes)
        _play_what_waited(session, page)
        _tell(session, page)
    return len(page.changed)


def _stored(session: Session, items: Iterable[LibraryEpisode]) -> dict[str, PlexEpisode]:
    rows = PlexEpisode.objects.on(session.server).filter(rating_key__in=[one.rating_key for one in items])
    return {row.rating_key: row for row in rows}


def _differs(one: LibraryEpisode, row: PlexEpisode | None) -> bool:
    """Whether an item has to be looked at. Where Plex says no time, all that is kept of it is compared."""
    if row is None or row.removed_at or one.updated_at != row.plex_updated_at:
        return True
    was_watched = (one.view_count, one.viewed_at) != (row.view_count, row.last_viewed_at)
    return was_watched or (one.updated_at is None and _moved(one, row))


def _moved(one: LibraryEpisode, row: PlexEpisode) -> bool:
    """Whether anything but its watched state changed."""
    found = one.found
    said = (one.updated_at, found.title, found.season, found.number, one.file_path, one.show_rating_key)
    return bool(row.removed_at) or said != (
        row.plex_updated_at, row.title, row.season_number, row.episode_number, row.file_path, row.show_rating_key,
    )


def _place(session: Session, one: LibraryEpisode) -> ShowPlace:
    return session.places.get(one.show_rating_key, NOWHERE)


def _find(session: Session, page: Looked) -> None:
    """Each item's episode here; what the catalogue lacks is added to it, as Plex has it."""
    placed = [one for one in page.changed if _place(session, one).tvshow_id]
    named = [Named(_place(session, one).tvshow_id or 0, _described(one)) for one in placed]
    new: dict[tuple[int, int, int], NewEpisode] = {}
    retitled = []
    for one, name, where in zip(placed, named, _places(session, named), strict=True):
        if where.episode:
            page.episodes[one.rating_key] = where.episode
            before = page.stored.get(one.rating_key)
            if before is not None and before.title != one.found.title:
                retitled.append((where.episode, _new(one), before.title))
        elif where.is_free:
            new.setdefault((name.show_id, one.found.season or 0, one.found.number or 0), _new(one))
    _add(page, placed, named, new, session)
    episode_lists.retitle(retitled)


def _places(session: Session, named: Sequence[Named]) -> list[Place]:
    """Where each belongs in the catalogue. What was just added has no episodes yet, so nobody need look."""
    untouched = session.untouched & {one.show_id for one in named}
    session.untouched -= untouched
    known = [one for one in named if one.show_id not in untouched]
    found = iter(episode_lists.find_all(known) if known else ())
    return [next(found) if one.show_id not in untouched else _free(one) for one in named]


def _free(one: Named) -> Place:
    return Place(None, one.episode.season is not None and one.episode.number is not None)


def _add(
    page: Looked, placed: Sequence[LibraryEpisode], named: Sequence[Named],
    new: dict[tuple[int, int, int], NewEpisode], session: Session,
) -> None:
    if not new:
        return
    by_show: dict[int, list[NewEpisode]] = defaultdict(list)
    for (show_id, _, _), episode in new.items():
        by_show[show_id].append(episode)
    made = episode_lists.add_all(by_show, now=session.now)
    for one, name in zip(placed, named, strict=True):
        key = (name.show_id, one.found.season or 0, one.found.number or 0)
        if one.rating_key not in page.episodes and key in made and one.found.season is not None:
            page.episodes[one.rating_key] = made[key]


def _described(one: LibraryEpisode) -> DescribedEpisode:
    found = one.found
    return DescribedEpisode(found.season, found.number, found.title, found.air_date, None, found.ids)


def _new(one: LibraryEpisode) -> NewEpisode:
    found = one.found
    return NewEpisode(found.season or 0, found.number or 0, found.title, found.air_date, found.runtime, found.ids)


def _row(session: Session, page: Looked, one: LibraryEpisode) -> PlexEpisode:
    place, episode, found = _place(session, one), page.episodes.get(one.rating_key), one.found
    return PlexEpisode(
        server_uuid=session.server, rating_key=one.rating_key, show_rating_key=one.show_rating_key,
        section_key=page.section, mapping_id=place.mapping_id, episode_id=episode.pk if episode else None,
        season_number=found.season, episode_number=found.number, last_number=found.last_number, title=found.title,
        file_path=one.file_path, plex_updated_at=one.updated_at, view_count=one.view_count,
        last_viewed_at=one.viewed_at, waits=place.tvshow_id is None, removed_at=None,
    )


def _count(session: Session, page: Looked) -> None:
    """What is new, changed, or not watched any more in Plex. The last is told and never applied."""
    for one in page.changed:
        row = page.stored.get(one.rating_key)
        if row is None:
            page.done["added"] += 1
            page.lines.append(f"Added episode: {one.found.title}")
        elif _moved(one, row):
            page.done["updated"] += 1
            page.lines.append(f"Updated episode: {one.found.title}")
        if row is not None and row.view_count and not one.view_count:
            session.run.unwatched += 1
            session.remember("unwatched", f"{one.show_title} {_code(one)}")
            session.reporter.note(f"No longer watched in Plex, and kept here: {one.show_title} {_code(one)}")
    session.run.added += page.done["added"]
    session.run.updated += page.done["updated"]


def _code(one: LibraryEpisode) -> str:
    season, number = one.found.season, one.found.number
    return one.found.title if season is None or number is None else f"S{season:02}E{number:02}"


def _play_what_waited(session: Session, page: Looked) -> None:
    """Rows of the history that waited for these shows."""
    shows = {one.show_rating_key for one in page.changed if _place(session, one).tvshow_id}
    before = {page.stored[one.rating_key].waits for one in page.changed if one.rating_key in page.stored}
    if not shows or True not in before:
        return
    items = {one.rating_key: one for one in page.changed}
    waiting = PlexPlay.objects.filter(config=session.config, rating_key__in=list(page.episodes))
    plays = [play for play in waiting if _is_of(play, items[play.rating_key])]
    viewings.of_plays(session, plays, page.episodes, {key: _place(session, one) for key, one in items.items()})
    PlexPlay.objects.filter(pk__in=[play.pk for play in plays]).delete()


def _is_of(play: PlexPlay, one: LibraryEpisode) -> bool:
    """Whether it is a viewing of this very item: another server, or a rebuilt library, has these keys for others."""
    there = (one.show_rating_key, one.found.season, one.found.number)
    return there == (play.show_rating_key, play.season_number, play.episode_number)


def _tell_items(session: Session, items: Sequence[LibraryEpisode]) -> None:
    """How far it is: the last of each page goes into the row, each of them to whoever listens."""
    inside = Counter(one.show_rating_key for one in items)
    for one in items:
        session.positions[one.show_rating_key] += 1
        total = session.leaves.get(one.show_rating_key) or inside[one.show_rating_key]
        position = min(session.positions[one.show_rating_key], total)
        label = f"{one.show_title} / {one.found.title}"
        session.reporter.item(label, position, total)
    if items:
        session.run.item, session.run.position, session.run.items = label[:512], position, total


def _tell(session: Session, page: Looked) -> None:
    words = [f"{word} {count} episodes" for word, count in
             (("Added", page.done["added"]), ("Updated", page.done["updated"])) if count]
    tell(session.reporter, page.lines, ", ".join(words))

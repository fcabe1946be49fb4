"""What the libraries have: a first pass over everything, then only what changed, and what vanished."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from plex_integration.client import Library
from plex_integration.library_items import LibraryEpisode, LibraryShow, ahead
from plex_integration.models import PlexEpisode, PlexShowMapping, SyncCursor
from plex_integration.sync import episodes, shows
from plex_integration.sync.reports import tell
from plex_integration.sync.session import Session

OVERLAP = 120  # seconds by which each reading goes back behind the one before
CHECK_EVERY = timedelta(days=1)  # how often what vanished is looked for where nothing points to it


def read(session: Session, library: Library, cursor: SyncCursor, *, first_pass: bool) -> None:
    """One library: everything where that was not done yet (and `first_pass` says so), else what changed."""
    if cursor.complete or cursor.offset or not first_pass:
        session.run.details["in_part"] = True  # some of what counts was read by another run; kept for the later slices
    if not cursor.complete and not first_pass:
        _read_changed(session, library, cursor, "lastViewedAt")
        return
    if not cursor.complete:
        _read_all(session, library, cursor)
    else:
        _read_changed(session, library, cursor, "updatedAt")
        _read_changed(session, library, cursor, "lastViewedAt")
        _check(session, library, cursor)


def _read_all(session: Session, library: Library, cursor: SyncCursor) -> None:
    """The first pass. It goes on where an earlier one was broken off; what moved meanwhile the next run sees."""
    shows.place(session, list(session.reader.shows(library.key)))
    begun_at = cursor.offset
    for page in ahead(session.reader.episodes(library.key, start=begun_at)):
        session.run.total += page.total if page.offset == begun_at else 0
        looked = episodes.look(session, page.items, section=library.key)
        with session.step():
            episodes.take(session, looked)
            cursor.offset = page.offset + len(page.items)
            _see(session, cursor, page.items)
            _save(session, cursor)
    cursor.complete, cursor.offset = True, 0
    cursor.content_changed_at, cursor.checked_at = library.content_changed_at, session.now
    if begun_at:  # what the earlier one had read may have changed since
        cursor.content_changed_at, cursor.checked_at = 0, None
    _save(session, cursor)


def _see(session: Session, cursor: SyncCursor, items: Iterable[LibraryEpisode]) -> None:
    """Move both streams of the section to the newest that was seen."""
    for one in items:
        cursor.changed_since = max(cursor.changed_since, session.not_after_now(one.updated_at))
        cursor.viewed_since = max(cursor.viewed_since, session.not_after_now(one.viewed_at))


def _save(session: Session, cursor: SyncCursor) -> None:
    if not session.dry_run:
        cursor.save()


def _read_changed(session: Session, library: Library, cursor: SyncCursor, field: str) -> None:
    """What changed, or was watched, since. It reaches back a little, until that brings nothing new."""
    column = "changed_since" if field == "updatedAt" else "viewed_since"
    since = getattr(cursor, column) or (session.since if column == "viewed_since" else 0)
    newest, moved, came = since, 0, False
    for items in session.reader.changed(library.key, field, since):
        looked, came = episodes.look(session, items, section=library.key), True
        with session.step():
            session.run.total += len(items)
            moved += episodes.take(session, looked)
            newest = max([newest, *(session.not_after_now(_time(one, field)) for one in items)])
            setattr(cursor, column, max(since, newest - OVERLAP))
            _save(session, cursor)
    if came and not moved:
        setattr(cursor, column, newest + 1)
        _save(session, cursor)


def _time(one: LibraryEpisode, field: str) -> int:
    return (one.updated_at if field == "updatedAt" else one.viewed_at) or 0


def _check(session: Session, library: Library, cursor: SyncCursor) -> None:
    """What vanished, came without a time, or is not watched any more: the shows say how many they have.

    Only where the server says that something changed, or nobody looked for a day.
    """
    was = cursor.content_changed_at
    fresh = cursor.checked_at and session.now - cursor.checked_at < CHECK_EVERY
    if fresh and was == library.content_changed_at:
        return
    listed = list(session.reader.shows(library.key))
    held = _counts(session, library.key)
    _read_again(session, library.key, [one for one in listed if _deviates(one, held)])
    if listed:
        gone = held.keys() - {one.found.rating_key for one in listed}
        _remove(session, PlexEpisode.objects.filter(show_rating_key__in=gone), section=library.key)
    cursor.content_changed_at, cursor.checked_at = library.content_changed_at, session.now
    _save(session, cursor)


def _counts(session: Session, section: str) -> dict[str, tuple[int, int]]:
    """How many episodes of each show are stored, and how many of them are watched in Plex."""
    rows = PlexEpisode.objects.present().on(session.server).filter(section_key=section).order_by()
    counted = rows.values("show_rating_key").annotate(held=Count("pk"), seen=Count("pk", filter=Q(view_count__gt=0)))
    return {row["show_rating_key"]: (row["held"], row["seen"]) for row in counted}


def _deviates(one: LibraryShow, held: dict[str, tuple[int, int]]) -> bool:
    return (one.leaves, one.viewed) != held.get(one.found.rating_key, (0, 0))


def _read_again(session: Session, section: str, listed: Sequence[LibraryShow], *, again: bool = False) -> None:
    """All episodes of some shows, and what is stored of them and is not there any more."""
    shows.place(session, [one for one in listed if one.found.rating_key not in session.places])
    for one in listed:
        key = one.found.rating_key
        there: set[str] = set()
        for page in session.reader.leaves(key):
            there.update(item.rating_key for item in page.items)
            session.run.total += len(page.items)
            looked = episodes.look(session, page.items, section=section, again=again)
            with session.step():
                episodes.take(session, looked)
        gone = PlexEpisode.objects.filter(show_rating_key=key).exclude(rating_key__in=there)
        if there or not one.leaves:
            _remove(session, gone, section=section)


def _remove(session: Session, rows: QuerySet[PlexEpisode], *, section: str) -> None:
    """Note that episodes are not in Plex any more. Nobody's watches change."""
    gone = rows.filter(server_uuid=session.server, section_key=section, removed_at__isnull=True)
    titles = list(gone.values_list("title", flat=True))
    if titles:
        with session.step():
            session.run.removed += len(titles)
            gone.update(removed_at=session.now)
        tell(session.reporter, [f"Removed episode: {title}" for title in titles], f"Removed {len(titles)} episodes")


def read_decided(session: Session, *, sections: Iterable[str], since: datetime | None) -> None:
    """Shows about which something was decided since they were read: answered, mapped otherwise, switched on."""
    waiting = PlexEpisode.objects.present().on(session.server).filter(waits=True)
    known = Q(mapping__isnull=True) | Q(mapping__tvshow__isnull=False)
    keys = set(waiting.filter(known).values_list("show_rating_key", flat=True).distinct())
    if since:
        changed = PlexShowMapping.objects.filter(updated_at__gt=since, tvshow__isnull=False, sync_enabled=True)
        if pks := list(changed.values_list("pk", flat=True)):
            keys |= set(PlexEpisode.objects.present().on(session.server).filter(mapping__in=pks)
                        .values_list("show_rating_key", flat=True).distinct())
    if keys:
        listed = list(session.reader.shows_by_key(sorted(keys)))
        for section in sections:
            _read_again(session, section, [one for one in listed if one.found.library == section], again=True)


def read_shows(session: Session, library: Library, title: str, year: int | None) -> list[str]:
    """The shows of a title alone. Says their rating keys."""
    listed = [one for one in session.reader.shows(library.key, title=title) if shows.is_meant(one.found, title, year)]
    _read_again(session, library.key, listed)
    return [one.found.rating_key for one in listed]

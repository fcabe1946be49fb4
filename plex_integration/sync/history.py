"""What was watched, by everybody who is linked: the stream of the server's history, and what was read before."""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q

from plex_integration.library_items import HistoryRow, ahead
from plex_integration.models import PlexEpisode, PlexPlay, PlexShowMapping, SyncCursor
from plex_integration.sync import episodes, strangers, viewings
from plex_integration.sync.session import Session, ShowPlace
from tvshows.described import DescribedEpisode
from tvshows.episode_lists import Named, find_all
from tvshows.histories import Seen

OVERLAP = int(timedelta(days=1).total_seconds())  # a phone that was away tells later of what it played
MOST_AGAIN = 100  # rows that are read again for that
BATCH = 500


def read(session: Session, cursor: SyncCursor, left_out: set[str]) -> None:
    """The stream from where it was read last, or from where the run reaches back to. Sections left out do not count."""
    since = session.since if session.run.older or not cursor.viewed_since else cursor.viewed_since
    since = max(since, session.run.details.get("history_at", 0))  # where an earlier slice of this run came to
    last: deque[int] = deque(maxlen=MOST_AGAIN)
    for rows in ahead(session.reader.history(since)):
        last.extend(session.not_after_now(row.viewed_at) for row in rows)
        ours = [row for row in rows if session.viewers.get(row.account_id) and row.section_key not in left_out]
        # A row from a clock that is ahead is taken once its time has come; the cursor stays behind it until then.
        ours = [row for row in ours if session.since <= row.viewed_at <= session.now.timestamp()]
        _learn_unknown(session, ours)
        counted = [row for row in rows if row.section_key not in left_out]
        aside = strangers.look(session, counted, told=cursor.checked_at)
        with session.step():
            # In the step: where a slice's time is over before it, the next slice begins with these rows.
            session.run.details["history_at"] = rows[-1].viewed_at if rows else since
            session.run.processed += len(rows)
            session.run.skipped += len(rows) - len(ours)
            _take(session, ours)
            strangers.take(session, aside)
            before = cursor.viewed_since
            if last:
                cursor.viewed_since = max(before, last[-1] - OVERLAP, last[0] if len(last) == MOST_AGAIN else 0)
            if not session.dry_run and cursor.viewed_since != before:
                _keep(cursor, before)
    cursor.checked_at = session.now  # what is decided from here on, the next run takes up
    if not session.dry_run:
        cursor.save(update_fields=["checked_at"] if cursor.pk else None)


def _keep(cursor: SyncCursor, before: int) -> None:
    """Store how far it was read; but what was rewound meanwhile stays so, for the next run."""
    if cursor.pk is None:
        cursor.save()
    else:
        SyncCursor.objects.filter(pk=cursor.pk, viewed_since=before).update(viewed_since=cursor.viewed_since)


def _learn_unknown(session: Session, rows: Sequence[HistoryRow]) -> None:
    """Items that were never read, such as before the library was: the server is asked for them."""
    keys = {row.rating_key: row.section_key for row in rows if row.rating_key and row.rating_key not in session.read}
    known = PlexEpisode.objects.on(session.server).filter(rating_key__in=list(keys))
    unknown = sorted(keys.keys() - set(known.values_list("rating_key", flat=True)))
    for items in session.reader.episodes_by_key(unknown):
        for section in {keys[one.rating_key] for one in items if one.rating_key in keys}:
            here = [one for one in items if keys.get(one.rating_key) == section]
            looked = episodes.look(session, here, section=section)
            with session.step():
                episodes.take(session, looked)


def _take(session: Session, rows: Sequence[HistoryRow]) -> None:
    """Tick off what can be; what waits for its show is kept until then."""
    known = _items_of(session, rows)
    found, waiting = [], []
    for row in rows:
        item, user_id = known.get(_identity(row)) or known.get(("", row.rating_key)), session.viewers[row.account_id]
        if item is None or user_id is None:
            continue
        mapping = item.mapping
        if user_id == session.owner_id and row.viewed_at == item.last_viewed_at and item.episode:
            continue  # that came with the item
        if item.episode and mapping and mapping.tvshow_id and mapping.sync_enabled:
            found.append(viewings.seen(user_id, item.episode, mapping.pk, row.viewed_at))
        elif item.waits and not (mapping and not mapping.sync_enabled):
            waiting.append(_waiting(session, row, user_id))
    PlexPlay.objects.bulk_create(waiting, ignore_conflicts=True, batch_size=BATCH)
    viewings.mark(session, [*found, *_of_vanished(session, [r for r in rows if _is_unknown(r, known)])])


def _identity(row: HistoryRow) -> tuple[object, ...]:
    return (row.show_rating_key, row.season, row.number)


def _is_unknown(row: HistoryRow, known: dict[tuple[object, ...], PlexEpisode]) -> bool:
    return _identity(row) not in known and ("", row.rating_key) not in known


def _items_of(session: Session, rows: Sequence[HistoryRow]) -> dict[tuple[object, ...], PlexEpisode]:
    """The items of the rows: by rating key, and those that are gone by their show and number."""
    gone = {row.show_rating_key for row in rows if not row.rating_key}
    wanted = Q(rating_key__in=[row.rating_key for row in rows if row.rating_key])
    if gone:
        wanted |= Q(show_rating_key__in=gone)
    held = PlexEpisode.objects.on(session.server).filter(wanted).select_related("mapping", "episode")
    known: dict[tuple[object, ...], PlexEpisode] = {}
    for item in held:
        known["", item.rating_key] = item
        if item.show_rating_key in gone:
            known[item.show_rating_key, item.season_number, item.episode_number] = item
    return known


def _waiting(session: Session, row: HistoryRow, user_id: int) -> PlexPlay:
    return PlexPlay(
        config=session.config, user_id=user_id, rating_key=row.rating_key, show_rating_key=row.show_rating_key,
        season_number=row.season, episode_number=row.number, viewed_at=row.viewed_at,
    )


def _of_vanished(session: Session, rows: Sequence[HistoryRow]) -> list[Seen]:
    """Viewings of what the server has no more and was never read here: the show may be known still, by its key."""
    keys = {row.show_rating_key for row in rows if row.show_rating_key}
    if not keys:
        return []
    mappings = PlexShowMapping.objects.filter(
        plex_server_uuid=session.server, plex_rating_key__in=keys, tvshow__isnull=False, sync_enabled=True,
    )
    places = {row.plex_rating_key: ShowPlace.of(row) for row in mappings}
    placed = [row for row in rows if row.show_rating_key in places]
    named = [
        Named(places[row.show_rating_key].tvshow_id or 0, DescribedEpisode(row.season, row.number, row.title))
        for row in placed
    ]
    found = []
    for row, where in zip(placed, find_all(named) if named else [], strict=True):
        user_id = session.viewers[row.account_id]
        if where.episode and user_id:
            place = places[row.show_rating_key]
            found.append(viewings.seen(user_id, where.episode, place.mapping_id, row.viewed_at))
    return found


def mark_what_is_stored(session: Session, *, shows: Sequence[str] = ()) -> None:
    """Tick off the watched state that earlier runs left alone because it did not count then. Done before the history is
    read, so that a run which breaks off leaves the next one to do it.
    """
    held = PlexEpisode.objects.on(session.server).filter(
        last_viewed_at__gte=session.since, view_count__gt=0, episode__isnull=False,
        mapping__tvshow__isnull=False, mapping__sync_enabled=True,
    )
    held = held.filter(show_rating_key__in=shows) if shows else held
    last = session.run.details.get("stored_at", 0)
    while page := list(held.filter(pk__gt=last).select_related("episode").order_by("pk")[:BATCH]):
        last = page[-1].pk
        with session.step():
            session.run.details["stored_at"] = last
            viewings.mark(session, [
                viewings.seen(session.owner_id, item.episode, item.mapping_id, item.last_viewed_at)
                for item in page if item.episode and item.last_viewed_at and session.owner_id
            ])

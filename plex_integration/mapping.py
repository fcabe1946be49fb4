"""Finding and writing mappings: which show of the tracker a Plex show is.

By GUID first, then by (server, rating key), because rating keys are unique per server only, change when a library is
rebuilt, and survive Plex's "Fix match".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from plex_integration.exceptions import Unresolvable
from plex_integration.guids import Guid, parse_guid
from plex_integration.locks import lock
from plex_integration.models import PlexConflict, PlexShowMapping
from plex_integration.payloads import PlexShow
from tvshows import watching
from tvshows.models import TVShow
from tvshows.watching import Move


@dataclass(frozen=True, slots=True)
class Choice:
    """Which show, how sure and by what; `confirmed` only when a person said so. No show: it waits, or is set aside."""

    tvshow_id: int | None = None
    confidence: float | None = None
    method: str | None = None
    confirmed: bool = False
    sync: bool = True


def find(show: PlexShow) -> PlexShowMapping | None:
    """The mapping of a Plex show. A row written by SQL gets its key here."""
    rows = list(PlexShowMapping.objects.about(show.key, show.server, show.rating_key).select_related("tvshow"))
    row = choose(rows, show)
    if row:
        _give_up_key([other for other in rows if other.pk != row.pk], show)
    return _adopt(row, show) if row and not row.plex_show_key else row


def _give_up_key(others: Iterable[PlexShowMapping], show: PlexShow) -> None:
    """After Plex's "Fix match" the rating key is this show's: rows that bore it before give it up."""
    for other in others:
        if show.rating_key and (other.plex_server_uuid, other.plex_rating_key) == (show.server, show.rating_key):
            PlexShowMapping.objects.filter(pk=other.pk).update(plex_rating_key="")


def choose(rows: Sequence[PlexShowMapping], show: PlexShow) -> PlexShowMapping | None:
    """The row that is this show's: by GUID, else by rating key; one with a show before one that waits for it."""
    fits = [row for row in rows if _same_identity(row, show)] + [row for row in rows if _same_rating_key(row, show)]
    return next((row for row in fits if row.tvshow_id), fits[0] if fits else None)


def _same_identity(row: PlexShowMapping, show: PlexShow) -> bool:
    if row.plex_show_key:
        return row.plex_show_key == show.key
    guid = parse_guid(row.plex_guid)
    return bool(guid and guid.is_global and show.guid and guid.text == show.guid_text)


def _same_rating_key(row: PlexShowMapping, show: PlexShow) -> bool:
    """The same key on the same server (or, in a row written by hand, on any), and nothing says that the show changed."""
    if not show.rating_key or row.plex_rating_key != show.rating_key:
        return False
    same_title = show.has_title(row.plex_title)
    if row.plex_server_uuid != show.server or not show.server:
        return not row.plex_server_uuid and same_title
    return not _guid_changed(parse_guid(row.plex_guid), show.guid) or (
        same_title and _agent_changed(parse_guid(row.plex_guid), show.guid)
    )


def _guid_changed(before: Guid | None, after: Guid | None) -> bool:
    return bool(before or after) and (before.text if before else "") != (after.text if after else "")


def _agent_changed(before: Guid | None, after: Guid | None) -> bool:
    """Whether another agent wrote the GUID, or one of the two has none: then it does not say that the show changed."""
    return before is None or after is None or before.text.partition("://")[0] != after.text.partition("://")[0]


def _adopt(row: PlexShowMapping, show: PlexShow) -> PlexShowMapping:
    """Give a row written by SQL its key; the row that waited for it goes."""
    with transaction.atomic():
        lock("show", show.key)
        PlexShowMapping.objects.unmapped().filter(plex_show_key=show.key).exclude(pk=row.pk).delete()
        taken = PlexShowMapping.objects.filter(plex_show_key=show.key).exclude(pk=row.pk).first()
        if taken:
            return taken
        row.plex_show_key = show.key
        row.save(update_fields=["plex_show_key"])
    return row


def write(show: PlexShow, choice: Choice, *, now: datetime) -> PlexShowMapping:
    """Write the mapping of a Plex show, in a transaction that holds its lock.

    After Fix match another row may still bear the rating key: it gives it up. A row found by GUID keeps its own.
    """
    row = find(show)
    if row is None:
        same_key = PlexShowMapping.objects.filter(plex_server_uuid=show.server, plex_rating_key=show.rating_key)
        _give_up_key(same_key, show)
        row = PlexShowMapping(
            plex_show_key=show.key, plex_server_uuid=show.server, plex_rating_key=show.rating_key,
            plex_guid=show.guid_text,
        )
    _fill(row, show, choice, now)
    row.save()
    return row


def _fill(row: PlexShowMapping, show: PlexShow, choice: Choice, now: datetime) -> None:
    row.plex_title = show.title or row.plex_title
    row.plex_year = show.year or row.plex_year
    row.tmdb_id, row.tvdb_id = show.ids.tmdb or row.tmdb_id, show.ids.tvdb or row.tvdb_id
    row.imdb_id = (show.ids.imdb or row.imdb_id)[:16]
    row.tvshow_id = choice.tvshow_id
    row.match_confidence = None if choice.confidence is None else Decimal(str(round(choice.confidence, 2)))
    row.match_method = choice.method
    row.manually_confirmed = choice.confirmed
    row.sync_enabled = choice.sync
    row.updated_at = now
    if choice.tvshow_id:
        TVShow.objects.filter(pk=choice.tvshow_id).update(plex_synced=True, plex_last_sync=now)


def plan_change(mapping_id: int, *, tvshow_id: int) -> Move:
    """What changing a mapping's show would move."""
    return watching.plan_move(source_ref=str(mapping_id), to_show_id=tvshow_id)


@transaction.atomic
def change_show(mapping_id: int, *, tvshow_id: int, now: datetime) -> Move:
    """Point a mapping at another show, by a person; what it marked for the wrong one moves with it."""
    row = PlexShowMapping.objects.select_for_update(of=("self",)).get(pk=mapping_id)
    lock("show", row.plex_show_key)
    row.tvshow_id, row.match_method, row.match_confidence = tvshow_id, PlexShowMapping.Method.MANUAL, Decimal(1)
    row.manually_confirmed, row.sync_enabled, row.updated_at = True, True, now
    row.save()
    TVShow.objects.filter(pk=tvshow_id).update(plex_synced=True, plex_last_sync=now)
    return watching.move_watches(source_ref=str(row.pk), to_show_id=tvshow_id, now=now)


@transaction.atomic
def add_by_hand(show: PlexShow, *, tvshow_id: int, now: datetime) -> PlexShowMapping:
    """A mapping that a person writes for a Plex show. Raises Unresolvable when it has another show already."""
    lock("show", show.key)
    row = find(show)
    if row and row.tvshow_id and row.tvshow_id != tvshow_id:
        raise Unresolvable(f"This Plex show is {row.tvshow} already. Change that mapping instead.")
    return write(show, Choice(tvshow_id, 1.0, PlexShowMapping.Method.MANUAL, confirmed=True), now=now)


def set_sync(mapping_ids: Iterable[int], *, enabled: bool, now: datetime) -> int:
    """Switch marking on or off for mappings. A show that was ignored and is switched on is asked about again."""
    return PlexShowMapping.objects.filter(pk__in=list(mapping_ids)).update(sync_enabled=enabled, updated_at=now)


def show_of(record: PlexShowMapping | PlexConflict) -> PlexShow:
    """The Plex show that a stored row is about."""
    return PlexShow(
        server=record.plex_server_uuid, rating_key=record.plex_rating_key, guid=parse_guid(record.plex_guid),
        title=record.plex_title, year=record.plex_year,
    )

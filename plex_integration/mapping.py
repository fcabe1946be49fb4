"""Finding and writing mappings: which show of the tracker a Plex show is.

By GUID first, then by (server, rating key), because rating keys are unique per server only, change when a library is
rebuilt, and survive Plex's "Fix match".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db import transaction
from django.db.models import Q

from plex_integration.exceptions import Unresolvable
from plex_integration.guids import Guid, parse_guid, show_guid
from plex_integration.locks import lock
from plex_integration.models import PlexConflict, PlexShowMapping
from plex_integration.payloads import PlexShow
from tvshows import watching
from tvshows.models import TVShow
from tvshows.watching import Move

GuidChange = Literal["", "agent", "show"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which show, how sure and by what; `confirmed` only when a person said so. No show: it waits, or is set aside."""

    tvshow_id: int | None = None
    confidence: float | None = None
    method: str | None = None
    confirmed: bool = False
    sync: bool = True


def find(show: PlexShow) -> PlexShowMapping | None:
    """The mapping of a Plex show that an event names. A row written by SQL gets its key here."""
    rows = _rows_about(show)
    row = choose(rows, show)
    if row is None:
        return None
    _give_up_key([other for other in rows if other.pk != row.pk], show)
    return _adopt(row, show) if _is_new_to(row, show) else row


def adopt_written(show: PlexShow) -> None:
    """Give a row written by SQL its key, where one is about this Plex show, which may be stored long ago."""
    row = choose(_rows_about(show), show)
    if row and not row.plex_show_key:
        _adopt(row, show)


def is_settled(row: PlexShowMapping | None) -> bool:
    """Whether a person or a match said which show it is, or that it is none."""
    return row is not None and (row.tvshow_id is not None or not row.sync_enabled)


def _rows_about(show: PlexShow) -> list[PlexShowMapping]:
    guid = show.guid_text if show.guid and show.guid.is_global else ""
    return PlexShowMapping.objects.about(show.key, show.server, show.rating_key, guid)


def _is_new_to(row: PlexShowMapping, show: PlexShow) -> bool:
    """Whether the row does not know this key yet: written by SQL, or another agent gave the show a GUID since.

    Were that GUID not kept, the one after it could not be told from it: that one may be Plex's "Fix match".
    """
    if not row.plex_show_key:
        return True
    has_guid = show.guid is not None and show.guid.is_global
    return has_guid and row.plex_show_key != show.key and is_settled(row) and not _bears_guid(row, show)


def _give_up_key(others: Iterable[PlexShowMapping], show: PlexShow) -> None:
    """After Plex's "Fix match" the rating key is this show's: rows that bore it before give it up."""
    for other in others:
        if show.rating_key and (other.plex_server_uuid, other.plex_rating_key) == (show.server, show.rating_key):
            PlexShowMapping.objects.filter(pk=other.pk).update(plex_rating_key="")


def choose(rows: Sequence[PlexShowMapping], show: PlexShow) -> PlexShowMapping | None:
    """The row that is this show's: by GUID, else by rating key; one with a show before one that waits for it."""
    by_identity = [row for row in rows if _same_identity(row, show)]
    fits = by_identity + [row for row in rows if _same_rating_key(row, show)]
    return next((row for row in fits if row.tvshow_id), fits[0] if fits else None)


def _same_identity(row: PlexShowMapping, show: PlexShow) -> bool:
    return (row.plex_show_key != "" and row.plex_show_key == show.key) or _bears_guid(row, show)


def _bears_guid(row: PlexShowMapping, show: PlexShow) -> bool:
    """Whether the row has the show's GUID, maybe from before another agent gave the show a second one."""
    return bool(show.guid and show.guid.is_global and show.guid.text in {guid.text for guid in _guids_of(row)})


def _same_rating_key(row: PlexShowMapping, show: PlexShow) -> bool:
    """The same key on the same server (in a row written by hand: on any), and nothing says that the show changed."""
    if not show.rating_key or row.plex_rating_key != show.rating_key:
        return False
    same_title = show.has_title(row.plex_title)
    changed = _guid_change(_guids_of(row), show.guid)
    if row.plex_server_uuid != show.server or not show.server:
        return not row.plex_server_uuid and same_title and changed != "show"
    return changed == "" or (same_title and changed == "agent")


def _guid_in(text: str) -> Guid | None:
    """The show's GUID in a column, where a person may have written an episode's."""
    return show_guid(text) or parse_guid(text)


def _guids_of(row: PlexShowMapping) -> list[Guid]:
    """What agents called the row's show: the GUID of its column, and a later one, which is its key."""
    kind, _, key = row.plex_show_key.partition(":")
    found = map(_guid_in, (row.plex_guid, key if kind == "g" else ""))
    return [guid for guid in found if guid and guid.kind not in {"season", "episode"}]


def _guid_change(before: Sequence[Guid], after: Guid | None) -> GuidChange:
    """What a GUID says that is not the one before: nothing where another agent wrote it, or where one is missing."""
    if after is None or not before:
        return "agent" if after or before else ""
    if after.text in {guid.text for guid in before}:
        return ""
    return "show" if after.agent in {guid.agent for guid in before} else "agent"


def _adopt(row: PlexShowMapping, show: PlexShow) -> PlexShowMapping:
    """Give a row the key by which its show is known now; the row that waited under that key goes.

    What a row written by SQL leaves open, its server and GUID, is filled in, so that a change of them is seen later.
    """
    with transaction.atomic():
        lock("show", show.key)
        others = PlexShowMapping.objects.exclude(pk=row.pk)
        others.unmapped().filter(plex_show_key=show.key).delete()
        taken = others.filter(plex_show_key=show.key).first()
        if taken:
            return taken
        row.plex_show_key = show.key
        by_key = bool(show.rating_key) and row.plex_rating_key == show.rating_key
        taken_key = others.filter(plex_server_uuid=show.server, plex_rating_key=show.rating_key)
        if by_key and not row.plex_server_uuid and not taken_key.exists():
            row.plex_server_uuid = show.server
        if not row.plex_guid and not others.filter(plex_guid=show.guid_text).exists():
            row.plex_guid = show.guid_text
        row.save(update_fields=["plex_show_key", "plex_server_uuid", "plex_guid"])
    return row


def write(show: PlexShow, choice: Choice, *, now: datetime, row: PlexShowMapping | None = None) -> PlexShowMapping:
    """Write the mapping of a Plex show (into `row`, where that is known), in a transaction that holds its lock.

    After Fix match another row may still bear the rating key: it gives it up. A row found by GUID keeps its own.
    """
    row = row or find(show)
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


def write_new(chosen: Sequence[tuple[PlexShow, Choice]], *, now: datetime) -> list[PlexShowMapping]:
    """Write the mappings of Plex shows that have none, in a transaction that holds their locks; their shows are marked
    as synced by the caller.
    """
    rows = []
    for show, choice in chosen:
        row = PlexShowMapping(
            plex_show_key=show.key, plex_server_uuid=show.server, plex_rating_key=show.rating_key,
            plex_guid=show.guid_text,
        )
        _describe(row, show, choice, now)
        rows.append(row)
    return PlexShowMapping.objects.bulk_create(rows)


def free_of_rows(shows: Iterable[PlexShow]) -> list[PlexShow]:
    """Those of these Plex shows about which no row says anything; of several with one key the first. One query."""
    first = {show.key: show for show in reversed(list(shows))}
    guids = {show.guid_text for show in first.values() if show.guid and show.guid.is_global}
    keys = {show.rating_key for show in first.values() if show.rating_key}
    named = Q(plex_show_key__in={*first, ""}) | Q(plex_guid__in=guids) | Q(plex_rating_key__in=keys)
    rows = list(PlexShowMapping.objects.filter(named).order_by())
    said = {text for row in rows for text in (row.plex_show_key, f"g:{row.plex_guid}", f"r:{row.plex_rating_key}")}
    return [
        show for show in first.values()
        if not said & {show.key, f"g:{show.guid_text}" if show.guid_text else "", f"r:{show.rating_key}"}
    ]


def _fill(row: PlexShowMapping, show: PlexShow, choice: Choice, now: datetime) -> None:
    _describe(row, show, choice, now)
    if choice.tvshow_id:
        TVShow.objects.filter(pk=choice.tvshow_id).update(plex_synced=True, plex_last_sync=now)


def _describe(row: PlexShowMapping, show: PlexShow, choice: Choice, now: datetime) -> None:
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


def plan_change(mapping_id: int, *, tvshow_id: int) -> Move:
    """What changing a mapping's show would move."""
    return watching.plan_move(source_ref=str(mapping_id), to_show_id=tvshow_id)


@transaction.atomic
def change_show(mapping_id: int, *, tvshow_id: int, now: datetime) -> Move:
    """Point a mapping at another show, by a person; what it marked for the wrong one moves with it."""
    # The show's lock first, as everywhere: who holds it may be about to write this row.
    lock("show", PlexShowMapping.objects.values_list("plex_show_key", flat=True).get(pk=mapping_id))
    row = PlexShowMapping.objects.select_for_update(of=("self",)).get(pk=mapping_id)
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


@transaction.atomic
def forget(mapping_id: int) -> bool:
    """Delete a mapping, by a person. What it marked stays; the Plex show's next event is matched from the start. Says
    whether it was there.
    """
    row = PlexShowMapping.objects.filter(pk=mapping_id).first()
    if row:
        lock("show", row.plex_show_key)
    return bool(PlexShowMapping.objects.filter(pk=mapping_id).delete()[0])


def show_of(record: PlexShowMapping | PlexConflict) -> PlexShow:
    """The Plex show that a stored row is about."""
    return PlexShow(
        server=record.plex_server_uuid, rating_key=record.plex_rating_key, guid=parse_guid(record.plex_guid),
        title=record.plex_title, year=record.plex_year,
    )

"""Taking an answer back: the mapping and the ticks that it made go, and its events wait for another answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from plex_integration import conflicts, mapping, outcomes, resolution
from plex_integration.exceptions import Unresolvable
from plex_integration.locks import lock
from plex_integration.mapping import Choice
from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog
from plex_integration.payloads import EFFECTIVE
from tvshows import watching
from tvshows.models import AUTOMATIC_SOURCES, TrackedShow, TVShow, Watch

SHOWN = 50  # events of an answer that a page lists
MOST_PASSED_OVER = 5_000  # events of an ignored show that wait again
_IGNORED = PlexConflict.Resolution.IGNORED
_BY_ITSELF = {PlexConflict.Resolution.AUTO, None}
_CREATED = {PlexConflict.Resolution.CREATED, PlexConflict.Resolution.CREATED_BEFORE}


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What an answer did: the events that waited, with what became of each, and why it cannot be taken back."""

    events: tuple[PlexWebhookLog, ...]
    more: int  # events beside these
    obstacle: str  # '' where it can be taken back


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A question that is open again."""

    conflict: PlexConflict
    unticked: int  # ticks that are gone
    waiting: int  # events that wait again


def aftermath(conflict: PlexConflict) -> Aftermath:
    """What became of the events for which a settled question was asked, oldest first."""
    events = PlexWebhookLog.objects.filter(conflict=conflict.pk)
    listed = events.select_related("account", "config__user").defer("payload").order_by("created_at", "pk")[:SHOWN]
    more = max(events.count() - SHOWN, 0) if len(listed) == SHOWN else 0
    return Aftermath(tuple(listed), more, _obstacle(conflict, resolution.row_of(conflict)))


def take_back(conflict_id: int, *, now: datetime) -> TakenBack:
    """Ask again what a person answered. What they changed or ticked by hand since then stays, and so does a show that
    the answer made, if there is more to it by now. Raises Unresolvable.
    """
    with transaction.atomic():
        conflict, row = _locked(conflict_id)
        problem = _obstacle(conflict, row)
        if problem or row is None:
            raise Unresolvable(problem)
        made = row.tvshow_id if conflict.resolution_action in _CREATED else None
        events = _followed_from(conflict, row)
        unticked = _untick(conflict, row, events, now)
        mapping.write(mapping.show_of(row), Choice(), now=now, row=row)
        conflicts.reopen(conflict, now=now)
        waiting = _wait_again(conflict, events)
    if made:
        _unused(made).delete()
    return TakenBack(conflict, unticked, waiting)


def stop_ignoring(mapping_id: int, *, now: datetime) -> TakenBack | None:
    """Ask again about a Plex show that was ignored: at once where something waits, else at its next play (nothing).

    Raises Unresolvable.
    """
    row = PlexShowMapping.objects.set_aside().filter(pk=mapping_id).first()
    if row is None:
        raise Unresolvable("This show is not ignored any more.")
    asked = PlexConflict.objects.filter(plex_show_key=row.plex_show_key, resolution_action=_IGNORED)
    conflict = asked.order_by("-pk").first() if row.plex_show_key else None
    if conflict and not _obstacle(conflict, row):
        return take_back(conflict.pk, now=now)
    mapping.set_sync([mapping_id], enabled=True, now=now)
    return None


def switch_on(mapping_ids: Iterable[int], *, now: datetime) -> int:
    """Switch marking on for mappings; what was ignored is asked about again. Says how many."""
    rows = PlexShowMapping.objects.filter(pk__in=list(mapping_ids))
    ignored = list(rows.set_aside().values_list("pk", flat=True))
    switched = resolution.switch_sync(rows.exclude(pk__in=ignored).values_list("pk", flat=True), enabled=True, now=now)
    for pk in ignored:
        try:
            stop_ignoring(pk, now=now)
            switched += 1
        except Unresolvable:  # somebody else was quicker
            continue
    return switched


def _locked(conflict_id: int) -> tuple[PlexConflict, PlexShowMapping | None]:
    """The question and its mapping, read under the show's lock."""
    found = PlexConflict.objects.filter(pk=conflict_id).first()
    if found:
        lock("show", resolution.key_of(found))
        found = PlexConflict.objects.filter(pk=conflict_id).first()
    if found is None:
        raise Unresolvable("This question is not here any more.")
    row = resolution.row_of(found)
    if row and row.tvshow_id:  # a show's row before a person's row of it, as everywhere
        TVShow.objects.select_for_update(no_key=True).filter(pk=row.tvshow_id).first()
    return found, row


def _obstacle(conflict: PlexConflict, row: PlexShowMapping | None) -> str:
    """Why an answer cannot be taken back, as a sentence; nothing where it can."""
    if not conflict.resolved:
        return "This question is open: there is no answer to take back."
    if conflict.resolution_action in _BY_ITSELF:
        return "It settled by itself. If that is wrong, change its mapping: what was marked moves with it."
    if row is None:
        return "Its mapping was removed since. You are asked again at the next play."
    if conflict.resolution_action == _IGNORED:
        changed = row.tvshow_id is not None or row.sync_enabled
    else:
        changed = row.tvshow_id is None or row.tvshow_id != conflict.resolved_tvshow_id
    if changed or _asked_since(conflict):
        return "Its mapping was changed since. Change it there."
    return ""


def _asked_since(conflict: PlexConflict) -> bool:
    """Whether another question about the show is open, or was asked after this one."""
    others = PlexConflict.objects.filter(plex_show_key=resolution.key_of(conflict)).exclude(pk=conflict.pk)
    return others.filter(Q(resolved=False) | Q(pk__gt=conflict.pk)).exists()


def _followed_from(conflict: PlexConflict, row: PlexShowMapping) -> list[PlexWebhookLog]:
    """The events on which the answer decided, oldest first: those that waited, and those that came since and went by
    its mapping.
    """
    followed = Q(conflict=conflict.pk)
    if row.tvshow_id:
        came = Q(created_at__in=_marked(row)) | Q(
            plex_show_key=row.plex_show_key, action_taken=outcomes.MARKED, created_at__gte=conflict.resolved_at,
        )
        followed |= Q(came, tvshow=row.tvshow_id)
    elif row.plex_show_key:
        followed |= Q(pk__in=_passed_over(conflict, row))
    events = PlexWebhookLog.objects.filter(followed).only("created_at", "plex_season", "plex_episode")
    return list(events.order_by("created_at", "pk"))


def _passed_over(conflict: PlexConflict, row: PlexShowMapping) -> list[int]:
    """The latest events that came while the show was ignored, and that an answer may let do something."""
    aside = PlexWebhookLog.objects.filter(plex_show_key=row.plex_show_key, action_taken=outcomes.IGNORED)
    since = aside.filter(event_type__in=EFFECTIVE, created_at__gte=conflict.resolved_at)
    return list(since.order_by("-created_at", "-pk").values_list("pk", flat=True)[:MOST_PASSED_OVER])


def _marked(row: PlexShowMapping) -> QuerySet[Watch, datetime]:
    """When what the mapping marked was seen, which is when its events came."""
    live = Watch.objects.live().filter(source_ref=str(row.pk), source__in=AUTOMATIC_SOURCES)
    return live.filter(episode__show=row.tvshow_id).order_by().values_list("watched_at", flat=True)


def _untick(conflict: PlexConflict, row: PlexShowMapping, events: Iterable[PlexWebhookLog], now: datetime) -> int:
    """Only what an event can tick again."""
    if row.tvshow_id is None:
        return 0
    return watching.withdraw(
        source_ref=str(row.pk), show_id=row.tvshow_id, seen={(event.code, event.created_at) for event in events},
        since=conflict.resolved_at or now, now=now,
    )


def _wait_again(conflict: PlexConflict, events: Sequence[PlexWebhookLog]) -> int:
    """As when they came: the first is why it is asked, and the others wait for the same answer."""
    for first, waiting in ((True, events[:1]), (False, events[1:])):
        verdict = outcomes.asked(conflict_id=conflict.pk, first=first)
        PlexWebhookLog.objects.filter(pk__in=[event.pk for event in waiting]).update(
            status=verdict.status, action_taken=verdict.action, reason=verdict.reason, error_message="",
            conflict=conflict.pk, tvshow=None, done_at=None, due_at=None, lease_until=None, retry_count=0,
        )
    return len(events)


def _unused(show_id: int) -> QuerySet[TVShow]:
    """The show, if nobody has anything of it any more."""
    shows, this = TVShow.objects.filter(pk=show_id), OuterRef("pk")
    for held in (
        Watch.objects.filter(episode__show=this), TrackedShow.objects.filter(show=this),
        PlexShowMapping.objects.filter(tvshow=this), PlexConflict.objects.filter(resolved_tvshow=this),
    ):
        shows = shows.exclude(Exists(held))
    return shows

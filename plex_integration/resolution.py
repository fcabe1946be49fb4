"""Answers to conflicts: a person's, or that of changes to catalogue and mappings. The waiting events follow."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from plex_integration import adding, conflicts, identification, inbox, mapping
from plex_integration.exceptions import Unresolvable
from plex_integration.locks import lock
from plex_integration.mapping import Choice
from plex_integration.models import PlexConfig, PlexConflict, PlexShowMapping, PlexWebhookLog
from plex_integration.outcomes import Outcome
from plex_integration.payloads import InvalidPayload, PlexEvent, about_show, parse_event
from plex_integration.processing import process
from tvshows import catalogue, watching
from tvshows.described import Ids, NewEpisode, NewShow
from tvshows.exceptions import ContestedIds, ServiceError
from tvshows.matching import Match
from tvshows.models import TVShow
from tvshows.watching import Move

logger = logging.getLogger(__name__)
DRAINED_AT_ONCE = 50  # events; a worker does the rest
SEEN_LATE = timedelta(minutes=1)  # a change may be seen later than it was made: transactions last, clocks differ


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved conflict, and what became of the events that waited for it, as far as they are done."""

    conflict: PlexConflict
    outcomes: tuple[tuple[PlexWebhookLog, Outcome], ...]
    left: int  # events that a worker does next


def select(conflict_id: int, *, tvshow_id: int, user_id: int | None, now: datetime) -> Resolved:
    """A person says which show it is. Raises Unresolvable."""
    if not TVShow.objects.filter(pk=tvshow_id).exists():
        raise Unresolvable("That show is not here any more. Choose another one.")
    choice = Choice(tvshow_id, 1.0, PlexShowMapping.Method.MANUAL, confirmed=True)
    return _answer(conflict_id, choice, PlexConflict.Resolution.SELECTED, user_id, now)


def create_new(conflict_id: int, *, new_show: NewShow, user_id: int | None, now: datetime) -> Resolved:
    """A person makes a new show of it, with its episodes or else those that wait. Raises Unresolvable, ValidationError.
    """
    with transaction.atomic():
        conflict = _open(conflict_id)
        catalogue.require_free_ids(new_show)
        episodes = new_show.episodes or waiting_episodes(conflict)
        show = catalogue.add_show(replace(new_show, episodes=episodes), now=now)
        if not new_show.episodes:
            TVShow.objects.filter(pk=show.pk).update(refreshed_at=None)  # these episodes are not all that it has
        choice = Choice(show.pk, 1.0, PlexShowMapping.Method.MANUAL, confirmed=True)
        _settle(conflict, choice, PlexConflict.Resolution.CREATED, user_id, now)
    return _drain(conflict, now)


def create_from_tmdb(conflict_id: int, *, tmdb_id: int, user_id: int | None, now: datetime) -> Resolved:
    """A person picks a show of TMDB: the one that is here with that id, else a new one. Raises Unresolvable."""
    held = TVShow.objects.filter(tmdb_id=tmdb_id).first()
    if held:
        return select(conflict_id, tvshow_id=held.pk, user_id=user_id, now=now)
    return _create(conflict_id, lambda: adding.from_tmdb(Ids(tmdb=tmdb_id)), "TMDB", user_id, now)


def create_from_plex(conflict_id: int, *, user_id: int | None, now: datetime) -> Resolved:
    """A person makes a new show of what the Plex server has of it, with all its episodes. Raises Unresolvable."""
    event, config = _asked_about(conflict_id)
    known = identification.identify(event, config)
    return _create(conflict_id, lambda: adding.from_server(event, config, known), "The Plex server", user_id, now)


def _asked_about(conflict_id: int) -> tuple[PlexEvent, PlexConfig]:
    """An event that waits; or what the library sync asked about, for which none does. Raises Unresolvable."""
    log = PlexWebhookLog.objects.waiting_for(conflict_id).select_related("config").first()
    event = _event_of(log) if log else None
    if log and log.config and event:
        return event, log.config
    conflict = PlexConflict.objects.filter(pk=conflict_id).exclude(plex_server_uuid="").first()
    config = PlexConfig.objects.filter(plex_server_uuid=conflict.plex_server_uuid).first() if conflict else None
    if conflict is None or config is None:
        raise Unresolvable("Nothing says what to ask the Plex server for. Make the show by hand.")
    return about_show(mapping.show_of(conflict)), config


def _create(
    conflict_id: int, fetch: Callable[[], NewShow | None], who: str, user_id: int | None, now: datetime,
) -> Resolved:
    """Asks before any lock is taken."""
    try:
        new = fetch()
    except ServiceError as problem:
        raise Unresolvable(str(problem)) from problem
    if new is None:
        raise Unresolvable(f"{who} cannot say more about this show. Is it connected? Else make the show by hand.")
    try:
        held = catalogue.find_by_ids(new)
    except ContestedIds as problem:
        raise Unresolvable(f"{problem} Choose one of these, or mend its ids first.") from problem
    if held:
        return select(conflict_id, tvshow_id=held.pk, user_id=user_id, now=now)
    try:
        return create_new(conflict_id, new_show=new, user_id=user_id, now=now)
    except (ValidationError, IntegrityError) as problem:
        raise Unresolvable(f"{who} says something of it that cannot be stored. Make the show by hand.") from problem


def ignore(conflict_id: int, *, user_id: int | None, now: datetime) -> Resolved:
    """A person does not track this show; that is remembered. Raises Unresolvable."""
    return _answer(conflict_id, Choice(confirmed=True, sync=False), PlexConflict.Resolution.IGNORED, user_id, now)


def _answer(conflict_id: int, choice: Choice, resolution: str, user_id: int | None, now: datetime) -> Resolved:
    with transaction.atomic():
        conflict = _open(conflict_id)
        _settle(conflict, choice, resolution, user_id, now)
    return _drain(conflict, now)


def _open(conflict_id: int) -> PlexConflict:
    """The conflict, read again under its show's lock."""
    found = PlexConflict.objects.filter(pk=conflict_id).first()
    if found:
        lock("show", key_of(found))
        found = PlexConflict.objects.filter(pk=conflict_id).first()
    if found is None:
        raise Unresolvable("This question is not here any more.")
    if found.resolved:
        raise Unresolvable(f"This was settled already: {found.get_resolution_action_display()}.")
    return found


def key_of(conflict: PlexConflict) -> str:
    """The key of the conflict's Plex show; one written by SQL bears none."""
    return conflict.plex_show_key or mapping.show_of(conflict).key


def row_of(conflict: PlexConflict) -> PlexShowMapping | None:
    """The mapping row of the conflict's Plex show, to be read under its lock."""
    key = key_of(conflict)
    return PlexShowMapping.objects.filter(plex_show_key=key).first() if key else None


def _settle(conflict: PlexConflict, choice: Choice, resolution: str, user_id: int | None, now: datetime) -> None:
    row = row_of(conflict)
    row = mapping.write(mapping.show_of(row or conflict), choice, now=now, row=row)
    if choice.tvshow_id:  # where an earlier answer was taken back, what no event can mark again goes along
        watching.move_watches(source_ref=str(row.pk), to_show_id=choice.tvshow_id, now=now)
    conflicts.close(conflict, resolution=resolution, tvshow_id=choice.tvshow_id, user_id=user_id, now=now)


def _drain(conflict: PlexConflict, now: datetime) -> Resolved:
    """Process the events that waited, oldest first. One that fails here stays due, and the sweep takes it up."""
    waiting = list(PlexWebhookLog.objects.waiting_for(conflict.pk)[:DRAINED_AT_ONCE])
    started = time.monotonic()
    # The time goes on meanwhile, or the leases of the last events would have ended before they began.
    done = [
        (log, outcome) for log in waiting
        if (outcome := process(log.pk, now=now + timedelta(seconds=time.monotonic() - started)))
    ]
    left = PlexWebhookLog.objects.waiting_for(conflict.pk).count()
    if left:
        inbox.wake(now=now)
    return Resolved(conflict, tuple(done), left)


def waiting_episodes(conflict: PlexConflict) -> tuple[NewEpisode, ...]:
    """The episodes that the waiting events name, as a new show's first ones."""
    found: dict[tuple[int, int], NewEpisode] = {}
    for log in PlexWebhookLog.objects.waiting_for(conflict.pk):
        event = _event_of(log)
        if event and event.kind == "episode" and event.season is not None and event.number is not None:
            episode = NewEpisode(event.season, event.number, event.title, event.air_date, event.minutes)
            found.setdefault((event.season, event.number), episode)
    return tuple(found.values())


def _event_of(log: PlexWebhookLog) -> PlexEvent | None:
    """The event of a row, or nothing where it cannot be read any more: working on it will say so."""
    try:
        return parse_event(log.payload)
    except InvalidPayload:
        return None


def reevaluate(conflict_id: int, *, now: datetime) -> bool:
    """Look again: a mapping written by hand or a show added since may settle a conflict. Says whether it did.

    No service is asked again: what they said then is known still, and only the catalogue has changed.
    """
    conflict = PlexConflict.objects.open().filter(pk=conflict_id).first()
    if conflict is None:
        return False
    mapping.adopt_written(mapping.show_of(conflict))
    event_log = PlexWebhookLog.objects.waiting_for(conflict.pk).first()
    event = _event_of(event_log) if event_log else None
    known = identification.recalled(conflict.evidence, event)
    matched = identification.match_identified(known)
    try:
        with transaction.atomic():
            conflict = _open(conflict_id)
            settled = _settle_by_itself(conflict, matched, now)
            if event and not settled:
                conflicts.weigh(
                    conflict, matched, known.described, now=now, said=known.said, contested=known.contested,
                )
    except Unresolvable:
        return False
    if settled:
        _drain(conflict, now)
    return settled


def _settle_by_itself(conflict: PlexConflict, matched: Match, now: datetime) -> bool:
    """By what a person wrote on the mapping, else by a show that is sure now. Says whether either was there."""
    row, chosen = row_of(conflict), matched.chosen
    auto, ignored = PlexConflict.Resolution.AUTO, PlexConflict.Resolution.IGNORED
    if row and row.tvshow_id:
        conflicts.close(conflict, resolution=auto, tvshow_id=row.tvshow_id, user_id=None, now=now)
    elif row and not row.sync_enabled:
        conflicts.close(conflict, resolution=ignored, tvshow_id=None, user_id=None, now=now)
    elif chosen:
        choice = Choice(chosen.show.pk, chosen.score, chosen.method)
        mapping.write(mapping.show_of(row or conflict), choice, now=now, row=row)
        conflicts.close(conflict, resolution=auto, tvshow_id=chosen.show.pk, user_id=None, now=now)
    else:
        return False
    return True


def reevaluate_all(*, now: datetime) -> int:
    """Look again at every open conflict. Says how many were settled."""
    catalogue.index_stale_titles()
    return _reevaluate(PlexConflict.objects.open(), now)


def reevaluate_stale(*, now: datetime) -> int:
    """The sweep's look at conflicts: what was changed since, by hand or by SQL. Says how many were settled.

    It goes by rows alone, so that it also finds what a lost wake-up left, or a worker that ended in the middle.
    """
    _free_left_behind(now)
    catalogue.index_stale_titles()
    open_conflicts = PlexConflict.objects.open()
    if PlexShowMapping.objects.filter(plex_show_key="", tvshow__isnull=False).exists():
        for conflict in open_conflicts:
            mapping.adopt_written(mapping.show_of(conflict))
    settled_rows = PlexShowMapping.objects.exclude(tvshow__isnull=True, sync_enabled=True).exclude(plex_show_key="")
    looked_at = Q(plex_show_key__in=settled_rows.values("plex_show_key")) | Q(plex_show_key="")
    if changed := catalogue.last_changed():
        looked_at |= Q(evaluated_at__lt=changed + SEEN_LATE)
    return _reevaluate(open_conflicts.filter(looked_at), now)


def _reevaluate(open_conflicts: QuerySet[PlexConflict], now: datetime) -> int:
    settled = 0
    for conflict_id in list(open_conflicts.order_by("evaluated_at", "pk").values_list("pk", flat=True)):
        try:
            settled += reevaluate(conflict_id, now=now)
        except Exception:
            # One that cannot be looked at must not keep the others from it; it comes last the next time.
            logger.exception("Conflict %s could not be looked at again", conflict_id)
            PlexConflict.objects.filter(pk=conflict_id).update(evaluated_at=now)
    return settled


def _free_left_behind(now: datetime) -> None:
    """Events that wait for a question which is not open any more: their conflict was answered while they were being
    attached to it, or deleted. They are due again, and ask anew where it is still unclear.
    """
    waiting = PlexWebhookLog.objects.undone().filter(due_at__isnull=True, lease_until__isnull=True)
    if waiting.filter(Q(conflict__isnull=True) | Q(conflict__resolved=True)).update(due_at=now):
        inbox.wake(now=now)


def ignore_many(conflict_ids: Iterable[int], *, user_id: int | None, now: datetime) -> tuple[int, list[str]]:
    """Ignore several shows. Says how many, and what could not be."""
    done, problems = 0, []
    for conflict_id in conflict_ids:
        try:
            ignore(conflict_id, user_id=user_id, now=now)
            done += 1
        except (Unresolvable, ValidationError) as problem:
            problems.append(str(problem))
    return done, problems


def select_best_many(shown: Mapping[int, int | None], *, user_id: int | None, now: datetime) -> tuple[int, list[str]]:
    """Take the best of several conflicts, each as a person was shown it. Says how many, and what could not be."""
    done, problems = 0, []
    for conflict in PlexConflict.objects.open().filter(pk__in=list(shown)):
        try:
            select(conflict.pk, tvshow_id=_best_as_shown(conflict, shown[conflict.pk]), user_id=user_id, now=now)
            done += 1
        except Unresolvable as problem:
            problems.append(f"{conflict}: {problem}")
    return done, problems


def _best_as_shown(conflict: PlexConflict, shown: int | None) -> int:
    """The best candidate, unless what was weighed has changed since it was shown. Raises Unresolvable."""
    first = next(iter(conflict.potential_matches or []), None)
    best: int | None = first.get("tvshow_id") if isinstance(first, dict) else None
    if best is None or best != shown:
        raise Unresolvable("no show fits." if best is None else "what fits best has changed since. Look again.")
    return best


def reevaluate_many(conflict_ids: Iterable[int], *, now: datetime) -> int:
    """Look again at several conflicts. Says how many were settled at once.

    For those that stay open an event is taken up again by a worker, which asks Plex and TMDB anew.
    """
    settled = 0
    for conflict_id in conflict_ids:
        if reevaluate(conflict_id, now=now):
            settled += 1
        elif log := PlexWebhookLog.objects.waiting_for(conflict_id).first():
            inbox.take_up(log, now=now)
    return settled


def map_by_hand(mapping_id: int, *, tvshow_id: int, user_id: int | None, now: datetime) -> tuple[Resolved | None, Move]:
    """A person says on a mapping which show it is: an open conflict is settled by that, else what was marked moves.

    Raises Unresolvable.
    """
    row = PlexShowMapping.objects.filter(pk=mapping_id).first()
    if row is None:
        raise Unresolvable("This mapping is not here any more.")
    if not TVShow.objects.filter(pk=tvshow_id).exists():
        raise Unresolvable("That show is not here any more. Choose another one.")
    asked = conflicts.open_for(row.plex_show_key) if row.plex_show_key else None
    if asked and row.tvshow_id is None:
        return select(asked.pk, tvshow_id=tvshow_id, user_id=user_id, now=now), Move(0, ())
    return None, mapping.change_show(mapping_id, tvshow_id=tvshow_id, now=now)


def switch_sync(mapping_ids: Iterable[int], *, enabled: bool, now: datetime) -> int:
    """Switch marking on or off for mappings; a show that waited and is switched off is ignored. Says how many."""
    switched = mapping.set_sync(mapping_ids, enabled=enabled, now=now)
    reevaluate_stale(now=now)
    return switched

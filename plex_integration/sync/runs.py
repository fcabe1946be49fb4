"""Runs of the sync: one at a time across all processes, by a row with a lease; what they did; stopping one."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig, SyncRun

LEASE = timedelta(minutes=3)  # longer than any one request may take with the pauses that the server asks for
KEPT = 200  # runs
COUNTERS = (
    "total", "processed", "skipped", "added", "updated", "removed", "marked", "asked", "unwatched", "requests",
    "queries",
)
_PROGRESS = ("library", "library_number", "libraries", "item", "position", "items", "message")


class Busy(PlexIntegrationError):  # noqa: N818  (a state, which passes)
    """Another run is under way."""


class Cancelled(PlexIntegrationError):  # noqa: N818  (what happened)
    """A person stopped the run, or another one took its place."""


class Paused(Exception):  # noqa: N818  (what it is)
    """The time of this slice is over; another one goes on."""


def claim(run: SyncRun, *, now: datetime) -> SyncRun:
    """Begin a run, unless one is under way. Raises Busy."""
    theirs = SyncRun.objects.filter(config=run.config)
    message = "It ended without a word; the next run goes on from there."
    theirs.lost(now).update(status=SyncRun.Status.LOST, finished_at=now, message=message)
    run.started_at, run.lease_until, run.status = now, now + LEASE, SyncRun.Status.RUNNING
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        raise Busy("Another sync is under way. Wait for it, or cancel it.") from None
    return run


def advance(run: SyncRun) -> None:
    """Store how far it is, and keep the lease. Raises Cancelled where a person or another run said so."""
    values = {name: getattr(run, name) for name in (*COUNTERS, *_PROGRESS)}
    mine = SyncRun.objects.running().filter(pk=run.pk, cancel_requested=False)
    if not mine.update(lease_until=timezone.now() + LEASE, details=run.details, **values):
        raise Cancelled("The sync was cancelled. What it has done so far stays; the next one goes on from there.")


def finish(run: SyncRun, *, status: str, message: str = "", now: datetime) -> None:
    """The end of a run, however it came."""
    run.status, run.message, run.finished_at, run.lease_until = status, message, now, None
    values = {name: getattr(run, name) for name in (*COUNTERS, *_PROGRESS)}
    SyncRun.objects.running().filter(pk=run.pk).update(
        status=status, finished_at=now, lease_until=None, details=run.details, **values,
    )


def forget_old(config_id: int) -> int:
    """Delete all but the last runs. Says how many."""
    older = SyncRun.objects.filter(config=config_id).exclude(status=SyncRun.Status.RUNNING)
    pks = list(older.values_list("pk", flat=True)[KEPT:])
    return SyncRun.objects.filter(pk__in=pks).delete()[0] if pks else 0


def cancel(config_id: int) -> bool:
    """Have the run that is under way stop after its page. Says whether there was one."""
    return bool(SyncRun.objects.running().filter(config=config_id).update(cancel_requested=True))


def under_way(config: PlexConfig, *, now: datetime) -> SyncRun | None:
    """The run that is under way, if there is one."""
    return SyncRun.objects.running().filter(config=config, lease_until__gte=now).first()


def latest(config: PlexConfig) -> QuerySet[SyncRun]:
    """Runs that are over, the latest first."""
    return SyncRun.objects.filter(config=config).exclude(status=SyncRun.Status.RUNNING)

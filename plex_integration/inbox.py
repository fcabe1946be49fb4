"""The inbox: which events are due, who works on them, and what happens when that fails.

The row is the truth and the queue only a wake-up. An attempt is counted and committed before the work starts, under a
lease that ends by itself, so a worker that dies holding it costs an attempt and nothing else.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, When
from django_q.models import OrmQ
from django_q.tasks import async_task

from plex_integration import outcomes
from plex_integration.models import PlexWebhookLog
from plex_integration.outcomes import Outcome
from plex_integration.untrusted import clean_text

# Before attempt 2, 3, … of an event that failed for a passing reason.
BACKOFF = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3600, 4 * 3600, 24 * 3600))
MOST_ATTEMPTS = len(BACKOFF) + 1
MOST_CRASHES = 3
JITTER = 0.2
MOST_QUEUED = 200  # tasks; more wake-ups than this are no use to the workers
TASK = "plex_integration.tasks.process_event"


def enqueue(log_id: int) -> None:
    """Wake a worker for an event, in the transaction that stores it."""
    async_task(TASK, log_id)


def claim(log_id: int, *, now: datetime) -> PlexWebhookLog | None:
    """Take an event up, or nothing when it is done, not due, or another's. Counts the attempt."""
    lease = now + timedelta(seconds=settings.EVENT_LEASE_SECONDS)
    taken = PlexWebhookLog.objects.due(now).filter(pk=log_id).update(
        lease_until=lease, retry_count=F("retry_count") + 1,
        crash_count=F("crash_count") + Case(When(lease_until__isnull=False, then=1), default=0),
    )
    if not taken:
        return None
    log = PlexWebhookLog.objects.select_related("config", "account").get(pk=log_id)
    if log.crash_count >= MOST_CRASHES:
        finish(log, outcomes.failed(outcomes.ERROR, f"The worker was lost {MOST_CRASHES} times while at it."), now=now)
        return None
    return log


def finish(log: PlexWebhookLog, outcome: Outcome, *, now: datetime, duration_ms: int | None = None) -> None:
    """Write what became of an event. One that waits for a person is neither due nor done."""
    reason = clean_text(outcome.reason)
    took = {} if duration_ms is None else {"processing_duration_ms": duration_ms}
    asked = {"conflict": outcome.conflict_id} if outcome.conflict_id else {}
    _write(
        log, status=outcome.status, action_taken=outcome.action, reason=reason, tvshow=outcome.tvshow_id,
        error_message=reason if outcome.status == PlexWebhookLog.Status.FAILED else "",
        due_at=None, lease_until=None, done_at=None if outcome.waits else now, **took, **asked,
    )


def _write(log: PlexWebhookLog, **fields: Any) -> None:
    """Write as the holder of the lease: who has lost it must not undo what the next one did."""
    mine = PlexWebhookLog.objects.undone().filter(pk=log.pk, lease_until=log.lease_until)
    mine.update(**fields)


def try_later(log: PlexWebhookLog, reason: str, *, now: datetime) -> None:
    """After a failure that may pass: due again after a while, or failed for good after the last attempt."""
    if log.retry_count >= MOST_ATTEMPTS:
        finish(log, outcomes.failed(outcomes.ERROR, f"Tried {log.retry_count} times. {reason}"), now=now)
        return
    wait = BACKOFF[max(log.retry_count, 1) - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    _postpone(log, now + wait, f"Failed so far, will be tried again. {reason}", error=reason)


def defer(log: PlexWebhookLog, reason: str, *, until: datetime) -> None:
    """A service is down: due again then, and the attempt does not count."""
    _postpone(log, until, reason, retry_count=max(log.retry_count - 1, 0))


def _postpone(log: PlexWebhookLog, due_at: datetime, reason: str, *, error: str = "", **fields: int) -> None:
    _write(
        log, status=PlexWebhookLog.Status.RECEIVED, due_at=due_at, lease_until=None, reason=clean_text(reason),
        error_message=clean_text(error), **fields,
    )


def replay(log: PlexWebhookLog, *, now: datetime) -> bool:
    """Run an event again from the start, with the time at which it came. False when it is unreadable or queued."""
    fresh = PlexWebhookLog.objects.filter(pk=log.pk, done_at__isnull=False).exclude(event_type="invalid")
    due = fresh.update(
        status=PlexWebhookLog.Status.RECEIVED, action_taken="", reason="Is run again.", error_message="", due_at=now,
        done_at=None, lease_until=None, conflict=None, retry_count=0, crash_count=0,
    )
    if due:
        enqueue(log.pk)
    return bool(due)


def take_up(log: PlexWebhookLog, *, now: datetime) -> None:
    """Have a worker work on an event that waits for a person: services may know more by now."""
    waiting = PlexWebhookLog.objects.undone().filter(pk=log.pk, due_at__isnull=True, lease_until__isnull=True)
    if waiting.update(due_at=now):
        enqueue(log.pk)


def wake_others_of_show(log: PlexWebhookLog, *, now: datetime) -> None:
    """After one event of a show is done, those put off meanwhile need not wait: the show is known now."""
    others = PlexWebhookLog.objects.of_show(log).filter(due_at__gt=now, lease_until__isnull=True)
    for pk in list(others.values_list("pk", flat=True)[:MOST_QUEUED]):
        if others.filter(pk=pk).update(due_at=now):
            enqueue(pk)


def wake_now(log: PlexWebhookLog, *, now: datetime) -> None:
    """Have an event that was put off worked on at once, unless somebody works on it already."""
    if PlexWebhookLog.objects.undone().filter(pk=log.pk, lease_until__isnull=True).update(due_at=now):
        enqueue(log.pk)


def wake(*, now: datetime) -> int:
    """Queue what is due and was not taken up, unless the workers have enough to do. Says how many."""
    room = MOST_QUEUED - OrmQ.objects.count()
    due = list(PlexWebhookLog.objects.due(now).values_list("pk", flat=True)[: max(room, 0)])
    for log_id in due:
        enqueue(log_id)
    return len(due)

"""What processes have to agree on before they ask an outside service: its budget, whether it answers, what it said.

It is kept in the database, because there is always one. Every claim is a conditional UPDATE whose row count decides;
no transaction is open while a service is asked.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TypeVar

from django.db.models import Case, F, Q, QuerySet, Sum, When

from tvshows.exceptions import AddressDenied, AskedToWait, OverBudget, ServiceDown, ServiceRefused
from tvshows.models import CachedAnswer, RequestSlot, ServiceMinute, ServiceState

FAILURES = 5  # one after the other, after which a service is left alone
PAUSE = timedelta(minutes=1)  # between one caller who tries whether it is back and the next
FRESH = timedelta(minutes=1)  # how exact the time of the last success is kept
COUNTS_KEPT = timedelta(days=1)  # how often a service was asked, by the minute
LONGEST_KEY = 255
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


def take_slot(service: str, *, most: int, window: timedelta, now: datetime) -> None:
    """Count one request; in any `window` there are at most `most`. Raises OverBudget with the time until one is free.

    A ring of `most` rows, each of which is used again when its last use has left the window.
    """
    ring = RequestSlot.objects.filter(service=service, number__lt=most)
    if _claim_slot(ring, window=window, now=now):
        return
    if ring.count() < most:
        missing = [RequestSlot(service=service, number=number, used_at=_NEVER) for number in range(most)]
        RequestSlot.objects.bulk_create(missing, ignore_conflicts=True)
        if _claim_slot(ring, window=window, now=now):
            return
    oldest = ring.order_by("used_at").values_list("used_at", flat=True)[0]
    wait = max(oldest + window - now, timedelta(milliseconds=1))
    raise OverBudget(f"{service} is asked no more than {most} times in {window.total_seconds():g} seconds.", wait)


def _claim_slot(ring: QuerySet[RequestSlot], *, window: timedelta, now: datetime) -> bool:
    """Whether a slot was free and is ours. Somebody else may be quicker: then the next one."""
    free = ring.filter(used_at__lte=now - window)
    while (slot := free.order_by("used_at", "number").values_list("pk", flat=True).first()) is not None:
        if free.filter(pk=slot).update(used_at=now):
            return True
    return False


@contextmanager
def guarded(service: str, *, now: datetime) -> Iterator[None]:
    """Ask a service that may be down.

    After five failures in a row, or for as long as the service itself asks for, everybody gets ServiceDown at once;
    then one caller a minute tries. A refusal is an answer too. What we did not send at all counts as neither.
    """
    ours = _enter(service, now)
    began = monotonic()
    try:
        yield
    except (OverBudget, AddressDenied):
        raise
    except ServiceDown as error:
        _failed(service, error, now=now + timedelta(seconds=monotonic() - began))
        raise
    except ServiceRefused:
        _answered(service, ours, now=now)
        raise
    _answered(service, ours, now=now)


def _enter(service: str, now: datetime) -> datetime | None:
    """None where the service is open to all; where it is not, the value of `closed_until` that says that we may try."""
    closed_until = ServiceState.objects.filter(service=service).values_list("closed_until", flat=True).first()
    if closed_until is None:
        return None
    ours = now + PAUSE
    claimable = ServiceState.objects.filter(service=service, closed_until=closed_until)
    if closed_until <= now and claimable.update(closed_until=ours):
        return ours
    wait = closed_until - now if closed_until > now else PAUSE
    raise ServiceDown(f"{service} did not answer of late, and is asked again soon.", wait)


@contextmanager
def counted(service: str, *, now: datetime) -> Iterator[None]:
    """Inside `guarded`, where the share of requests that are not answered is to be known: a write for each request."""
    try:
        yield
    except (OverBudget, AddressDenied):
        raise
    except ServiceDown:
        _count(service, failed=1, now=now)
        raise
    except ServiceRefused:
        _count(service, failed=0, now=now)
        raise
    _count(service, failed=0, now=now)


def _count(service: str, *, failed: int, now: datetime) -> None:
    minute = now.replace(second=0, microsecond=0)
    row = ServiceMinute.objects.filter(service=service, minute=minute)
    added = {"asked": F("asked") + 1, "failed": F("failed") + failed}
    if not row.update(**added):
        ServiceMinute.objects.bulk_create([ServiceMinute(service=service, minute=minute)], ignore_conflicts=True)
        row.update(**added)


def asked_since(service: str, since: datetime) -> tuple[int, int]:
    """How often a service was asked since then, and how often it did not answer; kept for a day."""
    sums = ServiceMinute.objects.filter(service=service, minute__gte=since).aggregate(Sum("asked"), Sum("failed"))
    return sums["asked__sum"] or 0, sums["failed__sum"] or 0


def _failed(service: str, error: ServiceDown, *, now: datetime) -> None:
    ServiceState.objects.bulk_create([ServiceState(service=service)], ignore_conflicts=True)
    state = ServiceState.objects.filter(service=service)
    state.update(
        failures=F("failures") + 1, last_error=str(error)[:255], last_error_at=now,
        closed_until=Case(When(failures__gte=FAILURES - 1, then=now + PAUSE), default=F("closed_until")),
    )
    if isinstance(error, AskedToWait):
        until = now + error.retry_after
        state.filter(Q(closed_until=None) | Q(closed_until__lt=until)).update(closed_until=until)


def _answered(service: str, ours: datetime | None, *, now: datetime) -> None:
    """Reset what was counted, unless somebody else closed it meanwhile. Mostly there is nothing to write."""
    state = ServiceState.objects.filter(service=service)
    clean = state.filter(failures=0, closed_until=None, last_success_at__gte=now - FRESH)
    if not clean.exists():
        ServiceState.objects.bulk_create([ServiceState(service=service)], ignore_conflicts=True)
        state.filter(closed_until=ours).update(failures=0, closed_until=None, last_success_at=now)


def cached(
    key: str, ask: Callable[[], T], *, now: datetime,
    full: timedelta = timedelta(hours=24), empty: timedelta = timedelta(hours=1),
) -> T:
    """The answer of `ask`, remembered for `full`, or for `empty` where it is None or has nothing in it.

    It has to be JSON. What `ask` raises is raised and not remembered.
    """
    if len(key) > LONGEST_KEY:
        key = hashlib.sha256(key.encode()).hexdigest()
    for held in CachedAnswer.objects.valid(now).filter(key=key).values_list("value", flat=True):
        return held["answer"]  # type: ignore[no-any-return]
    answer = ask()
    # In an object of its own: null alone would be stored as SQL's NULL.
    row = CachedAnswer(key=key, value={"answer": answer}, expires_at=now + (full if answer else empty))
    CachedAnswer.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["key"], update_fields=["value", "expires_at"],
    )
    return answer


def forget_expired(now: datetime) -> int:
    """Delete remembered answers that may not be used any more (how many there were), and old counts."""
    ServiceMinute.objects.filter(minute__lt=now - COUNTS_KEPT).delete()
    return CachedAnswer.objects.filter(expires_at__lte=now).delete()[0]

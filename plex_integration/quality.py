"""How well the tracker works by itself: events that succeeded, shows recognised without a question, time to answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, IntegerField, Q, Value

from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog

Status = PlexWebhookLog.Status
_BY_A_PERSON = Q(resolution_action__in=[
    PlexConflict.Resolution.SELECTED, PlexConflict.Resolution.CREATED, PlexConflict.Resolution.IGNORED,
    PlexConflict.Resolution.SELECTED_BEFORE, PlexConflict.Resolution.CREATED_BEFORE,
])
_WRITTEN_AT_ONCE = timedelta(minutes=1)  # between making a row and writing into it


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many events did what they should, and how many failed. What was set aside counts as neither."""

    succeeded: int = 0
    failed: int = 0

    @property
    def worked_on(self) -> int:
        """Both."""
        return self.succeeded + self.failed

    @property
    def percent(self) -> float | None:
        """The share that succeeded; None where there was no event."""
        return percent(self.succeeded, self.worked_on)


@dataclass(frozen=True, slots=True)
class Recognised:
    """How many Plex shows were mapped without a question, how many of those a person corrected, how many asked."""

    alone: int
    corrected: int  # of those
    asked: int

    @property
    def percent(self) -> float | None:
        """The share that was mapped without a question."""
        return percent(self.alone, self.alone + self.asked)

    @property
    def percent_corrected(self) -> float | None:
        """How much of what was mapped without a question was wrong."""
        return percent(self.corrected, self.alone)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question that a person answered."""

    at: datetime
    took: timedelta


def percent(part: int, whole: int) -> float | None:
    """To a tenth, and never rounded up to all of it."""
    if not whole:
        return None
    return 99.9 if part < whole and part / whole > 0.999 else round(100 * part / whole, 1)


def verdicts(spans: Sequence[tuple[datetime, datetime]]) -> list[Verdicts]:
    """Of the events received in each span of time: counted from an index, whatever the number of rows."""
    if not spans:
        return []
    counts = [
        PlexWebhookLog.objects.filter(status=status, created_at__gte=since, created_at__lt=until).order_by()
        .annotate(span=Value(index, IntegerField()), verdict=Value(status.value)).values("span", "verdict")
        .annotate(events=Count("pk"))
        for index, (since, until) in enumerate(spans) for status in (Status.SUCCESS, Status.FAILED)
    ]
    found = {(row["span"], row["verdict"]): row["events"] for row in counts[0].union(*counts[1:], all=True)}
    return [
        Verdicts(found.get((index, Status.SUCCESS.value), 0), found.get((index, Status.FAILED.value), 0))
        for index in range(len(spans))
    ]


def recognised(since: datetime | None) -> Recognised:
    """Of the Plex shows that were first mapped since then, and of those that are asked about since then."""
    asked_about = set(PlexConflict.objects.filter(_BY_A_PERSON).order_by().values_list("plex_show_key", flat=True))
    mappings = PlexShowMapping.objects.exclude(tvshow=None).order_by()
    rows = list((mappings.filter(created_at__gte=since) if since else mappings).values_list(
        "plex_show_key", "match_method", "created_at", "updated_at",
    ))
    asked = sum(row[0] in asked_about for row in rows if row[0])
    by_hand = [row for row in rows if row[1] == PlexShowMapping.Method.MANUAL and row[0] not in asked_about]
    corrected = sum(updated - created > _WRITTEN_AT_ONCE for *_, created, updated in by_hand)
    waiting = PlexConflict.objects.open()
    waiting = waiting.filter(created_at__gte=since) if since else waiting
    return Recognised(len(rows) - asked - (len(by_hand) - corrected), corrected, asked + waiting.count())


def answers(since: datetime | None) -> list[Answered]:
    """The questions that a person answered since then, in no order."""
    settled = PlexConflict.objects.filter(_BY_A_PERSON, resolved=True, resolved_at__isnull=False).order_by()
    rows = (settled.filter(resolved_at__gte=since) if since else settled).values_list("created_at", "resolved_at")
    return [Answered(at, at - asked) for asked, at in rows if at is not None]


def median_time(answered: Iterable[Answered]) -> timedelta | None:
    """How long half of the questions waited at most."""
    seconds = [one.took.total_seconds() for one in answered]
    return timedelta(seconds=median(seconds)) if seconds else None

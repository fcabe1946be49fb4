"""How many events came on each of the last days, and which kinds of failures there were."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.utils import timezone
from django.utils.formats import date_format

from plex_integration.models import PlexWebhookLog
from plex_integration.words import ACTIONS, counted

DAYS = 14


@dataclass(frozen=True, slots=True)
class Day:
    """A day in the reader's time zone."""

    day: date
    total: int
    failed: int

    @property
    def label(self) -> str:
        """The day, for under a bar."""
        return date_format(self.day, "j M")

    @property
    def value(self) -> int:
        """How high a bar is."""
        return self.total

    @property
    def says(self) -> str:
        """The sentence with its numbers."""
        return f"{date_format(self.day, 'D j M')}: {counted(self.total, 'event')}, {self.failed} failed"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of failure."""

    action: str
    label: str
    number: int


@dataclass(frozen=True)
class Counts:
    """The last days, oldest first, and the kinds of failures in them, most frequent first."""

    days: Sequence[Day]
    kinds: Sequence[Kind]

    @property
    def total(self) -> int:
        """All events of these days."""
        return sum(day.total for day in self.days)

    @property
    def failed(self) -> int:
        """All that failed."""
        return sum(day.failed for day in self.days)


def count_days(*, now: datetime) -> Counts:
    """The last DAYS days with today, by the days of the current time zone; two queries, each on an index."""
    last = timezone.localdate(now)
    days = [last - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    starts = [timezone.make_aware(datetime.combine(day, time())) for day in days]
    came = PlexWebhookLog.objects.order_by().filter(created_at__gte=starts[0], created_at__lte=now)
    totals = {group["place"]: group["number"] for group in _by_day(came, starts)}
    failed, kinds = Counter[int](), Counter[str]()
    for group in _by_day(came.filter(status=PlexWebhookLog.Status.FAILED), starts, "action_taken"):
        failed[group["place"]] += group["number"]
        kinds[group["action_taken"]] += group["number"]
    return Counts(
        [Day(day, totals.get(place, 0), failed[place]) for place, day in enumerate(days)],
        [Kind(action, ACTIONS.get(action, action) or "Other", number) for action, number in kinds.most_common()],
    )


def _by_day(
    rows: QuerySet[PlexWebhookLog], starts: Sequence[datetime], *others: str,
) -> Iterable[dict[str, Any]]:
    """Their `number`, grouped by the place of their day, which comparing finds sooner than a local date of each row."""
    newest_first = reversed(list(enumerate(starts)))
    begun = [When(created_at__gte=start, then=Value(place)) for place, start in newest_first]
    placed = rows.annotate(place=Case(*begun, output_field=IntegerField()))
    grouped: Iterable[dict[str, Any]] = placed.values("place", *others).annotate(number=Count("pk"))
    return grouped

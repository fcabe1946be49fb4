"""On which day a moment lies in the current time zone, told by the database itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from django.db import connection
from django.db.models import Case, DateField, F, Func, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import TruncDate
from django.utils import timezone

_STEP = timedelta(days=7)  # no zone changes its clocks twice in a week
_MINUTE = timedelta(minutes=1)
_FIRST_ZONES = datetime(1970, 1, 1, tzinfo=UTC)  # what was before counts as it would have been then


def local_day(column: str, *, since: datetime, until: datetime) -> Combinable:
    """The day of a column with moments between the two.

    SQLite has no time zones, and Django has Python asked about each row: too slow for a year of viewings. So SQLite is
    told by how much the clocks of the zone differ from UTC, and from when on.
    """
    zone = timezone.get_current_timezone()
    if connection.vendor != "sqlite":
        return TruncDate(column, tzinfo=zone)
    *past, (_, now) = offsets(zone, max(since, _FIRST_ZONES), until)
    cases = [When(**{f"{column}__lt": end, "then": _shifted(column, offset)}) for end, offset in past]
    return Case(*cases, default=_shifted(column, now), output_field=DateField())


def _shifted(column: str, offset: timedelta) -> Func:
    seconds = Value(f"{int(offset.total_seconds()):+} seconds")
    return Func(F(column), seconds, function="date", output_field=DateField())


def offsets(zone: tzinfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """How much the zone differs from UTC, each time with the moment until which it does so; the last is `until`."""
    moment, offset = since, _offset(zone, since)
    while moment < until:
        later = min(moment + _STEP, until)
        if _offset(zone, later) != offset:
            change = _change(zone, moment, later)
            yield change, offset
            offset = _offset(zone, later)
        moment = later
    yield until, offset


def _change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """The minute in which the clocks change."""
    start = before.replace(second=0, microsecond=0)
    low, high = 0, (after - start) // _MINUTE + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, start + _MINUTE * middle) == _offset(zone, before):
            low = middle
        else:
            high = middle
    return start + _MINUTE * high


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(UTC).astimezone(zone).utcoffset() or timedelta()

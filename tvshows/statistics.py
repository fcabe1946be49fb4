"""What people watched, in numbers: by day and week in the zone of whoever looks, and the shows they watched most."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from tvshows.local_days import local_day
from tvshows.models import TVShow, Watch

DAY, WEEK = timedelta(days=1), timedelta(days=7)

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Seen:
    """How much was watched: viewings, their minutes where the episode's length is known, and for how many it is not."""

    episodes: int = 0
    minutes: int = 0
    unmeasured: int = 0

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(self.episodes + other.episodes, self.minutes + other.minutes, self.unmeasured + other.unmeasured)

    @property
    def hours(self) -> float:
        """The minutes as hours, to a tenth."""
        return round(self.minutes / 60, 1)


NOTHING = Seen()
_SUMS = {"plays": Count("pk")}
_LENGTHS = {"length": Sum("episode__runtime"), "unmeasured": Count("pk", filter=Q(episode__runtime=None))}


@dataclass(frozen=True, slots=True)
class SeenOn:
    """What a person watched on one day."""

    user_id: int
    day: date
    seen: Seen


@dataclass(frozen=True, slots=True)
class ShowSeen:
    """A show and how much of it was watched."""

    show: TVShow
    seen: Seen


@dataclass(frozen=True, slots=True)
class ShowsSeen:
    """The shows that were watched most, and how many were watched at all."""

    best: Sequence[ShowSeen]
    number: int


def viewings(*, user_id: int | None = None, since: datetime | None = None) -> QuerySet[Watch]:
    """The live viewings of a person or of everybody, in no order."""
    watches = Watch.objects.live().order_by()
    if user_id is not None:
        watches = watches.filter(user=user_id)
    return watches.filter(watched_at__gte=since) if since else watches


def by_day(watches: QuerySet[Watch], *, now: datetime, with_minutes: bool = True) -> list[SeenOn]:
    """What each person watched on each day of the current time zone. Without minutes it need not look at episodes."""
    first = watches.order_by("watched_at").values_list("watched_at", flat=True).first()
    if first is None:
        return []
    day = local_day("watched_at", since=first, until=max(first, now))
    sums = _SUMS | (_LENGTHS if with_minutes else {})
    rows = watches.annotate(day=day).values("user", "day").annotate(**sums).values_list("user", "day", *sums)
    found = (SeenOn(user_id, on, _seen(*row)) for user_id, on, *row in rows)
    return sorted(found, key=lambda one: (one.user_id, one.day))


def _seen(plays: int, minutes: int | None = 0, unmeasured: int = 0) -> Seen:
    return Seen(plays, minutes or 0, unmeasured)


def total(days: Iterable[SeenOn]) -> Seen:
    """All of it."""
    return sum((one.seen for one in days), NOTHING)


def grouped(days: Iterable[SeenOn], key: Callable[[SeenOn], Key]) -> dict[Key, Seen]:
    """It by person, by day, by week or whatever `key` says."""
    found: dict[Key, Seen] = {}
    for one in days:
        found[key(one)] = found.get(key(one), NOTHING) + one.seen
    return found


def monday(day: date) -> date:
    """The first day of its week."""
    return day - DAY * day.weekday()


def weeks(first: date, last: date) -> Iterator[date]:
    """The Mondays of all weeks from the one of `first` to that of `last`."""
    week = monday(first)
    while week <= last:
        yield week
        week += WEEK


def midnight(day: date) -> datetime:
    """When a day begins in the current time zone."""
    return datetime.combine(day, time(), timezone.get_current_timezone())


def longest_run(days: Iterable[date]) -> int:
    """The most days in a row."""
    best = run = 0
    before: date | None = None
    for day in sorted(set(days)):
        run = run + 1 if before and day - before == DAY else 1
        best, before = max(best, run), day
    return best


def shows_seen(watches: QuerySet[Watch], *, most: int) -> ShowsSeen:
    """The shows of which most time was watched, or most episodes where no lengths are known; and how many there are."""
    sums = _SUMS | _LENGTHS
    rows = list(watches.values("episode__show").annotate(**sums).values_list("episode__show", *sums))
    best = sorted(rows, key=lambda row: (-(row[2] or 0), -row[1], row[0]))[:most]
    shows = TVShow.objects.defer("overview").in_bulk([show_id for show_id, *_ in best])
    found = (ShowSeen(shows[show_id], _seen(*row)) for show_id, *row in best if show_id in shows)
    return ShowsSeen(tuple(found), len(rows))

"""A person's year: a calendar of episodes, the last weeks, and the same by month in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format

from plex_integration.words import counted
from tvshows import statistics
from tvshows.statistics import DAY, WEEK

WEEKS_OF_YEAR, WEEKS_SHOWN = 52, 12


@dataclass(frozen=True)
class Bar:
    """A bar of a chart."""

    label: str
    value: float
    says: str


@dataclass(frozen=True)
class Half:
    """Half a year of days with the number of episodes, and a sentence about it."""

    days: Sequence[tuple[date, int]]
    name: str


@dataclass(frozen=True)
class Month:
    """The first day of a month, and how many episodes were watched in it."""

    first: date
    episodes: int


@dataclass(frozen=True)
class Year:
    """The last 52 weeks of one person."""

    halves: Sequence[Half]
    weeks: Sequence[Bar]
    months: Sequence[Month]
    episodes: int
    longest_run: int
    busiest: date | None  # any day of that weekday

    @property
    def this_week(self) -> int:
        """How many episodes since Monday."""
        return int(self.weeks[-1].value)

    @property
    def weeks_name(self) -> str:
        """What stands for the chart of weeks."""
        most = max(bar.value for bar in self.weeks)
        return f"Episodes a week for {len(self.weeks)} weeks; this week {self.this_week}, the most was {most:g}"


def year_of(user_id: int, *, now: datetime) -> Year:
    """What a person watched in a year that ends today, in the current time zone."""
    today = timezone.localdate(now)
    first = statistics.monday(today) - WEEK * (WEEKS_OF_YEAR - 1)
    watches = statistics.viewings(user_id=user_id, since=statistics.midnight(first))
    seen = statistics.by_day(watches, now=now, with_minutes=False)
    by_day = {one.day: one.seen.episodes for one in seen}
    days = [(first + DAY * offset, by_day.get(first + DAY * offset, 0)) for offset in range((today - first).days + 1)]
    return Year(
        halves=_halves(days), weeks=_weeks(by_day, today), months=_months(days),
        episodes=sum(number for _, number in days), longest_run=statistics.longest_run(by_day),
        busiest=_busiest(by_day),
    )


def _halves(days: Sequence[tuple[date, int]]) -> list[Half]:
    """Two maps, that stand side by side or one over the other."""
    middle = 7 * WEEKS_OF_YEAR // 2
    return [Half(part, _name(part)) for part in (days[:middle], days[middle:])]


def _name(days: Sequence[tuple[date, int]]) -> str:
    first, last = (date_format(day, "j M Y") for day in (days[0][0], days[-1][0]))
    return f"{first} to {last}: {counted(sum(number for _, number in days), 'episode')}"


def _weeks(by_day: dict[date, int], today: date) -> list[Bar]:
    mondays = list(statistics.weeks(today - WEEK * (WEEKS_SHOWN - 1), today))
    numbers = [sum(by_day.get(monday + DAY * day, 0) for day in range(7)) for monday in mondays]
    return [
        Bar("this week" if monday == mondays[-1] else date_format(monday, "j M"), number,
            f"Week of {date_format(monday, 'j M')}: {counted(number, 'episode')}")
        for monday, number in zip(mondays, numbers, strict=True)
    ]


def _months(days: Sequence[tuple[date, int]]) -> list[Month]:
    """The newest first."""
    numbers: dict[date, int] = {}
    for day, number in days:
        first = day.replace(day=1)
        numbers[first] = numbers.get(first, 0) + number
    return [Month(first, number) for first, number in sorted(numbers.items(), reverse=True)]


def _busiest(by_day: dict[date, int]) -> date | None:
    """A day of the weekday on which most is watched."""
    numbers = dict.fromkeys(range(7), 0)
    for day, number in by_day.items():
        numbers[day.weekday()] += number
    best = max(numbers, key=lambda weekday: numbers[weekday])
    return next((day for day in by_day if day.weekday() == best), None)

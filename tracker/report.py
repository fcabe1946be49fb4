"""The statistics of a household: who watched how much of what, in a month, a year or all the time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.formats import date_format

from tracker.work_report import WorkReport, work_report
from tvshows import statistics
from tvshows.models import Watch
from tvshows.statistics import DAY, NOTHING, WEEK, Seen, SeenOn, ShowSeen

MONTH, YEAR, ALL = "month", "year", "all"
PERIODS = {MONTH: "30 days", YEAR: "A year", ALL: "All the time"}
WEEKS_OF_YEAR = 52
MONTHS_SHOWN = 10 * 366  # days; a longer time is shown by the year
MOST_SHOWS = 10
Step = Literal["week", "month", "year"]
# Of what begins on a day: below its bar, and in a sentence.
_NAMES: dict[Step, tuple[str, str]] = {
    "week": ("j M", r"\W\e\e\k \o\f j M Y"), "month": ("M Y", "F Y"), "year": ("Y", "Y"),
}


@dataclass(frozen=True)
class Asked:
    """What was chosen: the period, and a person's id or None for whoever may be shown."""

    period: str = YEAR
    person: int | None = None


@dataclass(frozen=True)
class Bar:
    """The hours of a week or a month."""

    label: str
    name: str
    seen: Seen

    @property
    def value(self) -> float:
        """The hours."""
        return self.seen.hours

    @property
    def says(self) -> str:
        """The sentence with its number."""
        return f"{self.name}: {self.value:g} hour{'' if self.value == 1 else 's'}"


@dataclass(frozen=True)
class PersonSeen:
    """A person and how much they watched."""

    user: User
    seen: Seen


@dataclass(frozen=True)
class Report:
    """The page. `people` and `work` are for staff; `choices` are the people among whom they may choose."""

    asked: Asked
    name: str  # of whom it is, where that is one of several
    choices: Sequence[User]
    total: Seen
    days: int
    shows: int
    step: Step
    bars: Sequence[Bar]
    best: Sequence[ShowSeen]
    people: Sequence[PersonSeen]
    work: WorkReport | None

    @property
    def periods(self) -> Mapping[str, str]:
        """Their words."""
        return PERIODS

    @property
    def most_minutes(self) -> int:
        """Of the show that was watched most: its bar is the longest."""
        return self.best[0].seen.minutes if self.best else 0

    @property
    def chart_name(self) -> str:
        """What stands for the chart."""
        most = max((bar.value for bar in self.bars), default=0)
        return f"Hours by {self.step}; {self.total.hours:g} in all, the most was {most:g}"


def asked_for(given: Mapping[str, str]) -> Asked:
    """What an address asks for; what it cannot mean counts as nothing."""
    period, who = given.get("period", ""), given.get("person", "")
    is_id = who.isascii() and who.isdecimal() and len(who) < 10
    return Asked(period if period in PERIODS else YEAR, int(who) if is_id else None)


def report(user: User, asked: Asked, *, now: datetime) -> Report:
    """The statistics that a person may see: staff of everybody, others of themselves."""
    choices = _choices(user)
    chosen = next((one for one in choices if one.pk == asked.person), None)
    only = chosen.pk if chosen else None if user.is_staff else user.pk
    today = timezone.localdate(now)
    first = _first_day(asked.period, today)
    watches = statistics.viewings(user_id=only, since=statistics.midnight(first) if first else None)
    days = statistics.by_day(watches, now=now)
    shows = statistics.shows_seen(watches, most=MOST_SHOWS)
    begun = first or min((one.day for one in days), default=today)
    step = _step(asked.period, begun, today)
    return Report(
        asked=Asked(asked.period, chosen.pk if chosen else None), name=chosen.get_username() if chosen else "",
        choices=choices, total=statistics.total(days), days=len({one.day for one in days}), shows=shows.number,
        step=step, bars=_bars(days, begun, today, step),
        best=shows.best, people=[] if chosen or not choices else _people(days, choices),
        work=work_report(asked.period == MONTH, now=now) if user.is_staff and not chosen else None,
    )


def _choices(user: User) -> list[User]:
    """The people who watched something, for staff of a household of several."""
    if not user.is_staff:
        return []
    watched = Watch.objects.filter(user=OuterRef("pk")).order_by()
    people = list(User.objects.filter(Exists(watched)).order_by("username"))
    return people if len(people) > 1 else []


def _first_day(period: str, today: date) -> date | None:
    if period == MONTH:
        return today - DAY * 29
    return statistics.monday(today) - WEEK * WEEKS_OF_YEAR if period == YEAR else None


def _step(period: str, first: date, last: date) -> Step:
    if period != ALL:
        return "week"
    return "month" if (last - first).days <= MONTHS_SHOWN else "year"


def _bars(days: Iterable[SeenOn], first: date, last: date, step: Step) -> list[Bar]:
    """One for each week, month or year from the first day to the last, also where nothing was watched."""
    found = statistics.grouped(days, lambda one: _beginning(one.day, step))
    label, name = _NAMES[step]
    return [
        Bar(date_format(day, label), date_format(day, name), found.get(day, NOTHING))
        for day in _beginnings(first, last, step)
    ]


def _beginning(day: date, step: Step) -> date:
    if step == "week":
        return statistics.monday(day)
    return day.replace(day=1) if step == "month" else day.replace(month=1, day=1)


def _beginnings(first: date, last: date, step: Step) -> Iterable[date]:
    if step == "week":
        return statistics.weeks(first, last)
    return _months(first, last) if step == "month" else (date(year, 1, 1) for year in range(first.year, last.year + 1))


def _months(first: date, last: date) -> list[date]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _people(days: Iterable[SeenOn], choices: Iterable[User]) -> list[PersonSeen]:
    """By hours, the most first."""
    found = statistics.grouped(days, lambda one: one.user_id)
    people = [PersonSeen(user, found.get(user.pk, NOTHING)) for user in choices]
    return sorted(people, key=lambda one: (-one.seen.minutes, -one.seen.episodes, one.user.get_username()))

"""How well the tracker works by itself, in numbers and week by week."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from plex_integration import quality
from plex_integration.quality import Answered, Recognised, Verdicts
from plex_integration.words import counted
from tvshows import statistics
from tvshows.statistics import DAY, WEEK

WEEKS_OF_MONTH, WEEKS_KEPT = 5, 13  # events are kept for 90 days


@dataclass(frozen=True)
class WeekOfWork:
    """What became of the events of a week, and how many questions were answered how fast."""

    first: date
    verdicts: Verdicts
    answered: int
    median: str


@dataclass(frozen=True)
class WorkReport:
    """The weeks, the newest first, and all of them together."""

    weeks: Sequence[WeekOfWork]
    verdicts: Verdicts
    recognised: Recognised
    answered: int
    median: str


def work_report(is_month: bool, *, now: datetime) -> WorkReport:  # noqa: FBT001
    """Of the last five weeks, or of all that is kept."""
    today = timezone.localdate(now)
    number = WEEKS_OF_MONTH if is_month else WEEKS_KEPT
    mondays = list(statistics.weeks(today - WEEK * (number - 1), today))
    since = statistics.midnight(mondays[0])
    found = quality.verdicts([(statistics.midnight(day), statistics.midnight(day + WEEK)) for day in mondays])
    answers = quality.answers(since)
    by_week = _by_week(answers)
    weeks = [_week(day, verdicts, by_week.get(day, [])) for day, verdicts in zip(mondays, found, strict=True)]
    return WorkReport(
        weeks=weeks[::-1],
        verdicts=Verdicts(sum(one.succeeded for one in found), sum(one.failed for one in found)),
        recognised=quality.recognised(since), answered=len(answers), median=in_words(quality.median_time(answers)),
    )


def _by_week(answers: Iterable[Answered]) -> dict[date, list[Answered]]:
    found: dict[date, list[Answered]] = {}
    for one in answers:
        found.setdefault(statistics.monday(timezone.localdate(one.at)), []).append(one)
    return found


def _week(monday: date, verdicts: Verdicts, answers: Sequence[Answered]) -> WeekOfWork:
    return WeekOfWork(monday, verdicts, len(answers), in_words(quality.median_time(answers)))


def in_words(span: timedelta | None) -> str:
    """12 minutes, 3 hours, 2 days; nothing for nothing."""
    if span is None:
        return ""
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 90:
        return counted(minutes, "minute")
    return counted(round(minutes / 60), "hour") if span < 2 * DAY else counted(round(span / DAY), "day")

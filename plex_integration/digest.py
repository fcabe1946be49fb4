"""What came of everything in a stretch of time: synced, marked, asked, and what the questions have in common."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TypeVar

from django.db.models import Count, Model, QuerySet, Sum
from django.utils import timezone

from plex_integration.models import PlexConflict, PlexWebhookLog, SyncRun
from plex_integration.words import counted
from tvshows.models import TVShow, Watch

MOST_NAMED = 5
MOST_READ = 5_000  # questions whose candidates are read for the patterns
_KINDS = dict(PlexConflict.Kind.choices)
_ANSWERS = dict(PlexConflict.Resolution.choices)
Tally = list[tuple[str, int]]
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Synced:
    """What the library syncs did."""

    runs: int
    failed: int
    added: int
    updated: int
    marked: int


@dataclass(frozen=True, slots=True)
class Patterns:
    """What the questions have in common."""

    kinds: Tally
    answers: Tally
    asked_again: Tally  # titles of which there was more than one question
    chosen: int  # answered by choosing a show
    best_chosen: int  # of these, how often it was the one listed first
    hours_to_answer: float | None  # the median, of what a person answered


@dataclass(frozen=True, slots=True)
class Digest:
    """The report of one stretch of time."""

    since: datetime
    until: datetime
    events: Tally  # by verdict
    failures: Tally  # by reason
    marked: Tally  # by person
    shows_added: int
    shows_named: list[str]
    synced: Synced
    asked: int
    settled: int
    waiting: int
    patterns: Patterns


def digest(*, since: datetime, until: datetime) -> Digest:
    """Read everything of the time from `since` to before `until`."""
    events = PlexWebhookLog.objects.filter(created_at__gte=since, created_at__lt=until).order_by()
    shows = TVShow.objects.filter(created_at__gte=since, created_at__lt=until).exclude(source=TVShow.Source.MANUAL)
    asked = PlexConflict.objects.filter(created_at__gte=since, created_at__lt=until)
    settled = PlexConflict.objects.filter(resolved_at__gte=since, resolved_at__lt=until)
    return Digest(
        since=since, until=until, events=_tally(events, "status"),
        failures=_tally(events.filter(status=PlexWebhookLog.Status.FAILED), "reason")[:MOST_NAMED],
        marked=_marked(since, until), shows_added=shows.count(),
        shows_named=[str(show) for show in shows.order_by("-created_at")[:MOST_NAMED]], synced=_synced(since, until),
        asked=asked.count(), settled=settled.count(), waiting=PlexConflict.objects.open().count(),
        patterns=_patterns(list(asked.order_by("-created_at")[:MOST_READ])),
    )


def _tally(rows: QuerySet[M], field: str) -> Tally:
    """How many rows there are of each value, the most frequent first."""
    found = rows.values_list(field).annotate(number=Count("pk")).order_by("-number", field)
    return [(value or "", number) for value, number in found]


def _marked(since: datetime, until: datetime) -> Tally:
    """Viewings that Plex brought in, by person."""
    brought = Watch.objects.live().filter(created_at__gte=since, created_at__lt=until, source=TVShow.Source.PLEX)
    return _tally(brought.order_by(), "user__username")


def _synced(since: datetime, until: datetime) -> Synced:
    runs = SyncRun.objects.filter(started_at__gte=since, started_at__lt=until).order_by()
    sums = runs.aggregate(added=Sum("added"), updated=Sum("updated"), marked=Sum("marked"))
    failed = runs.exclude(status__in=[SyncRun.Status.DONE, SyncRun.Status.RUNNING]).count()
    return Synced(runs=runs.count(), failed=failed, **{name: total or 0 for name, total in sums.items()})


def _patterns(questions: list[PlexConflict]) -> Patterns:
    titles = Counter(question.plex_title for question in questions if question.plex_title)
    chosen = [one for one in questions if one.resolution_action == PlexConflict.Resolution.SELECTED]
    best = [one for one in chosen if _first_candidate(one) == one.resolved_tvshow_id]
    answered = [one for one in questions if one.resolved_at and one.resolved_by_id]
    hours = [(one.resolved_at - one.created_at) / timedelta(hours=1) for one in answered if one.resolved_at]
    return Patterns(
        kinds=Counter(_KINDS.get(one.conflict_type, one.conflict_type) for one in questions).most_common(),
        answers=Counter(_ANSWERS.get(one.resolution_action or "", "still open") for one in questions).most_common(),
        asked_again=[(title, times) for title, times in titles.most_common(MOST_NAMED) if times > 1],
        chosen=len(chosen), best_chosen=len(best), hours_to_answer=median(hours) if hours else None,
    )


def _first_candidate(question: PlexConflict) -> int | None:
    listed = question.potential_matches
    first = listed[0] if isinstance(listed, list) and listed else None
    return first.get("tvshow_id") if isinstance(first, dict) else None


def as_text(found: Digest, *, with_patterns: bool = False) -> str:
    """The report in plain lines."""
    parts = [_heading(found), *_of_events(found), *_of_sync(found.synced), *_of_questions(found)]
    if with_patterns:
        parts += _of_patterns(found.patterns)
    return "\n".join(parts)


def _heading(found: Digest) -> str:
    since, until = timezone.localtime(found.since), timezone.localtime(found.until)
    return f"From {since:%d %b %Y %H:%M} to {until:%d %b %Y %H:%M}"


def _of_events(found: Digest) -> list[str]:
    total = sum(number for _, number in found.events)
    lines = [f"Events: {total}{_listed(found.events)}"]
    lines.append(f"Episodes marked: {sum(number for _, number in found.marked)}{_listed(found.marked)}")
    more = ", …" if found.shows_added > MOST_NAMED else ""
    named = f" ({', '.join(found.shows_named)}{more})" if found.shows_named else ""
    lines.append(f"Shows added: {found.shows_added}{named}")
    failed = [(counted(number, "time"), reason or "no reason was stored") for reason, number in found.failures]
    return lines + [f"  failed {times}: {reason}" for times, reason in failed]


def _of_sync(synced: Synced) -> list[str]:
    if not synced.runs:
        return ["Library syncs: none"]
    did = f"{synced.added} added, {synced.updated} updated, {synced.marked} marked"
    return [f"Library syncs: {synced.runs} ({did}{f', {synced.failed} not finished' if synced.failed else ''})"]


def _of_questions(found: Digest) -> list[str]:
    return [f"Questions: {found.asked} asked, {found.settled} settled, {found.waiting} waiting for you now"]


def _of_patterns(patterns: Patterns) -> list[str]:
    if not patterns.kinds:
        return ["  nothing was asked"]
    lines = [f"  why they were asked{_listed(patterns.kinds)}", f"  how they ended{_listed(patterns.answers)}"]
    if patterns.chosen:
        lines.append(f"  the first candidate was the right one in {patterns.best_chosen} of {patterns.chosen}")
    if patterns.hours_to_answer is not None:
        lines.append(f"  half of the answers came within {patterns.hours_to_answer:.1f} hours")
    return lines + [f"  asked {counted(times, 'time')}: {title}" for title, times in patterns.asked_again]


def _listed(tally: Tally) -> str:
    return f" ({', '.join(f'{number} {name}' for name, number in tally)})" if tally else ""

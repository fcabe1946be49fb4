"""What needs a person: shows to decide, failures, accounts that are nobody's, and the alarms of the last hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Count, Exists, Max, OuterRef, Q

from plex_integration import outcomes
from plex_integration.models import PlexAccount, PlexConflict, PlexWebhookLog
from plex_integration.words import counted
from tvshows import services
from tvshows.tmdb import SERVICE as TMDB

Severity = Literal["ask", "warn", "bad"]

FAILED_SHARE, FAILED_WITHIN, FAILED_LEAST = 0.10, timedelta(hours=1), 10  # of so many events that were worked on
SLOW_MS, SLOW_WITHIN = 5_000, timedelta(hours=1)
TMDB_SHARE, TMDB_WITHIN, TMDB_LEAST = 0.20, timedelta(minutes=10), 5  # of so many requests
MOST_QUESTIONS = 50
FAILURES_WITHIN = timedelta(days=7)  # older ones no longer ask for anybody
MOST_COUNTED = 100  # plays of one account; more are told as so many or more


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person: what it is, why, and the page on which it is mended, by its route."""

    kind: str
    severity: Severity
    icon: str
    title: str
    text: str
    button: str
    route: str
    pk: int | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the alarms are judged by."""

    worked_on: int  # in the last hour: succeeded or failed
    failed: int
    slow: int
    slowest_ms: int
    tmdb_asked: int  # in the last ten minutes
    tmdb_failed: int
    questions: int
    worker_runs: bool


def needs(now: datetime, *, worker_runs: bool) -> list[Need]:
    """All that waits for a person, what asks them first and the alarms after it."""
    questions = PlexConflict.objects.open().count()
    asking = (_question(questions), _failures(now), _accounts())
    return [need for need in asking if need] + alarms(_figures(now, questions=questions, worker_runs=worker_runs))


def alarms(figures: Figures) -> list[Need]:
    """The alarms that these figures raise."""
    judged = (rule(figures) for rule in (_no_worker, _many_failures, _tmdb_errors, _many_questions, _slow))
    return [need for need in judged if need]


def _figures(now: datetime, *, questions: int, worker_runs: bool) -> Figures:
    # What could not be read says nothing of how events fare, and cannot be run again.
    hour = PlexWebhookLog.objects.filter(created_at__gte=now - FAILED_WITHIN).exclude(event_type="invalid").order_by()
    slow = Q(processing_duration_ms__gt=SLOW_MS)
    found = hour.aggregate(
        failed=Count("pk", filter=Q(status=PlexWebhookLog.Status.FAILED)),
        succeeded=Count("pk", filter=Q(status=PlexWebhookLog.Status.SUCCESS)),
        slow=Count("pk", filter=slow), slowest=Max("processing_duration_ms"),
    )
    asked, failed = services.asked_since(TMDB, now - TMDB_WITHIN)
    return Figures(
        worked_on=found["failed"] + found["succeeded"], failed=found["failed"], slow=found["slow"],
        slowest_ms=found["slowest"] or 0, tmdb_asked=asked, tmdb_failed=failed, questions=questions,
        worker_runs=worker_runs,
    )


def _question(questions: int) -> Need | None:
    """The oldest question, with the number of them."""
    if not questions:
        return None
    opened = PlexConflict.objects.open().order_by("created_at", "pk").defer("potential_matches", "evidence")
    oldest = opened.first()
    if oldest is None:
        return None
    number = PlexWebhookLog.objects.waiting_for(oldest.pk).count()
    text = "It was not clear by itself."
    if number:
        lost = "it is not lost" if number == 1 else "none is lost"
        text = f"{counted(number, 'event')} {'waits' if number == 1 else 'wait'}; {lost}."
    more = f" {questions} shows to decide in all." if questions > 1 else ""
    title = f"Which show is “{oldest}”?"
    return Need("question", "ask", "question", title, text + more, "Choose a show", "conflict", oldest.pk)


def _failures(now: datetime) -> Need | None:
    """What failed this week and was not mended since."""
    failed = PlexWebhookLog.objects.filter(status=PlexWebhookLog.Status.FAILED, created_at__gte=now - FAILURES_WITHIN)
    number = failed.count()
    last = failed.defer("payload").first() if number else None
    if last is None:
        return None
    title, reason = f"{counted(number, 'event')} failed", last.reason or str(last)
    said = reason if number == 1 else f"The last one: {reason}"
    see = "See the event" if number == 1 else "See the events"
    return Need("failures", "ask", "again", title, said, see, "activity", query="?status=failed")


def _accounts() -> Need | None:
    """An account that nobody decided about, and whose plays were set aside."""
    aside = PlexWebhookLog.objects.filter(account=OuterRef("pk"), action_taken=outcomes.UNLINKED).order_by()
    undecided = PlexAccount.objects.filter(user=None).exclude(linked_by=PlexAccount.LinkedBy.PERSON)
    accounts = list(undecided.filter(Exists(aside)).order_by("-last_seen", "pk")[:MOST_COUNTED])
    if not accounts:
        return None
    last, others = accounts[0], len(accounts) - 1
    mine = PlexWebhookLog.objects.filter(account=last, action_taken=outcomes.UNLINKED).order_by()
    title, text = f"“{last}” is not linked", _set_aside(mine[:MOST_COUNTED].count(), others)
    return Need("accounts", "ask", "person", title, text, "Say who it is", "settings-plex", query="#accounts")


def _set_aside(plays: int, others: int) -> str:
    """So many plays of one account, and so many other accounts."""
    also = f" So are {counted(others, 'more account')}." if others > 1 else " So is another account." if others else ""
    if plays == 1:
        return f"A play by this Plex account was set aside. It is on nobody’s list.{also}"
    number = f"{MOST_COUNTED} plays or more" if plays == MOST_COUNTED else counted(plays, "play")
    return f"{number} by this Plex account were set aside. They are on nobody’s list.{also}"


def _no_worker(figures: Figures) -> Need | None:
    if figures.worker_runs:
        return None
    return Need(
        "worker", "bad", "cross", "The worker does not run",
        "Events are stored meanwhile, and none is lost. Start the tracker again, and look into its log.",
        "See the connection", "home", query="#connection",
    )


def _many_failures(figures: Figures) -> Need | None:
    if figures.worked_on < FAILED_LEAST or figures.failed <= FAILED_SHARE * figures.worked_on:
        return None
    share = round(100 * figures.failed / figures.worked_on)
    return Need(
        "failed-share", "bad", "warning", f"{share} % of the last hour’s events failed",
        f"{figures.failed} of {figures.worked_on}. They can be run again once the cause is mended.",
        "See what failed", "activity", query="?status=failed",
    )


def _tmdb_errors(figures: Figures) -> Need | None:
    if figures.tmdb_asked < TMDB_LEAST or figures.tmdb_failed <= TMDB_SHARE * figures.tmdb_asked:
        return None
    return Need(
        "tmdb", "warn", "warning", "TMDB answers badly",
        f"{figures.tmdb_failed} of {figures.tmdb_asked} requests in the last ten minutes got no answer. "
        "What needs TMDB waits and is tried again by itself.",
        "See the connection", "home", query="#connection",
    )


def _many_questions(figures: Figures) -> Need | None:
    if figures.questions <= MOST_QUESTIONS:
        return None
    return Need(
        "many-questions", "warn", "question", f"{figures.questions} shows wait for you",
        "That is more than usual. Several can be settled at once.", "See them all", "conflicts",
    )


def _slow(figures: Figures) -> Need | None:
    if not figures.slow:
        return None
    seconds = f"{figures.slowest_ms / 1000:.0f}"
    return Need(
        "slow", "warn", "clock", f"{counted(figures.slow, 'event')} took over {SLOW_MS // 1000} seconds",
        f"In the last hour; the slowest took {seconds} s. Plex, TMDB or the disk may be slow.",
        "See the activity", "activity",
    )

"""What the home page shows: what waits for a person, what was watched lately, how the connection is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet

from plex_integration.models import PlexConflict, PlexWebhookLog
from plex_integration.words import Words, words_for
from tracker import health
from tvshows.models import ServiceState, Watch

EVENTS = 10
WATCHES = 10
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Waiting:
    """What a person has to do: the oldest open question and how many there are, and what failed this week."""

    questions: int
    oldest: PlexConflict | None
    oldest_events: int
    failures: int
    last_failure: PlexWebhookLog | None

    @property
    def count(self) -> int:
        """How many kinds of things wait."""
        return bool(self.questions) + bool(self.failures)


@dataclass(frozen=True)
class Event:
    """An event and what became of it."""

    row: PlexWebhookLog
    words: Words


@dataclass(frozen=True)
class Connection:
    """Whether events arrive and are worked on."""

    last_event: datetime | None
    undone: int
    health: health.Health
    down: list[ServiceState]  # services that do not answer, or did not of late


def waiting(now: datetime) -> Waiting:
    """What waits for a person; only staff decide."""
    questions = PlexConflict.objects.open().order_by("created_at")
    events = Count("events", filter=Q(events__done_at__isnull=True))
    oldest = questions.annotate(waiting_events=events).defer("potential_matches", "evidence").first()
    failed = PlexWebhookLog.objects.filter(status=PlexWebhookLog.Status.FAILED, created_at__gte=now - WEEK)
    return Waiting(
        questions=questions.count(), oldest=oldest, oldest_events=getattr(oldest, "waiting_events", 0),
        failures=failed.count(), last_failure=failed.defer("payload").first(),
    )


def events(user: User) -> list[Event]:
    """The last events that this person may see."""
    rows = _visible_to(user).select_related("account").defer("payload")[:EVENTS]
    return [Event(row, words_for(row)) for row in rows]


def _visible_to(user: User) -> QuerySet[PlexWebhookLog]:
    """Staff see all, others the events of the Plex accounts linked to them."""
    rows = PlexWebhookLog.objects.all()
    return rows if user.is_staff else rows.filter(account__user=user)


def watched(user: User) -> list[Watch]:
    """What this person watched lately, newest first."""
    return list(Watch.objects.live().filter(user=user).select_related("episode__show")[:WATCHES])


def watched_this_week(user: User, now: datetime) -> int:
    """How many viewings in the last seven days."""
    return Watch.objects.live().filter(user=user, watched_at__gte=now - WEEK).count()


def connection(now: datetime) -> Connection:
    """How the connection to Plex is; for staff."""
    last = PlexWebhookLog.objects.values_list("created_at", flat=True).first()
    undone = PlexWebhookLog.objects.undone().filter(due_at__isnull=False).count()
    down = list(ServiceState.objects.filter(closed_until__gt=now - timedelta(minutes=5), failures__gt=0))
    return Connection(last, undone, health.examine(now), down)

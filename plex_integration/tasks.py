"""What the worker is asked to do: entry points of django-q2, each a call into the domain."""

from datetime import timedelta

from django.utils import timezone

from plex_integration import cleanup, heartbeat, inbox, processing, resolution


def process_event(log_id: int) -> None:
    """Work on one event."""
    processing.process(log_id, now=timezone.now())


def sweep() -> None:
    """Every minute: a sign of life, and whatever is due and was not taken up."""
    now = timezone.now()
    heartbeat.beat(now=now)
    inbox.wake(now=now)
    resolution.reevaluate_stale(now=now)


def reevaluate_conflicts() -> None:
    """After a show was added: look at the open conflicts again."""
    resolution.reevaluate_all(now=timezone.now())


def clean_logs() -> None:
    """Every day: delete finished events older than 90 days."""
    cleanup.clean_logs(older_than=timedelta(days=90), now=timezone.now())

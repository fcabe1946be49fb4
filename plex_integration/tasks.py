"""What the worker is asked to do: entry points of django-q2, each a call into the domain."""

from datetime import timedelta

from django.utils import timezone

from plex_integration import adding, cleanup, files, heartbeat, inbox, processing, resolution
from tvshows import services


def process_event(log_id: int) -> None:
    """Work on one event."""
    processing.process(log_id, now=timezone.now())


def sweep() -> None:
    """Every minute: a sign of life, whatever is due and was not taken up, and what TMDB did not tell at once."""
    now = timezone.now()
    heartbeat.beat(now=now)
    inbox.wake(now=now)
    resolution.reevaluate_stale(now=now)
    adding.refresh_pending(now=now)
    files.mark_rest_of_files(now=now)


def reevaluate_conflicts() -> None:
    """After a show was added: look at the open conflicts again."""
    resolution.reevaluate_all(now=timezone.now())


def clean_logs() -> None:
    """Every day: delete finished events older than 90 days, and what services said that is out of date."""
    cleanup.clean_logs(older_than=timedelta(days=90), now=timezone.now())
    services.forget_expired(timezone.now())

"""What the worker is asked to do: entry points of django-q2, each a call into the domain."""

from datetime import timedelta

from django.utils import timezone

from plex_integration import adding, cleanup, files, heartbeat, inbox, notices, processing, resolution
from plex_integration.sync import background
from tvshows import services


def process_event(log_id: int) -> None:
    """Work on one event."""
    processing.process(log_id, now=timezone.now())


def sweep() -> None:
    """Every minute: a sign of life, whatever is due and was not taken up, and what TMDB did not tell at once."""
    now, last_alive = timezone.now(), heartbeat.last()
    heartbeat.beat(now=now)
    inbox.wake(now=now)
    resolution.reevaluate_stale(now=now)
    adding.refresh_pending(now=now)
    files.mark_rest_of_files(now=now)
    background.catch_up_after(last_alive, now=now)
    background.follow_answers(now=now)


def catch_up() -> None:
    """Every hour: what was watched and did not come as an event, and what changed in the libraries."""
    background.catch_up(now=timezone.now())


def go_on_with_sync(run_id: int) -> None:
    """A slice of a run of the library sync."""
    background.go_on(run_id)


def reevaluate_conflicts() -> None:
    """After a show was added: look at the open conflicts again."""
    resolution.reevaluate_all(now=timezone.now())


def clean_logs() -> None:
    """Every day: delete finished events older than 90 days, and what services said that is out of date."""
    cleanup.clean_logs(older_than=timedelta(days=90), now=timezone.now())
    services.forget_expired(timezone.now())


def tell_needs() -> None:
    """Every five minutes: tell staff what waits for them, where they wished that."""
    notices.needs(now=timezone.now())


def weekly_report() -> None:
    """Every week: what was synced, marked and asked."""
    notices.report(days=7, now=timezone.now())


def monthly_report() -> None:
    """Every month: the same, and what the questions have in common."""
    notices.report(days=30, with_patterns=True, now=timezone.now())

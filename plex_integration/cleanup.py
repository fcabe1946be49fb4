"""Deleting what nobody needs any more, in batches that hold no lock for long."""

from datetime import datetime, timedelta

from plex_integration.models import PlexWebhookLog

BATCH = 1000  # rows a transaction
KEPT_DAYS = 90


def clean_logs(*, older_than: timedelta, now: datetime, dry_run: bool = False) -> int:
    """Delete finished events older than this; what waits for a worker or a person stays. Says how many."""
    old = PlexWebhookLog.objects.cleanable(now - older_than).order_by("pk")
    if dry_run:
        return old.count()
    deleted = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH]):
        deleted += PlexWebhookLog.objects.filter(pk__in=batch).delete()[0]
    return deleted

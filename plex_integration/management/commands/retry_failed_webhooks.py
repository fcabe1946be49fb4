"""Run failed events again."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from plex_integration import repairs
from plex_integration.management.commands.cleanup_webhook_logs import days
from plex_integration.models import PlexWebhookLog


class Command(BaseCommand):
    help = "Run failed events again, oldest first, each with the time at which it was received."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=days, help="Only events of the last so many days (all).")
        parser.add_argument("--dry-run", action="store_true", help="List them, and change nothing.")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        failed = PlexWebhookLog.objects.filter(status=PlexWebhookLog.Status.FAILED).order_by("created_at", "pk")
        unusable = failed.filter(event_type="invalid").count()
        failed = failed.exclude(event_type="invalid")
        if options["days"] is not None:
            failed = failed.filter(created_at__gte=now - timedelta(days=options["days"]))
        if options["dry_run"]:
            for log in failed.defer("payload"):
                self.stdout.write(f"  {log.created_at:%Y-%m-%d %H:%M}  {log}: {log.reason}")
        left = f" {unusable} cannot be: their payload cannot be used." if unusable else ""
        if options["dry_run"]:
            self.stdout.write(f"{failed.count()} failed events would be run again.{left}")
            return
        replayed = repairs.replay_many(failed.defer("payload"), now=now)
        self.stdout.write(f"{replayed.done} failed events are run again by the worker.{left}")

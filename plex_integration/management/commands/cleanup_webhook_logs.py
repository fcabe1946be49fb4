"""Delete finished events that are old."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from plex_integration import cleanup

MOST_DAYS = 36_500


def days(text: str) -> int:
    """A number of days; argparse turns what it raises into exit status 2."""
    if not text.isdecimal() or int(text) > MOST_DAYS:
        raise ArgumentTypeError(f"{text!r} is no number of days from 0 to {MOST_DAYS}")
    return int(text)


class Command(BaseCommand):
    help = "Delete finished events that are older than this. What waits for a worker or for you stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kept = cleanup.KEPT_DAYS
        parser.add_argument("--days", type=days, default=kept, help=f"Keep events of so many days ({kept}).")
        parser.add_argument("--dry-run", action="store_true", help="Say how many would go, and change nothing.")

    def handle(self, **options: Any) -> None:
        dry_run = options["dry_run"]
        age = timedelta(days=options["days"])
        count = cleanup.clean_logs(older_than=age, now=timezone.now(), dry_run=dry_run)
        verb = "would be deleted" if dry_run else "deleted"
        self.stdout.write(f"{count} finished events older than {options['days']} days {verb}.")

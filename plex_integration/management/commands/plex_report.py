"""Print what came of everything: synced, marked, asked."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from plex_integration import digest, notices

MOST_DAYS = 3_650


def days(text: str) -> int:
    """A number of days; argparse turns what it raises into exit status 2."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise ArgumentTypeError(f"{text!r} is no number of days from 1 to {MOST_DAYS}")
    return int(text)


class Command(BaseCommand):
    help = "Print what was synced, marked and asked lately. It changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=days, default=7, help="How far back (7).")
        parser.add_argument("--patterns", action="store_true", help="Also what the questions have in common.")
        parser.add_argument("--send", action="store_true", help="Send it by EMAIL_URL and NOTIFY_URLS as well.")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        found = digest.digest(since=now - timedelta(days=options["days"]), until=now)
        self.stdout.write(digest.as_text(found, with_patterns=options["patterns"]))
        if options["send"]:
            self._send(now, options)

    def _send(self, now: Any, options: dict[str, Any]) -> None:
        if not notices.is_wanted():
            raise CommandError("Neither EMAIL_URL nor NOTIFY_URLS is set, so it was sent to nobody.")
        try:
            notices.report(days=options["days"], with_patterns=options["patterns"], now=now)
        except notices.NotToldError as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write("Sent.")

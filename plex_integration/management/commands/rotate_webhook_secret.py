"""Give Plex connections a new webhook URL."""

import argparse
import re
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from plex_integration import config
from plex_integration.models import PlexConfig

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def grace(text: str) -> timedelta:
    """A length of time such as 30m, 24h or 7d; 0 is none."""
    found = re.fullmatch(r"([0-9]{1,4})([mhd])", "0m" if text == "0" else text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time. Write it like 30m, 24h or 7d, or 0.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Command(BaseCommand):
    help = "Make a new webhook secret. The URL with the old one goes on working for a while, so that no event is lost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="NAME", help="Only this person's connection. Default: every connection.")
        parser.add_argument(
            "--grace", type=grace, default="24h", metavar="TIME",
            help="How long the old URL still works: 30m, 24h, 7d, or 0 to end it at once. Default: %(default)s.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and change nothing.")

    def handle(self, *_: Any, **options: Any) -> None:
        for connection in self._connections(options["user"]):
            now = timezone.now()
            name, until = connection.user.get_username(), self._until(options["grace"], now)
            if options["dry_run"]:
                self.stdout.write(f"{name} would get a new webhook URL. The present one {until}.")
                continue
            ends = connection.previous_secret_expires_at
            if ends and ends > now:
                self.stdout.write(self.style.WARNING(
                    f"The URL of {name} from before the last change was to work until {_moment(ends)}. It ends now: "
                    "if it is still the one in Plex, enter the new one at once."
                ))
            rotated = config.rotate_secret(connection.pk, grace=options["grace"], now=now)
            self.stdout.write(f"The new webhook URL of {name}, to enter in Plex:\n{config.webhook_url(rotated)}")
            self.stdout.write(f"The old one {until}.")

    def _connections(self, user: str | None) -> list[PlexConfig]:
        rows = PlexConfig.objects.select_related("user").order_by("pk")
        found = list(rows.filter(user__username=user) if user else rows)
        if not found:
            whose = f" of {user}" if user else ""
            raise CommandError(f"There is no Plex connection{whose}, so there is no secret to change.")
        return found

    def _until(self, length: timedelta, now: datetime) -> str:
        if not length:
            return "stops working at once"
        return f"works until {_moment(now + length)}"


def _moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"

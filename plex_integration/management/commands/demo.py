"""Fill the tracker with a few shows and events, or take them out again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from plex_integration import config as plex_config
from plex_integration import demo
from plex_integration.models import PlexWebhookLog


class Command(BaseCommand):
    help = "Load a few well-known shows and send a handful of events, to see the tracker at work without Plex."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would be added, and change nothing.")
        parser.add_argument("--remove", action="store_true", help="Take the demo's events and shows out again.")

    def handle(self, **options: Any) -> None:
        if options["remove"]:
            self._remove(dry_run=options["dry_run"])
            return
        config = demo.connection()
        if config is None:
            raise CommandError("There is no account yet. Open the setup link that `manage.py up` prints first.")
        if options["dry_run"]:
            titles = [f"{new.title} ({new.first_aired:%Y})" for new in demo.missing_shows() if new.first_aired]
            events = f"{len(demo.EVENTS)} events and {len(demo.earlier_events())} plays of the last year"
            self.stdout.write(f"Would add {len(titles)} shows and send {events}: {', '.join(titles)}.")
            return
        added, logs = demo.load(config, now=timezone.now())
        earlier = len(demo.earlier_events())
        self.stdout.write(f"{added} shows added. {earlier} plays of the last year and {len(logs)} events sent:")
        for log in logs:
            self.stdout.write(f"  {self._line(log)}")
        if any(log.conflict_id and log.done_at is None for log in logs):
            self.stdout.write(f"Next: open {plex_config.address()}/ and decide which iCarly it was.")

    def _line(self, log: PlexWebhookLog) -> str:
        return f"{log.created_at:%d %b %H:%M}  {log.plex_title} {log.code}  {log.get_status_display()}: {log.reason}"

    def _remove(self, *, dry_run: bool) -> None:
        if dry_run:
            events = PlexWebhookLog.objects.filter(payload__Server__uuid=demo.SERVER).count()
            self.stdout.write(f"Would take out {events} events and the demo's shows that nobody watched more of since.")
            return
        self.stdout.write(f"The demo is out again: {demo.remove(now=timezone.now())} shows and all its events.")

"""Send a sample event to the running server, as Plex would."""

import time
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlencode

from django.core.management.base import BaseCommand, CommandError

from plex_integration import config as plex_config
from plex_integration import sample
from plex_integration.models import PlexConfig, PlexWebhookLog

SECONDS = 10  # for the worker to finish
EVENTS = ("media.play", "media.scrobble", "library.new")


class Command(BaseCommand):
    help = (
        "Send a sample event to the running server and print what became of it. "
        "Without options it is a play, which changes nothing; --event media.scrobble marks an episode."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="Where the server runs (where `manage.py up` started it last).")
        parser.add_argument("--event", choices=EVENTS, default=EVENTS[0], help="The kind of event (%(default)s).")
        parser.add_argument("--title", default=sample.TITLE, help="The show's title.")
        parser.add_argument("--year", type=int, help="The year in which the show began, where several have the title.")
        parser.add_argument("--season", type=int, default=1, help="The season (1).")
        parser.add_argument("--episode", type=int, default=1, help="The episode (1).")

    def handle(self, **options: Any) -> None:
        config = PlexConfig.objects.order_by("pk").first()
        if config is None or not config.webhook_secret:
            raise CommandError("There is no connection yet. Open the setup link that `manage.py up` prints first.")
        key, origin = sample.new_key(), (options["url"] or plex_config.address()).rstrip("/")
        named = {name: options[name] for name in ("title", "season", "episode")}
        data = sample.payload(key, event=options["event"], **named)
        data["Metadata"] |= sample.episode_here(**named, year=options["year"])
        try:
            url = f"{origin}{plex_config.WEBHOOK_PATH}?{urlencode({'secret': config.webhook_secret})}"
            answer = sample.post(url, data)
        except sample.Unreached as problem:
            mend = "Is `manage.py up` running there? --url says where to look."
            raise CommandError(f"{origin} {problem} {mend}") from None
        self.stdout.write(f"Answer: {answer.status_code} {answer.text}")
        if answer.status_code not in sample.TAKEN:
            raise CommandError("The event was not taken. The answer says why.")
        log = _finished(key)
        if log is None:
            raise CommandError("The server took the event, but it is not in this database: it runs with another one.")
        verdict = log.get_status_display()
        self.stdout.write(f"Event {log.pk}: {verdict} / {log.action_taken or 'waits for a worker'}. {log.reason}")


def _finished(key: str) -> PlexWebhookLog | None:
    """The event's row, once a worker is done with it or the wait is over."""
    until = time.monotonic() + SECONDS
    while True:
        log = PlexWebhookLog.objects.filter(plex_rating_key=key).first()
        waits = log is not None and log.done_at is None and not log.action_taken
        if not waits or time.monotonic() > until:
            return log
        time.sleep(0.2)

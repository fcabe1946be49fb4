"""Send a sample event to the running server, as Plex would."""

import json
import time
from argparse import ArgumentParser
from typing import Any
from uuid import uuid4

import requests
from django.core.management.base import BaseCommand, CommandError

from plex_integration import config as plex_config
from plex_integration.models import PlexConfig, PlexWebhookLog

SECONDS = 10  # to answer, and again for the worker to finish
EVENTS = ("media.play", "media.scrobble", "library.new")


class Command(BaseCommand):
    help = (
        "Send a sample event to the running server and print what became of it. "
        "Without options it is a play, which changes nothing; --event media.scrobble marks an episode."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="Where the server runs (where `manage.py up` started it last).")
        parser.add_argument("--event", choices=EVENTS, default=EVENTS[0], help="The kind of event (%(default)s).")
        parser.add_argument("--title", default="Test of the tracker", help="The show's title.")
        parser.add_argument("--season", type=int, default=1, help="The season (1).")
        parser.add_argument("--episode", type=int, default=1, help="The episode (1).")

    def handle(self, **options: Any) -> None:
        config = PlexConfig.objects.order_by("pk").first()
        if config is None or not config.webhook_secret:
            raise CommandError("There is no connection yet. Open the setup link that `manage.py up` prints first.")
        key = f"test-{uuid4().hex[:12]}"
        answer = self._post(options["url"] or plex_config.address(), config, _payload(key, options))
        self.stdout.write(f"Answer: {answer.status_code} {answer.text}")
        if answer.status_code not in {200, 202, 429}:
            raise CommandError("The event was not taken. The answer says why.")
        log = _finished(key)
        if log is None:
            raise CommandError("The server took the event, but it is not in this database: it runs with another one.")
        verdict = log.get_status_display()
        self.stdout.write(f"Event {log.pk}: {verdict} / {log.action_taken or 'waits for a worker'}. {log.reason}")

    def _post(self, url: str, config: PlexConfig, payload: dict[str, Any]) -> requests.Response:
        address = f"{url.rstrip('/')}{plex_config.WEBHOOK_PATH}"
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment has no business between us and ourselves
            try:
                return session.post(
                    address, params={"secret": config.webhook_secret}, files={"payload": (None, json.dumps(payload))},
                    timeout=SECONDS, allow_redirects=False,
                )
            except requests.RequestException as problem:
                # Its text names the URL, and that bears the secret.
                mend = "Is `manage.py up` running there? --url says where to look."
                raise CommandError(f"{url} does not answer ({type(problem).__name__}). {mend}") from None


def _payload(key: str, options: dict[str, Any]) -> dict[str, Any]:
    """An event of the person that the connection belongs to: it names no account."""
    return {
        "event": options["event"], "user": True, "owner": True,
        "Server": {"title": "Test", "uuid": "test-of-the-tracker"},
        "Metadata": {
            "librarySectionType": "show", "type": "episode", "ratingKey": key, "grandparentTitle": options["title"],
            "title": "Test", "parentIndex": options["season"], "index": options["episode"],
        },
    }


def _finished(key: str) -> PlexWebhookLog | None:
    """The event's row, once a worker is done with it or the wait is over."""
    until = time.monotonic() + SECONDS
    while True:
        log = PlexWebhookLog.objects.filter(plex_rating_key=key).first()
        waits = log is not None and log.done_at is None and not log.action_taken
        if not waits or time.monotonic() > until:
            return log
        time.sleep(0.2)

"""Puts the faults in when everything is loaded."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.conf import settings


class RiggedConfig(AppConfig):
    name = "tests.chaos.rigged"

    def ready(self) -> None:
        """Take out what SABOTAGE names, and poison the show that CHAOS_POISON names."""
        if settings.POISON:
            _poison()
        if settings.SABOTAGE:
            _SABOTAGES.get(settings.SABOTAGE, lambda: None)()


def _poison() -> None:
    """An event of this show ends the process that works on it, as running out of memory does."""
    from plex_integration import processing

    think = processing._think

    def deadly(log: Any) -> Any:
        if settings.PROCESS != "worker":
            return think(log)
        with (settings.DATA_DIR / "runs").open("a") as runs:
            runs.write(f"{log.pk} {log.plex_title}\n")
        if log.plex_title == settings.POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return think(log)

    processing._think = deadly


def _ack_before_commit() -> None:
    """Answer first, store later."""
    from django.db import connection

    from plex_integration import outcomes
    from plex_integration.api import webhook
    from plex_integration.ingest import Received

    receive = webhook.receive

    def careless(*arguments: Any, **keywords: Any) -> Received:
        def later() -> None:
            time.sleep(0.05)
            receive(*arguments, **keywords)
            connection.close()

        threading.Thread(target=later).start()
        return Received(None, outcomes.success(outcomes.MARKED, "Trust me."))  # type: ignore[arg-type]

    webhook.receive = careless


def _queue_is_truth() -> None:
    """What the queue forgot is forgotten."""
    from plex_integration import inbox

    inbox.wake = lambda *, now: 0


def _no_crash_limit() -> None:
    """A worker that dies is no reason to give an event up."""
    from plex_integration import inbox

    inbox.MOST_CRASHES = 1000


def _no_lock() -> None:
    """Transactions do not wait for each other."""
    from plex_integration import accounts, ingest, mapping, processing, resolution

    for module in (accounts, ingest, mapping, processing, resolution):
        module.lock = lambda *names: None  # type: ignore[attr-defined]


def _read_first() -> None:
    """Read the body before the secret is looked at."""
    from plex_integration.api.webhook import WebhookView

    post = WebhookView.post

    def greedy(self: Any, request: Any) -> Any:
        while request._request.META["wsgi.input"].read(65536):
            pass
        return post(self, request)

    WebhookView.post = greedy  # type: ignore[method-assign]


_SABOTAGES: dict[str, Callable[[], None]] = {
    "ack_before_commit": _ack_before_commit, "queue_is_truth": _queue_is_truth, "no_crash_limit": _no_crash_limit,
    "no_lock": _no_lock, "read_first": _read_first,
}

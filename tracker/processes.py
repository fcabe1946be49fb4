"""What the children of `manage.py up` are. They are forked from it, and so share with it what it has loaded."""

import multiprocessing
import os
import sys
from dataclasses import dataclass
from typing import Any

if sys.platform == "linux":
    # Python 3.14 has another default there. What is not forked loads everything once more, and outlives a killed `up`.
    # Here, because the settings come before django-q, which makes a queue as soon as it is imported.
    multiprocessing.set_start_method("fork", force=True)

# Measured: more threads only wait for each other, for the interpreter and for SQLite's one writer, and are slower.
WEB_THREADS = 4
HEAD_TIMEOUT = 10_000  # milliseconds
SECONDS_TO_DRAIN = 8


def patience(process: str, *, sqlite: bool) -> dict[str, object]:
    """How long such a process waits for another one's lock on the database, as Django's OPTIONS.

    The web server must answer fast or not at all (on SQLite it waits 2 seconds more for its own lock, see locks.py);
    the others may wait.
    """
    web = process == "web"
    return {"timeout": 2 if web else 20} if sqlite else {"options": f"-c lock_timeout={4 if web else 20}s"}


@dataclass(frozen=True)
class WebServer:
    """Granian, with one process or more that answer."""

    address: str
    port: int
    workers: int = 1
    application: str = "tracker.wsgi:application"

    def __call__(self) -> None:
        """Serve until a signal says stop."""
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.log import LogLevels
        from granian.server import Server

        from tracker import lifeline

        _take_role("web")
        # Threads come and go: without a limit on arenas the memory that each leaves behind would add up.
        lifeline.limit_malloc_arenas(2)
        Server(
            self.application, address=self.address, port=self.port, interface=Interfaces.WSGI, workers=self.workers,
            blocking_threads=WEB_THREADS, http=HTTPModes.http1, websockets=False, log_level=LogLevels.error,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_TIMEOUT), respawn_failed_workers=True,
            workers_kill_timeout=SECONDS_TO_DRAIN,
        ).serve()


class Worker:
    """django-q2's cluster."""

    def __call__(self) -> None:
        """Work until a signal says stop."""
        from django.core.management import call_command

        from plex_integration import tasks  # noqa: F401  (before the cluster forks, so that its processes share it)

        _take_role("worker")
        call_command("qcluster")  # returns once its processes run
        for process in multiprocessing.active_children():
            process.join()


def _take_role(process: str) -> None:
    """Make the settings, which were read for `up`, those of such a process, before it connects to the database."""
    from django.conf import settings

    os.environ["TRACKER_PROCESS"] = settings.PROCESS = process
    database: dict[str, Any] = settings.DATABASES["default"]
    database["OPTIONS"].update(patience(process, sqlite=settings.SQLITE))

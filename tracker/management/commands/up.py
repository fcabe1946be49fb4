"""`manage.py up`: everything, with one command."""

import errno
import os
import socket
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from django_q.tasks import async_task

from plex_integration import config as plex_config
from tracker import environment, preparation, setup, supervisor, watchdog
from tracker.processes import WebServer, Worker

LAST_PORT = 65535


class Command(BaseCommand):
    help = "Start the tracker: prepare the database, then run the web server and the worker until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for the whole network.")
        parser.add_argument("--port", type=_port, default=8000, help="Port to listen on (8000).")
        parser.add_argument(
            "--workers", type=int, default=1, help="Web processes; more than one needs PostgreSQL and REDIS_URL.",
        )

    def handle(self, *, host: str, port: int, workers: int, **options: Any) -> None:  # noqa: ARG002
        os.umask(0o077)  # what we make is for us only
        os.environ["TRACKER_STARTED_AT"] = str(time.time())
        if workers < 1 or (workers > 1 and (settings.SQLITE or not settings.REDIS_URL)):
            sys.exit(f"Cannot start: --workers {workers} needs PostgreSQL (DATABASE_URL) and REDIS_URL. Leave it out.")
        for name, meant in environment.misspelt():
            self._say(f"{name} in .env is no setting and does nothing. Is {meant} meant?")
        address = _free_address(host, port)
        try:
            preparation.prepare_database(self._say)
        except preparation.CannotStartError as problem:
            sys.exit(f"Cannot start: {problem}")
        greeting = self._greeting(host, port)
        plex_config.note_address(_bases(host, port)[0])
        async_task("plex_integration.tasks.sweep")  # the first sign of life, and whatever was left over
        connections.close_all()
        cluster: dict[str, Any] = settings.Q_CLUSTER
        supervisor.Supervisor(
            web=WebServer(address, port, workers), worker=Worker(), queue=_queue(),
            task_timeout=cluster["timeout"], greeting=greeting,
        ).run()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _greeting(self, host: str, port: int) -> list[str]:
        """What to say once the web server answers."""
        bases = _bases(host, port)
        lines = [f"The tracker runs at {' and '.join(bases)}  (Ctrl-C stops it)"]
        if settings.HTTPS and not settings.TRUSTED_PROXIES:
            lines.append("HTTPS is on, but TRUSTED_PROXIES names no proxy: each page will redirect to https for ever.")
        if setup.is_open():
            link = f"{bases[-1]}/setup?token={setup.new_token()}"
            lines.append(f"There is no account yet. Make yours here, once:\n  {link}")
        return lines


def _free_address(host: str, port: int) -> str:
    """The address to listen on. One line and exit status 1 where that cannot be done."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was closed a moment ago is no hindrance
            trial.bind(address)
            trial.listen(1)
    except OSError as problem:
        sys.exit(f"Cannot start: {_hindrance(host, port, problem)}")
    return str(address[0])


def _hindrance(host: str, port: int, problem: OSError) -> str:
    """What keeps us from listening there, and what to do."""
    if problem.errno == errno.EADDRINUSE:
        other = port + 1 if port < LAST_PORT else 8000
        return f"port {port} is in use. Stop what uses it, or take another: manage.py up --port {other}"
    if problem.errno == errno.EACCES:
        return f"port {port} is for the system only. Take one from 1024: manage.py up --port 8000"
    return f"{host} is no address of this machine ({problem.strerror}). Leave --host out, or use --host 0.0.0.0."


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= LAST_PORT:
        return int(text)
    raise ArgumentTypeError(f"{text} is no port; take a number from 1 to {LAST_PORT}.")


def _bases(host: str, port: int) -> list[str]:
    """The addresses under which people reach the product, the best one last."""
    if settings.HTTPS and settings.PUBLIC_WEBHOOK_URL:
        return [settings.PUBLIC_WEBHOOK_URL]
    if host not in {"0.0.0.0", "::"}:  # noqa: S104  (asked, not bound)
        return [f"http://{f'[{host}]' if ':' in host else host}:{port}"]
    return [f"http://{name}:{port}" for name in ("127.0.0.1", _lan_address()) if name]


def _lan_address() -> str:
    """This machine's address on its network. Connecting a datagram socket only asks the routing table."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _queue() -> watchdog.Reader:
    database = settings.DATABASES["default"]
    keys = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    return watchdog.reader({key: database[key] for key in keys if database.get(key)})

"""The product as it is, in processes of its own and on a database of its own: for tests that race, kill and measure.

A product runs on the engine that DATABASE_URL names (none: SQLite), in a folder that goes away with it. What is in its
database is read by plain SQL, so that the test's process needs no Django.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import psycopg

from tests import sender

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 60.0
# What a developer may have set, and what would make a difference.
_CLEARED = ("PLEX_ALLOWED_IPS", "TRUSTED_PROXIES", "ALLOWED_HOSTS", "PUBLIC_WEBHOOK_URL", "REDIS_URL", "DEBUG", "HTTPS")


def server_url(environ: Mapping[str, str] = os.environ) -> str:
    """The URL of the PostgreSQL on which the tests run, or nothing for SQLite."""
    url = environ.get("DATABASE_URL", "")
    return url if url.startswith(("postgres", "pgsql", "psql")) else ""


def connect(url: str) -> "psycopg.Connection[Any]":
    """A plain connection to a PostgreSQL URL, in autocommit. A socket's folder may stand in the path."""
    parts = urlsplit(url)
    folder, _, name = parts.path.rpartition("/")
    given = {"host": folder[1:] or parts.hostname, "port": parts.port, "user": parts.username,
             "password": unquote(parts.password or ""), "dbname": name}
    return psycopg.connect(autocommit=True, **{key: value for key, value in given.items() if value})


@contextmanager
def database(server: str, *, template: str = "") -> Iterator[str]:
    """An empty database on a PostgreSQL server, or a copy of another; its URL. It is dropped at the end."""
    name = f"product_{os.getpid()}_{secrets.token_hex(4)}"
    like = f' TEMPLATE "{template.rpartition("/")[2]}"' if template else ""
    with connect(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{like}')
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with connect(server) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = SECONDS_TO_START, step: float = 0.05) -> Any:
    """The first true answer of `condition`; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(step)
    return found


@dataclass
class Product:
    """One installation: its environment, its port and its running process."""

    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    seeded: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        """Its DATA_DIR."""
        return Path(self.environment["DATA_DIR"])

    @property
    def file(self) -> Path:
        """Its SQLite database."""
        return self.folder / "tracker.sqlite3"

    @property
    def url(self) -> str:
        """Its PostgreSQL URL, or nothing on SQLite."""
        return server_url(self.environment)

    @property
    def log(self) -> str:
        """What it printed so far."""
        path = self.folder / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `python ARGUMENTS` in its environment and wait."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def migrate(self) -> Self:
        """Make its tables."""
        self.run("manage.py", "migrate", "--verbosity", "0")
        return self

    def seed(self, **wanted: Any) -> Self:
        """Fill it with known shows."""
        self.seeded = json.loads(self.run("-m", "tests.seeds", json.dumps(wanted)).stdout)
        return self

    def up(self, **extra: str) -> Self:
        """Start it as a person does, `manage.py up`, and wait until it answers."""
        return self.start("manage.py", "up", "--port", str(self.port), **extra)

    def web(self, application: str = "tracker.wsgi:application", **extra: str) -> Self:
        """Start the web server alone, as `up` does."""
        script = (
            "import sys, django; django.setup(); from tracker import lifeline; from tracker.processes import WebServer; "
            "lifeline.pass_on_to_forks(); WebServer('127.0.0.1', int(sys.argv[1]), application=sys.argv[2])()"
        )
        return self.start("-c", script, str(self.port), application, **extra)

    def start(self, *arguments: str, **extra: str) -> Self:
        """Run `python ARGUMENTS` in a process group of its own and wait until the port answers."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=self.environment | extra, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )
        return self.wait_until_it_answers()

    def wait_until_it_answers(self) -> Self:
        """Until an HTTP request is answered."""
        wait_for(self._answers, f"the web server answers\n{self.log[-2000:]}")
        return self

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, f"it ended:\n{self.log[-3000:]}"
        return self.get("/healthz").status > 0

    def get(self, path: str) -> sender.Answer:
        """Ask for a page."""
        return sender.send(self.port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())

    def children(self) -> dict[int, str]:
        """The processes below it, with their names."""
        return {pid: _name(pid) for pid in descendants(self.process.pid)} if self.process else {}

    def web_leader(self) -> int:
        """The process that leads the web server's group, under `up`."""
        found = [pid for pid, line in self.children().items() if line == "tracker web" and os.getpgid(pid) == pid]
        assert len(found) == 1, self.children()
        return found[0]

    def stop(self) -> None:
        """Ask it to end; kill what is left of it."""
        process, self.process = self.process, None
        if process is None:
            return
        below = descendants(process.pid)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in [process.pid, *below]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()

    def request(self, payload: dict[str, Any]) -> bytes:
        """The bytes of a webhook with the right secret."""
        return sender.request(payload, secret=self.seeded["secret"])

    def send(self, payload: dict[str, Any]) -> sender.Answer:
        """Post one event."""
        return sender.send(self.port, self.request(payload))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a plain SQL query."""
        if self.url:
            with connect(self.url) as connection:
                return connection.execute(query.encode()).fetchall()
        opened = sqlite3.connect(self.file, timeout=20)
        try:
            return opened.execute(query).fetchall()
        finally:
            opened.close()

    def change(self, statement: str) -> None:
        """Run one plain SQL statement that changes something."""
        if self.url:
            with connect(self.url) as connection:
                connection.execute(statement.encode())
            return
        opened = sqlite3.connect(self.file, timeout=20)
        with opened:
            opened.execute(statement)
        opened.close()

    def value(self, query: str) -> Any:
        """The one value of a plain SQL query."""
        return self.rows(query)[0][0]


def descendants(pid: int) -> list[int]:
    """The process ids below a process."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(text) for text in path.read_text("ascii").split()]
    return found + [below for child in found for below in descendants(child)]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def pss_mib(pids: list[int]) -> float:
    """The memory of processes in MiB, what they share counted once."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


@contextmanager
def product(*, like: Product | None = None, server: str | None = None, **extra: str) -> Iterator[Product]:
    """An installation that is not started yet, a copy of a stopped one where `like` is given. At the end it goes away."""
    server = server_url() if server is None else server
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="product-", ignore_cleanup_errors=True))
        url = stack.enter_context(database(server, template=like.url if like else "")) if server else ""
        made = Product(_environment(Path(folder), url, like, extra))
        if like:
            made.seeded = like.seeded
            if not server:
                shutil.copytree(like.folder, made.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("output"))
        try:
            yield made
        finally:
            made.stop()


def _environment(folder: Path, url: str, like: Product | None, extra: Mapping[str, str]) -> dict[str, str]:
    keys = {"SECRET_KEY": secrets.token_hex(32), "ENCRYPTION_KEY": secrets.token_hex(32)}
    kept = {name: like.environment[name] for name in keys} if like else {}
    common = {
        "DATA_DIR": str(folder), "DATABASE_URL": url, "PLEX_RATE_LIMIT": "0", "LOG_LEVEL": "ERROR", "TIME_ZONE": "UTC",
        "DJANGO_SETTINGS_MODULE": "tracker.settings", "PYTHONPATH": str(ROOT),
    }
    cleared = dict.fromkeys(_CLEARED, "")
    environment = os.environ | keys | kept | common | cleared | dict(extra)
    for name in ("TRACKER_PROCESS", "TRACKER_STARTED_AT"):
        environment.pop(name, None)
    return environment

"""The database is busy or away: fast and honest answers, and everything is well again when it is back."""

import socket
import sqlite3
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests import sender
from tests.chaos.conftest import size
from tests.once import before_release

pytestmark = [pytest.mark.slow, before_release]
# 5 by itself; in the suite four runs share two cores. Without its bound it would be 20, as SQLite waits.
TOO_LONG = 10  # seconds


def _burst(victim, show, posts, at_once):
    episodes = [(index // 20 + 1, index % 20 + 1) for index in range(posts)]
    requests = [victim.request(sender.scrobble(show, *episode)) for episode in episodes]
    return sender.Load(victim.port, requests, concurrency=at_once).run()


def test_while_another_process_writes_to_sqlite_events_are_refused_within_5_seconds(victim):
    if victim.url:
        pytest.skip("SQLite's one writer is the subject")
    victim.web()
    assert {answer.status for answer in _burst(victim, 1, 4, 4)} == {200}
    writer = sqlite3.connect(victim.file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    answers = _burst(victim, 2, size("CHAOS_REFUSED", 16), 16)
    writer.execute("ROLLBACK")
    writer.close()
    slowest = max(answer.seconds for answer in answers)
    print(f"slowest refusal {slowest:.2f} s")
    assert {answer.status for answer in answers} == {503}
    assert slowest < TOO_LONG
    assert {answer.status for answer in _burst(victim, 3, 1, 1)} == {200}
    assert {answer.status for answer in _burst(victim, 4, 8, 8)} == {200}
    assert victim.value("SELECT COUNT(*) FROM plex_webhook_logs") == 13


class Wire:
    """A TCP relay to PostgreSQL that can be cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        folder = parts.path.rpartition("/")[0][1:]
        port = parts.port or 5432
        self.target = f"{folder}/.s.PGSQL.{port}" if folder else (parts.hostname or "127.0.0.1", port)
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        user = f"{parts.username}:{parts.password or ''}@" if parts.username else ""
        name = parts.path.rpartition("/")[2]
        self.url = urlunsplit((parts.scheme, f"{user}127.0.0.1:{self.port}", f"/{name}", "", ""))
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
                server.connect(self.target)
                self.sockets += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._relay, args=(one, other), daemon=True).start()

    def _relay(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.sockets.clear()

    def mend(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()


def test_while_postgresql_is_away_events_are_refused_at_once_and_afterwards_stored(victim):
    if not victim.url:
        pytest.skip("PostgreSQL is the subject")
    wire = Wire(victim.url)
    victim.web(DATABASE_URL=wire.url)
    assert {answer.status for answer in _burst(victim, 1, 8, 8)} == {200}
    wire.cut()
    answers = _burst(victim, 2, size("CHAOS_REFUSED", 16), 8)
    slowest = max(answer.seconds for answer in answers)
    print(f"slowest refusal {slowest:.2f} s")
    assert {answer.status for answer in answers} == {503}
    assert slowest < 2
    wire.mend()
    answers = _burst(victim, 3, 8, 8)
    wire.cut()
    assert {answer.status for answer in answers} == {200}
    assert victim.value("SELECT COUNT(*) FROM plex_webhook_logs") == 16

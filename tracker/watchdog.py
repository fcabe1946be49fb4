"""Whether the worker's queue stands still. Without Django's connections: those are not for what outlives a database."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import psycopg

_DJANGOS_OWN = {"assume_role", "isolation_level", "pool", "server_side_binding"}  # options that psycopg does not know
LOOKED_AT = 200  # of the oldest tasks
_TASKS = f"SELECT id, lock FROM django_q_ormq ORDER BY id LIMIT {LOOKED_AT}"  # noqa: S608  (a number of ours)
_NEWEST = "SELECT MAX(lock) FROM django_q_ormq"
AFTER_A_DEATH = 10.0  # seconds of standstill that are too long once one of the cluster's processes has died
SHAKEN_FOR = 120.0  # seconds after a death; the sweep, once a minute, is a task that must get through


@dataclass(frozen=True)
class Queue:
    """The oldest tasks as (id, lock), and the newest lock of all. A lock in the future is a worker's claim."""

    tasks: Sequence[tuple[int, datetime]] = ()
    newest: datetime | None = None


@dataclass
class Standstill:
    """Tells when the cluster should be killed: tasks wait and none is claimed, or none gets done.

    `timeout` is how long a task may run, in seconds; times without a date are monotonic seconds. Workers killed while
    idle keep the lock of the queue that they slept on, and then no other worker gets a task again: hence the shorter
    patience after a death.
    """

    timeout: float
    _ids: frozenset[int] = frozenset()
    _newest: datetime | None = None
    _moved: float = 0.0
    _done: float = 0.0
    _shaken_until: float = field(default=float("-inf"))

    def note_death(self, at: float) -> None:
        """One of the cluster's processes has died."""
        self._shaken_until = at + SHAKEN_FOR

    def is_stuck(self, queue: Queue, *, now: datetime, at: float) -> bool:
        """Compare the queue with how it was the last time."""
        ids = frozenset(task_id for task_id, _ in queue.tasks)
        claim = queue.newest if queue.newest and queue.newest > now else None
        waits = any(lock <= now for _, lock in queue.tasks)
        if not ids or self._ids - ids:
            self._done = self._moved = at
        if not waits or (claim and (not self._newest or claim > self._newest)):
            self._moved = at
        self._ids, self._newest = ids, claim or self._newest
        if at < self._shaken_until:
            return bool(ids) and at - self._done > AFTER_A_DEATH
        # Queued behind others a task may wait for two that run as long as they may.
        return at - self._moved > self.timeout + 5 or at - self._done > 3 * self.timeout + 5

    def look_away(self, at: float) -> None:
        """The queue could not be read: nothing is known of it until the next look."""
        self._ids, self._newest, self._moved, self._done = frozenset(), None, at, at


class Reader(Protocol):
    """Reads the queue; raises `error` when the database does not answer."""

    @property
    def error(self) -> type[Exception]:
        """What it raises."""

    def read(self) -> Queue:
        """The queue as it is now."""

    def release(self) -> None:
        """Let go of what was claimed: whoever claimed it is gone. (A task done twice does nothing the second time.)"""

    def close(self) -> None:
        """Give up the connection until the next look: no child may inherit it."""


class SQLiteReader:
    """Opens the file anew each time, so that it may be replaced meanwhile."""

    error: type[Exception] = sqlite3.Error

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Queue:
        """The queue as it is now."""
        with closing(self._open()) as connection:
            tasks = [(row[0], _utc(row[1])) for row in connection.execute(_TASKS)]
            newest = connection.execute(_NEWEST).fetchone()[0]
            return Queue(tasks, _utc(newest) if newest else None)

    def release(self) -> None:
        """Let go of what was claimed."""
        now = str(datetime.now(UTC).replace(tzinfo=None))  # as Django writes it
        with closing(self._open()) as connection:
            connection.execute("UPDATE django_q_ormq SET lock = ? WHERE lock > ?", (now, now))

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=2, isolation_level=None)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class PostgreSQLReader:
    """Keeps one connection while it works."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        import psycopg

        self.error: type[Exception] = psycopg.Error
        self._connect: Callable[[], psycopg.Connection[Any]] = partial(psycopg.connect, **parameters, autocommit=True)
        self._connection: psycopg.Connection[Any] | None = None

    def read(self) -> Queue:
        """The queue as it is now."""
        with self._connected() as connection:
            tasks = connection.execute(_TASKS).fetchall()
            newest = connection.execute(_NEWEST).fetchone()
            return Queue(tasks, newest[0] if newest else None)

    def release(self) -> None:
        """Let go of what was claimed."""
        with self._connected() as connection:
            connection.execute("UPDATE django_q_ormq SET lock = now() WHERE lock > now()")

    def close(self) -> None:
        """Give up the connection until the next look."""
        if self._connection:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _connected(self) -> "Iterator[psycopg.Connection[Any]]":
        try:
            self._connection = self._connection or self._connect()
            yield self._connection
        except self.error:
            self.close()
            raise


def reader(database: Mapping[str, Any]) -> Reader:
    """A reader for Django's settings of a database."""
    if database["ENGINE"] == "django.db.backends.sqlite3":
        return SQLiteReader(str(database["NAME"]))
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    given = {theirs: database[ours] for ours, theirs in names.items() if database.get(ours)}
    options = database.get("OPTIONS", {})
    return PostgreSQLReader({**given, **{name: value for name, value in options.items() if name not in _DJANGOS_OWN}})

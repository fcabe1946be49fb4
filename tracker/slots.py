"""How many requests are worked on at once, whatever keeps the other connections waiting.

The web server gives each request a thread of its own, and a thread that reads a body waits for as long as its sender
likes: with few threads, as many slow senders would keep everybody out. So there are many threads, but only a few slots,
each with its own database connection. A small body is read before there is a slot, so that it waits for nobody; while a
thread waits for more of a large one it leaves its slot to others.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from queue import SimpleQueue
from threading import Lock, local
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

SMALL = 128 * 1024  # bytes: an event with its picture; more than that must wait until its secret was looked at

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Slots:
    """A WSGI application that lets `count` requests into another one at a time, in the order in which they came."""

    def __init__(self, application: Application, count: int) -> None:
        self.application = application
        self.mine = local()
        self.lock = Lock()
        self.waiting: deque[SimpleQueue[BaseDatabaseWrapper]] = deque()
        self.free = [connections.create_connection(DEFAULT_DB_ALIAS) for _ in range(count)]
        for connection in self.free:
            connection.inc_thread_sharing()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
        small = re.fullmatch("[0-9]{1,6}", length) and int(length) <= SMALL
        environ["wsgi.input"] = BytesIO(stream.read(int(length))) if small else Body(stream, self)
        self.take()
        try:
            return self.application(environ, start_response)
        finally:
            self.give_back()

    def take(self) -> None:
        """Wait for a slot; this thread then uses its database connection."""
        turn: SimpleQueue[BaseDatabaseWrapper] = SimpleQueue()
        with self.lock:
            if self.free:
                turn.put(self.free.pop())
            else:
                self.waiting.append(turn)
        connections[DEFAULT_DB_ALIAS] = self.mine.connection = turn.get()

    def give_back(self) -> None:
        """Hand the slot to the thread that has waited longest, the connection with it."""
        connection = self.mine.connection
        del connections[DEFAULT_DB_ALIAS], self.mine.connection
        with self.lock:
            if self.waiting:
                self.waiting.popleft().put(connection)
            else:
                self.free.append(connection)

    @contextmanager
    def left(self) -> Iterator[None]:
        """Without the slot meanwhile; in a transaction it stays, for that belongs to its connection."""
        if self.mine.connection.in_atomic_block:
            yield
            return
        self.give_back()
        try:
            yield
        finally:
            self.take()


class Body:
    """A request's body, which is waited for without a slot."""

    def __init__(self, stream: Any, slots: Slots) -> None:
        self.stream = stream
        self.slots = slots

    def read(self, *size: int) -> bytes:
        """Up to so many bytes, or all."""
        with self.slots.left():
            return bytes(self.stream.read(*size))

    def readline(self, *size: int) -> bytes:
        """A line, or so much of it."""
        with self.slots.left():
            return bytes(self.stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        """All lines."""
        with self.slots.left():
            return list(self.stream.readlines(*hint))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

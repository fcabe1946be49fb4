"""Locks that hold for the length of a transaction, on both databases."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection

# SQLite's own wait sleeps up to 100 ms at a time and is unfair: threads of one process queue here instead.
_WRITE = threading.Lock()
_WRITE_TIMEOUT = 2.0  # seconds; with SQLite's 2 an answer takes at most 4
# While another process keeps SQLite locked, one thread waits for it and the others answer soon, or they would queue up.
_STUCK_TIMEOUT = 0.1  # seconds
_stuck = threading.Event()


class Busy(OperationalError):  # noqa: N818  (a state, which passes)
    """The database did not become free in time."""


@contextmanager
def writing() -> Iterator[None]:
    """Around a web request's write transaction. Raises Busy after two seconds, or sooner while SQLite stays locked."""
    if not settings.SQLITE:
        yield
        return
    since = time.monotonic()
    if not _WRITE.acquire(timeout=_STUCK_TIMEOUT if _stuck.is_set() else _WRITE_TIMEOUT):
        _stuck.set()  # who has it waits for SQLite, and may find that out a moment after us
        raise Busy("the database is busy")
    if _stuck.is_set() and time.monotonic() - since > _STUCK_TIMEOUT:
        _WRITE.release()  # who was before us waited in vain, and we have waited as long
        raise Busy("the database is busy")
    try:
        yield
        _stuck.clear()
    except OperationalError:
        _stuck.set()
        raise
    finally:
        _WRITE.release()


def lock(*names: object) -> None:
    """Wait until no other transaction holds this lock; it ends with ours.

    On SQLite nothing is left to do: each of our transactions holds the one write lock from its first statement.
    """
    if connection.vendor != "postgresql":
        return
    digest = hashlib.sha256("\0".join(map(str, names)).encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], signed=True)])

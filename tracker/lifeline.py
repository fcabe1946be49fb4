"""Processes that end when the one that started them ends, however it ends. Linux does it; elsewhere nothing does."""

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_M_ARENA_MAX = -8
_NEW_OBJECTS = 10_000  # after which a child looks for garbage; Python's 700 cost 2 % of each event


def fork(body: Callable[[], None], *, name: str) -> int:
    """Run `body` in a child that leads a session of its own, where the terminal's Ctrl-C does not reach it; its pid.

    `name` is what `ps -e` and `top` show, at most 15 characters. What the child forks is tied to it, as it is to us.
    """
    parent = os.getpid()
    flush()
    gc.collect()
    gc.freeze()  # what the collector leaves alone stays shared between the processes
    pid = os.fork()
    if not pid:
        _be(body, parent, name)
    return pid


def _be(body: Callable[[], None], parent: int, name: str) -> None:
    """The life of a child: no way leads from here back into what the parent was doing."""
    status = 1
    try:
        os.setsid()
        die_with(parent)
        _prctl(_PR_SET_NAME, name.encode())
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the parent blocks the signals that it waits for
        pass_on_to_forks()
        gc.set_threshold(_NEW_OBJECTS)
        body()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  (told here, because nobody is above us)
        traceback.print_exc()
    finally:
        flush()
        os._exit(status)


def flush() -> None:
    """Write out what was printed, so that no child prints it again, unless nobody is there any more to read it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, its parent, is gone; end at once if that was so already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def pass_on_to_forks() -> None:
    """Tie every process that this one forks, and those that they fork, to the one that forks them."""
    parents: list[int] = []

    def prepare() -> None:
        gc.freeze()
        parents.append(os.getpid())

    os.register_at_fork(
        before=prepare,
        after_in_parent=parents.clear,
        after_in_child=lambda: die_with(parents[-1]),
    )


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended, so that they can be reaped here."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def limit_malloc_arenas(number: int) -> None:
    """Let the C library keep at most so many heaps, where it is one that can be told (glibc)."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, number)


def _prctl(option: int, value: int | bytes) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)

"""Keeps the web server and the worker running until it is told to stop, and leaves nothing behind.

`manage.py up` ends in this loop when everything is prepared. It does not care whether the database answers. The
children are forked from it: they start in no time and share what it has loaded. Each is the leader of a process group
of its own. Signals go to the leaders only (a signal to the whole group hangs django-q2); a group whose leader is gone
is killed.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracker import lifeline, watchdog
from tracker.processes import WebServer, Worker

GRACE = 10.0  # seconds that children have to end by themselves
CALM = 60.0  # seconds after which a child counts as running well
LONGEST_PAUSE = 30.0  # seconds between attempts to start a child that ends again and again
DATABASE_PAUSE = 2.0  # seconds between attempts to reach a database without which the worker cannot start
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (where to reach what listens everywhere)
TICK = 0.25  # seconds between looks at the processes: one that comes and goes within a tick is not seen
LOOK_EVERY = 5.0  # seconds between looks at the queue


def say(text: str) -> None:
    """One line for the person who started us, if they still look: a terminal that was closed is no reason to fail."""
    with suppress(OSError):
        print(text, flush=True)


def stop_signals() -> set[signal.Signals]:
    """What ends us. Under `nohup` a closed terminal does not, though a blocked signal arrives even when ignored."""
    candidates = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    return {number for number in candidates if signal.getsignal(number) is not signal.SIG_IGN}


@dataclass
class Child:
    """A process that is to run always, and the group of processes that it leads."""

    name: str
    body: Callable[[], None]
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0
    family: set[int] = field(default_factory=set)

    def start(self) -> None:
        """Fork it."""
        self.pid = lifeline.fork(self.body, name=f"tracker {self.name.split()[0]}")
        self.started, self.family = time.monotonic(), set()

    def signal(self, number: int) -> None:
        """Send a signal to the leader."""
        if self.pid:
            _ignore_gone(os.kill, self.pid, number)

    def kill(self) -> None:
        """Kill the whole group."""
        if self.pid:
            _ignore_gone(os.killpg, self.pid, signal.SIGKILL)

    def note_end(self, status: int) -> None:
        """The leader has ended: kill what is left of its group, and plan the next start, later each time."""
        self.kill()
        now = time.monotonic()
        self.failures = 1 if now - self.started > CALM else self.failures + 1
        pause = min(0.25 * 2 ** (self.failures - 1), LONGEST_PAUSE)
        self.pid, self.start_at = 0, now + pause
        say(f"The {self.name} ended ({_words(status)}) and is started again in {pause:g} s.")

    def has_lost_one(self) -> bool:
        """Whether one of its descendants has gone since the last look."""
        family = _descendants(self.pid)
        lost, self.family = bool(self.family - family), family
        return lost


def _ignore_gone(send: Any, pid: int, number: int) -> None:
    try:
        send(pid, number)
    except (ProcessLookupError, PermissionError):  # a group of zombies only is "not permitted" on some systems
        return


def _words(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"status {code}" if code >= 0 else signal.Signals(-code).name


def _descendants(pid: int) -> set[int]:
    """The process ids below a process; empty where the kernel does not list them."""
    try:
        children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:
        return set()
    return set(children).union(*(_descendants(child) for child in children))


class Supervisor:
    """The loop: signals, ended children, the watchdog."""

    def __init__(
        self, *, web: WebServer, worker: Worker, queue: watchdog.Reader, task_timeout: float, greeting: Sequence[str],
    ) -> None:
        """`task_timeout` is in seconds; `greeting` is said, line by line, once the web server takes connections."""
        self.address = (LOOPBACK.get(web.address, web.address), web.port)
        self.web, self.worker = Child("web server", web), Child("worker", worker)
        self.children = [self.web, self.worker]
        self.queue, self.task_timeout, self.greeting = queue, task_timeout, greeting
        self.standstill = watchdog.Standstill(task_timeout)
        self.next_look = 0.0
        self.reads = True
        self.signals = {*stop_signals(), signal.SIGCHLD}

    def run(self) -> None:
        """Until a signal says stop."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self.signals)
        lifeline.adopt_orphans()
        announced = False
        while True:
            self._start_due()
            announced = announced or self._announce()
            if self._is_told_to_stop(TICK if announced else TICK / 5):
                break
            self._reap()
            self._watch()
        self._stop()

    def _is_told_to_stop(self, seconds: float) -> bool:
        """Wait for a signal at most so long; whether it was one that says stop, and not the end of a child."""
        received = signal.sigtimedwait(self.signals, seconds)
        return received is not None and received.si_signo != signal.SIGCHLD

    def _start_due(self) -> None:
        for child in self.children:
            if child.pid or time.monotonic() < child.start_at:
                continue
            if child is self.web or self._prepare_queue():
                self.queue.close()  # a connection is for one process
                child.start()
            else:
                child.start_at = time.monotonic() + DATABASE_PAUSE

    def _prepare_queue(self) -> bool:
        """What the worker before had claimed is free for the next one. False when the database does not answer."""
        self.standstill = watchdog.Standstill(self.task_timeout)
        self.standstill.look_away(time.monotonic())
        try:
            self.queue.release()
        except self.queue.error:
            self._say_whether_it_reads(reads=False)
            return False
        self._say_whether_it_reads(reads=True)
        return True

    def _announce(self) -> bool:
        """Once the web server takes connections, say where."""
        try:
            socket.create_connection(self.address, timeout=1).close()
        except OSError:
            return False
        for line in self.greeting:
            say(line)
        return True

    def _reap(self) -> None:
        """Wait for all that have ended, orphans too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for child in self.children:
                if child.pid == pid:
                    child.note_end(status)

    def _watch(self) -> None:
        at = time.monotonic()
        if not self.worker.pid:
            return
        if self.worker.has_lost_one():
            self.standstill.note_death(at)
        if at < self.next_look:
            return
        self.next_look = at + LOOK_EVERY
        try:
            stuck = self.standstill.is_stuck(self.queue.read(), now=datetime.now(UTC), at=at)
            self._say_whether_it_reads(reads=True)
        except self.queue.error:
            self.standstill.look_away(at)
            self._say_whether_it_reads(reads=False)
            return
        if stuck:
            say("The worker stands still and is started again.")
            self.worker.kill()

    def _say_whether_it_reads(self, *, reads: bool) -> None:
        if reads != self.reads:
            say("The database answers again." if reads else "The database does not answer; waiting for it.")
        self.reads = reads

    def _stop(self) -> None:
        """Ask the leaders to end; kill what has not within the grace, or at the second signal."""
        say("Stopping …")
        for child in self.children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        running = {child.pid for child in self.children if child.pid}
        while running and time.monotonic() < deadline:
            if self._is_told_to_stop(0.2):
                break
            running -= _ended()
        for child in self.children:
            child.kill()
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and _has_children():
            time.sleep(0.02)
        say("Stopped. Nothing is lost; `manage.py up` goes on from here.")


def _ended() -> set[int]:
    ended: set[int] = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended.add(pid)


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True

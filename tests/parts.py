"""The tests of one engine in parts: all are read once, then each part runs in a process forked from there.

`python -m tests` asks for it by TESTS_PARTS, a folder in which each part finds a folder of its own; TESTS_CORES is a
file that says how much of the cores is free, which both engines share. More at once than keeps the cores busy would
take longer: what runs by turns loses what the cores had at hand.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.junitxml import xml_key
from django.conf import settings
from django.db import connections
from django.urls import get_resolver

from tests.once import RELEASE
from tests.product import Product, database, server_url

WAITING = 0.6  # of a core: what a test takes that waits a good deal
QUICK_PARTS, QUICK_TESTS = 3, 200  # at most so many parts, and at least so many tests in each
_BROWSER = Path(__file__).parent / "browser"


@dataclass(frozen=True)
class Part:
    """Tests that run in one process, and how much of a core that takes."""

    name: str
    cores: float
    items: Sequence[pytest.Item]


def parts_of(items: Sequence[pytest.Item]) -> list[Part]:
    """Those that wait first, beside which the others run. Tests in a browser are left to SQLite but before a release."""
    kinds: dict[str, list[pytest.Item]] = {"slow": [], "browser": [], "quick": []}
    for item in items:
        kinds["browser" if _BROWSER in item.path.parents else "slow" if item.get_closest_marker("slow") else "quick"].append(item)
    if server_url() and not RELEASE:
        kinds["browser"].clear()
    parts = [Part(kind, WAITING, kinds[kind]) for kind in ("slow", "browser")]
    parts += [Part(f"quick {number}", 1.0, share) for number, share in enumerate(_shares(kinds["quick"]), 1)]
    return [part for part in parts if part.items]


def _shares(items: Sequence[pytest.Item]) -> list[list[pytest.Item]]:
    """Shares of about as many tests each, of whole files, in the order in which they are given."""
    count = min(QUICK_PARTS, len(items) // QUICK_TESTS or 1)
    full, share_of = [0] * count, dict[Path, int]()
    for path, tests in Counter(item.path for item in items).most_common():
        share_of[path] = full.index(min(full))
        full[share_of[path]] += tests
    return [[item for item in items if share_of[item.path] == number] for number in range(count)]


class Cores:
    """How much of the cores is free: a number in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def give(self, cores: float) -> None:
        with self._free() as free:
            free[0] += cores

    def take(self, cores: float, *, anyway: bool = False) -> bool:
        """Whether there was as much; where it is taken anyway, all others wait for longer."""
        with self._free() as free:
            taken = anyway or free[0] >= cores
            free[0] -= cores if taken else 0
        return taken

    @contextmanager
    def _free(self) -> Iterator[list[float]]:
        with self._file.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            free = [float(file.read())]
            yield free
            file.seek(0)
            file.truncate()
            file.write(f"{free[0]:.1f}")


def run_in_parts(session: pytest.Session) -> bool:
    """Run each part in a process of its own. True here when all are over; False in that process, which has to run it."""
    connections.close_all()
    len(get_resolver().url_patterns)  # all views, which every part would load for itself
    folder, cores = Path(os.environ["TESTS_PARTS"]), Cores(Path(os.environ["TESTS_CORES"]))
    pending, under_way = parts_of(session.items), dict[int, Part]()
    try:
        while pending or under_way:
            for part in pending.copy():
                if not cores.take(part.cores, anyway=not under_way):
                    continue
                pending.remove(part)
                sys.stdout.flush()
                if not (pid := os.fork()):
                    under_way.clear()
                    _become(session, part, folder / part.name)
                    return False
                under_way[pid] = part
            _reap(under_way, folder, cores)
            time.sleep(0.05)
    finally:
        _end(under_way)
    return True


def _reap(under_way: dict[int, Part], folder: Path, cores: Cores) -> None:
    """Give back what those took that are over, and leave their exit status in their folders."""
    for pid in list(under_way):
        over, status = os.waitpid(pid, os.WNOHANG)
        if over:
            part = under_way.pop(pid)
            cores.give(part.cores)
            written = folder / part.name / "data" / "status"
            written.write_text(str(os.waitstatus_to_exitcode(status)))
            written.rename(folder / part.name / "status")  # from there on whole


def _end(under_way: dict[int, Part]) -> None:
    for pid in under_way:
        os.kill(pid, signal.SIGINT)
    for pid in under_way:
        os.waitpid(pid, 0)


def _become(session: pytest.Session, part: Part, folder: Path) -> None:
    """Be the process of this part: write into its folder, use a database of its own, have its tests."""
    data = folder / "data"
    data.mkdir(parents=True)
    settings.DATA_DIR, os.environ["DATA_DIR"] = data, str(data)
    _take_a_copy_of_the_tables(session.config, data)
    _write_to(session.config, folder)
    session.items, session.testscollected = list(part.items), len(part.items)


def _take_a_copy_of_the_tables(config: pytest.Config, data: Path) -> None:
    migrated = Product(json.loads(os.environ["TESTS_MIGRATED"]))
    test = settings.DATABASES["default"]["TEST"]
    if server := server_url():
        stack = ExitStack()
        config.add_cleanup(stack.close)
        test["NAME"] = stack.enter_context(database(server, template=migrated.url)).rpartition("/")[2]
    else:
        test["NAME"] = str(shutil.copy(migrated.file, data / "test.sqlite3"))


def _write_to(config: pytest.Config, folder: Path) -> None:
    """Pytest keeps what it captures in files, which processes must not share."""
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    with (folder / "output").open("wb") as output:
        for standard in (1, 2):
            os.dup2(output.fileno(), standard)
    capture.start_global_capturing()
    capture.suspend_global_capture()
    config.stash[xml_key].logfile = str(folder / "report.xml")

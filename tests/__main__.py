"""The whole suite on SQLite and on PostgreSQL, both at the same time: python -m tests [arguments for pytest].

On each engine the slow tests, which wait a good deal, and each half of the quick ones are a pytest of their own; so are
those in a browser, which run beside SQLite, and on PostgreSQL before a release.

REQUIRE_POSTGRES=1, REQUIRE_REDIS=1 and REQUIRE_BROWSER=1 make failures of what is otherwise skipped.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests import BESIDE_SQLITE, PACES
from tests.once import RELEASE
from tests.postgres import NoPostgresError, postgres_url
from tests.product import Product, database, product

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_STOP = 30
SECONDS_A_DOT = 5
CORES = (os.cpu_count() or 1) + 0.6  # a little more, because all of them wait now and then
COPIED = ("DATA_DIR", "DATABASE_URL", "SECRET_KEY", "ENCRYPTION_KEY")  # what of an installation a copy of it needs
NO_TESTS = 5  # pytest's exit status when the arguments select none
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The signals that came. They are noted and acted on while waiting for pytest only: an exception in the middle of
# starting or stopping something would leave it behind.
arrived: list[int] = []


class Totals(NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def plus(self, other: "Totals") -> "Totals":
        return Totals(*(mine + its for mine, its in zip(self, other, strict=True)))

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Program(NamedTuple):
    """A program that some tests need."""

    names: tuple[str, ...]
    requirement: str
    tests: str

    def is_missing(self) -> bool:
        return not any(shutil.which(name) for name in self.names)


PROGRAMS = (
    Program(("chromium", "chromium-browser"), "REQUIRE_BROWSER", "the browser tests"),
    Program(("redis-server",), "REQUIRE_REDIS", "the tests on Redis"),
)


@dataclass(frozen=True)
class Run:
    """One pytest process, with a folder of its own for all that it writes."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")

    def totals(self) -> Totals:
        """What pytest counted; an end without a report, or an error outside the tests, is one failure."""
        try:
            suites = list(ET.parse(self.folder / "report.xml").getroot().iter("testsuite"))
        except (OSError, ET.ParseError):
            return Totals(failed=1)
        counts = ("tests", "failures", "errors", "skipped")
        total, failures, errors, skipped = (sum(int(suite.get(each, 0)) for suite in suites) for each in counts)
        failed = failures + errors
        crashed = self.process.returncode not in {0, NO_TESTS}
        return Totals(total - failed - skipped, failed or int(crashed), skipped)


class Engine(NamedTuple):
    """Where the tests run."""

    name: str
    url: str  # of the server; nothing on SQLite
    migrated: Product  # an installation with the tables and nothing in them, to be copied instead of made again


class Start(NamedTuple):
    """What starts a run, and how much of a core that takes."""

    cores: float
    run: Callable[[], Run]


def main(arguments: Sequence[str]) -> int:
    """Run the suite on both engines; the exit status: 0 when everything passed, 1 when not, 130 on Ctrl-C."""
    for number in SIGNALS:
        signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        totals = _skip_or_fail_early() or _run_on_both(arguments)
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 128 + arrived[0]
    say(f"\n{totals}")
    return 1 if totals.failed else 0


def say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


def _required(requirement: str) -> bool:
    return os.environ.get(requirement) == "1"


def _skip_or_fail_early() -> Totals | None:
    """Say which programs are missing; the totals of a run that ends here when one of them is required."""
    missing = [program for program in PROGRAMS if program.is_missing()]
    for program in missing:
        names = " or ".join(program.names)
        say(f"No {names} on the PATH: {program.tests} are skipped ({program.requirement}=1 forbids it).")
    failed = sum(_required(program.requirement) for program in missing)
    return Totals(failed=failed) if failed else None


def _run_on_both(arguments: Sequence[str]) -> Totals:
    totals = Totals()
    with ExitStack() as stack:
        # What was started last is stopped first: the tests end before their PostgreSQL does.
        urls = {"SQLite": ""}
        try:
            urls["PostgreSQL"] = stack.enter_context(postgres_url())
        except NoPostgresError as reason:
            say(f"No PostgreSQL, so its half is skipped (REQUIRE_POSTGRES=1 forbids it):\n{reason}")
            if _required("REQUIRE_POSTGRES"):
                return Totals(failed=1)
            totals = Totals(skipped=1)
        say(f"Running on {' and '.join(urls)} ", end="")
        engines = _engines(stack, urls)
        starts = [
            Start(cores, partial(stack.enter_context, _pytest(engine, pace, arguments)))
            for pace, cores in PACES.items() for engine in reversed(engines)
            if RELEASE or not engine.url or pace not in BESIDE_SQLITE
        ]
        for run in _as_they_end(starts):
            say(f"\n===== {run.name} =====\n{run.output.strip()}")
            totals = totals.plus(run.totals())
    return totals if any(totals) else Totals(failed=1)


def _engines(stack: ExitStack, urls: Mapping[str, str]) -> list[Engine]:
    made = [Engine(name, url, stack.enter_context(product(server=url))) for name, url in urls.items()]
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda engine: engine.migrated.migrate(), made))
    except AssertionError:
        if arrived:  # the signal reached the migration too
            raise KeyboardInterrupt from None
        raise
    return made


@contextmanager
def _pytest(engine: Engine, pace: str, arguments: Sequence[str]) -> Iterator[Run]:
    """Start a pytest; at the end see that it is over, and remove what it wrote."""
    with tempfile.TemporaryDirectory(prefix="tests-", ignore_cleanup_errors=True) as made, ExitStack() as stack:
        folder = Path(made)
        options = ["-o", f"cache_dir={folder / 'cache'}", f"--junitxml={folder / 'report.xml'}", "--reuse-db"]
        if pace != "browser":
            options += ["-p", "no:playwright"]  # half a second to load
        environment = _environment(folder, engine, pace) | _tables(stack, folder, engine)
        with (folder / "output").open("wb") as output:
            # A process group of its own: Ctrl-C reaches this process only, which passes it on once.
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *arguments, *options],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, process_group=0,
            )  # fmt: skip
        try:
            yield Run(f"{engine.name}, {pace}", folder, process)
        finally:
            _stop(process)


def _tables(stack: ExitStack, folder: Path, engine: Engine) -> dict[str, str]:
    """Make the test database, a copy; its name on PostgreSQL, for conftest.py."""
    made = engine.migrated
    if not engine.url:
        shutil.copy(made.file, folder / "data" / "test.sqlite3")  # as tracker/settings.py calls it
        return {}
    return {"TESTS_DATABASE": stack.enter_context(database(engine.url, template=made.url)).rpartition("/")[2]}


def _environment(folder: Path, engine: Engine, pace: str) -> dict[str, str]:
    data = folder / "data"
    data.mkdir()
    return os.environ | {
        # Empty is SQLite, as unset is; but an unset one would be filled from a developer's .env.
        "DATABASE_URL": engine.url,
        "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "tracker.settings",
        "ENCRYPTION_KEY": secrets.token_hex(32),
        # Hundreds of processes read the same modules: let the first one keep what it compiled.
        "PYTHONDONTWRITEBYTECODE": "",
        "SECRET_KEY": secrets.token_hex(32),
        "TESTS_MIGRATED": json.dumps({name: engine.migrated.environment[name] for name in COPIED}),
        "TESTS_PACE": pace,  # read by conftest.py
    }  # fmt: skip


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a pytest that still runs: first so that its fixtures stop what they started, then by force."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _as_they_end(starts: Sequence[Start]) -> Iterator[Run]:
    """Start as many as keep the cores busy; each when it is over. Meanwhile a dot now and then: one sees that it lives.

    More than that would take longer: what runs by turns loses what the cores had at hand.
    """
    pending, under_way, next_dot = list(starts), dict[Run, Start](), time.monotonic()
    while pending or under_way:
        if arrived:
            raise KeyboardInterrupt
        for start in pending.copy():
            if not under_way or start.cores + sum(each.cores for each in under_way.values()) <= CORES:
                pending.remove(start)
                under_way[start.run()] = start
        for run in [run for run in under_way if run.process.poll() is not None]:
            del under_way[run]
            yield run
        if time.monotonic() >= next_dot:
            say(".", end="")
            next_dot += SECONDS_A_DOT
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

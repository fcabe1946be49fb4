"""The whole suite on SQLite and on PostgreSQL, both at the same time: python -m tests [arguments for pytest].

On each engine one pytest reads all tests and runs them in parts, each in a process of its own (parts.py).

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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.postgres import NoPostgresError, postgres_url
from tests.product import Product, product

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
class Ended:
    """A part of the tests that is over, with the folder in which it wrote."""

    name: str
    folder: Path
    status: int

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
        return Totals(total - failed - skipped, failed or int(self.status != 0), skipped)


@dataclass(frozen=True)
class Run:
    """The pytest of an engine, with a folder in which each part has one of its own."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]
    told: set[Path] = field(default_factory=set)

    def ended(self) -> Iterator[Ended]:
        """The parts that are over since this was asked last; at the end the pytest itself, if it failed."""
        status = self.process.poll()
        for file in sorted(set(self.folder.glob("*/status")) - self.told):
            self.told.add(file)
            yield Ended(f"{self.name}, {file.parent.name}", file.parent, int(file.read_text()))
        if status not in {None, 0, NO_TESTS} and self.folder not in self.told:
            self.told.add(self.folder)
            yield Ended(self.name, self.folder, 1)


class Engine(NamedTuple):
    """Where the tests run."""

    name: str
    url: str  # of the server; nothing on SQLite
    migrated: Product  # an installation with the tables and nothing in them, to be copied instead of made again


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
        cores = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tests-"))) / "cores"
        cores.write_text(f"{CORES:.1f}")
        runs = [stack.enter_context(_pytest(engine, cores, arguments)) for engine in reversed(engines)]
        for part in _as_they_end(runs):
            say(f"\n===== {part.name} =====\n{part.output.strip()}")
            totals = totals.plus(part.totals())
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
def _pytest(engine: Engine, cores: Path, arguments: Sequence[str]) -> Iterator[Run]:
    """Start a pytest; at the end see that it is over, and remove what it wrote."""
    with tempfile.TemporaryDirectory(prefix="tests-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        options = ["-o", f"cache_dir={folder / 'cache'}", f"--junitxml={folder / 'report.xml'}", "--reuse-db"]
        with (folder / "output").open("wb") as output:
            # A process group of its own: Ctrl-C reaches this process only, which passes it on once.
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *arguments, *options],
                cwd=ROOT, env=_environment(folder, engine, cores), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, process_group=0,
            )  # fmt: skip
        try:
            yield Run(engine.name, folder, process)
        finally:
            _stop(process)


def _environment(folder: Path, engine: Engine, cores: Path) -> dict[str, str]:
    return os.environ | {
        # Empty is SQLite, as unset is; but an unset one would be filled from a developer's .env.
        "DATABASE_URL": engine.url,
        "DATA_DIR": str(folder / "data"),
        "DJANGO_SETTINGS_MODULE": "tracker.settings",
        "ENCRYPTION_KEY": secrets.token_hex(32),
        # Hundreds of processes read the same modules: let the first one keep what it compiled.
        "PYTHONDONTWRITEBYTECODE": "",
        "SECRET_KEY": secrets.token_hex(32),
        "TESTS_CORES": str(cores),
        "TESTS_MIGRATED": json.dumps({name: engine.migrated.environment[name] for name in COPIED}),
        "TESTS_PARTS": str(folder),
    }  # fmt: skip


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a pytest that still runs: first so that its fixtures stop what they started, then by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_STOP)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also the parts of one that was killed
    process.wait()


def _as_they_end(runs: Sequence[Run]) -> Iterator[Ended]:
    """Each part when it is over. Meanwhile a dot now and then: one sees that it lives."""
    next_dot = time.monotonic()
    going_on = True
    while going_on:
        if arrived:
            raise KeyboardInterrupt
        going_on = any(run.process.poll() is None for run in runs)
        for run in runs:
            yield from run.ended()
        if time.monotonic() >= next_dot:
            say(".", end="")
            next_dot += SECONDS_A_DOT
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

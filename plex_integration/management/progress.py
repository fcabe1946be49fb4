"""How a sync looks in a terminal: two bars and a status line; plain lines where the output is no terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from plex_integration.models import SyncRun
from plex_integration.sync.reports import Reporter

SECONDS_A_LINE = 2.0  # between two lines of progress where there are no bars
_ROWS = (
    ("Total", "total"), ("Processed", "processed"), ("Skipped", "skipped"), ("Added", "added"), ("Updated", "updated"),
    ("Removed", "removed"), ("Marked watched", "marked"), ("Asked", "asked"), ("Unwatched in Plex", "unwatched"),
    ("Requests", "requests"), ("Queries", "queries"),
)


def printable(text: str) -> str:
    """Without what would steer a terminal: titles come from elsewhere."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


class PlainReporter(Reporter):
    """Lines for a log or a pipe."""

    def __init__(self, out: TextIO, *, dry_run: bool = False) -> None:
        self._out = out
        self._prefix = "Would: " if dry_run else "Status: "
        self._next = 0.0

    def library(self, title: str, number: int, libraries: int) -> None:
        """A line for each library."""
        self._write(f"Library Progress: {title} ({number}/{libraries})")

    def item(self, label: str, position: int, items: int) -> None:
        """A line now and then."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_A_LINE
            self._write(f"Item Progress: {label} ({position}/{items})")

    def status(self, text: str) -> None:
        """A line for each change."""
        self._write(f"{self._prefix}{text}")

    def note(self, text: str) -> None:
        """A line of its own."""
        self._write(text)

    def _write(self, text: str) -> None:
        self._out.write(f"{printable(text)}\n")


class BarsReporter(Reporter):
    """Bars that are drawn anew in place; the last change below them."""

    def __init__(self, progress: Progress, *, dry_run: bool = False) -> None:
        self._progress = progress
        self._word = "Would" if dry_run else "Status"
        self._libraries = progress.add_task("Library Progress", total=None)
        self._items = progress.add_task("Item Progress", total=None)
        self._status: TaskID | None = None

    def library(self, title: str, number: int, libraries: int) -> None:
        """The upper bar."""
        words = f"Library Progress: {title} ({number}/{libraries})"
        self._progress.update(self._libraries, description=_safe(words), total=libraries, completed=number - 1)

    def item(self, label: str, position: int, items: int) -> None:
        """The lower bar."""
        words = f"Item Progress: {label} ({position}/{items})"
        self._progress.update(self._items, description=_safe(words), total=items, completed=position)

    def status(self, text: str) -> None:
        """The line below, from the first change on."""
        if self._status is None:
            self._status = self._progress.add_task("", total=None, bar=False)
        self._progress.update(self._status, description=_safe(f"{self._word}: {text}"))

    def note(self, text: str) -> None:
        """A line above the bars, which stays."""
        self._progress.console.print(Text(printable(text)))

    def finish(self) -> None:
        """All libraries are done."""
        task = next(task for task in self._progress.tasks if task.id == self._libraries)
        self._progress.update(self._libraries, completed=task.total or 0)


class _Bar(BarColumn):
    """A bar for the tasks that have one."""

    def render(self, task):  # type: ignore[no-untyped-def]
        """Nothing in the status line."""
        return super().render(task) if task.fields.get("bar", True) else Text("")


def _safe(text: str) -> str:
    """Brackets are markup to rich."""
    return printable(text).replace("[", r"\[")


@contextmanager
def reporting(out: TextIO, *, dry_run: bool) -> Iterator[Reporter]:
    """Bars on a terminal, else lines."""
    if not out.isatty():
        yield PlainReporter(out, dry_run=dry_run)
        return
    with Progress(_Bar(bar_width=30), TextColumn("{task.description}"), console=Console()) as progress:
        bars = BarsReporter(progress, dry_run=dry_run)
        yield bars
        bars.finish()


def print_table(out: TextIO, run: SyncRun) -> None:
    """The counts at the end, and what they cost."""
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0.0
    rows = [(word, str(getattr(run, name))) for word, name in _ROWS] + [("Time", f"{seconds:.1f} s")]
    if not out.isatty():
        out.writelines(f"{word + ':':<19}{value:>8}\n" for word, value in rows)
        return
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for word, value in rows:
        table.add_row(word, value)
    Console().print(table)

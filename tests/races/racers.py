"""Processes that do things to one product at the same moment.

`Racers` starts one process that loads Django in the product's environment and forks the racers before any of them has a
connection to the database. A round is a list of jobs, one for each racer; all wait at a barrier and then start at once.
"""

import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from tests import sender
from tests.product import ROOT, Product

SECONDS_A_ROUND = 60.0
Job = tuple[str, dict[str, Any]]


class Racers:
    """The parent's end."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def round(self, jobs: Sequence[Job]) -> list[Any]:
        """Do all jobs at once; what each answered, in their order. An exception's text comes as {"error": …}."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the racers ended"
        answers: list[Any] = json.loads(line)
        return answers


@contextmanager
def racers(product: Product, count: int) -> Iterator[Racers]:
    """Racers for rounds of at most `count` jobs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.races.racers", str(count)], cwd=ROOT, text=True,
        env=product.environment | {"TRACKER_PROCESS": "worker"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    try:
        yield Racers(process)
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _now(seconds: float | None) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)


def post(*, port: int, data: str) -> int:
    """Send a request; the status."""
    return sender.send(port, data.encode()).status


def process(*, log_id: int, at: float | None = None) -> str | None:
    """Work on an event as a worker does; what was done."""
    from plex_integration import processing

    outcome = processing.process(log_id, now=_now(at))
    return outcome.action if outcome else None


def replay(*, log_id: int) -> bool:
    """Click on Replay."""
    from plex_integration import inbox
    from plex_integration.models import PlexWebhookLog

    return inbox.replay(PlexWebhookLog.objects.get(pk=log_id), now=_now(None))


def select(*, conflict_id: int, tvshow_id: int, user_id: int) -> int:
    """Resolve a conflict by choosing a show; how many waiting events were done at once."""
    from plex_integration import resolution

    return len(resolution.select(conflict_id, tvshow_id=tvshow_id, user_id=user_id, now=_now(None)).outcomes)


def mark(*, user_id: int, episode_id: int, at: float, source: str) -> str:
    """Mark an episode, as history or a webhook would; what came of it."""
    from tvshows import watching
    from tvshows.models import Episode

    viewing = watching.Viewing(_now(at), source, "1")
    episode = Episode.objects.get(pk=episode_id)
    return str(watching.mark_watched(user_id=user_id, episode=episode, viewing=viewing, now=_now(None)).value)


def delete_show(*, show_id: int) -> int:
    """Delete a show from the catalogue."""
    from tvshows.models import TVShow

    return TVShow.objects.filter(pk=show_id).delete()[0]


def idle() -> None:
    """Only wait at the barrier."""


JOBS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (post, process, replay, select, mark, delete_show, idle)
}


def _race(barrier: Barrier, channel: Connection) -> None:
    while True:
        try:
            name, arguments = channel.recv()
        except EOFError:
            return
        barrier.wait(SECONDS_A_ROUND)
        try:
            channel.send(JOBS[name](**arguments))
        except Exception as error:  # noqa: BLE001  (told to the test, which judges it)
            channel.send({"error": f"{type(error).__name__}: {error}"})


def main(count: int) -> None:
    """Fork the racers, then play the rounds that come in."""
    import django

    django.setup()
    context = multiprocessing.get_context("fork")
    barrier, channels = context.Barrier(count), []
    for _ in range(count):
        mine, theirs = context.Pipe()
        context.Process(target=_race, args=(barrier, theirs), daemon=True).start()
        channels.append(mine)
    for line in sys.stdin:
        jobs = json.loads(line)
        assert len(jobs) <= count, f"{len(jobs)} jobs for {count} racers"
        for channel, job in zip(channels, [*jobs, *[("idle", {})] * (count - len(jobs))], strict=True):
            channel.send(job)
        answers = [channel.recv() for channel in channels]
        print(json.dumps(answers[: len(jobs)]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))

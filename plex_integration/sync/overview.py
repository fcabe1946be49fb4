"""What the page of the sync shows: the run that is under way, those before, and what a run would reach back to."""

from dataclasses import dataclass
from datetime import datetime

from plex_integration.models import PlexConfig, SyncCursor, SyncRun
from plex_integration.sync import runs

SHOWN = 20  # runs


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run in words: its tone is ok, warn or bad, as a badge has it."""

    run: SyncRun
    words: str
    tone: str
    icon: str
    seconds: int

    @property
    def has_changed(self) -> bool:
        """Whether it changed anything."""
        run = self.run
        return bool(run.added + run.updated + run.removed + run.marked + run.asked)

    @property
    def is_quiet(self) -> bool:
        """Whether it came to its end and changed nothing."""
        return self.run.status == SyncRun.Status.DONE and not self.has_changed


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's contents."""

    config: PlexConfig | None
    running: SyncRun | None
    runs: tuple[RunShown, ...] = ()
    was_read: bool = False  # whether a whole library was

    @property
    def is_connected(self) -> bool:
        """Whether there is a server to ask."""
        return bool(self.config and self.config.plex_token and self.config.plex_server_uuid)


_WORDS = {
    SyncRun.Status.DONE: ("Done", "ok", "check"), SyncRun.Status.FAILED: ("Failed", "bad", "cross"),
    SyncRun.Status.CANCELLED: ("Cancelled", "plain", "minus"), SyncRun.Status.LOST: ("Interrupted", "warn", "warning"),
    SyncRun.Status.RUNNING: ("Running", "plain", "clock"),
}


def overview(config: PlexConfig | None, *, now: datetime) -> Overview:
    """A few queries, however many runs there were."""
    if config is None:
        return Overview(None, None)
    was_read = SyncCursor.objects.filter(config=config, server_uuid=config.plex_server_uuid, complete=True).exists()
    past = tuple(_shown(run) for run in runs.latest(config)[:SHOWN])
    return Overview(config, runs.under_way(config, now=now), past, was_read)


def _shown(run: SyncRun) -> RunShown:
    words, tone, icon = _WORDS[SyncRun.Status(run.status)]
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0
    return RunShown(run, words, tone, icon, round(seconds))

"""Whether everything that an event needs is working: the database, the worker, and the inbox between them."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import Error

from plex_integration import heartbeat
from plex_integration.models import PlexWebhookLog

HEARTBEAT_MAX_AGE = timedelta(seconds=150)  # the worker sweeps once a minute
START_GRACE = timedelta(seconds=60)  # how long after a start the first sweep may take
OVERDUE_AFTER = timedelta(seconds=120)


@dataclass(frozen=True)
class Health:
    """What works, in words; `down` names the parts that do not."""

    parts: dict[str, str]
    down: list[str] = field(default_factory=list)
    heartbeat: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is down."""
        return not self.down


def examine(now: datetime) -> Health:
    """Look at every part at the time `now`. Never raises for a database that is down."""
    try:
        beat = heartbeat.last()
        due = PlexWebhookLog.objects.due(now).values_list("due_at", flat=True).first()
    except Error:
        return Health({"database": "does not answer", "worker": "unknown", "inbox": "unknown"}, ["database"])
    parts = {"database": "ok", "worker": _worker(beat, now), "inbox": _inbox(due, now)}
    return Health(parts, [name for name, state in parts.items() if state not in {"ok", "starting"}], beat)


def _worker(beat: datetime | None, now: datetime) -> str:
    if beat is not None and now - beat <= HEARTBEAT_MAX_AGE:
        return "ok"
    if _since_start(now) <= START_GRACE:
        return "starting"
    return f"no sign of life for {_seconds(now - beat)}" if beat else "no sign of life yet"


def _inbox(due: datetime | None, now: datetime) -> str:
    if due is None or now - due <= OVERDUE_AFTER:
        return "ok"
    return f"the oldest event is {_seconds(now - due)} overdue"


def _since_start(now: datetime) -> timedelta:
    """How long ago `up` started; it says so to its children. Without it there is no grace."""
    try:
        return timedelta(seconds=now.timestamp() - float(os.environ["TRACKER_STARTED_AT"]))
    except (KeyError, ValueError):
        return timedelta.max


def _seconds(age: timedelta) -> str:
    return f"{int(age.total_seconds())} seconds"

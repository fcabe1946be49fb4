"""What one run of the sync works with, and the transaction of each of its steps."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, sleep

from django.conf import settings
from django.db import transaction

from plex_integration.accounts import OWNER_ID
from plex_integration.library_items import LibraryReader
from plex_integration.models import PlexAccount, PlexConfig, PlexShowMapping, SyncRun
from plex_integration.sync import runs
from plex_integration.sync.reports import Reporter

BREATH = 0.3  # of the time of each transaction, for which the database is left to others afterwards
MOST_TOLD = 50  # names that a run keeps of what a person should look at


@dataclass(frozen=True, slots=True)
class ShowPlace:
    """Where a Plex show belongs: its mapping and its show here, as far as there are any; whether it is marked in."""

    mapping_id: int | None = None
    tvshow_id: int | None = None
    marks: bool = False
    is_new: bool = False  # in a dry run: it would be added

    @classmethod
    def of(cls, row: PlexShowMapping) -> "ShowPlace":
        """As its mapping says."""
        return cls(row.pk, row.tvshow_id, marks=row.tvshow_id is not None and row.sync_enabled)


@dataclass
class Session:
    """One run. `since` is the time, in seconds, before which viewings do not count; `viewers` are the people of the
    accounts on the server, `owner_id` the one whose watched state the items bear.
    """

    config: PlexConfig
    reader: LibraryReader
    server: str
    run: SyncRun
    reporter: Reporter
    now: datetime
    since: int
    dry_run: bool = False
    deadline: float | None = None  # of time.monotonic(), after which no further step begins
    owner_id: int | None = None
    viewers: dict[int, int | None] = field(default_factory=dict)
    places: dict[str, ShowPlace] = field(default_factory=dict)
    leaves: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    account_titles: Mapping[int, str] | None = None  # as the server has them, once they were asked for
    asked_before: int = 0  # requests of earlier slices of the run
    positions: Counter[str] = field(default_factory=Counter)
    untouched: set[int] = field(default_factory=set)  # shows here that were just added, without episodes
    read: set[str] = field(default_factory=set)  # rating keys of what a dry run has looked at, and not stored

    @contextmanager
    def step(self) -> Iterator[None]:
        """A transaction that also stores how far the run is; in a dry run nothing of it stays. Raises Cancelled, and
        Paused where the time is over; but each slice does at least one step.
        """
        if self.steps and self.deadline is not None and monotonic() > self.deadline:
            raise runs.Paused
        began = monotonic()
        with transaction.atomic():
            yield
            if self.dry_run:
                transaction.set_rollback(True)
            else:
                self.run.requests = self.asked_before + self.reader.server.requests
                runs.advance(self.run)
        self.steps += 1
        if settings.SQLITE and not self.dry_run:
            # SQLite lets one write at a time, and who waits looks only now and then: events must get their turn.
            sleep((monotonic() - began) * BREATH)

    def not_after_now(self, seconds: int | None) -> int:
        """A time of the server's as far as a stream may move to it: its clock may be wrong, and be mended."""
        return min(seconds or 0, int(self.now.timestamp()))

    def remember(self, kind: str, text: str) -> None:
        """Keep something that a person should look at with the run."""
        kept = self.run.details.setdefault(kind, [])
        if len(kept) < MOST_TOLD:
            kept.append(text)

    def status(self, text: str) -> None:
        """Tell of a change."""
        self.reporter.status(text)


def viewers_of(config: PlexConfig) -> dict[int, int | None]:
    """Whose viewings the accounts of the server's history are: the owner is number 1 there, unless a person chose
    otherwise, as is the account of the token.
    """
    rows = list(PlexAccount.objects.filter(config=config, account_id__isnull=False))
    viewers = {row.account_id: row.user_id for row in rows if row.account_id is not None}
    chosen = {row.account_id for row in rows if row.linked_by}
    if OWNER_ID not in chosen:
        viewers[OWNER_ID] = viewers.get(config.plex_account_id or OWNER_ID, config.user_id)
        if config.plex_account_id not in chosen:
            viewers[OWNER_ID] = config.user_id
    return viewers

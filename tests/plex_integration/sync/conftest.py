"""A small library on a Plex server over real HTTP, and a connection to it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from plex_integration.config import set_token
from plex_integration.models import PlexAccount, PlexConfig, SyncRun
from plex_integration.sync import engine
from plex_integration.sync.engine import Wanted
from plex_integration.sync.reports import Reporter
from tests.plex_integration.fake_plex import FakePlex, episode, show

BASE = 1_770_000_000  # in seconds: 2 February 2026
CONNECTED = datetime.fromtimestamp(BASE, UTC)


@dataclass
class Heard(Reporter):
    """Keeps what is told."""

    said: list[str] = field(default_factory=list)
    items: list[tuple[str, int, int]] = field(default_factory=list)

    def status(self, text: str) -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.said.append(text)

    def item(self, label: str, position: int, items: int) -> None:
        self.items.append((label, position, items))


@dataclass
class Shelf:
    """The library, the connection, and runs of the sync."""

    plex: FakePlex
    config: PlexConfig
    heard: Heard = field(default_factory=Heard)

    def add(self, key: str, title: str, year: int, count: int = 3, *, section: int = 2, dated: bool = True, **others: Any) -> None:
        """A show with one season."""
        guids = others.pop("Guid", [{"id": f"tvdb://{sum(map(ord, key)) * 1000 + year}"}])
        self.plex.shows[key] = show(key, title, year=year, librarySectionID=section, Guid=guids, updatedAt=BASE, **others)
        self.plex.episodes[key] = [
            episode(
                f"{key}e{n}", key, 1, n, title=f"{title} {n}", grandparentTitle=title, updatedAt=BASE + n, duration=1_500_000,
                originallyAvailableAt=f"{year}-01-{n:02}" if dated else None, grandparentGuid=others.get("guid", f"plex://show/{key}"),
                Media=[{"Part": [{"file": f"/tv/{title}/s01e{n:02}.mkv"}]}],
            )
            for n in range(1, count + 1)
        ]

    def one(self, key: str, number: int) -> dict[str, Any]:
        """An episode's Metadata."""
        return self.plex.episodes[key][number - 1]

    def watch(self, key: str, number: int, at: int, *, account: int = 1) -> None:
        """Somebody watches an episode; the item's own state is the owner's."""
        item = self.one(key, number)
        if account == 1:
            item.update(viewCount=item.get("viewCount", 0) + 1, lastViewedAt=at)
        self.plex.history.append({
            "ratingKey": item["ratingKey"], "grandparentKey": f"/library/metadata/{key}", "type": "episode",
            "librarySectionID": "2", "title": item["title"], "parentIndex": 1, "index": number, "viewedAt": at,
            "accountID": account, "grandparentTitle": item["grandparentTitle"],
        })

    def run(self, *, now: datetime | None = None, **wanted: Any) -> SyncRun:
        """A run to its end; what was told is in `heard`."""
        self.heard = Heard()
        self.plex.requests.clear()
        return engine.sync(self.config, Wanted(reporter=self.heard, **wanted), now=now or datetime.now(UTC))

    @property
    def section(self) -> dict[str, Any]:
        return self.plex.libraries[0]


@pytest.fixture
def shelf(world):
    with FakePlex() as plex:
        plex.libraries = [
            {"key": "2", "title": "TV Shows", "type": "show", "contentChangedAt": 1},
            {"key": "3", "title": "Films", "type": "movie"},
        ]
        config = world.config
        config.plex_server_url, config.plex_server_uuid = plex.url, plex.machine_identifier
        config.plex_account_id, config.sync_started_date = plex.account_id, CONNECTED
        set_token(config, plex.token)
        config.save()
        PlexAccount.objects.create(config=config, account_id=plex.account_id, user=config.user, linked_by="rule")
        made = Shelf(plex, config)
        made.add("dark", "Dark", 2017)
        made.add("arcane", "Arcane", 2021, count=2)
        yield made

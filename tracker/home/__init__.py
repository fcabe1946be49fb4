"""The first page: what waits for a person, what they would watch next, what was watched, how the connection is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from plex_integration import monitoring
from plex_integration.config import webhook_url
from plex_integration.models import PlexWebhookLog
from plex_integration.monitoring import Need
from plex_integration.words import Words, words_for
from tracker.home import tiles
from tracker.home.connection import Connection, look_at
from tracker.home.tiles import Tile
from tracker.home.year import Year, year_of
from tvshows import next_up
from tvshows.next_up import NextUp

MOST_NEXT = 6
EVENTS = 5


@dataclass(frozen=True)
class Event:
    """An event and what became of it."""

    row: PlexWebhookLog
    words: Words


@dataclass(frozen=True)
class Home:
    """What a person sees first. Needs, connection and address are for staff alone."""

    tiles: list[Tile]
    next: list[NextUp]
    year: Year
    events: list[Event]  # only while nothing was watched, so that something is seen to arrive
    needs: list[Need] = field(default_factory=list)
    connection: Connection | None = None
    webhook_url: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was watched so far, by whoever may be shown."""
        return not self.tiles


def look(request: HttpRequest, user: User, *, now: datetime) -> Home:
    """The page of a person."""
    shown = tiles.lately(user)
    home: dict[str, Any] = {
        "tiles": shown, "next": next_up.next_up(user.pk, now=now, most=MOST_NEXT), "year": year_of(user.pk, now=now),
        "events": [] if shown else _events(user),
    }
    if not user.is_staff:
        return Home(**home)
    state = look_at(user, now=now)
    config = state.config if state.config and state.config.user_id == user.pk else None  # the URL bears its secret
    return Home(
        **home, needs=monitoring.needs(now, worker_runs=state.worker_runs), connection=state,
        webhook_url=webhook_url(config, request) if config and not shown else "",
    )


def _events(user: User) -> list[Event]:
    """The last events that this person may see: staff all, others those of the Plex accounts linked to them."""
    rows = PlexWebhookLog.objects.select_related("account").defer("payload")
    mine = rows if user.is_staff else rows.filter(account__user=user)
    return [Event(row, words_for(row, decides=user.is_staff)) for row in mine[:EVENTS]]

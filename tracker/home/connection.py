"""How the connection is: whether events arrive, are worked on, and whom the tracker can ask."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.contrib.auth.models import User

from plex_integration import guide
from plex_integration.models import PlexConfig, PlexWebhookLog
from plex_integration.words import counted
from tracker import health
from tracker.health import Health
from tvshows.models import ServiceState
from tvshows.tmdb import SERVICE as TMDB

State = Literal["ok", "note", "warn", "bad"]
_LATELY = timedelta(minutes=5)


@dataclass(frozen=True)
class Line:
    """One fact of the connection: its state in words, then since when, or what to do and on which page."""

    state: State
    title: str
    text: str
    at: datetime | None = None
    link: str = ""
    route: str = "settings-plex"


@dataclass(frozen=True)
class Connection:
    """All facts, with one verdict over them."""

    config: PlexConfig | None
    lines: list[Line]
    state: State
    verdict: str
    worker_runs: bool


def _config_of(user: User) -> PlexConfig | None:
    """The person's own connection to Plex, else the one that the household has."""
    configs = list(PlexConfig.objects.order_by("pk")[:50])
    return next((config for config in configs if config.user_id == user.pk), configs[0] if configs else None)


def look_at(user: User, *, now: datetime) -> Connection:
    """How it is; for staff."""
    config, found = _config_of(user), health.examine(now)
    down = list(ServiceState.objects.filter(closed_until__gt=now - _LATELY, failures__gt=0).order_by("service"))
    last = guide.last_event(config) if config else None
    lines = [_events(config, last), _inbox(found), _worker(found), *_plex(config, down), _tmdb(down), *_down(down)]
    state, verdict = _verdict(config, last, found)
    return Connection(config, lines, state, verdict, worker_runs=found.parts["worker"] in {"ok", "starting"})


def _verdict(config: PlexConfig | None, last: datetime | None, found: Health) -> tuple[State, str]:
    if not found.ok:
        return "bad", "Not working"
    if config is None:
        return "warn", "Waiting for you"
    if not config.enabled:
        return "warn", "Switched off"
    return ("ok", "Working") if last else ("warn", "Waiting for Plex")


def _events(config: PlexConfig | None, last: datetime | None) -> Line:
    if config is None:
        return Line("bad", "Plex is not connected", "Do step 1 first.", link="Connect Plex")
    if not config.enabled:
        return Line("warn", "The connection is switched off", "Events are set aside meanwhile.", link="Switch it on")
    if last is None:
        return Line("warn", "No event from Plex yet", "Add the webhook, then play something.", link="See how")
    return Line("ok", "Plex sends events", "Last one:", last)


def _inbox(found: Health) -> Line:
    state = found.parts["inbox"]
    if state == "unknown":
        return Line("bad", "The database does not answer", "Look into the tracker’s log.")
    number = PlexWebhookLog.objects.undone().filter(due_at__isnull=False).count()
    if state != "ok":
        wait = "waits" if number == 1 else "wait"
        return Line("bad", f"{counted(number, 'event')} {wait}", f"{state[:1].upper()}{state[1:]}. None is lost.")
    if number:
        return Line("ok", f"{counted(number, 'event')} being worked on", "None is lost.")
    asked = PlexWebhookLog.objects.undone().exists()
    said = "But for what waits for an answer." if asked else "Nothing waits."
    return Line("ok", "Everything received is processed", said)


def _worker(found: Health) -> Line:
    state = found.parts["worker"]
    if state == "ok":
        return Line("ok", "The worker is running", "It takes up what needs time.")
    if state == "starting":
        return Line("note", "The worker is starting", "Give it a minute.")
    said = f"{state[:1].upper()}{state[1:]}. Events are stored meanwhile."
    return Line("bad", "The worker does not run", f"{said} Start the tracker again, and look into its log.")


def _plex(config: PlexConfig | None, down: list[ServiceState]) -> Iterator[Line]:
    """What the server can be asked; nothing where it is among those that are down."""
    if config is None or any(service.service != TMDB for service in down):
        return
    if config.plex_token and config.plex_checked_at:
        yield Line("ok", "The Plex token works", "Checked:", config.plex_checked_at)
    elif config.plex_token:
        yield Line("ok", "A Plex token is saved", "It was not needed yet.")
    else:
        yield Line("note", "No Plex token", "With one nearly every show is recognised by itself.", link="Connect Plex")


def _tmdb(down: list[ServiceState]) -> Line:
    if not settings.TMDB_API_KEY:
        return Line("note", "No TMDB key", "New shows get Plex’s own data and no poster.", link="Add a key")
    answered = ServiceState.objects.filter(service=TMDB).values_list("last_success_at", flat=True).first()
    if answered is None or any(service.service == TMDB for service in down):
        return Line("note", "A TMDB key is set", "Posters and new shows come from there.")
    return Line("ok", "TMDB answers", "Last time:", answered)


def _down(down: list[ServiceState]) -> Iterator[Line]:
    for service in down:
        said = f"{service.last_error} What needs it waits, and is tried again each minute."
        yield Line("warn", f"{service.service} does not answer", said)

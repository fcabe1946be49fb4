"""A tracker to look at without Plex: a few well-known shows, and a handful of events that end in different ways."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from plex_integration import ingest, processing, sample
from plex_integration.config import create_config
from plex_integration.models import PlexAccount, PlexConfig, PlexConflict, PlexShowMapping, PlexWebhookLog
from tvshows import catalogue
from tvshows.described import NewEpisode, NewShow
from tvshows.models import TrackedShow, TVShow, Watch

SHOWS = Path(catalogue.__file__).parent / "demo"
SERVER = "demo-server"
FRIEND_ID = 1_234_567
FRIEND = {"id": FRIEND_ID, "title": "alex"}


@dataclass(frozen=True, slots=True)
class DemoEvent:
    """An episode somebody saw, `ago` before now. The owner's name no account, so that a demo links none."""

    ago: timedelta
    show: str
    season: int
    number: int
    title: str
    guid: str = ""
    key: str = ""
    aired: str = ""
    account: dict[str, Any] | None = None
    event: str = "media.scrobble"


def _days(days: float) -> timedelta:
    return timedelta(days=days)


# Each ends in another way; see README, "Try it without Plex".
EVENTS = (
    DemoEvent(_days(6.1), "Chernobyl (2019)", 1, 1, "1:23:45", key="300", aired="2019-05-06"),
    DemoEvent(_days(6.0), "Chernobyl (2019)", 1, 2, "Please Remain Calm", key="300", aired="2019-05-13"),
    DemoEvent(_days(4.2), "Breaking Bad", 1, 1, "Pilot", guid="com.plexapp.agents.themoviedb://1396/1/1?lang=en"),
    DemoEvent(_days(4.1), "Breaking Bad", 1, 2, "Cat's in the Bag…", guid="com.plexapp.agents.themoviedb://1396/1/2?lang=en"),
    DemoEvent(_days(3.3), "The Office", 1, 2, "Diversity Day", key="400", aired="2005-03-29"),
    DemoEvent(_days(2.2), "iCarly", 1, 1, "iStart Over", key="500"),
    DemoEvent(_days(1.2), "iCarly", 1, 2, "iHate Carly", key="500"),
    DemoEvent(_days(1.1), "Breaking Bad", 1, 3, "…And the Bag's in the River", account=FRIEND,
              guid="com.plexapp.agents.themoviedb://1396/1/3?lang=en"),
    DemoEvent(timedelta(hours=3), "Breaking Bad", 1, 3, "…And the Bag's in the River",
              guid="com.plexapp.agents.themoviedb://1396/1/3?lang=en"),
    DemoEvent(timedelta(hours=2, minutes=58), "Breaking Bad", 1, 3, "…And the Bag's in the River",
              guid="com.plexapp.agents.themoviedb://1396/1/3?lang=en"),
    DemoEvent(timedelta(minutes=20), "Breaking Bad", 1, 4, "Cancer Man", event="media.play",
              guid="com.plexapp.agents.themoviedb://1396/1/4?lang=en"),
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """Episodes of a season that were seen before: `evening` of them every so many days, the first `ago` days before."""

    show: str
    season: int
    numbers: range
    ago: float
    every: float
    evening: int = 1


# So that a year has something to show.
EARLIER = (
    Earlier("Squid Game", 1, range(1, 10), ago=301.2, every=2, evening=3),
    Earlier("Bluey", 1, range(1, 17), ago=233.5, every=9, evening=2),
    Earlier("Firefly", 1, range(1, 7), ago=88.1, every=4),
    Earlier("Bluey", 1, range(17, 25), ago=40.4, every=9, evening=2),
)


def read_shows() -> Iterator[NewShow]:
    """The demo's shows, from the files beside the catalogue."""
    for path in sorted(SHOWS.glob("*.json")):
        yield _show(json.loads(path.read_text(encoding="utf-8")))


def _show(data: dict[str, Any]) -> NewShow:
    seasons = data["seasons"].items()
    return NewShow(
        title=data["title"], first_aired=_date(data["first_aired"]), original_title=data.get("original_title") or "",
        tmdb_id=data["tmdb_id"], tvdb_id=data["tvdb_id"], imdb_id=data["imdb_id"] or "", overview=data["overview"],
        network=data["network"] or "", airing=data["airing"], source=TVShow.Source.IMPORT,
        other_titles=tuple(data.get("alternative_titles", ())),
        episodes=tuple(
            NewEpisode(int(season), number, title, _date(aired), minutes)
            for season, episodes in seasons
            for number, (title, aired, minutes) in enumerate(episodes, 1)
        ),
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def missing_shows() -> list[NewShow]:
    """The demo's shows that the tracker does not have."""
    return [new for new in read_shows() if not TVShow.objects.filter(_is(new)).exists()]


def _is(new: NewShow) -> Q:
    known = Q(title=new.title, show_start_date=new.first_aired)
    return known | Q(tmdb_id=new.tmdb_id) if new.tmdb_id else known


def connection() -> PlexConfig | None:
    """Whose events the demo sends: the first connection, else a new one of the first superuser, if any."""
    first = PlexConfig.objects.order_by("pk").first()
    owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return first or (create_config(user=owner) if owner else None)


def load(config: PlexConfig, *, now: datetime) -> tuple[int, list[PlexWebhookLog]]:
    """Add the shows that are missing and send the events. Says how many shows, and what became of each of EVENTS."""
    new_shows = missing_shows()
    for new in new_shows:
        catalogue.add_show(new, now=now)
    _send(config, earlier_events(), now=now)
    return len(new_shows), _send(config, EVENTS, now=now)


def _send(config: PlexConfig, events: Iterable[DemoEvent], *, now: datetime) -> list[PlexWebhookLog]:
    logs = [ingest.receive(config, _payload(event), now=now - event.ago).log for event in events]
    for log in logs:
        processing.process(log.pk, now=now)
        log.refresh_from_db()
    return logs


def earlier_events() -> list[DemoEvent]:
    """What was seen before, as events, oldest first."""
    shows = {new.title: new for new in read_shows()}
    events = [event for stretch in EARLIER for event in _of_stretch(stretch, shows[stretch.show])]
    return sorted(events, key=lambda event: event.ago, reverse=True)


def _of_stretch(stretch: Earlier, show: NewShow) -> Iterator[DemoEvent]:
    titles = {episode.number: episode.title for episode in show.episodes if episode.season == stretch.season}
    for index, number in enumerate(stretch.numbers):
        evening, place = divmod(index, stretch.evening)
        ago = stretch.ago - evening * stretch.every - place / 30
        guid = f"com.plexapp.agents.themoviedb://{show.tmdb_id}/{stretch.season}/{number}?lang=en"
        yield DemoEvent(_days(ago), stretch.show, stretch.season, number, titles[number], guid=guid)


def _payload(demo: DemoEvent) -> dict[str, Any]:
    """The event as Plex would send it."""
    guid = demo.guid or f"plex://episode/demo{demo.key}{demo.season}{demo.number}"
    metadata: dict[str, Any] = {
        "librarySectionType": "show", "type": "episode", "title": demo.title, "guid": guid,
        "ratingKey": f"{sample.DEMO_KEYS}{demo.key}{demo.season:02}{demo.number:02}", "grandparentTitle": demo.show,
        "parentTitle": f"Season {demo.season}", "index": demo.number, "parentIndex": demo.season,
    }
    if demo.key:
        metadata |= {"grandparentRatingKey": demo.key, "grandparentGuid": f"plex://show/demo{demo.key}"}
    if demo.aired:
        metadata["originallyAvailableAt"] = demo.aired
    payload: dict[str, Any] = {
        "event": demo.event, "user": demo.account is None, "owner": True, "Metadata": metadata,
        "Server": {"title": "Demo", "uuid": SERVER},
    }
    return payload | ({"Account": demo.account} if demo.account else {})


@transaction.atomic
def remove(*, now: datetime) -> int:
    """Take the demo out again: its events, questions and mappings, and its shows where nobody watched more since."""
    events = PlexWebhookLog.objects.filter(payload__Server__uuid=SERVER)
    mappings = PlexShowMapping.objects.filter(plex_server_uuid=SERVER)
    refs = [str(pk) for pk in mappings.values_list("pk", flat=True)]
    _take_back(Watch.objects.filter(source_ref__in=refs), now=now)
    events.delete()
    PlexConflict.objects.filter(plex_server_uuid=SERVER).delete()
    PlexAccount.objects.filter(account_id=FRIEND_ID).delete()
    watched = Watch.objects.values("episode__show")
    mine = Q()
    for new in read_shows():
        mine |= _is(new)
    shows = TVShow.objects.filter(mine, source=TVShow.Source.IMPORT).exclude(pk__in=watched)
    elsewhere = PlexShowMapping.objects.exclude(plex_server_uuid=SERVER).exclude(tvshow=None).values("tvshow")
    gone = list(shows.exclude(pk__in=elsewhere).values_list("pk", flat=True))
    mappings.delete()
    TrackedShow.objects.filter(show__in=gone).delete()
    TVShow.objects.filter(pk__in=gone).delete()
    return len(gone)


def _take_back(watches: QuerySet[Watch], *, now: datetime) -> None:
    """Delete ticks, and bring the lists on which they were up to date."""
    theirs = watches.filter(user=OuterRef("user"), episode__show=OuterRef("show"))
    lists = TrackedShow.objects.filter(Exists(theirs)).select_for_update().order_by("user", "show")
    mine = TrackedShow.objects.filter(pk__in=[tracked.pk for tracked in lists])
    watches.delete()
    mine.filter(status=TrackedShow.Status.COMPLETED).update(status=TrackedShow.Status.WATCHING)
    mine.recount(now)

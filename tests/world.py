"""The world of the tests: an owner, a household member, a friend, and a few shows. Plain functions, no magic."""

import copy
import json
import pickle
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from plex_integration import config as plex_config
from plex_integration import processing
from plex_integration.models import PlexConfig, PlexWebhookLog
from tvshows import catalogue
from tvshows.described import NewEpisode, NewShow
from tvshows.models import Episode, ShowTitle, TVShow, Watch

PAYLOADS = Path(__file__).parent / "payloads"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = "5e7e7000aa11bb22cc33dd44ee55ff6677889900"
OWNER = {"id": 1, "title": "robin"}
SAM = {"id": 48211, "title": "sam"}
FRIEND = {"id": 31646104, "title": "alex"}
_REST = (ShowTitle, Episode)  # what a world has beside its owner, connection and shows
_TABLES = [model._meta.db_table for model in (*_REST, TVShow, PlexConfig, User, Session)]
_made: list[bytes] = []


def show(title, first_aired=None, *, seasons=((1, 10),), titles=(), now=NOON, **ids) -> TVShow:
    """A show with `seasons` of (number, episodes), aired weekly from its first day."""
    day = first_aired or date(2020, 1, 1)
    episodes, week = [], 0
    for season, count in seasons:
        for number in range(1, count + 1):
            name = dict(titles).get((season, number), f"{title} {season}.{number}")
            episodes.append(NewEpisode(season, number, name, day + timedelta(weeks=week), 25))
            week += 1
    return catalogue.add_show(NewShow(title=title, first_aired=first_aired, episodes=tuple(episodes), **ids), now=now)


@dataclass
class World:
    owner: User
    config: PlexConfig
    signed_in: Session
    shows: dict[str, TVShow] = field(default_factory=dict)
    client: Client = field(default_factory=Client)

    def __reduce__(self):
        return World, (self.owner, self.config, self.signed_in, self.shows)

    def browser(self, **options) -> Client:
        """The owner's browser, in which the owner signed in earlier."""
        client = Client(**options)
        client.cookies[settings.SESSION_COOKIE_NAME] = self.signed_in.session_key
        return client

    def post(self, payload, *, secret=None, **extra):
        """Post an event as Plex does: a form with the JSON in `payload`."""
        body = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        return self.client.post(
            f"/api/plex/webhook?secret={self.config.webhook_secret if secret is None else secret}", {"payload": body}, **extra,
        )

    def work(self, now=None) -> None:
        """Do what the worker would: every event that is due."""
        now = now or datetime.now(UTC) + timedelta(seconds=1)
        for pk in list(PlexWebhookLog.objects.due(now).values_list("pk", flat=True)):
            processing.process(pk, now=now)

    def send(self, payload, **extra) -> PlexWebhookLog:
        """Post an event and let the worker finish it; its row."""
        response = self.post(payload, **extra)
        assert response.status_code in {200, 202}, response.content
        self.work()
        return PlexWebhookLog.objects.latest("pk")

    def last(self) -> PlexWebhookLog:
        return PlexWebhookLog.objects.latest("pk")

    def watched(self, user=None) -> set[str]:
        """What a person has watched, as "iCarly (2021) S01E01"."""
        live = Watch.objects.live().filter(user=user or self.owner).select_related("episode__show")
        return {f"{watch.episode.show} {watch.episode.code}" for watch in live}


def make_world() -> World:
    """Made by the product's own functions once; after that its rows stand there already, or are written as they were."""
    if not _made:
        world = _make()
        rest = [list(model.objects.filter(show__in=world.shows.values()).order_by("pk")) for model in _REST]
        _made.extend([pickle.dumps(world), pickle.dumps(rest)])
        return world
    world = pickle.loads(_made[0])
    if not User.objects.filter(pk=world.owner.pk).exists():
        mine = ([world.owner], [world.config], [world.signed_in], list(world.shows.values()))
        for rows in (*mine, *pickle.loads(_made[1])):
            type(rows[0]).objects.bulk_create(rows)
    return world


def unmake_world() -> None:
    """Leave nothing of it, for a test that begins with an empty database."""
    if not _made:
        return
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f'DELETE FROM "{table}"')


def _make() -> World:
    owner = User.objects.create_superuser("robin", password="a long enough password")
    Client().force_login(owner)
    world = World(owner, plex_config.create_config(user=owner), Session.objects.get())
    add = world.shows.__setitem__
    add("icarly2007", show("iCarly", date(2007, 9, 8), seasons=((1, 25),), tmdb_id=5371, titles={(1, 1): "iPilot"}.items()))
    add("icarly2021", show(
        "iCarly", date(2021, 6, 17), seasons=((1, 13), (2, 10)), tmdb_id=119243, titles={(1, 1): "iStart Over"}.items(),
    ))
    add("office_us", show("The Office", date(2005, 3, 24), seasons=((0, 2), (1, 6), (2, 22)), tmdb_id=2316, tvdb_id=73244))
    add("office_uk", show("The Office", date(2001, 7, 9), seasons=((1, 6), (2, 6)), tmdb_id=2996, tvdb_id=78107))
    add("severance", show("Severance", date(2022, 2, 18), seasons=((1, 9),), tmdb_id=95396, tvdb_id=371980, imdb_id="tt11280740"))
    return world


def payload(name: str) -> dict:
    """One of the payloads in tests/payloads, by its name without .json."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def scrobble(title="Severance", season=1, number=1, *, show_id="s1", account=OWNER, server=SERVER, **metadata) -> dict:
    """A scrobble as the new agent sends it; keyword arguments replace Metadata's fields, None removes one."""
    fields = {
        "librarySectionType": "show", "type": "episode", "title": f"{title} {season}.{number}",
        "ratingKey": f"{show_id}-{season}-{number}", "parentRatingKey": f"{show_id}-{season}",
        "grandparentRatingKey": show_id, "guid": f"plex://episode/{show_id}{season}{number}",
        "grandparentGuid": f"plex://show/{show_id}", "grandparentTitle": title, "parentTitle": f"Season {season}",
        "index": number, "parentIndex": season,
    } | metadata
    event = {
        "event": "media.scrobble", "user": True, "owner": True,
        "Server": {"title": "home", "uuid": server}, "Player": {"local": True, "title": "TV", "uuid": "tv-1"},
        "Metadata": {key: value for key, value in fields.items() if value is not None},
    }
    if account:
        event["Account"] = copy.deepcopy(account)
    return event

"""Webhook payloads, typed: the one door through which a Plex dict comes in. Every field is optional; no Django.

Facts from published payloads: `admin.*` and `device.new` have no Metadata; tracks bear `parentIndex` and `index` like
episodes, so `type` is read first; an episode's `year` is the year that the episode aired, a show's its first; numbers
may be text; an account may have a title and no id, or be missing.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from plex_integration.guids import Guid, external_ids, parse_guid, show_guid
from plex_integration.untrusted import EARLIEST_YEAR, date_of, flag_of, list_of, number_of, object_of, text_of
from tvshows.described import Ids
from tvshows.titles import normalise, slug_year

SCROBBLE = "media.scrobble"
PLAY = "media.play"
LIBRARY_NEW = "library.new"
EFFECTIVE = frozenset({SCROBBLE, LIBRARY_NEW})
TV_TYPES = frozenset({"show", "season", "episode"})
_MOST_GUIDS = 100  # Plex names three

# The names under which Plex puts the show's own fields, by the type of what the event is about.
_SHOW_PREFIX = {"episode": "grandparent", "season": "parent", "show": ""}


class InvalidPayload(ValueError):  # noqa: N818  (what is wrong, not that something is)
    """The payload is no event; the message says what is wrong, in words for a person."""


@dataclass(frozen=True, slots=True)
class AccountNamed:
    """The Plex account that an event names."""

    account_id: int | None
    title: str

    def __bool__(self) -> bool:
        return self.account_id is not None or bool(self.title)


@dataclass(frozen=True)
class PlexShow:
    """What an event says of its show. `year` is the show's own first year, where Plex says it."""

    server: str = ""
    rating_key: str = ""
    guid: Guid | None = None
    title: str = ""
    year: int | None = None
    slug_year: int | None = None
    ids: Ids = field(default_factory=Ids)

    @property
    def guid_text(self) -> str:
        """The GUID without its query, cut to its column."""
        return self.guid.text[:255] if self.guid else ""

    @cached_property
    def key(self) -> str:
        """The one text by which this Plex show is known here: by GUID where it is global, else by server and rating
        key, else by server and title; nothing when the event names no show.

        Where no server is named, a rating key may be any server's: then the title belongs to it.
        """
        if self.guid and self.guid.is_global:
            return f"g:{self.guid_text}"
        if self.rating_key:
            title = f":{self._name}" if self.title and not self.server else ""
            return f"r:{self.server}:{self.rating_key}{title}"[:512]
        return f"t:{self.server}:{self._name}" if self.title else ""

    @property
    def _name(self) -> str:
        """The normalised title; "(2021)" and "(US)" stay with it, because they tell two shows apart."""
        title = normalise(self.title)
        return " ".join(str(part) for part in (title.text, title.year, title.country) if part)

    def has_title(self, title: str) -> bool:
        """Whether a title is this show's, "(2021)" and "(US)" included."""
        return bool(self.title) and normalise(title) == normalise(self.title)


@dataclass(frozen=True)
class PlexEvent:
    """One webhook delivery."""

    event: str
    kind: str
    section: str
    section_key: str
    user: bool
    owner: bool
    account: AccountNamed
    server: str
    rating_key: str
    guid: Guid | None
    title: str
    season: int | None
    number: int | None
    year: int | None
    air_date: date | None
    minutes: int | None
    ids: Ids
    show: PlexShow

    def section_on(self, server: str) -> str:
        """The library section, where the event is from this server: each numbers its own."""
        return self.section_key if server and self.server == server else ""

    @property
    def is_tv(self) -> bool:
        """Whether it is about a show, a season or an episode."""
        return self.kind in TV_TYPES

    @property
    def names_episode(self) -> bool:
        """Whether anything says which episode it is."""
        return bool(self.rating_key or self.guid or self.title or self.ids) or self.number is not None

    @property
    def names_show(self) -> bool:
        """Whether anything says which show it is."""
        return bool(self.show.key)

    def dedup_key(self, config_id: int) -> str:
        """The same for copies of this delivery; nothing when the event says too little to know a copy."""
        item = f"k:{self.rating_key}" if self.rating_key else ""
        if not item and self.show.key and self.season is not None and self.number is not None:
            item = f"e:{self.show.key}:{self.season}:{self.number}"
        if not item:
            return ""
        account = self.account.title if self.account.account_id is None else self.account.account_id
        parts = (config_id, self.server, account, self.event, item)
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def _show_of(metadata: dict[str, Any], kind: str, server: str) -> PlexShow:
    prefix = _SHOW_PREFIX.get(kind, "grandparent")

    def of_show(word: str) -> object:
        return metadata.get(prefix + word[:1].upper() + word[1:] if prefix else word)

    title = text_of(of_show("title"))
    named = parse_guid(text_of(of_show("guid"), 1000))
    guid = named or show_guid(text_of(metadata.get("guid"), 1000))
    # Tautulli's templates and old servers name the show's path and not its key.
    key = text_of(of_show("ratingKey")) or text_of(of_show("key")).removeprefix("/library/metadata/")
    slug = text_of(of_show("slug"))
    return PlexShow(
        server=server,
        rating_key=key.partition("/")[0],
        guid=guid,
        title=title,
        year=_year(metadata.get("year")) if kind == "show" else None,
        slug_year=slug_year(slug, title) if slug and title else None,
        ids=_show_ids(metadata, kind, guid),
    )


def _show_ids(metadata: dict[str, Any], kind: str, guid: Guid | None) -> Ids:
    if kind == "show" and (own := _guid_array(metadata)):
        return own
    return guid.ids if guid else Ids()


def _guid_array(metadata: dict[str, Any]) -> Ids:
    items = list_of(metadata.get("Guid"))[:_MOST_GUIDS]
    return external_ids(tuple(text_of(object_of(item).get("id"), 1000) for item in items))


def _year(value: object) -> int | None:
    number = number_of(value, 9999)
    return number if number and number > EARLIEST_YEAR else None


def _minutes(milliseconds: object) -> int | None:
    """Plex counts a duration in milliseconds."""
    number = number_of(milliseconds)
    return max(round(number / 60_000), 1) if number else None


def parse_event(payload: dict[str, Any]) -> PlexEvent:
    """A typed event. Raises InvalidPayload where `event` is missing, or a scrobble names neither show nor episode."""
    name = text_of(payload.get("event"), 64)
    if not name:
        raise InvalidPayload("it has no \"event\"")
    metadata = object_of(payload.get("Metadata"))
    account, server = object_of(payload.get("Account")), object_of(payload.get("Server"))
    kind = text_of(metadata.get("type"), 32)
    uuid = text_of(server.get("uuid"), 64)
    event = PlexEvent(
        event=name,
        kind=kind,
        section=text_of(metadata.get("librarySectionType"), 32),
        section_key=text_of(metadata.get("librarySectionID"), 32),
        user=flag_of(payload.get("user")),
        owner=flag_of(payload.get("owner")),
        account=AccountNamed(number_of(account.get("id"), 2**63 - 1), text_of(account.get("title"))),
        server=uuid,
        rating_key=text_of(metadata.get("ratingKey")),
        guid=parse_guid(text_of(metadata.get("guid"), 1000)),
        title=text_of(metadata.get("title")),
        season=number_of(metadata.get("parentIndex")),
        number=number_of(metadata.get("index")),
        year=_year(metadata.get("year")),
        air_date=date_of(metadata.get("originallyAvailableAt")),
        minutes=_minutes(metadata.get("duration")),
        ids=_guid_array(metadata) if kind == "episode" else Ids(),
        show=_show_of(metadata, kind, uuid),
    )
    _require_something_watched(event)
    return event


def about_show(show: PlexShow, *, section_key: str = "", air_date: date | None = None) -> PlexEvent:
    """The event by which a server would tell that a show is new in its library."""
    return PlexEvent(
        event=LIBRARY_NEW, kind="show", section="show", section_key=section_key, user=True, owner=True,
        account=AccountNamed(None, ""), server=show.server, rating_key=show.rating_key, guid=show.guid,
        title=show.title, season=None, number=None, year=show.year, air_date=air_date, minutes=None, ids=Ids(),
        show=show,
    )


def _require_something_watched(event: PlexEvent) -> None:
    about_tv = event.is_tv or not event.kind
    if event.event == SCROBBLE and about_tv and not (event.names_show or event.names_episode):
        raise InvalidPayload("it is a scrobble that names neither a show nor an episode")

"""The Plex server: what it says of itself, of a show and of its episodes. Raises ServiceDown and ServiceRefused.

Facts: Plex answers JSON to `Accept: application/json`, as one MediaContainer; a token is taken from the header
`X-Plex-Token`, which keeps it out of URLs and so out of logs; `/identity` needs none. Numbers may be text, and every
field may be missing: `Guid[]` is on no item of the legacy agents, whose `guid` names the show's id instead.
Pages: `X-Plex-Container-Start` and `-Size`, answered with `totalSize`, which some servers leave out. A file of several
episodes is an item for each of them, all with the same file, which Plex's naming rules call "… s01e01-e02 …".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from plex_integration.guids import Guid, external_ids, parse_guid
from plex_integration.untrusted import (
    EARLIEST_YEAR,
    LARGEST_INTEGER,
    clean_text,
    date_of,
    flag_of,
    list_of,
    number_of,
    object_of,
    text_of,
)
from tvshows.described import Ids
from tvshows.exceptions import ServiceDown, ServiceRefused
from tvshows.outbound import check_origin, fetch

PRODUCT = "Plex TV Tracker"
PAGE_SIZE = 200
MOST_EPISODES = 20_000  # of one show; daily ones that run for decades have fewer
UNAUTHORIZED, NOT_FOUND = 401, 404
_SERVICE = "The Plex server"
_WITH_GUIDS: dict[str, str | int] = {"includeGuids": 1}
_MOST_GUIDS = 100  # Plex names three
_LONGEST_OVERVIEW = 10_000
# Other characters would lead elsewhere on the server, or are no rating key, such as those of live television.
RATING_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN = re.compile(r"[!-~]{1,255}")
_SEVERAL = re.compile(r"s(?P<season>\d{1,4})(?P<numbers>e\d{1,4}(?:[-. ]?e\d{1,4})+)(?!\d)", re.IGNORECASE)
_MOST_IN_A_FILE = 20


@dataclass(frozen=True, slots=True)
class ServerShow:
    """A show on the server. `year` and `first_aired` are of its first episode, `library` is the section's key."""

    rating_key: str
    title: str = ""
    original_title: str = ""
    year: int | None = None
    first_aired: date | None = None
    guid: Guid | None = None
    ids: Ids = field(default_factory=Ids)
    overview: str = ""
    network: str = ""
    library: str = ""


@dataclass(frozen=True, slots=True)
class ServerEpisode:
    """An episode on the server. `runtime` is in minutes; `last_number` is the last one that its file holds, if more."""

    season: int | None = None
    number: int | None = None
    title: str = ""
    air_date: date | None = None
    runtime: int | None = None
    ids: Ids = field(default_factory=Ids)
    last_number: int | None = None
    rating_key: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """A library section; `kind` is Plex's word: show, movie, artist, photo."""

    key: str
    title: str
    kind: str
    content_changed_at: int = 0  # moves with whatever is added to it, changed or removed, where the server says so


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """Who may watch on the server. `account_id` is the server's: its owner is 1, others have plex.tv's id."""

    account_id: int
    title: str


def plex_headers(token: str = "") -> dict[str, str]:
    """What goes along with each request to Plex. ServiceRefused where the token cannot be one."""
    headers = {"Accept": "application/json", "X-Plex-Product": PRODUCT}
    if token:
        _require_token(token)
        headers["X-Plex-Token"] = token
    return headers


def _require_token(token: str) -> None:
    # Here and not where the request is made: what objects to a header there would quote it.
    if not _TOKEN.fullmatch(token):
        raise ServiceRefused("This is no Plex token: it holds other characters than one can.", status=UNAUTHORIZED)


class PlexServer:
    """One Plex server. Make one for each piece of work: it asks once whom it talks to, and keeps nothing else.

    The token is sent only after `/identity`, asked without it, has named the machine identifier that we expect: whoever
    takes over the server's address does not get it. `own_ports` are loopback ports that are ours, never Plex's.
    """

    def __init__(
        self, url: str, token: str, *, machine_identifier: str, own_ports: frozenset[int] = frozenset(),
    ) -> None:
        self._url = url
        self._token = token
        self._machine_identifier = machine_identifier
        self._own_ports = own_ports
        self._is_known = False
        self.requests = 0  # that were made so far

    def identity(self) -> str:
        """The machine identifier that it names, asked without the token; "" when it names none."""
        return text_of(self._fetch("/identity", plex_headers()).get("machineIdentifier"), 64)

    def name(self) -> str:
        """What its owner calls it. ServiceRefused with status 401 when it does not take the token."""
        return _text(self._container("/").get("friendlyName"))

    def libraries(self) -> tuple[Library, ...]:
        """Its sections."""
        items = map(object_of, list_of(self._container("/library/sections").get("Directory")))
        found = (
            Library(
                _text(i.get("key"), 32), _text(i.get("title")), _text(i.get("type"), 16),
                number_of(i.get("contentChangedAt"), LARGEST_INTEGER) or 0,
            ) for i in items
        )
        return tuple(library for library in found if library.key)

    def page(
        self, path: str, params: Mapping[str, str | int], *, start: int, size: int,
    ) -> tuple[list[Any], int | None]:
        """Items of a list from `start` on, as they come, and how many the list has, where the server says so."""
        window = {"X-Plex-Container-Start": start, "X-Plex-Container-Size": size}
        container = self._container(path, {**params, **window})
        return list_of(container.get("Metadata")), number_of(container.get("totalSize"))

    def accounts(self) -> tuple[ServerAccount, ...]:
        """Who may watch on it; Plex's nameless account 0 is nobody."""
        found = []
        for item in map(object_of, list_of(self._container("/accounts").get("Account"))):
            account_id = number_of(item.get("id"), 2**63 - 1)
            if account_id:
                found.append(ServerAccount(account_id, _text(item.get("name"))))
        return tuple(found)

    def webhooks_enabled(self) -> bool | None:
        """Whether its owner lets it send webhooks (Settings, Network); nothing where it does not say."""
        for item in map(object_of, list_of(self._container("/:/prefs").get("Setting"))):
            if text_of(item.get("id")).lower() == "webhooksenabled":
                return flag_of(item.get("value"))
        return None

    def show(self, rating_key: str) -> ServerShow | None:
        """A show, or nothing when this rating key is no show's."""
        item = self._item(rating_key)
        return read_show(item) if item else None

    def show_of_episode(self, rating_key: str) -> ServerShow | None:
        """The show that an episode belongs to, or nothing when this rating key is no episode's."""
        item = self._item(rating_key)
        return self.show(text_of(item.get("grandparentRatingKey"))) if item else None

    def episode(self, rating_key: str) -> ServerEpisode | None:
        """An episode, or nothing when this rating key is no episode's."""
        item = self._item(rating_key)
        return read_episode(item) if item and _is_a(item, "episode") else None

    def episodes(self, show_rating_key: str) -> tuple[ServerEpisode, ...]:
        """All episodes of a show, specials included, in pages; none when this rating key is nobody's."""
        if not RATING_KEY.fullmatch(show_rating_key):
            return ()
        found: dict[str, ServerEpisode] = {}
        try:
            for item in self._pages(f"/library/metadata/{show_rating_key}/allLeaves"):
                if _is_a(item, "episode") and (episode := read_episode(item)).rating_key:
                    found[episode.rating_key] = episode
        except ServiceRefused as refused:
            if refused.status != NOT_FOUND:
                raise
        return tuple(found.values())

    def _item(self, rating_key: str) -> dict[str, Any] | None:
        """One item's Metadata, or nothing where there is none. Its section may stand beside it."""
        if not RATING_KEY.fullmatch(rating_key):
            return None
        try:
            container = self._container(f"/library/metadata/{rating_key}", _WITH_GUIDS)
        except ServiceRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        items = list_of(container.get("Metadata"))
        return {"librarySectionID": container.get("librarySectionID")} | object_of(items[0]) if items else None

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Items in pages, one page in memory. A server that knows no pages answers with everything at once."""
        start, before = 0, None
        while start < MOST_EPISODES:
            page = {"X-Plex-Container-Start": start, "X-Plex-Container-Size": PAGE_SIZE}
            container = self._container(path, _WITH_GUIDS | page)
            items = [object_of(item) for item in list_of(container.get("Metadata"))]
            if not items or items == before:
                return
            yield from items
            start, before = start + len(items), items
            total = number_of(container.get("totalSize"))
            if len(items) != PAGE_SIZE if total is None else start >= total:
                return

    def _container(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """An answer's MediaContainer, asked with the token of a server that has said who it is."""
        self._require_identity()
        return self._fetch(path, plex_headers(self._token), params)

    def _require_identity(self) -> None:
        if self._is_known:
            return
        if not self._machine_identifier or self.identity() != self._machine_identifier:
            raise ServiceRefused(f"What answers at {self._origin()} is not the server of this account.", status=0)
        self._is_known = True

    def _origin(self) -> str:
        return check_origin(self._url)

    def _fetch(
        self, path: str, headers: Mapping[str, str], params: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:
        self.requests += 1
        reply = fetch(
            "GET", self._origin() + path, headers=headers, params=params, denied_ports=self._own_ports,
            service=_SERVICE,
        )
        container = object_of(reply.data).get("MediaContainer")
        if not isinstance(container, dict):
            raise ServiceDown(f"{_SERVICE} answered with something that Plex does not say.")
        return container


def _is_a(item: Mapping[str, Any], kind: str) -> bool:
    return text_of(item.get("type") or kind) == kind


def read_show(item: Mapping[str, Any]) -> ServerShow | None:
    """A show's Metadata, typed; nothing where it is something else's."""
    key = text_of(item.get("ratingKey"))
    if not key or not _is_a(item, "show"):
        return None
    guid = parse_guid(_text(item.get("guid"), 1000))
    year = number_of(item.get("year"), 9999)
    return ServerShow(
        rating_key=key,
        title=_text(item.get("title")),
        original_title=_text(item.get("originalTitle")),
        year=year if year and year > EARLIEST_YEAR else None,
        first_aired=date_of(item.get("originallyAvailableAt")),
        guid=guid,
        ids=_ids(item) or (guid.ids if guid else Ids()),
        overview=_text(item.get("summary"), _LONGEST_OVERVIEW),
        network=_text(item.get("studio")),
        library=text_of(item.get("librarySectionID"), 32),
    )


def read_episode(item: Mapping[str, Any]) -> ServerEpisode:
    """An episode's Metadata, typed. A legacy agent's GUID has the season and number, but only the show's id."""
    season, number = number_of(item.get("parentIndex")), number_of(item.get("index"))
    if season is None and number is None and (guid := parse_guid(_text(item.get("guid"), 1000))):
        season, number = guid.season, guid.episode
    milliseconds = number_of(item.get("duration"))
    return ServerEpisode(
        season=season,
        number=number,
        title=_text(item.get("title")),
        air_date=date_of(item.get("originallyAvailableAt")),
        runtime=max(round(milliseconds / 60_000), 1) if milliseconds else None,
        ids=_ids(item),
        last_number=_last_number(item, season, number),
        rating_key=text_of(item.get("ratingKey")),
    )


def _ids(item: Mapping[str, Any]) -> Ids:
    items = list_of(item.get("Guid"))[:_MOST_GUIDS]
    return external_ids(tuple(text_of(object_of(guid).get("id"), 1000) for guid in items))


def _last_number(item: Mapping[str, Any], season: int | None, number: int | None) -> int | None:
    """The last number that the file's name says it holds, where the name and the episode's own number agree."""
    for media in map(object_of, list_of(item.get("Media"))):
        for part in map(object_of, list_of(media.get("Part"))):
            name = re.split(r"[/\\]", text_of(part.get("file"), 4096))[-1]
            named = _SEVERAL.search(name)
            if named is None or number is None or int(named["season"]) != season:
                continue
            numbers = [int(digits) for digits in re.findall(r"\d+", named["numbers"])]
            if numbers[0] <= number < numbers[-1] < numbers[0] + _MOST_IN_A_FILE:
                return numbers[-1]
    return None


def _text(value: object, length: int = 255) -> str:
    """Text that both databases take."""
    return clean_text(text_of(value, length))

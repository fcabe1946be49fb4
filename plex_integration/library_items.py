"""Reading a whole library in pages: shows, episodes and what was watched, typed, one page in memory.

Facts: a section's items are at `/library/sections/N/all`, `type=2` shows and `type=4` episodes; `updatedAt>>=N` is "not
before". Watching moves `lastViewedAt` and not `updatedAt`, removing an item moves no `updatedAt` at all. Times are
seconds since 1970 in UTC. `viewCount` and `lastViewedAt` are those of the account that asks. A row of the history has
no `ratingKey` once its item is gone.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from plex_integration.client import (
    NOT_FOUND,
    RATING_KEY,
    PlexServer,
    ServerEpisode,
    ServerShow,
    read_episode,
    read_show,
)
from plex_integration.guids import Guid, parse_guid
from plex_integration.untrusted import LARGEST_INTEGER, clean_text, list_of, number_of, object_of, text_of
from tvshows.exceptions import AskedToWait, ServiceRefused

T = TypeVar("T")
PAGE_SIZE = 200
SHOWS, EPISODES = 2, 4  # Plex's numbers of what a list holds
LATEST = 4_102_444_800  # the year 2100: what is later is no time
MOST_KEYS = 50  # items that are asked for by their keys at once
LONGEST_PAUSE = 60.0  # seconds for which the server may ask to be left alone before a run gives up
MOST_PAUSES = 10  # in one run
_HISTORY = "/status/sessions/history/all"
_NOT_NEEDED: dict[str, str | int] = {
    "excludeElements": "Role,Director,Writer,Producer,Genre,Country,Collection,Similar,Label,Field,Location,Image,"
    "UltraBlurColors,Rating",
    "excludeFields": "tagline,thumb,art,banner,theme,parentThumb,grandparentThumb,grandparentArt,grandparentTheme",
}
_OF_EPISODES: dict[str, str | int] = {
    "includeGuids": 1, **_NOT_NEEDED, "excludeFields": f"summary,{_NOT_NEEDED['excludeFields']}",
}
_OF_SHOWS: dict[str, str | int] = {"includeGuids": 1, **_NOT_NEEDED}


@dataclass(frozen=True, slots=True)
class LibraryShow:
    """A show of a library; `leaves` are its episodes there, `viewed` those that the token's account watched."""

    found: ServerShow
    updated_at: int | None = None
    leaves: int = 0
    viewed: int = 0


@dataclass(frozen=True, slots=True)
class LibraryEpisode:
    """An episode of a library, with what the server knows of its show."""

    found: ServerEpisode
    rating_key: str
    show_rating_key: str
    show_title: str = ""
    show_guid: Guid | None = None
    file_path: str = ""
    updated_at: int | None = None
    view_count: int = 0
    viewed_at: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One viewing as the server's history has it; `rating_key` is empty once the item is gone."""

    account_id: int
    viewed_at: int
    rating_key: str
    show_rating_key: str
    section_key: str
    season: int | None = None
    number: int | None = None
    title: str = ""
    show_title: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Episodes that came together, in the server's order; `total` of the whole list, as far as the server says."""

    items: tuple[LibraryEpisode, ...]
    offset: int = 0
    total: int = 0


def ahead(pages: Iterator[T]) -> Iterator[T]:
    """The same pages; while one is worked on the next is fetched already. No more than two are in memory."""
    with ThreadPoolExecutor(1, thread_name_prefix="plex-page") as pool:
        coming = pool.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield page


class LibraryReader:
    """Pages of one server's library. It waits where the server asks for a short while; else what the client raises."""

    def __init__(
        self, server: PlexServer, *, page_size: int = PAGE_SIZE, pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.server = server
        self._size = page_size
        self._pause = pause
        self._pauses = MOST_PAUSES

    def shows(self, section: str, *, title: str = "") -> Iterator[LibraryShow]:
        """All shows of a section, or those in whose title the text is."""
        params: dict[str, str | int] = {"type": SHOWS, **_OF_SHOWS, **({"title": title} if title else {})}
        for items, _, _ in self._all(_section(section), params, 0):
            yield from filter(None, map(_show, items))

    def shows_by_key(self, keys: list[str]) -> Iterator[LibraryShow]:
        """These shows, as far as they are there; several in one request."""
        for at in range(0, len(keys), MOST_KEYS):
            try:
                items, _ = self._page(f"/library/metadata/{','.join(keys[at:at + MOST_KEYS])}", _OF_SHOWS, 0)
            except ServiceRefused as refused:
                if refused.status != NOT_FOUND:
                    raise
                continue
            yield from filter(None, map(_show, items))

    def episodes(self, section: str, *, start: int) -> Iterator[Page]:
        """All episodes of a section from an offset on."""
        params: dict[str, str | int] = {"type": EPISODES, **_OF_EPISODES}
        for items, at, total in self._all(_section(section), params, start):
            yield Page(_episodes(items), at, total)

    def episodes_by_key(self, keys: list[str]) -> Iterator[tuple[LibraryEpisode, ...]]:
        """These episodes, as far as they are there; several in one request."""
        for at in range(0, len(keys), MOST_KEYS):
            try:
                items, _ = self._page(f"/library/metadata/{','.join(keys[at:at + MOST_KEYS])}", _OF_EPISODES, 0)
            except ServiceRefused as refused:
                if refused.status != NOT_FOUND:
                    raise
                continue
            yield _episodes(items)

    def changed(self, section: str, field: str, since: int) -> Iterator[tuple[LibraryEpisode, ...]]:
        """Episodes whose `updatedAt` or `lastViewedAt` is not before `since`, oldest first.

        Each page begins at the time at which the one before ended, so that nothing is missed while items move.
        """
        skip, before = 0, None
        while True:
            of_time: dict[str, str | int] = {f"{field}>>": since, "sort": f"{field}:asc"}
            items, _ = self._page(_section(section), {"type": EPISODES, **_OF_EPISODES, **of_time}, skip)
            if not items or items == before:
                return
            yield _episodes(items)
            if len(items) < self._size:
                return
            before = items
            times = [_time(object_of(item).get(field)) or since for item in items]
            skip = (skip if times[-1] == since else 0) + times.count(times[-1])
            since = times[-1]

    def leaves(self, show_rating_key: str) -> Iterator[Page]:
        """All episodes of a show."""
        for items, at, total in self._all(f"/library/metadata/{show_rating_key}/allLeaves", _OF_EPISODES, 0):
            yield Page(_episodes(items), at, total)

    def history(self, since: int) -> Iterator[tuple[HistoryRow, ...]]:
        """What was watched from a time on, by everybody, oldest first."""
        for items, _, _ in self._all(_HISTORY, {"sort": "viewedAt:asc", "viewedAt>": since}, 0):
            yield tuple(filter(None, map(_history_row, items)))

    def _all(
        self, path: str, params: Mapping[str, str | int], start: int,
    ) -> Iterator[tuple[list[Any], int, int]]:
        """Pages of a list with their offset and its length; a server that knows no pages repeats itself."""
        total, before = start + 1, None
        while start < total:
            items, said = self._page(path, params, start)
            if not items or items == before:
                return
            total = said if said is not None else start + len(items) + (len(items) == self._size)
            yield items, start, total
            start, before = start + len(items), items

    def _page(self, path: str, params: Mapping[str, str | int], start: int) -> tuple[list[Any], int | None]:
        while True:
            try:
                return self.server.page(path, params, start=start, size=self._size)
            except AskedToWait as asked:
                seconds = asked.retry_after.total_seconds()
                if seconds > LONGEST_PAUSE or self._pauses == 0:
                    raise
                self._pauses -= 1
                self._pause(seconds)


def _section(key: str) -> str:
    return f"/library/sections/{key}/all"


def _time(value: object) -> int | None:
    return number_of(value, LATEST)


def _key(value: object) -> str:
    """A rating key, or nothing: other characters would lead elsewhere on the server."""
    key = text_of(value)
    return key if RATING_KEY.fullmatch(key) else ""


def _show(item: object) -> LibraryShow | None:
    record = object_of(item)
    found = read_show(record)
    if found is None or not _key(found.rating_key):
        return None
    leaves, viewed = number_of(record.get("leafCount")) or 0, number_of(record.get("viewedLeafCount")) or 0
    return LibraryShow(found, _time(record.get("updatedAt")), leaves, viewed)


def _episodes(items: list[Any]) -> tuple[LibraryEpisode, ...]:
    """Once each: what comes twice in a page is the same item."""
    found = (_episode(object_of(item)) for item in items)
    return tuple({one.rating_key: one for one in found if one}.values())


def _episode(item: dict[str, Any]) -> LibraryEpisode | None:
    key = _key(item.get("ratingKey"))
    if not key or item.get("type", "episode") != "episode":
        return None
    return LibraryEpisode(
        found=read_episode(item),
        rating_key=key,
        show_rating_key=_key(item.get("grandparentRatingKey")),
        show_title=clean_text(text_of(item.get("grandparentTitle"))),
        show_guid=parse_guid(text_of(item.get("grandparentGuid"), 1000)),
        file_path=_file(item),
        updated_at=_time(item.get("updatedAt")),
        view_count=number_of(item.get("viewCount")) or 0,
        viewed_at=_time(item.get("lastViewedAt")),
    )


def _file(item: Mapping[str, Any]) -> str:
    """Where the server has it; the first of several copies."""
    for media in map(object_of, list_of(item.get("Media"))):
        for part in map(object_of, list_of(media.get("Part"))):
            if path := text_of(part.get("file"), 4096):
                return clean_text(path)
    return ""


def _history_row(item: object) -> HistoryRow | None:
    record = object_of(item)
    account_id, viewed_at = number_of(record.get("accountID"), LARGEST_INTEGER), _time(record.get("viewedAt"))
    if not account_id or not viewed_at or record.get("type", "episode") != "episode":
        return None
    show_key = text_of(record.get("grandparentKey"), 255).removeprefix("/library/metadata/")
    return HistoryRow(
        account_id=account_id, viewed_at=viewed_at, rating_key=_key(record.get("ratingKey")),
        show_rating_key=_key(show_key), section_key=text_of(record.get("librarySectionID"), 32),
        season=number_of(record.get("parentIndex")), number=number_of(record.get("index")),
        title=clean_text(text_of(record.get("title"))), show_title=clean_text(text_of(record.get("grandparentTitle"))),
    )

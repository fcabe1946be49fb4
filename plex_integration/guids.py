"""Plex GUIDs, typed. With payloads.py the only place that reads what Plex writes; no Django.

Facts from published payloads of Plex servers: the new agent writes `plex://show/5d9c…` and names the *episode's* ids in
`Guid[]`; the legacy agents carry the show's id inside the episode's own GUID (`com.plexapp.agents.thetvdb://121361/2/3`
is show 121361, season 2, episode 3); hama prefixes the source (`…agents.hama://tvdb-81797/22/70`); `local://` and
`com.plexapp.agents.none://` mean that Plex itself has no match.
"""

import re
from dataclasses import dataclass
from typing import Literal

from tvshows.described import Ids

Kind = Literal["show", "season", "episode", "other"]
IdSource = Literal["tmdb", "tvdb", "imdb"]

_SHAPE = re.compile(r"^(?P<scheme>[A-Za-z][\w.+-]*)://(?P<path>[^?#]*)")
_AGENTS = {
    "com.plexapp.agents.thetvdb": "tvdb",
    "com.plexapp.agents.thetvdbdvdorder": "tvdb",
    "com.plexapp.agents.themoviedb": "tmdb",
    "com.plexapp.agents.imdb": "imdb",
    "com.plexapp.agents.hama": "hama",
    "hama": "hama",
    "com.plexapp.agents.none": "none",
    "tv.plex.agents.none": "none",
    "local": "local",
    "plex": "plex",
    "tvdb": "tvdb",
    "tmdb": "tmdb",
    "imdb": "imdb",
}
# hama's modes 2 to 5 number the episodes otherwise, the show's id is the same.
_HAMA = re.compile(r"^(?P<source>tvdb[2-6]?|tmdb|tsdb|imdb|anidb[2-4]?)-(?P<value>\w+)$")
_HAMA_SOURCES = {"tsdb": "tmdb"}
_PLEX_KINDS: dict[str, Kind] = {"show": "show", "season": "season", "episode": "episode"}
_LEAST_PARTS = {"plex": 2}  # plex://show/5d9c…
_LARGEST = 2**31 - 1
_PLAIN = re.compile(r"(tmdb|tvdb)://([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Guid:
    """One GUID. `value` is the id of the thing itself; `show_value` that of its show where a legacy agent names it."""

    text: str
    source: str
    kind: Kind
    value: str
    season: int | None = None
    episode: int | None = None

    @property
    def is_global(self) -> bool:
        """Whether it means the same on every server."""
        return bool(self.text) and self.source not in {"local", "none"}

    @property
    def agent(self) -> str:
        """Who wrote it: GUIDs of two agents say nothing of whether the show is the same."""
        return self.text.partition("://")[0]

    @property
    def ids(self) -> Ids:
        """The id that it bears, if it is one that can be compared."""
        if self.source == "imdb":
            return Ids(imdb=imdb_id(self.value))
        if self.source in {"tvdb", "tmdb"} and (number := positive(self.value)):
            return Ids(tvdb=number) if self.source == "tvdb" else Ids(tmdb=number)
        return Ids()


def positive(value: str) -> int | None:
    """A positive number that fits its column, or nothing."""
    return int(value) if re.fullmatch(r"[0-9]{1,10}", value) and 0 < int(value) <= _LARGEST else None


def imdb_id(value: str) -> str:
    """`tt0944947`, or nothing when it is not one."""
    return value if re.fullmatch(r"tt[0-9]{5,12}", value) else ""


def _part(parts: list[str], index: int) -> int | None:
    return int(parts[index]) if len(parts) > index and re.fullmatch(r"[0-9]{1,6}", parts[index]) else None


def _kind_of(parts: list[str]) -> Kind:
    kinds: tuple[Kind, Kind, Kind] = ("show", "season", "episode")
    return kinds[min(len(parts), 3) - 1]


def parse_guid(text: str) -> Guid | None:
    """A typed GUID, or nothing when the text has no scheme or names nothing behind it: shows that share such a text
    are not the same. An agent that nobody knows keeps its own name as source.
    """
    shape = _SHAPE.match(text)
    if not shape:
        return None
    scheme, parts = shape["scheme"].lower(), [part for part in shape["path"].split("/") if part]
    if scheme == "none" or len(parts) < _LEAST_PARTS.get(scheme, 1):
        return None
    plain, source = f"{scheme}://{'/'.join(parts)}", _AGENTS.get(scheme, scheme)
    if source == "plex":
        return Guid(plain, source, _PLEX_KINDS.get(parts[0], "other"), parts[-1])
    value = parts[0]
    if source == "hama" and (named := _HAMA.match(value)):
        base = named["source"].rstrip("23456")
        source, value = _HAMA_SOURCES.get(base, base), named["value"]
    if source in {"tvdb", "tmdb", "imdb", "anidb"}:
        return Guid(plain, source, _kind_of(parts), value, _part(parts, 1), _part(parts, 2))
    return Guid(plain, source, "other", "/".join(parts))


def show_guid(text: str) -> Guid | None:
    """The show's GUID inside an episode's or season's of a legacy agent; nothing for those that do not carry it.

    An agent's GUID begins with the show's id whether or not a season follows: `…themoviedb://1396` of an episode is
    show 1396. `tvdb://8530933` from `Guid[]` is no agent's: there the id is the episode's own.
    """
    found = parse_guid(text)
    agent = text.partition("://")[0].lower()
    if not found or found.source not in {"tvdb", "tmdb", "imdb", "anidb"} or agent in {"tvdb", "tmdb", "imdb"}:
        return None
    scheme, _, path = found.text.partition("://")
    return parse_guid(f"{scheme}://{path.strip('/').partition('/')[0]}")


def external_ids(texts: tuple[str, ...]) -> Ids:
    """The ids of a `Guid[]` array, the first of each source."""
    found: dict[str, int | str] = {}
    for text in texts:
        if plain := _PLAIN.fullmatch(text):  # as nearly always: a library has tens of thousands
            found.setdefault(plain[1], int(plain[2]))
            continue
        guid = parse_guid(text)
        ids = guid.ids if guid else Ids()
        for source, value in (("tmdb", ids.tmdb), ("tvdb", ids.tvdb), ("imdb", ids.imdb)):
            if value:
                found.setdefault(source, value)
    return Ids(**found)  # type: ignore[arg-type]

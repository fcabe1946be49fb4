"""From a file as the Plex server names it to the same file as this machine does.

The longest folder wins, on whole components: /media/tv is no part of /media/tv-old. Windows and UNC paths are compared
without case, and with either slash; POSIX paths exactly.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from plex_integration.models import PlexConfig, PlexEpisode
from tvshows.models import Watch

_DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/]|$)")
BATCH = 2000


@dataclass(frozen=True, slots=True)
class PathParts:
    """A path in its components; the first is its root: "/", "r:" or "\\\\nas"."""

    parts: tuple[str, ...]
    is_windows: bool

    @property
    def compared(self) -> tuple[str, ...]:
        """The components as they are compared."""
        return tuple(part.casefold() for part in self.parts) if self.is_windows else self.parts


def split_path(path: str) -> PathParts:
    """A path of any system in its components."""
    if path.startswith(("\\\\", "//")) and not path.startswith(("///", "\\\\\\")):
        host, *rest = re.split(r"[\\/]+", path[2:])
        return PathParts((f"\\\\{host}", *filter(None, rest)), is_windows=True)
    if _DRIVE.match(path):
        drive, *rest = re.split(r"[\\/]+", path)
        return PathParts((drive, *filter(None, rest)), is_windows=True)
    return PathParts(("/", *filter(None, path.split("/"))), is_windows=False)


def to_local(path: str, mappings: Iterable[tuple[str, str]]) -> str | None:
    """Where a file of the server is here, by (path in Plex, path here); nothing where no mapping is about it."""
    file = split_path(path)
    if ".." in file.parts:
        return None
    best: tuple[int, str] = (0, "")
    for plex_path, local_path in mappings:
        folder = split_path(plex_path.strip())
        length = len(folder.parts)
        fits = folder.is_windows == file.is_windows and file.compared[:length] == folder.compared
        if fits and length > best[0]:
            best = (length, local_path.strip())
    return _joined(best[1], file.parts[best[0]:]) if best[0] else None


def _joined(folder: str, rest: Iterable[str]) -> str:
    """The rest below a local folder, with the slash of that system."""
    slash = "\\" if split_path(folder).is_windows else "/"
    kept = folder.rstrip("\\/") if slash == "\\" else folder.rstrip("/")
    return slash.join([kept, *rest]) if (rest := tuple(rest)) else folder


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file all of whose episodes a person has watched: as Plex names it, and here, where that is known."""

    plex_path: str
    local_path: str | None


def watched_files(config: PlexConfig, *, user_id: int, show: str = "") -> Iterator[WatchedFile]:
    """The files that a person is done with, in order. A file of several episodes counts once all of them are watched,
    and what is not in Plex any more does not count. Without mappings the paths are those of this machine.
    """
    mappings = list(config.path_mappings.values_list("plex_path", "local_path"))
    held = PlexEpisode.objects.present().on(config.plex_server_uuid).exclude(file_path="")
    if show:
        held = held.filter(mapping__tvshow__titles__title__iexact=show) | held.filter(mapping__plex_title__iexact=show)
    open_paths, seen_paths = set(), {}
    watched = set(Watch.objects.live().filter(user=user_id).values_list("episode", flat=True))
    rows = held.order_by().distinct().values_list("file_path", "episode")
    for path, episode_id in rows.iterator(chunk_size=BATCH):
        if episode_id in watched:
            seen_paths[path] = True
        else:
            open_paths.add(path)
    for path in sorted(seen_paths.keys() - open_paths):
        yield WatchedFile(path, to_local(path, mappings) if mappings else path)

"""Which shows of a title the server has, and what they are here. Changes nothing."""

from dataclasses import dataclass

from django.db import transaction

from plex_integration import mapping
from plex_integration.client import PlexServer, ServerShow
from plex_integration.connecting import server_of
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.library_items import LibraryReader, LibraryShow
from plex_integration.models import PlexConfig
from plex_integration.payloads import PlexShow
from plex_integration.sync.shows import is_meant, primary_guid


@dataclass(frozen=True, slots=True)
class Discovered:
    """A show on the server: its GUIDs, the primary one first, and what it is here, in words."""

    library: str
    item: LibraryShow
    guids: tuple[str, ...]
    here: str


def discover(
    config: PlexConfig, *, title: str, year: int | None, section: str = "", server: PlexServer | None = None,
    identifier: str = "",
) -> list[Discovered]:
    """The server's shows of a title, and of a year where one is given. Raises PlexIntegrationError, ServiceError."""
    server = server or server_of(config)
    if server is None:
        raise PlexIntegrationError("There is no Plex server yet: connect one first, in the settings of Plex.")
    reader, uuid = LibraryReader(server), identifier or config.plex_server_uuid
    libraries = [one for one in server.libraries() if one.key == section or (one.kind == "show" and not section)]
    return [
        Discovered(library.title, one, _guids(one.found), _here(one.found, uuid))
        for library in libraries for one in reader.shows(library.key, title=title) if is_meant(one.found, title, year)
    ]


def _guids(found: ServerShow) -> tuple[str, ...]:
    ids = (("tvdb", found.ids.tvdb), ("tmdb", found.ids.tmdb), ("imdb", found.ids.imdb))
    named = [f"{source}://{value}" for source, value in ids if value]
    return tuple(dict.fromkeys([primary_guid(found), *named, found.guid.text if found.guid else ""]))


def _here(found: ServerShow, server: str) -> str:
    """What the show is in the tracker."""
    with transaction.atomic():
        row = mapping.find(PlexShow(server, found.rating_key, found.guid, found.title, found.year, ids=found.ids))
        transaction.set_rollback(True)
    if row is None:
        return "not synced yet"
    if row.tvshow is None:
        return "waits for a decision" if row.sync_enabled else "ignored"
    return f"{row.tvshow}{'' if row.sync_enabled else ', marking off'}"

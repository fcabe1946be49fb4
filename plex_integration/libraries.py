"""The library sections of the connected server, and whether what happens in them counts."""

from plex_integration.connecting import server_of
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig, PlexLibrary
from tvshows.exceptions import ServiceError


def refresh_libraries(config: PlexConfig) -> None:
    """Read the sections from the server; which of them count stays as it was, and new ones count.

    Raises PlexIntegrationError where no server is connected, DecryptionError, ServiceDown and ServiceRefused.
    """
    server = server_of(config)
    if server is None:
        raise PlexIntegrationError("There is no Plex server yet: connect one first.")
    found = {one.key: one for one in server.libraries()}
    PlexLibrary.objects.bulk_create(
        [PlexLibrary(config=config, section_key=key, title=one.title, kind=one.kind) for key, one in found.items()],
        update_conflicts=True, unique_fields=["config", "section_key"], update_fields=["title", "kind"],
    )
    if found:  # a server that names none at all is still starting
        config.libraries.exclude(section_key__in=list(found)).delete()


def refresh_or_explain(config: PlexConfig) -> str:
    """Read the sections as far as that goes: nothing when it worked, else what was wrong, in words."""
    try:
        refresh_libraries(config)
    except (PlexIntegrationError, ServiceError) as problem:
        return f"The libraries could not be read: {problem}"
    return ""


def is_counted(config_id: int, section_key: str) -> bool:
    """Whether what happens in a section counts; one that is not known yet does."""
    if not section_key:
        return True
    return not PlexLibrary.objects.filter(config=config_id, section_key=section_key, enabled=False).exists()


def choose(config: PlexConfig, *, shown: set[str], counted: set[str]) -> None:
    """Of the sections that a person was shown, let exactly these count."""
    config.libraries.filter(section_key__in=shown & counted).update(enabled=True)
    config.libraries.filter(section_key__in=shown - counted).update(enabled=False)


def set_counted(config_id: int, section_key: str, *, counted: bool) -> None:
    """Let a section count, or not. Raises PlexLibrary.DoesNotExist."""
    if not PlexLibrary.objects.filter(config=config_id, section_key=section_key).update(enabled=counted):
        raise PlexLibrary.DoesNotExist(f"There is no section {section_key}.")

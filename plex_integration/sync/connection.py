"""The server that a person names for one run, in place of the connected one."""

from plex_integration.client import PlexServer
from plex_integration.config import get_token
from plex_integration.connecting import own_ports
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig


def named_server(config: PlexConfig, *, url: str, token: str) -> tuple[PlexServer, str] | None:
    """The server at an address and its identifier; nothing where neither address nor token is given.

    A saved token goes to no other server than its own. Raises PlexIntegrationError, ServiceDown, ServiceRefused.
    """
    if not url and not token:
        return None
    url = url or config.plex_server_url
    if not url:
        raise PlexIntegrationError("There is a token and no server: give its address with --plex-url.")
    identifier = PlexServer(url, "", machine_identifier="", own_ports=own_ports()).identity()
    if not identifier:
        raise PlexIntegrationError("What answers at this address is no Plex server.")
    if not token and identifier != config.plex_server_uuid:
        raise PlexIntegrationError("This is another server than the connected one: give its token with --plex-token.")
    token = token or get_token(config)
    if not token:
        raise PlexIntegrationError("There is no Plex token: give one with --plex-token, or connect Plex first.")
    return PlexServer(url, token, machine_identifier=identifier, own_ports=own_ports()), identifier

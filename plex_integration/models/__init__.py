"""The Plex tables."""

from plex_integration.models.config import PlexAccount, PlexConfig, PlexLibrary
from plex_integration.models.conflict import PlexConflict
from plex_integration.models.installation import InstallationValue
from plex_integration.models.log import PlexWebhookLog
from plex_integration.models.mapping import PlexShowMapping

__all__ = [
    "InstallationValue", "PlexAccount", "PlexConfig", "PlexConflict", "PlexLibrary", "PlexShowMapping",
    "PlexWebhookLog",
]

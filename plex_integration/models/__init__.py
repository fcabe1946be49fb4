"""The Plex tables."""

from plex_integration.models.config import PlexAccount, PlexConfig, PlexLibrary
from plex_integration.models.conflict import PlexConflict
from plex_integration.models.installation import InstallationValue
from plex_integration.models.log import PlexWebhookLog
from plex_integration.models.mapping import PlexShowMapping
from plex_integration.models.paths import PlexPathMapping
from plex_integration.models.sync import PlexEpisode, PlexPlay, SyncCursor, SyncRun

__all__ = [
    "InstallationValue", "PlexAccount", "PlexConfig", "PlexConflict", "PlexEpisode", "PlexLibrary", "PlexPathMapping",
    "PlexPlay", "PlexShowMapping", "PlexWebhookLog", "SyncCursor", "SyncRun",
]

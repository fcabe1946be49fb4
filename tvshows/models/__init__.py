"""Shows, who watched them, and what is remembered of the services that describe them."""

from tvshows.models.services import CachedAnswer, RequestSlot, ServiceMinute, ServiceState
from tvshows.models.shows import (
    AUTOMATIC_SOURCES,
    Episode,
    ShowTitle,
    TrackedShow,
    TVShow,
    Viewer,
    Watch,
)

__all__ = [
    "AUTOMATIC_SOURCES", "CachedAnswer", "Episode", "RequestSlot", "ServiceMinute", "ServiceState", "ShowTitle",
    "TVShow", "TrackedShow", "Viewer", "Watch",
]

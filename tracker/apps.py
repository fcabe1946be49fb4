"""The project as an app: its commands, checks and first-run pages."""

from django.apps import AppConfig
from django.conf import settings


class TrackerConfig(AppConfig):
    """The app."""

    name = "tracker"

    def ready(self) -> None:
        """Register the checks."""
        from tracker import checks  # noqa: F401  (they register themselves)

        if settings.PROCESS == "worker":
            # Before the cluster forks, so that all its processes share the memory of it.
            from plex_integration import tasks  # noqa: F401

"""The project as an app: its commands, checks and first-run pages."""

from django.apps import AppConfig
from django.conf import settings


class TrackerConfig(AppConfig):
    name = "tracker"

    def ready(self) -> None:
        from tracker import checks  # noqa: F401  (they register themselves)

        if settings.PROCESS == "worker":
            from plex_integration import tasks  # noqa: F401  (before the cluster forks, so that all its processes share it)

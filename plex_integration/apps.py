"""The app of everything that says Plex."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PlexIntegrationConfig(AppConfig):
    """Connects this app to what it has to hear of."""

    name = "plex_integration"
    verbose_name = "Plex"

    def ready(self) -> None:
        """Register the checks and the listeners."""
        from plex_integration import conflicts, schedules
        from tvshows.signals import show_changed

        post_migrate.connect(schedules.ensure, sender=self, dispatch_uid="plex_integration.schedules")
        show_changed.connect(conflicts.on_show_changed, dispatch_uid="plex_integration.show_changed")

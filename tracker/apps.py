"""The project as an app: its commands, checks and first-run pages."""

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    """The app."""

    name = "tracker"

    def ready(self) -> None:
        """Register the checks."""
        from tracker import checks  # noqa: F401  (they register themselves)

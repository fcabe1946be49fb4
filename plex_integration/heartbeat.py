"""The worker's sign of life, written by its sweep and read by the health page."""

from datetime import datetime

from plex_integration.models import InstallationValue


def beat(now: datetime) -> None:
    """Note that the worker was alive at `now`."""
    InstallationValue.objects.update_or_create(name=InstallationValue.HEARTBEAT, defaults={"updated_at": now})


def last() -> datetime | None:
    """When the worker was last alive, or nothing before its first sweep."""
    rows = InstallationValue.objects.filter(name=InstallationValue.HEARTBEAT)
    return rows.values_list("updated_at", flat=True).first()

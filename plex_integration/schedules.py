"""When the worker does what by itself. Made after each migration, so that there is no step to forget."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django_q.models import Schedule

SCHEDULES = (
    ("sweep the inbox", "plex_integration.tasks.sweep", Schedule.MINUTES, 1),
    ("clean the event log", "plex_integration.tasks.clean_logs", Schedule.DAILY, None),
)


def ensure(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Make the schedules that are missing and correct those that changed; when each runs next stays."""
    for name, func, kind, minutes in SCHEDULES:
        row, _made = Schedule.objects.using(using).get_or_create(
            name=name, defaults={"func": func, "schedule_type": kind, "minutes": minutes},
        )
        if (row.func, row.schedule_type, row.minutes) != (func, kind, minutes):
            row.func, row.schedule_type, row.minutes = func, kind, minutes
            row.save(update_fields=["func", "schedule_type", "minutes"])

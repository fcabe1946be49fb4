"""When the worker does what by itself. Made after each migration, so that there is no step to forget."""

from datetime import datetime, timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from django_q.models import Schedule

CATCH_UP = "see what was watched"
SCHEDULES = (
    ("sweep the inbox", "plex_integration.tasks.sweep", Schedule.MINUTES, 1),
    (CATCH_UP, "plex_integration.tasks.catch_up", Schedule.HOURLY, None),
    ("clean the event log", "plex_integration.tasks.clean_logs", Schedule.DAILY, None),
    ("tell what waits", "plex_integration.tasks.tell_needs", Schedule.MINUTES, 5),
    ("report of the week", "plex_integration.tasks.weekly_report", Schedule.WEEKLY, None),
    ("report of the month", "plex_integration.tasks.monthly_report", Schedule.MONTHLY, None),
)


def ensure(*, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Make the schedules that are missing and correct those that changed; when each runs next stays."""
    for name, func, kind, minutes in SCHEDULES:
        row, _made = Schedule.objects.using(using).get_or_create(
            name=name, defaults={"func": func, "schedule_type": kind, "minutes": minutes, "next_run": _first(kind)},
        )
        if (row.func, row.schedule_type, row.minutes) != (func, kind, minutes):
            row.func, row.schedule_type, row.minutes = func, kind, minutes
            row.save(update_fields=["func", "schedule_type", "minutes"])


def catch_up_soon() -> None:
    """At a start: what was watched meanwhile was not sent to anybody, so the worker looks at once."""
    Schedule.objects.filter(name=CATCH_UP).update(next_run=timezone.now())


def _first(kind: str) -> datetime:
    """When it runs first: a report once there is something to report."""
    waits = {Schedule.WEEKLY: timedelta(days=7), Schedule.MONTHLY: timedelta(days=30)}
    return timezone.now() + waits.get(kind, timedelta())

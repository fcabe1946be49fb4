"""Settings that would lose events or open the door: `manage.py check` and every start refuse them, with the mend."""

from math import ceil
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from tracker import first_start


@register()
def check_queue(**_: Any) -> list[CheckMessage]:
    """The queue must not deliver a task that still runs or waits, and must not retry without end."""
    queue: dict[str, Any] = settings.Q_CLUSTER
    waits = ceil((queue.get("queue_limit", 0) + 1) / max(queue.get("workers", 1), 1))
    least = (queue.get("timeout") or 0) * (1 + waits)
    found: list[CheckMessage] = []
    if not queue.get("timeout") or queue.get("retry", 0) <= least:
        hint = f"Set Q_CLUSTER's timeout, and retry above timeout × {1 + waits} = {least} seconds."
        found.append(Error("The queue would deliver tasks again that are still waiting.", hint=hint, id="tracker.E001"))
    if queue.get("bulk") != 1:
        found.append(_queue_error("E002", "A worker that dies would take several tasks with it.", "bulk", "1"))
    if not queue.get("max_attempts"):
        found.append(_queue_error("E003", "A task that always fails would be tried without end.", "max_attempts", "5"))
    if not queue.get("ack_failures"):
        found.append(_queue_error("E004", "Failed tasks would stay in the queue.", "ack_failures", "True"))
    if queue.get("catch_up", True):
        hint = "every missed minute would be swept after a pause."
        found.append(_queue_error("E005", f"Schedules would be caught up: {hint}", "catch_up", "False"))
    return found


def _queue_error(number: str, problem: str, name: str, value: str) -> Error:
    return Error(problem, hint=f"Set Q_CLUSTER's {name} to {value}.", id=f"tracker.{number}")


@register()
def check_processes(**_: Any) -> list[CheckMessage]:
    """Several web processes must count rate limits together and cannot share one SQLite writer."""
    if settings.WEB_PROCESSES == 1 or (settings.REDIS_URL and not settings.SQLITE):
        return []
    return [Error(
        f"There are {settings.WEB_PROCESSES} web processes, but no Redis to count rate limits in, or no PostgreSQL.",
        hint="Set REDIS_URL and DATABASE_URL, or run one web process.", id="tracker.E006",
    )]


@register()
def check_transactions(**_: Any) -> list[CheckMessage]:
    """SQLite transactions that read first and write later fail at once when another got in between."""
    database: dict[str, Any] = settings.DATABASES["default"]
    options = database.get("OPTIONS", {})
    if not settings.SQLITE or options.get("transaction_mode") == "IMMEDIATE":
        return []
    return [Error(
        "SQLite transactions would fail with “database is locked”.",
        hint='Set "transaction_mode": "IMMEDIATE" in the database\'s OPTIONS.', id="tracker.E007",
    )]


@register(Tags.security)
def check_dotenv(**_: Any) -> list[CheckMessage]:
    """The keys are for the owner only."""
    if not first_start.is_readable_by_others(first_start.DOTENV):
        return []
    path = first_start.DOTENV
    return [Error(f"Others can read the keys in {path}.", hint=f"Run: chmod 600 {path}", id="tracker.E008")]

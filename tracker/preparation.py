"""What has to be right with the database before anything is served, and making it so."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from plex_integration import schedules
from plex_integration.encryption import check_canary

KEPT_COPIES = 5
SAFE_SQLITE = (3, 51, 3)  # before it, a rare race may damage a database in WAL mode
RETRY_SECONDS = 2.0
_PASSING = ("starting up", "shutting down", "recovery", "too many")

Say = Callable[[str], None]


class CannotStartError(Exception):
    """One line that says what is wrong and what to do."""


def prepare_database(say: Say) -> None:
    """Make the database ready for use; raises CannotStartError."""
    _make_folder(settings.DATA_DIR)
    if settings.SQLITE:
        _prepare_file(say)
    _wait_until_it_answers(say)
    if settings.SQLITE:
        _refuse_damage()
    _check_key()
    pending = _pending_migrations()
    if pending and settings.SQLITE and _has_tables():
        say(f"Copied the database to {_copy()} before changing it.")
    if pending:
        call_command("migrate", verbosity=0, interactive=False)
        say(f"Database made ready: {pending} migration{'s' if pending > 1 else ''} applied.")
    else:
        schedules.ensure()  # which a migration sees to otherwise
    _check_key()
    schedules.catch_up_soon()
    if settings.SQLITE:
        _marker().touch(mode=0o600)


def _database_file() -> Path:
    return Path(str(settings.DATABASES["default"]["NAME"]))


def _marker() -> Path:
    """Says that there was a database, so that a lost one is not silently replaced by an empty one."""
    return settings.DATA_DIR / "installed"


def _prepare_file(say: Say) -> None:
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        say(f"SQLite here is {sqlite3.sqlite_version}. From 3.51.3 on a rare fault is mended; update it when you can.")
    file = _database_file()
    if _marker().exists() and not file.exists():
        raise CannotStartError(
            f"The database {file} is gone. Put it back, or a copy from {_copies()}; to start with an empty one, "
            f"delete {_marker()}."
        )
    _make_folder(file.parent)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        reason = f"{folder} cannot be made ({problem.strerror})"
        raise CannotStartError(f"{reason}. Set DATA_DIR to a folder of yours.") from None


def _wait_until_it_answers(say: Say) -> None:
    """PostgreSQL may start after us: wait for it. What waiting cannot mend ends the start."""
    told = False
    while reason := _why_not():
        if not told:
            say(f"PostgreSQL does not answer yet ({reason}). Waiting for it.")
            told = True
        time.sleep(RETRY_SECONDS)


def _why_not() -> str:
    """Why the database does not answer, or nothing when it does; raises CannotStartError for what will not pass."""
    try:
        connection.ensure_connection()
    except DatabaseError as problem:
        reason = str(problem).strip().partition("\n")[0]
        if settings.SQLITE:
            raise _damaged(reason) from None
        if "FATAL" in reason and not any(word in reason for word in _PASSING):
            raise CannotStartError(f"PostgreSQL refuses: {reason}. Mend DATABASE_URL or the server.") from None
        return reason
    return ""


def _refuse_damage() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            found = cursor.fetchone()[0]
    except DatabaseError as problem:
        found = str(problem)
    if found != "ok":
        raise _damaged(found)


def _damaged(found: str) -> CannotStartError:
    return CannotStartError(
        f"The database {_database_file()} cannot be used ({' '.join(found.split())[:120]}). Nothing was changed. "
        f"Put a copy back, for instance from {_copies()}."
    )


def _check_key() -> None:
    try:
        check_canary()
    except ImproperlyConfigured as problem:
        raise CannotStartError(str(problem)) from None


def _pending_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _has_tables() -> bool:
    return bool(connection.introspection.table_names())


def _copies() -> Path:
    return settings.DATA_DIR / "backups"


def _copy() -> Path:
    """A dated copy of the SQLite database, whole and compact; of those before, the newest few stay."""
    folder = _copies()
    target = folder / f"tracker-{timezone.localtime():%Y%m%d-%H%M%S}.sqlite3"
    beside = target.with_suffix(".new")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(beside)])
        beside.chmod(0o600)
        beside.replace(target)
        for old in sorted(folder.glob("tracker-*.sqlite3"))[:-KEPT_COPIES]:
            old.unlink()
    except (OSError, DatabaseError) as problem:
        reason = f"The database could not be copied to {folder} ({problem})"
        raise CannotStartError(f"{reason}. It was not changed.") from None
    return target

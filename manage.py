#!/usr/bin/env python3
"""Run a command of the tracker; `manage.py up` starts it."""

import gc
import os
import sys
from collections.abc import Callable

# A sixth of a start went into looking for garbage among what it loads, all of which stays.
gc.set_threshold(200_000)


def main() -> None:
    """Read the settings once, then let Django run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run: .venv/bin/pip install -e . && .venv/bin/python manage.py up")
    if {"-h", "--help"} & set(sys.argv):
        # Help is for those too who have no keys yet. Nothing is signed or encrypted with these.
        os.environ.setdefault("SECRET_KEY", "only for help")
        os.environ.setdefault("ENCRYPTION_KEY", "0" * 64)
    elif sys.argv[1:2] == ["up"]:
        from tracker.first_start import ensure_keys

        ensure_keys()
    try:
        # Read once before Django does: it would hide a bad setting behind "Unknown command".
        import tracker.settings  # noqa: F401
    except ImproperlyConfigured as problem:
        sys.exit(f"Cannot start: {problem}")
    run(execute_from_command_line, sys.argv)


def run(command: Callable[[list[str]], None], arguments: list[str]) -> None:
    """Run it; where the database is away, not made yet or older than this program, say so in one line."""
    from django.db import OperationalError, ProgrammingError

    try:
        command(arguments)
    except (OperationalError, ProgrammingError) as problem:
        if "--traceback" in arguments:
            raise
        reason = str(problem).strip().partition("\n")[0]
        sys.exit(f"The database cannot be used: {reason}. `manage.py up` makes it and brings it up to date.")


if __name__ == "__main__":
    main()

"""The keys of a new installation. Runs before the settings are read, so there is no Django here."""

import secrets
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from plex_integration import dotenv

DOTENV = Path(__file__).resolve().parent.parent / ".env"

# How each is made: Django wants at least 50 characters, AES-256 takes 64 hexadecimal digits.
_MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "ENCRYPTION_KEY": lambda: secrets.token_hex(32),
}


def ensure_keys(path: Path = DOTENV) -> list[str]:
    """Make the keys that are neither in the environment nor in `.env`, and write them there for its owner only.

    Returns the names of those made. Ends the process with one line where that is not possible.
    """
    if is_readable_by_others(path):
        sys.exit(f"Cannot start: others can read the keys in {path}. Run: chmod 600 {path}")
    made = []
    try:
        for name, make in _MAKERS.items():
            was = dotenv.get(path, name)
            if not (was or "").strip() and not dotenv.is_set_outside(name):
                dotenv.change(path, name, make(), was=was)
                made.append(name)
    except dotenv.ChangedMeanwhileError:
        return made + ensure_keys(path)  # another start was first: use its keys
    except OSError as problem:
        sys.exit(
            f"Cannot start: {path} cannot be written ({problem.strerror}). Let this user write there, or set "
            "SECRET_KEY and ENCRYPTION_KEY in the environment."
        )
    return made


def is_readable_by_others(path: Path) -> bool:
    """Whether the file is there and its group or anybody else may read or change it."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except FileNotFoundError:
        return False

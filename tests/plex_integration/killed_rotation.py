"""Rotate the encryption key in real processes, each killed with SIGKILL a few steps later than the one before.

Run by test_rotation_commands.py in a copy of the project, with a migrated throw-away database. Prints how many
steps that covers; ends with an error when a token was lost.
"""

import functools
import os
import signal
import sys
from io import StringIO

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.db import connection, connections

django.setup()

from django.contrib.auth.models import User  # noqa: E402

from plex_integration import config, dotenv, encryption  # noqa: E402
from plex_integration.models import InstallationValue, PlexConfig  # noqa: E402
from tracker import environment  # noqa: E402

DOTENV = settings.BASE_DIR / ".env"
OLD = "0" * 64
TOKENS = {f"viewer {number}": f"token {number}" for number in range(3)}
MOST_STEPS = 200
# In the suite a kill at every third step; ROTATION_STRIDE=1 before a release.
STRIDE = int(os.environ.get("ROTATION_STRIDE", "3"))


def read_keys() -> None:
    """What a new process would read from .env."""
    os.environ.pop("ENCRYPTION_KEY", None)
    environment.load_dotenv()
    settings.ENCRYPTION_KEYS = environment.keys("ENCRYPTION_KEY", "")


def start_over() -> None:
    dotenv.change(DOTENV, "ENCRYPTION_KEY", OLD, was=dotenv.get(DOTENV, "ENCRYPTION_KEY"))
    read_keys()
    InstallationValue.objects.all().delete()
    User.objects.all().delete()
    for name, token in TOKENS.items():
        owned = config.create_config(user=User.objects.create(username=name))
        config.set_token(owned, token)
        owned.save()
    encryption.check_canary()


def verify() -> None:
    """With what .env says now, every token and the canary open."""
    read_keys()
    encryption.check_canary()
    found = {each.user.username: config.get_token(each) for each in PlexConfig.objects.select_related("user")}
    assert found == TOKENS, found
    assert DOTENV.stat().st_mode & 0o777 == 0o600


def run(killed_at: int) -> int:
    """The command in a process of its own: its exit status, or minus the signal that ended it."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        read_keys()
        count_steps(killed_at)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        execute_from_command_line(["manage.py", "rotate_encryption_key"])
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_steps(killed_at: int) -> None:
    """Die before the given step; a step is one statement, the end of a transaction, or one change in the folder."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            step()
            result = function(*args, **kwargs)
            step()
            return result

        return call

    for name in ("open", "write", "fsync", "fchmod", "replace", "rename", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    connection._commit = counted(connection._commit)
    connection.execute_wrappers.append(counted(lambda execute, *args: execute(*args)))


def main() -> None:
    kills = 0
    for killed_at in range(1, MOST_STEPS, STRIDE):
        start_over()
        status = run(killed_at)
        verify()
        if status == 0:
            break
        assert status == -signal.SIGKILL, status
        kills += 1
        # Run again it finishes, and the old key is not needed any more. No need of a process that nobody kills.
        for arguments in ([], ["--drop-old"]):
            read_keys()
            call_command("rotate_encryption_key", *arguments, stdout=StringIO())
        verify()
        assert len(settings.ENCRYPTION_KEYS) == 1
        assert settings.ENCRYPTION_KEYS[0].hex() != OLD
    else:
        raise AssertionError("The command never came to its end.")
    print(kills * STRIDE)


main()

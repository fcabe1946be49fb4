"""Replace the key with which the Plex token is encrypted."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from plex_integration import dotenv, encryption
from plex_integration.exceptions import DecryptionError

NAME = "ENCRYPTION_KEY"
_DISCARD = "If its key is lost, `manage.py rotate_encryption_key --discard` clears the Plex token and keeps the rest."


class Command(BaseCommand):
    help = (
        "Make a new encryption key, put it before the old one in .env, and encrypt what is stored with it. "
        "Stopped at any point, it leaves everything readable; run it again to finish."
    )
    requires_system_checks = ()  # a wrong key fails a check, and this is the way out of that

    def add_arguments(self, parser: CommandParser) -> None:
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument(
            "--drop-old", action="store_true",
            help="Remove the old keys from .env, once everything opens with the newest. Restart the tracker before.",
        )
        instead.add_argument(
            "--discard", action="store_true",
            help="The key is lost: clear the tokens that no key opens, and go on with the present key.",
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask before --discard.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and change nothing.")

    def handle(self, *_: Any, **options: Any) -> None:
        self.dry_run, self.yes = options["dry_run"], options["yes"]
        try:
            if options["discard"]:
                self._discard()
            elif options["drop_old"]:
                self._drop_old()
            else:
                self._rotate()
        except (DatabaseError, dotenv.ChangedMeanwhileError, OSError) as problem:
            mend = "What is stored stays readable. Mend that and run the command again."
            raise CommandError(f"It did not work: {str(problem).strip()}\n{mend}") from problem

    def _rotate(self) -> None:
        keys = settings.ENCRYPTION_KEYS
        try:
            stale = encryption.count_stale()
        except DecryptionError as problem:
            raise CommandError(f"{problem} Nothing was changed. {_DISCARD}") from problem
        if stale and len(keys) > 1:
            # A rotation that was stopped, or that waited for its key to be set outside .env.
            self._encrypt(keys, stale)
            return
        keys = (encryption.new_key(), *keys)
        if self.dry_run:
            self.stdout.write(f"Would put a new key first in {NAME} and encrypt what is stored with it.")
            return
        self._set(keys, then="restart the tracker, and run this command again, which then encrypts what is stored")
        self._encrypt(keys, stale)

    def _encrypt(self, keys: tuple[bytes, ...], stale: int) -> None:
        if self.dry_run:
            self.stdout.write(f"Would encrypt {_values(stale)} with the newest key in {NAME}, and make no other.")
            return
        try:
            changed = encryption.reencrypt(keys=keys, now=timezone.now())
        except DecryptionError as problem:
            raise CommandError(f"{problem} What is stored is as it was; run this command again.") from problem
        self.stdout.write(
            f"Encrypted {_values(changed)} with the newest key. Restart the tracker now: what is running does not have "
            "that key. Afterwards `manage.py rotate_encryption_key --drop-old` removes the old one."
        )

    def _drop_old(self) -> None:
        newest, *old = settings.ENCRYPTION_KEYS
        if not old:
            self.stdout.write(f"{NAME} holds one key only: there is none to remove.")
            return
        try:
            encryption.count_stale((newest,))
        except DecryptionError:
            mend = "Run `manage.py rotate_encryption_key` first. Nothing was changed."
            raise CommandError(f"The newest key does not open everything that is stored. {mend}") from None
        if self.dry_run:
            self.stdout.write(f"Would remove {len(old)} old from {NAME}: everything opens with the newest.")
            return
        self._set((newest,), then="restart the tracker")
        self.stdout.write(f"Removed {len(old)} old from {NAME}: everything opens with the newest. Restart the tracker.")

    def _discard(self) -> None:
        lost = encryption.count_lost()
        if not lost and self._canary_opens():
            self.stdout.write("Everything that is stored opens with the present keys: there is nothing to clear.")
            return
        plan = f"clear {lost} Plex token{'' if lost == 1 else 's'} that no key opens, and keep everything else"
        if self.dry_run:
            self.stdout.write(f"Would {plan}.")
            return
        if not self.yes and not self._confirmed(f"This will {plan}. Go on? [y/N] "):
            raise CommandError("Nothing was changed.")
        encryption.discard_lost(now=timezone.now())
        self.stdout.write("Done. Start the tracker and enter the Plex token again under Settings, Plex.")

    def _canary_opens(self) -> bool:
        try:
            encryption.count_stale()
        except DecryptionError:
            return False
        return True

    def _confirmed(self, question: str) -> bool:
        try:
            return input(question).strip().lower() in {"y", "yes"}
        except EOFError:
            return False

    def _set(self, keys: tuple[bytes, ...], *, then: str) -> None:
        """Write the keys to .env; where the variable comes from elsewhere, say what it must be there and end."""
        path = Path(settings.BASE_DIR) / ".env"
        now = dotenv.get(path, NAME)
        if dotenv.is_set_outside(NAME) or _words(now or "") != _hex(settings.ENCRYPTION_KEYS):
            self.stdout.write(f"{NAME}={','.join(_hex(keys))}")
            raise CommandError(
                f"{NAME} is set in the environment and not by {path}, so nothing was changed. Set it to the line above "
                f"where it is set now, {then}."
            )
        dotenv.change(path, NAME, ",".join(_hex(keys)), was=now)


def _hex(keys: Iterable[bytes]) -> list[str]:
    return [key.hex() for key in keys]


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",")]


def _values(number: int) -> str:
    return f"{number} stored value{'' if number == 1 else 's'}"

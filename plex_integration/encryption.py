"""AES-256-GCM for what a copy of the database must not give away.

A value is `iv:tag:ciphertext` in lower-case hex. We write a 12-byte IV and bind the name of the field as associated
data, so that a value copied into another field does not decrypt. A 16-byte IV marks the older format, without
associated data. The keys are `settings.ENCRYPTION_KEYS`, newest first: the first encrypts, all of them decrypt.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Model, QuerySet

from plex_integration.exceptions import DecryptionError, EncryptionError
from plex_integration.models import InstallationValue, PlexConfig

# The names that are bound into the values: they must never change.
PLEX_TOKEN = "plex_integration.PlexConfig.plex_token"  # noqa: S105  (its name, not the token)
CANARY = "plex_integration.InstallationValue.key_canary"


_CANARY_TEXT = "The key fits."
_IV_BYTES = 12
_OLDER_IV_BYTES = 16
_TAG_BYTES = 16
_VALUE = re.compile(r"([0-9a-f]{24}|[0-9a-f]{32}):([0-9a-f]{32}):((?:[0-9a-f]{2})*)")
_KEY_DOES_NOT_FIT = (
    "ENCRYPTION_KEY does not fit what is stored in the database, where nothing was changed: put back the key that was "
    "used before (several go with commas between them, newest first), or, if it is lost, run "
    "`manage.py rotate_encryption_key --discard`, which clears the Plex token and keeps everything else."
)


@dataclass(frozen=True, slots=True)
class Decrypted:
    """The text, and whether it was encrypted with the newest key in the current format."""

    text: str
    is_current: bool


def new_key() -> bytes:
    """A fresh key."""
    return secrets.token_bytes(32)


def encrypt(text: str, *, field: str, keys: Sequence[bytes] | None = None) -> str:
    """Encrypt with the first key. `field` is "app.Model.field", and `decrypt` needs the same."""
    try:
        plain = text.encode()
    except UnicodeEncodeError:
        raise EncryptionError(f"The text for {field} holds characters that are no Unicode text.") from None
    iv = secrets.token_bytes(_IV_BYTES)
    sealed = AESGCM(_keys(keys)[0]).encrypt(iv, plain, field.encode())
    return f"{iv.hex()}:{sealed[-_TAG_BYTES:].hex()}:{sealed[:-_TAG_BYTES].hex()}"


def decrypt(value: str, *, field: str, keys: Sequence[bytes] | None = None) -> Decrypted:
    """Decrypt with whichever key fits.

    Raises DecryptionError, whose message names the field and never the value.
    """
    parts = _VALUE.fullmatch(value)
    if not parts:
        raise DecryptionError(f"{field} does not hold an encrypted value.")
    iv, tag, ciphertext = (bytes.fromhex(part) for part in parts.groups())
    older = len(iv) == _OLDER_IV_BYTES
    for place, key in enumerate(_keys(keys)):
        try:
            plain = AESGCM(key).decrypt(iv, ciphertext + tag, None if older else field.encode())
            return Decrypted(plain.decode(), is_current=place == 0 and not older)
        except InvalidTag:
            continue
        except UnicodeDecodeError:
            raise DecryptionError(f"{field} holds an encrypted value that is no text.") from None
    raise DecryptionError(f"No key in ENCRYPTION_KEY decrypts {field}.")


def _keys(keys: Sequence[bytes] | None) -> Sequence[bytes]:
    return settings.ENCRYPTION_KEYS if keys is None else keys


def check_canary() -> None:
    """Refuse to go on with a wrong key, before anything is encrypted with it.

    The canary is a known text; it is stored when there is none and the keys open whatever is encrypted already.
    Before the first migration there is nothing to check. Raises ImproperlyConfigured.
    """
    if InstallationValue._meta.db_table not in connection.introspection.table_names():
        return
    try:
        if not _canary().exists():
            count_stale()
            defaults = {"value": _new_canary()}
            InstallationValue.objects.get_or_create(name=InstallationValue.KEY_CANARY, defaults=defaults)
        decrypt(_canary().values_list("value", flat=True).get(), field=CANARY)
    except DecryptionError:
        raise ImproperlyConfigured(_KEY_DOES_NOT_FIT) from None


def count_stale(keys: Sequence[bytes] | None = None) -> int:
    """How many stored values the first key does not open in the current format. DecryptionError where none does."""
    return sum(
        not decrypt(value, field=field, keys=keys).is_current
        for rows, column, field in _encrypted()
        for value in rows.values_list(column, flat=True)
    )


def reencrypt(*, keys: Sequence[bytes] | None = None, now: datetime) -> int:
    """Encrypt every stored value with the first key, all or none; returns how many were not. DecryptionError."""
    changed = 0
    with transaction.atomic():
        for rows, column, field in _encrypted():
            for pk, value in list(rows.select_for_update().order_by("pk").values_list("pk", column)):
                found = decrypt(value, field=field, keys=keys)
                if not found.is_current:
                    sealed = encrypt(found.text, field=field, keys=keys)
                    changed += rows.filter(pk=pk).update(**{column: sealed, "updated_at": now})
    return changed


def discard_lost(*, now: datetime) -> int:
    """Clear the tokens that no key opens and store a canary of the present key; returns how many were cleared."""
    with transaction.atomic():
        lost = [config.pk for config in PlexConfig.objects.select_for_update().order_by("pk") if _is_lost(config)]
        PlexConfig.objects.filter(pk__in=lost).update(plex_token="", updated_at=now)
        InstallationValue.objects.update_or_create(
            name=InstallationValue.KEY_CANARY, defaults={"value": _new_canary(), "updated_at": now},
        )
    return len(lost)


def count_lost() -> int:
    """How many tokens no key opens."""
    return sum(_is_lost(config) for config in PlexConfig.objects.all())


def _is_lost(config: PlexConfig) -> bool:
    if not config.plex_token:
        return False
    try:
        decrypt(config.plex_token, field=PLEX_TOKEN)
    except DecryptionError:
        return True
    return False


def _encrypted() -> Iterator[tuple[QuerySet[Model], str, str]]:
    """All that is encrypted: rows, column, and the name bound into the values."""
    yield PlexConfig.objects.exclude(plex_token=""), "plex_token", PLEX_TOKEN
    yield _canary(), "value", CANARY


def _canary() -> QuerySet[InstallationValue]:
    return InstallationValue.objects.filter(name=InstallationValue.KEY_CANARY)


def _new_canary() -> str:
    return encrypt(_CANARY_TEXT, field=CANARY)

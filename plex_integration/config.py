"""A person's connection to Plex: its webhook secret, its URL and its token."""

import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from plex_integration import encryption
from plex_integration.models import InstallationValue, PlexConfig
from tvshows import rows

WEBHOOK_PATH = "/api/plex/webhook"
_SECRET_COLUMNS = [
    "webhook_secret", "previous_webhook_secret", "previous_secret_expires_at", "secret_rotated_at", "updated_at",
]


def new_secret() -> str:
    """A fresh webhook secret: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def create_config(*, user: User) -> PlexConfig:
    """A connection with a fresh secret; IntegrityError when the person has one already."""
    return PlexConfig.objects.create(user=user, webhook_secret=new_secret())


def rotate_secret(config_id: int, *, grace: timedelta, now: datetime) -> PlexConfig:
    """Give the connection a fresh secret; the one it had stays valid for `grace`, and older ones end at once.

    Raises PlexConfig.DoesNotExist.
    """
    if grace < timedelta(0):
        raise ValueError("The grace period cannot be negative.")
    with transaction.atomic():
        config = PlexConfig.objects.select_for_update().get(pk=config_id)
        keep = bool(grace and config.webhook_secret)
        config.previous_webhook_secret = config.webhook_secret if keep else ""
        config.previous_secret_expires_at = now + grace if keep else None
        config.webhook_secret = new_secret()
        config.secret_rotated_at = config.updated_at = now
        config.save(update_fields=_SECRET_COLUMNS)
    return config


def end_previous_secret(config_id: int, *, now: datetime) -> None:
    """End the grace of the secret before: the old URL is refused from now on."""
    PlexConfig.objects.filter(pk=config_id).update(
        previous_webhook_secret="", previous_secret_expires_at=None, updated_at=now,
    )


def match_secret(given: str, now: datetime) -> PlexConfig | None:
    """Whose connection an event belongs to, by the secret that it bears; `user_id` is there without a query.

    Every secret is read anew, so that a rotation by SQL acts at once, and compared in constant time, also after
    one has matched. An empty secret never matches.
    """
    candidate = _comparable(given)
    matched = None
    for config in rows.read(PlexConfig, "SELECT * FROM plex_config ORDER BY id"):
        for secret in config.secrets(now):
            if hmac.compare_digest(_comparable(secret), candidate):
                matched = matched or config
    return matched


def _comparable(secret: str) -> bytes:
    # compare_digest takes no non-ASCII str, and a query string may hold what is no Unicode text at all.
    return secret.encode("utf-8", "surrogatepass")


def webhook_url(config: PlexConfig, request: HttpRequest | None = None) -> str:
    """The URL to enter in Plex, or nothing while there is no secret."""
    if not config.webhook_secret:
        return ""
    here = f"{request.scheme}://{request.get_host()}" if request else address()
    return f"{settings.PUBLIC_WEBHOOK_URL or here}{WEBHOOK_PATH}?{urlencode({'secret': config.webhook_secret})}"


def address() -> str:
    """Where the product was last started, such as http://127.0.0.1:8000."""
    found = InstallationValue.objects.filter(name=InstallationValue.ADDRESS).values_list("value", flat=True).first()
    return found or "http://localhost:8000"


def note_address(base: str) -> None:
    """Keep the address at which the product is started, for the commands that print it."""
    InstallationValue.objects.update_or_create(name=InstallationValue.ADDRESS, defaults={"value": base})


def get_token(config: PlexConfig) -> str:
    """The Plex token, or nothing where none is saved. Raises DecryptionError."""
    return encryption.decrypt(config.plex_token, field=encryption.PLEX_TOKEN).text if config.plex_token else ""


def set_token(config: PlexConfig, token: str | None) -> None:
    """Encrypt a token into the connection, which the caller saves. "" clears it.

    None keeps the saved one, encrypted anew where that was done with an older key or in the older format.
    Raises EncryptionError, or DecryptionError for a saved one that no key opens.
    """
    if token is None and config.plex_token:
        saved = encryption.decrypt(config.plex_token, field=encryption.PLEX_TOKEN)
        if saved.is_current:
            return
        token = saved.text
    config.plex_token = encryption.encrypt(token, field=encryption.PLEX_TOKEN) if token else ""

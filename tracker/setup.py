"""The first account. Whoever holds the one-time token that `manage.py up` printed may make it, once."""

import hashlib
import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from plex_integration.models import InstallationValue


class TokenSpentError(Exception):
    """Somebody else was first, or an account exists already."""


def is_open() -> bool:
    """Whether there is no account yet."""
    return not get_user_model().objects.exists()


def new_token() -> str:
    """Make a token, in place of the one before it. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    InstallationValue.objects.update_or_create(
        name=InstallationValue.SETUP_TOKEN, defaults={"value": _hash(token), "updated_at": timezone.now()},
    )
    return token


def is_valid(token: str) -> bool:
    """Whether the token opens the setup page."""
    kept = InstallationValue.objects.filter(name=InstallationValue.SETUP_TOKEN).values_list("value", flat=True).first()
    return kept is not None and constant_time_compare(_hash(token), kept)


def create_first_account(*, token: str, user: User) -> None:
    """Save the prepared user as the administrator, with a Plex connection; raises TokenSpentError.

    Of any number of requests at once exactly one deletes the token's row, and only that one goes on.
    """
    from plex_integration.config import create_config

    with transaction.atomic():
        token_row = InstallationValue.objects.filter(name=InstallationValue.SETUP_TOKEN, value=_hash(token))
        deleted, _ = token_row.delete()
        if deleted != 1 or not is_open():
            raise TokenSpentError
        user.is_staff = user.is_superuser = True
        user.save()
        create_config(user=user)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()

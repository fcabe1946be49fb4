"""Guessing passwords: after too many wrong ones an address is locked out of an account for a while."""

import hashlib
import logging
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django_ratelimit.core import get_usage

logger = logging.getLogger(__name__)

WRONG_PASSWORDS = 10  # so that of many tries at most this many reach the password check
LOCK_SECONDS = 15 * 60
_GROUP = "login"

T = TypeVar("T")


def is_locked(request: HttpRequest, username: str) -> bool:
    """Whether this address has to wait before it may try this account again."""
    return _ask_cache(lambda: cache.get(_lock_key(request, username)) is not None, default=False)


def note_wrong_password(request: HttpRequest, username: str) -> None:
    """Count a wrong password; the last one of the allowed number locks for LOCK_SECONDS from now."""
    key = _lock_key(request, username)

    def count() -> None:
        usage = get_usage(
            request, group=_GROUP, key=lambda *_: key, rate=(WRONG_PASSWORDS, LOCK_SECONDS), increment=True,
        )
        if usage and usage["count"] >= WRONG_PASSWORDS:
            cache.set(key, 1, LOCK_SECONDS)

    _ask_cache(count, default=None)


def _lock_key(request: HttpRequest, username: str) -> str:
    name = unicodedata.normalize("NFKC", username).strip().casefold()  # as the sign-in form reads it
    who = f"{name}\n{request.META['REMOTE_ADDR']}"
    return f"login-lock:{hashlib.sha256(who.encode(errors='replace')).hexdigest()}"


def _ask_cache(question: Callable[[], T], *, default: T) -> T:
    """A cache that is down must not lock everybody out."""
    try:
        return question()
    except _cache_errors() as problem:
        logger.warning("The cache does not answer (%s): wrong passwords are not counted", type(problem).__name__)
        return default


def _cache_errors() -> tuple[type[Exception], ...]:
    if not settings.REDIS_URL:
        return (OSError,)
    from redis.exceptions import RedisError  # 5 MiB that most installations do not need

    return OSError, RedisError

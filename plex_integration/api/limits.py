"""Counting requests per address or person, with django-ratelimit. A limit never costs an event with a valid secret."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage

logger = logging.getLogger(__name__)
WRONG_SECRETS = 100  # a minute and address, also when events are not limited


@dataclass(frozen=True, slots=True)
class Usage:
    """Whether the limit is exceeded, and after how many seconds to come again."""

    exceeded: bool = False
    retry_after: int = 0


def _address(_group: str, request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "unknown")


def _person(_group: str, request: HttpRequest) -> str:
    return str(request.user.pk)


def count(
    request: HttpRequest, group: str, most: int, key: Callable[[str, HttpRequest], str] = _address,
) -> Usage:
    """Count this request in a group and minute. A cache that does not answer limits nobody."""
    if most == 0:
        return Usage()
    try:
        usage = get_usage(request, group=group, key=key, rate=f"{most}/m", increment=True)
    except Exception as error:  # noqa: BLE001  (each cache has its own; none may cost an event)
        logger.warning("The cache that counts requests does not answer, so none are limited: %s", type(error).__name__)
        return Usage()
    if usage is None or usage["time_left"] < 0:  # its way to say that the cache lost the count
        return Usage()
    return Usage(bool(usage["should_limit"]), int(usage["time_left"]) or 1)


def count_event(request: HttpRequest) -> Usage:
    """Count an event with a valid secret."""
    return count(request, "plex-events", settings.PLEX_RATE_LIMIT)


def count_wrong_secret(request: HttpRequest) -> Usage:
    """Count a request with a wrong secret."""
    return count(request, "plex-wrong-secrets", settings.PLEX_RATE_LIMIT or WRONG_SECRETS)


def count_person(request: HttpRequest, group: str, most: int) -> Usage:
    """Count a request of the person who is signed in."""
    return count(request, group, most, _person)

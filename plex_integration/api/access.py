"""Who may: signed in by session or token; staff; and for changes the same right as in the admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, IsAdminUser
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from plex_integration.api import limits

if TYPE_CHECKING:  # the framework reads our classes while it makes this one
    from rest_framework.views import APIView

_KEY = re.compile(r"[0-9a-f]{40}")  # as rest_framework.authtoken makes them


class TokenAuthentication(authentication.TokenAuthentication):
    """`Authorization: Token …`; what cannot be a token is not looked up."""

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        """The person and the token. Raises AuthenticationFailed."""
        if not _KEY.fullmatch(key):
            raise AuthenticationFailed("This is no token of the tracker.")
        return super().authenticate_credentials(key)


def person(request: Request) -> User:
    """Who asks."""
    assert isinstance(request.user, User)  # noqa: S101  (the permissions saw to it; this tells mypy)
    return request.user


class Staff(IsAdminUser):
    """Staff. For changes also the right that the admin asks for, where the view names one in `change_needs`."""

    message = "Only staff may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether this person may."""
        if not super().has_permission(request, view):
            return False
        needed: str = getattr(view, "change_needs", "")
        if request.method in SAFE_METHODS or not needed or person(request).has_perm(f"plex_integration.{needed}"):
            return True
        self.message = f"You may look at this and not change it: that needs the right {needed}."
        return False


class OutsideRequests(BaseThrottle):
    """At most 10 a minute and person, of the changes that make requests to other services."""

    group = "plex-outside-requests"
    most = 10
    counted = frozenset({"POST"})
    _wait = 0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count it. A cache that does not answer limits nobody."""
        del view
        if request.method not in self.counted:
            return True
        usage = limits.count_person(request, self.group, self.most)
        self._wait = usage.retry_after
        return not usage.exceeded

    def wait(self) -> float:
        """Seconds until it may be tried again."""
        return self._wait

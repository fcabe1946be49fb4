"""Who may change something on a page: staff with the same right that the admin and the API ask for."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from tvshows.visitors import person

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def may(request: HttpRequest, right: str) -> bool:
    """Whether who looks at the page is staff with a right of this app, such as change_plexconflict."""
    looks = person(request)
    return looks.is_staff and looks.has_perm(f"plex_integration.{right}")


def needs(right: str) -> Callable[[View[P]], View[P]]:
    """Only for staff with a right of this app; others get 403."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not may(request, right):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return checked

    return decorate

"""Who looks at a page: the one place that tells views the type of `request.user`."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def person(request: HttpRequest) -> User:
    """The signed-in person; LoginRequiredMiddleware let nobody else through."""
    assert isinstance(request.user, User)  # noqa: S101  (this tells mypy)
    return request.user


def staff_only(view: View[P]) -> View[P]:
    """Settings, questions and payloads are for staff; others get 403 (PermissionDenied)."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not person(request).is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked

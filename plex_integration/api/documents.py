"""How the API describes itself: /api/schema and the page that reads it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from plex_integration.api.errors import Problem

F = TypeVar("F", bound=Callable[..., Any])
_ALWAYS = (401, 403)
_WITH_BODY = (400, 413, 415)


def documented(
    summary: str, answer: type[serializers.Serializer[Any]], *,
    status: int = 200, body: type[serializers.Serializer[Any]] | None = None,
    query: type[serializers.Serializer[Any]] | None = None, errors: Sequence[int] = (), operation: str | None = None,
) -> Callable[[F], F]:
    """Describe a method: what it takes, what it answers, and which errors beside those that any such method has."""
    refusals = {*_ALWAYS, *errors, *(_WITH_BODY if body else ()), *((400,) if query else ())}
    return extend_schema(
        operation_id=operation, summary=summary, request=body, parameters=[query] if query else [],
        responses={status: answer, **dict.fromkeys(sorted(refusals), Problem)},
    )


def forbid_unknown_keys(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say in the schema what an InputSerializer does; all of those are named bodies."""
    for name, shape in result["components"]["schemas"].items():
        if name.endswith("Body"):
            shape["additionalProperties"] = False
    return result


class NoSuchRoute(APIView):
    """Every address of the API that nothing else has: a program is told so in its own language."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whoever is signed in hears that it is not there."""
        super().initial(request, *args, **kwargs)
        raise NotFound


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """The page on which the API can be read and tried; for whoever is signed in."""
    return render(request, "api_docs.html")

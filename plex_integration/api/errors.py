"""How the API says that something cannot be done: always the shape in which the webhook says it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound
from rest_framework.response import Response
from rest_framework.views import exception_handler

from plex_integration.api.reading import TooLarge
from plex_integration.exceptions import PlexIntegrationError, TransientError
from tvshows.exceptions import AddressDenied, ServiceDown, ServiceError

DATABASE_AWAY_SECONDS = 5


class Problem(serializers.Serializer[Any]):
    """What went wrong, in words for a person."""

    status = serializers.CharField(help_text="Always \"error\".")
    message = serializers.CharField(help_text="The kind, such as \"Bad Request\".")
    error = serializers.CharField(help_text="What is wrong, and what to do.")


class Refused(APIException):
    """It cannot be done as asked."""

    status_code = HTTPStatus.BAD_REQUEST


class Clash(APIException):
    """It cannot be done as things are now."""

    status_code = HTTPStatus.CONFLICT


class BadGateway(APIException):
    """A service that we asked for it said no."""

    status_code = HTTPStatus.BAD_GATEWAY


class Unavailable(APIException):
    """Not now; again after `wait` seconds."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str, wait: float) -> None:
        super().__init__(detail)
        self.wait = max(wait, 1)


def answer(problem: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to an exception; nothing for one that is a fault of ours."""
    response = exception_handler(_as_answerable(problem), dict(context))
    if response is not None:
        message = HTTPStatus(response.status_code).phrase
        response.data = {"status": "error", "message": message, "error": in_words(response.data)}
    return response


def _as_answerable(problem: Exception) -> Exception:
    """An exception of the domain, of a service or of Django as one that the framework answers."""
    match problem:
        case PlexIntegrationError() | ServiceError():
            return _of_domain(problem, str(problem))
        case OperationalError() | InterfaceError():
            return Unavailable("The database is busy or away. Try again.", DATABASE_AWAY_SECONDS)
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation():
            return Refused("The request cannot be read.")
        case ObjectDoesNotExist():
            return NotFound()
    return problem


def _of_domain(problem: Exception, text: str) -> APIException:
    """By what is at the bottom of it: a service that is down or says no, else what was asked for."""
    match problem.__cause__ if isinstance(problem.__cause__, ServiceError) else problem:
        case TransientError(retry_after=wait) | ServiceDown(retry_after=wait):
            return Unavailable(text, wait.total_seconds())
        case PlexIntegrationError() | AddressDenied():
            return Refused(text)
    return BadGateway(text)


def in_words(detail: Any, name: str = "") -> str:
    """Errors by field as one text: "createNew.tmdbId: A valid integer is required."."""
    if isinstance(detail, Mapping):
        return " ".join(in_words(part, _joined(name, key)) for key, part in detail.items())
    text = " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)
    return f"{name}: {text}" if name else text


def _joined(name: str, key: object) -> str:
    if key in {"detail", "non_field_errors"}:
        return name
    return f"{name}.{key}" if name else str(key)

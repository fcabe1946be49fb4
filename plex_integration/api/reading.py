"""What callers send: JSON bodies of bounded size, and query parameters."""

from collections.abc import Mapping
from typing import IO, Any

from django.db.models import QuerySet
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from plex_integration.api.camel import CamelSerializer
from plex_integration.untrusted import UnreadableJSON, clean_text, read_object

MOST_BODY = 64 * 1024  # bytes; no body of this API comes near it


class TooLarge(APIException):
    """A body over the limit, which is not read to its end."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A body may have {MOST_BODY // 1024} KiB."
    default_code = "too_large"


class ObjectParser(BaseParser):
    """A JSON object, read by the same rules as an event: bounded, and safe to store in both databases."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object. Raises TooLarge, ParseError."""
        del media_type, parser_context
        data = bytearray()
        while len(data) <= MOST_BODY and (chunk := stream.read(MOST_BODY + 1 - len(data))):
            data += chunk
        if len(data) > MOST_BODY:
            raise TooLarge
        try:
            return read_object(bytes(data))
        except UnreadableJSON as problem:
            raise ParseError(f"The body cannot be read: {problem}.") from None


def read_body(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The checked body, with the names that we use inside. Raises ValidationError."""
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


def read_query(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The checked query parameters; others are nobody's. Raises ValidationError."""
    serializer = shape(data={name: clean_text(value) for name, value in request.query_params.dict().items()})
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


class PageQuery(CamelSerializer):
    """Which part of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=1000, default=1000, help_text="At most so many rows.")
    offset = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0, help_text="Leave out so many.")


class Page(CamelSerializer):
    """A part of a list, and how long the list is."""

    total = serializers.IntegerField(help_text="How many there are in all.")
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


def answer_page(shape: type[Page], name: str, rows: QuerySet[Any], page: Mapping[str, Any], **more: Any) -> Response:
    """The part of `rows` that was asked for, under `name`."""
    limit, offset = page["limit"], page["offset"]
    listed = list(rows[offset : offset + limit])
    return Response(shape({name: listed, "total": rows.count(), "limit": limit, "offset": offset, **more}).data)

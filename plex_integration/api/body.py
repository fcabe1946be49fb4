"""Reading a webhook's body: bounded, streamed, and the thumb dropped on the way."""

import re
from typing import Any, BinaryIO

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.request import Request

from plex_integration.payloads import InvalidPayload
from plex_integration.untrusted import UnreadableJSON, clean_text, read_object

MOST_PAYLOAD = 2 * 1024 * 1024  # bytes
MOST_BODY = 10 * 1024 * 1024  # bytes
_CHUNK = 64 * 1024


class TooLarge(Exception):  # noqa: N818  (what is wrong, not that something is)
    """The body or the payload is over its limit."""


class UnreadablePayload(InvalidPayload):
    """The body holds no JSON object; `text` is what came in its place, for a person to look at."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class _Bounded:
    """A stream that ends with TooLarge once more than the limit was read from it."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(_CHUNK if size is None or size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge
        return data


class _PayloadOnly(FileUploadHandler):
    """Keeps each `payload` that was sent as a file part, and lets every other file pass unread: the thumb."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.payloads: list[bytearray] = []

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != "payload":
            raise SkipFile
        self.payloads.append(bytearray())

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        del start
        self.payloads[-1] += raw_data
        if sum(map(len, self.payloads)) > MOST_PAYLOAD:
            raise TooLarge

    def file_complete(self, file_size: int) -> None:
        del file_size


def read_event(request: Request) -> dict[str, Any]:
    """The payload's JSON object, from a form or as the body. Raises TooLarge, UnreadablePayload."""
    http: HttpRequest = request._request  # DRF has no public name for it
    kind = http.content_type or ""
    length = http.META.get("CONTENT_LENGTH") or ""
    if re.fullmatch("[0-9]{1,30}", length) and int(length) > MOST_BODY:
        raise TooLarge
    if http.META.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in {"", "identity"}:
        raise UnreadablePayload("a compressed body cannot be read; send it as it is")
    if kind == "application/json":
        return _object(_whole(http, MOST_PAYLOAD))
    if kind == "multipart/form-data":
        return _object(_form_payload(http))
    raise UnreadablePayload("send multipart/form-data with a field \"payload\", or application/json")


def _object(data: bytes) -> dict[str, Any]:
    try:
        return read_object(data)
    except UnreadableJSON as problem:
        raise UnreadablePayload(str(problem), clean_text(data[:10_000].decode(errors="replace"))) from None


def _stream(http: HttpRequest) -> BinaryIO:
    """The body as the server hands it over. Django's own stream ends at Content-Length, which chunked bodies lack."""
    if http.META.get("CONTENT_LENGTH"):
        return http  # type: ignore[return-value]  # it has read()
    chunked = "chunked" in http.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    stream: BinaryIO = http.META["wsgi.input"] if chunked else http  # type: ignore[assignment]
    return stream


def _whole(http: HttpRequest, most: int) -> bytes:
    stream, data = _Bounded(_stream(http), most), bytearray()
    while chunk := stream.read(_CHUNK):
        data += chunk
    return bytes(data)


def _form_payload(http: HttpRequest) -> bytes:
    handler = _PayloadOnly(http)
    # Django's parser knows the type in lower case only, and does nothing when no length is declared.
    kind = "multipart/form-data" + http.META["CONTENT_TYPE"].strip()[len("multipart/form-data"):]
    meta = {**http.META, "CONTENT_TYPE": kind, "CONTENT_LENGTH": http.META.get("CONTENT_LENGTH") or str(MOST_BODY)}
    try:
        stream: Any = _Bounded(_stream(http), MOST_BODY)  # the parser only reads it
        fields, _ = MultiPartParser(meta, stream, [handler], "utf-8").parse()
    except RequestDataTooBig:
        raise TooLarge from None
    except (MultiPartParserError, SuspiciousOperation, ValueError) as problem:
        raise UnreadablePayload(f"it is no readable form: {problem}") from None
    texts = [text.encode("utf-8", "surrogatepass") for text in fields.getlist("payload")]
    texts += map(bytes, handler.payloads)
    if len(texts) != 1:
        raise UnreadablePayload("the form has no field \"payload\"" if not texts else "the form has several payloads")
    return texts[0]

"""The webhook: secret first, then the body, then one call into the domain."""

import ipaddress
import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.db import Error as DatabaseProblem
from django.http import QueryDict
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration.api import limits
from plex_integration.api.body import MOST_BODY, MOST_PAYLOAD, TooLarge, UnreadablePayload, read_event
from plex_integration.config import match_secret
from plex_integration.ingest import Received, keep_invalid, receive
from plex_integration.models import PlexConfig
from plex_integration.payloads import InvalidPayload

logger = logging.getLogger(__name__)
RETRY_AFTER = "5"  # seconds, while the database is away


def _error(status: int, message: str, error: str, **headers: str) -> Response:
    return Response({"status": "error", "message": message, "error": error}, status=status, headers=headers)


class _AlwaysJSON(BaseContentNegotiation):
    """Whatever a sender says that it accepts: Plex sends once, so a refusal for that would lose the event."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        del request, format_suffix
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class WebhookView(APIView):
    """POST /api/plex/webhook?secret=S: one event from a Plex server."""

    http_method_names = ("post",)
    content_negotiation_class = _AlwaysJSON
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    schema = None

    def post(self, request: Request) -> Response:
        """Answer 200 when it is settled, 202 when a worker will, and never before it is stored."""
        if not _is_allowed(request.META.get("REMOTE_ADDR", "")):
            return _error(403, "Address not allowed", "This address is not in PLEX_ALLOWED_IPS.")
        try:
            config = match_secret(_secret(request), timezone.now())
            return _answer(request, config) if config else _refuse(request)
        except DatabaseProblem as error:
            logger.error("An event could not be stored: %s", error)  # noqa: TRY400  (the cause is the database's)
            again = {"Retry-After": RETRY_AFTER}
            return _error(503, "Not stored", "The database is busy or away. Send it again.", **again)


def _secret(request: Request) -> str:
    """The secret in the URL, read as UTF-8: Django's own reading believes the body's charset, which need not be any."""
    try:
        query = QueryDict(request.META.get("QUERY_STRING", "").encode("latin-1", "replace"), encoding="utf-8")
    except TooManyFieldsSent:
        return ""
    return query.get("secret") or query.get("token") or ""


def _is_allowed(address: str) -> bool:
    """Whether the optional allow list has the address; an IPv4 address may come in IPv6 form."""
    if not settings.PLEX_ALLOWED_IPS:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(ip, "ipv4_mapped", None) or ip
    return any(plain in network for network in settings.PLEX_ALLOWED_IPS)


def _refuse(request: Request) -> Response:
    usage = limits.count_wrong_secret(request)
    logger.warning("A webhook with a missing or wrong secret came from %s", request.META.get("REMOTE_ADDR"))
    if usage.exceeded:
        return _error(429, "Too many requests", "Too many wrong secrets.", **{"Retry-After": str(usage.retry_after)})
    return _error(401, "Unauthorized", "The secret in the URL is missing or wrong. Copy the webhook URL anew.")


def _answer(request: Request, config: PlexConfig) -> Response:
    usage = limits.count_event(request)
    now = timezone.now()
    try:
        received = receive(config, read_event(request), now=now, defer=usage.exceeded)
    except TooLarge:
        most = f"{MOST_PAYLOAD // 2**20} MiB of payload and {MOST_BODY // 2**20} MiB in all"
        return _error(413, "Too large", f"An event may have {most}.")
    except UnreadablePayload as problem:
        keep_invalid(config, problem.text, str(problem), now=now)
        return _error(400, "Invalid payload", str(problem))
    except InvalidPayload as problem:
        return _error(400, "Invalid payload", str(problem))
    if usage.exceeded:
        body = {"status": "accepted", "message": "Over the rate limit: stored, and worked on later."}
        return Response(body, status=429, headers={"Retry-After": str(usage.retry_after)})
    return _verdict(received)


def _verdict(received: Received) -> Response:
    settled = received.settled
    if settled is None:
        return Response({"status": "accepted", "message": "Stored; a worker takes it up."}, status=202)
    body: dict[str, Any] = {"status": settled.status, "message": settled.reason}
    return Response(body)

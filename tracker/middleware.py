"""Who asks, under which name, from which page: settled before any view runs."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils import timezone

from tracker.hosts import IPAddress, host_name, is_allowed, parse_address
from tvshows.models import Viewer

logger = logging.getLogger(__name__)

# Its secret protects it, and Plex sends an event only once, perhaps under a container's odd name.
WEBHOOK_PATH = "/api/plex/webhook"
UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104  (what REMOTE_ADDR says of a Unix socket's peer; nothing is bound)

_FORWARDED = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REAL_IP", "HTTP_FORWARDED",
)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https://image.tmdb.org; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Django sets these too, but not on what is answered before its middleware.
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Answer = Callable[[HttpRequest], HttpResponseBase]


class ContentSecurityPolicyMiddleware:
    """Puts the policy, and the headers that go with it, on every answer: no script and no style but our own files."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and add the headers."""
        response = self.get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class TrustedProxyMiddleware:
    """Sets REMOTE_ADDR to the client's address and the scheme to the client's, as far as a trusted proxy tells them.

    What anybody else forwards is taken out of the request, so that no code behind us can believe it.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the client in its place."""
        meta = request.META
        peer = parse_address(meta.get("REMOTE_ADDR") or "")
        if peer is not None and _is_trusted(peer):
            peer = _client(peer, meta.get("HTTP_X_FORWARDED_FOR", ""))
            scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in {"http", "https"}:
                meta["wsgi.url_scheme"] = scheme
        meta["REMOTE_ADDR"] = str(peer) if peer is not None else UNKNOWN_ADDRESS
        for name in _FORWARDED:
            meta.pop(name, None)
        return self.get_response(request)


def _is_trusted(address: IPAddress) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _client(peer: IPAddress, forwarded: str) -> IPAddress:
    """The right-most hop that is not trusted: whatever stands left of it, the client could have written itself."""
    client = peer
    while forwarded:
        forwarded, _, hop = forwarded.rpartition(",")
        address = parse_address(hop)
        if address is None:  # not written by any proxy that is to be trusted
            break
        client = address
        if not _is_trusted(address):
            break
    return client


class HostMiddleware:
    """Refuses foreign names, so that a page elsewhere cannot reach us under a name that it controls."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or refuse the name."""
        header = request.META.get("HTTP_HOST", "")
        if not header:  # every browser sends one: this is a simple program, and nobody can be led astray
            request.META.pop("HTTP_HOST", None)
            return self.get_response(request)
        name = host_name(header)
        if is_allowed(name):
            return self.get_response(request)
        if request.path_info == WEBHOOK_PATH:
            request.META["HTTP_HOST"] = "localhost"  # Django itself refuses what is no host name
            return self.get_response(request)
        logger.warning("Refused the host %r: ALLOWED_HOSTS does not name it", header[:80])
        context = {"host": name.strip("[]") or header[:80], "named": bool(name)}
        return render(request, "host_refused.html", context, status=400)


class NoNulMiddleware:
    """Refuses a NUL in the query of an admin's page, whose filters hand it to the database: PostgreSQL knows none."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or refuse the query."""
        if "%00" in request.META.get("QUERY_STRING", "") and request.path_info.startswith("/admin/"):
            return render(request, "400.html", status=400)
        return self.get_response(request)


class OnlyFormsMiddleware:
    """Says in words that an address only takes what a form sends: somebody may open it from the history."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with a page where the method is not allowed; programs get the bare status."""
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or request.path_info.startswith("/api/"):
            return response
        page = render(request, "405.html", status=response.status_code)
        page.headers["Allow"] = response.headers["Allow"]
        return page


class SameOriginMiddleware:
    """Refuses what another site's page sends here in a person's name. The CSRF token stays the second lock."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or refuse the foreign page."""
        if request.method in _SAFE_METHODS or request.path_info == WEBHOOK_PATH or not _is_foreign(request):
            return self.get_response(request)
        message = "This came from a page of another site, so it was refused. Nothing was changed."
        if _differs_in_scheme(request):
            message = (
                "Your browser uses https, but the tracker was reached by http. If a proxy stands between, name its "
                "address in TRUSTED_PROXIES and let it send X-Forwarded-Proto. Nothing was changed."
            )
        if request.path_info.startswith("/api/"):
            return HttpResponse(message, content_type="text/plain; charset=utf-8", status=403)
        return render(request, "403.html", {"message": message}, status=403)


def _is_foreign(request: HttpRequest) -> bool:
    """Whether a browser says that the request began on another origin; other clients say nothing of the kind."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None:
        return origin not in settings.CSRF_TRUSTED_ORIGINS and not _is_own(origin, request)
    return request.META.get("HTTP_SEC_FETCH_SITE", "none") not in {"none", "same-origin"}


def _is_own(origin: str, request: HttpRequest) -> bool:
    return origin.lower() == f"{request.scheme}://{request.get_host()}".lower()


def _differs_in_scheme(request: HttpRequest) -> bool:
    return request.scheme == "http" and request.META.get("HTTP_ORIGIN") == f"https://{request.get_host()}"


class LoginRequiredMiddleware(auth.LoginRequiredMiddleware):
    """Django's, but where nobody has to be signed in it leaves the session alone: /healthz works without a database."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any,
    ) -> HttpResponseBase | None:
        """Send whom nobody knows to the sign-in page."""
        if not getattr(view_func, "login_required", True):
            return None
        refused: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        if refused is None or "HX-Request" not in request.headers:
            return refused
        # htmx would put the sign-in page into the part of the page that it asked for.
        shown = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
        sign_in = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': shown})}"
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": sign_in})


class TimeZoneMiddleware:
    """Shows all times in the zone that a person chose, else in the installation's."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in the installation's zone, unless `process_view` finds another; the thread's next one begins anew."""
        with timezone.override(None):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Activate the person's zone; where nobody has to be signed in, nobody is asked who it is."""
        if getattr(view_func, "login_required", True) and request.user.is_authenticated:
            chosen = Viewer.objects.filter(user=request.user.pk).values_list("time_zone", flat=True).first()
            if chosen and (zone := _zone(chosen)):
                timezone.activate(zone)


def _zone(name: str) -> ZoneInfo | None:
    """The zone, or nothing where the system does not know it, such as one written by SQL."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        return None

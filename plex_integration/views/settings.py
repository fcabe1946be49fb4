"""The page of settings for Plex: connecting it, and what of it counts. Each view makes one call into the domain."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from plex_integration import connecting
from plex_integration import libraries as plex_libraries
from plex_integration.config import webhook_url
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.forms import ConnectForm, OptionsForm
from plex_integration.models import PlexConfig
from tvshows import tmdb
from tvshows.visitors import person, staff_only

PAGE = "settings-plex"
_PIN = "plex_pin"  # in the session: the number and the address of a sign-in that was begun

_LOOPBACK = (
    "Its address is this machine's own, so only a Plex server on this machine reaches it. For another one start the "
    "tracker with --host 0.0.0.0, open it by its address in your network, and register the webhook from there."
)

def _config(request: HttpRequest) -> PlexConfig | None:
    return PlexConfig.objects.filter(user=person(request)).first()


@require_GET
@never_cache
@staff_only
def plex(request: HttpRequest) -> HttpResponse:
    """What is connected, and everything that can be set."""
    return _page(request, ConnectForm(label_suffix=""))


def _page(request: HttpRequest, form: ConnectForm) -> HttpResponse:
    config = _config(request)
    context: dict[str, Any] = {"form": form, "config": config, "has_tmdb": tmdb.client() is not None}
    if config:
        context |= {
            "options": OptionsForm(instance=config, label_suffix=""), "webhook_url": webhook_url(config, request),
            "libraries": config.libraries.filter(kind="show"), "accounts": config.accounts.select_related("user"),
        }
    return render(request, "settings/plex.html", context)


@require_POST
@sensitive_post_parameters("token")
@staff_only
def connect(request: HttpRequest) -> HttpResponse:
    """With a token, or the saved one, and the server found or given."""
    form = ConnectForm(request.POST, label_suffix="")
    if form.is_valid() and _connect(request, form.cleaned_data["token"], form.cleaned_data["server_url"]):
        return redirect(PAGE)
    return _page(request, form)


def _connect(request: HttpRequest, token: str, server_url: str = "") -> bool:
    """Connect and say so, or what is wrong."""
    try:
        config = connecting.connect(user=person(request), token=token, server_url=server_url, now=timezone.now())
    except PlexIntegrationError as problem:
        messages.error(request, str(problem))
        return False
    messages.success(request, f"Connected to {config.plex_server_name} as {config.plex_username}.")
    _read_libraries(request, config)
    return True


def _read_libraries(request: HttpRequest, config: PlexConfig) -> None:
    if problem := plex_libraries.refresh_or_explain(config):
        messages.warning(request, problem)


@require_http_methods(["GET", "POST"])
@never_cache
@staff_only
def sign_in(request: HttpRequest) -> HttpResponse:
    """POST begins to sign in with Plex; the page then looks every few seconds whether the person has agreed there."""
    try:
        if request.method == "POST":
            pin = connecting.start_sign_in()
            request.session[_PIN] = [pin.id, pin.url]
            return redirect("settings-plex-sign-in")
        return _waited(request)
    except PlexIntegrationError as problem:
        request.session.pop(_PIN, None)
        messages.error(request, str(problem))
        return redirect(PAGE)


def _waited(request: HttpRequest) -> HttpResponse:
    if _PIN not in request.session:
        return redirect(PAGE)
    pin_id, url = request.session[_PIN]
    token = connecting.finish_sign_in(pin_id)
    if not token:
        return render(request, "settings/plex_sign_in.html", {"url": url})
    del request.session[_PIN]
    _connect(request, token)
    return redirect(PAGE)


@require_POST
@staff_only
def options(request: HttpRequest) -> HttpResponse:
    """Switch the connection, marking and adding."""
    form = OptionsForm(request.POST, instance=_config(request))
    if form.instance.pk and form.is_valid():
        form.instance.save(update_fields=list(form.fields))
        messages.success(request, "Saved.")
    return redirect(PAGE)


@require_POST
@staff_only
def libraries(request: HttpRequest) -> HttpResponse:
    """Which libraries count; or read them from the server again."""
    config = _config(request)
    if config and "refresh" in request.POST:
        _read_libraries(request, config)
    elif config:
        counted, shown = set(request.POST.getlist("counted")), request.POST.getlist("shown")
        for one in config.libraries.filter(section_key__in=shown):
            plex_libraries.set_counted(config.pk, one.section_key, counted=one.section_key in counted)
        messages.success(request, "Saved.")
    return redirect(PAGE)


@require_POST
@staff_only
def webhook(request: HttpRequest) -> HttpResponse:
    """Have plex.tv send the account's events to our URL."""
    if config := _config(request):
        try:
            url = webhook_url(config, request)
            connecting.register_webhook(config, url)
            messages.success(request, "The webhook is registered. The next thing that you watch arrives here.")
            if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}:
                messages.warning(request, _LOOPBACK)
        except PlexIntegrationError as problem:
            messages.error(request, str(problem))
    return redirect(PAGE)

"""Connecting Plex: a token, or signing in at plex.tv, and which server. Each view makes one call into the domain."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from plex_integration import connecting
from plex_integration.connecting import TokenProblem
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig
from plex_integration.servers import ServerProblem, SeveralServers
from plex_integration.setup_forms import ConnectForm, ServerForm
from plex_integration.views.settings import PAGE, config_of, page, read_libraries
from tvshows.visitors import person, staff_only

SERVERS = "settings-plex-servers"
_PIN = "plex_pin"  # in the session: the number and the address of a sign-in that was begun
_PENDING = "plex_pending"  # in the session: a token that Plex took, sealed, and when, while the server is chosen
_PENDING_SECONDS = 1800


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("token")
@sensitive_variables()
@staff_only
def connect(request: HttpRequest) -> HttpResponse:
    """With a token, or the saved one, and the server found, given, or chosen on the next page.

    GET leads back: it is what a reload asks for after a token that was refused.
    """
    if request.method == "GET":
        return redirect(PAGE)
    form = ConnectForm(request.POST, label_suffix="")
    if not form.is_valid():
        return page(request, form=form)
    token, server_url = form.cleaned_data["token"], form.cleaned_data["server_url"]
    try:
        config = connecting.connect(
            user=person(request), token=token, server_url=server_url, ask_which=True, now=timezone.now(),
        )
    except SeveralServers as several:
        _keep(request, token)
        messages.info(request, str(several))
        return redirect(SERVERS)
    except ServerProblem as problem:
        _keep(request, token)
        mend = ServerForm({"server_url": server_url}, label_suffix="")
        mend.add_error("server_url", str(problem))
        return render(request, "settings/plex_servers.html", {"form": mend, "config": config_of(request)})
    except PlexIntegrationError as problem:
        form.add_error("token" if isinstance(problem, TokenProblem) else None, str(problem))
        return page(request, form=form)
    return _connected(request, config)


def _connected(request: HttpRequest, config: PlexConfig) -> HttpResponse:
    request.session.pop(_PENDING, None)
    messages.success(request, f"Connected to {config.plex_server_name} as {config.plex_username}.")
    read_libraries(request, config)
    return redirect(PAGE)


@sensitive_variables("token")
def _keep(request: HttpRequest, token: str) -> None:
    """Plex took the token: keep it sealed while the person chooses a server or mends the address."""
    if token:
        request.session[_PENDING] = [connecting.seal(token), timezone.now().timestamp()]


def _pending(request: HttpRequest) -> str:
    """The token for which a server is being chosen, or nothing: then the saved one is meant."""
    sealed, since = request.session.get(_PENDING, ["", 0.0])
    return connecting.unseal(sealed) if timezone.now().timestamp() - since < _PENDING_SECONDS else ""


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
        return _go(request, PAGE)


@sensitive_variables("token")
def _waited(request: HttpRequest) -> HttpResponse:
    if _PIN not in request.session:
        return _go(request, PAGE)
    pin_id, url = request.session[_PIN]
    token = connecting.finish_sign_in(pin_id)
    if not token:
        # While the page looks again it stays as it is: nothing is read out anew, and no focus is lost.
        looks = "HX-Request" in request.headers and "HX-Boosted" not in request.headers
        return HttpResponse(status=204) if looks else render(request, "settings/plex_sign_in.html", {"url": url})
    del request.session[_PIN]
    try:
        config = connecting.connect(user=person(request), token=token, ask_which=True, now=timezone.now())
    except (SeveralServers, ServerProblem) as problem:
        _keep(request, token)
        messages.info(request, str(problem))
        return _go(request, SERVERS)
    _connected(request, config)
    return _go(request, PAGE)


def _go(request: HttpRequest, name: str) -> HttpResponse:
    """On to another page, also where htmx asked for a part of one."""
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": reverse(name)})
    return redirect(name)


@require_http_methods(["GET", "POST"])
@never_cache
@staff_only
@sensitive_variables("token")
def servers(request: HttpRequest) -> HttpResponse:
    """Choose one of the account's servers, or enter the address of one."""
    token, config = _pending(request), config_of(request)
    if not token and not (config and config.plex_token):
        return redirect(PAGE)
    form = ServerForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid() and (chosen := _chosen(request, form, token)):
        return _connected(request, chosen)
    return render(request, "settings/plex_servers.html", {"form": form, "config": config})


@sensitive_variables("token")
def _chosen(request: HttpRequest, form: ServerForm, token: str) -> PlexConfig | None:
    """The connection to the server that was chosen; or nothing, and the form says why."""
    given = form.cleaned_data
    try:
        return connecting.connect(
            user=person(request), token=token, server_url=given["server_url"], server_id=given["server"],
            now=timezone.now(),
        )
    except PlexIntegrationError as problem:
        about_address = isinstance(problem, ServerProblem) and given["server_url"]
        form.add_error("server_url" if about_address else None, str(problem))
        return None


@require_GET
@never_cache
@staff_only
@sensitive_variables("token")
def servers_found(request: HttpRequest) -> HttpResponse:
    """The account's servers and where they answer: a part of the page, or the whole page with it."""
    token, config = _pending(request), config_of(request)
    context: dict[str, object] = {"config": config, "form": ServerForm(label_suffix=""), "asked": True}
    try:
        context["found"] = connecting.survey(user=person(request), token=token)
    except PlexIntegrationError as problem:
        context["problem"] = str(problem)
    part = "HX-Request" in request.headers
    return render(request, "settings/_servers.html" if part else "settings/plex_servers.html", context)

"""The page of settings for Plex: how far the setup is, and what of Plex counts. Each view makes one call into the
domain.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from plex_integration import connecting, diagnosis, guide
from plex_integration import libraries as plex_libraries
from plex_integration.config import webhook_url
from plex_integration.linking import LinkingForm
from plex_integration.models import PlexConfig
from plex_integration.setup_forms import ConnectForm, OptionsForm, SecretForm
from plex_integration.views.rights import may, needs
from plex_integration.words import counted
from tvshows.visitors import person, staff_only

PAGE = "settings-plex"
LINKING = "change_plexaccount"


def config_of(request: HttpRequest) -> PlexConfig | None:
    """The connection of whoever looks."""
    return PlexConfig.objects.filter(user=person(request)).first()


@require_GET
@never_cache
@staff_only
def plex(request: HttpRequest) -> HttpResponse:
    """What is connected, what is missing, and everything that can be set."""
    return page(request)


def page(request: HttpRequest, **replaced: Any) -> HttpResponse:
    """The page, with forms or findings in the place of fresh ones."""
    return render(request, "settings/plex.html", _context(request) | replaced)


def _context(request: HttpRequest) -> dict[str, Any]:
    config, now = config_of(request), timezone.now()
    url = webhook_url(config, request) if config else ""
    steps = guide.examine(config, unregistered=config is not None and diagnosis.is_unregistered(config, url))
    context: dict[str, Any] = {"config": config, "guide": steps, "form": ConnectForm(label_suffix="")}
    if config:
        context |= {
            "options": OptionsForm(instance=config, label_suffix=""), "secret_form": SecretForm(label_suffix=""),
            "linking": LinkingForm(steps.accounts), "may_link": may(request, LINKING),
            "webhook_url": url, "hints": guide.hints(config, url),
            "libraries": config.libraries.filter(kind="show"), "old_url_until": config.grace_until(now),
        }
    return context


@require_GET
@never_cache
@staff_only
def check(request: HttpRequest) -> HttpResponse:
    """What plex.tv and the server say just now: a part of the page, or the whole page with it."""
    config, now = config_of(request), timezone.now()
    findings = diagnosis.look(config, webhook_url(config, request), now=now) if config else ()
    found = {"findings": findings, "asked_at": now}
    if "HX-Request" in request.headers:
        return render(request, "settings/_check.html", _context(request) | found)
    return page(request, **found)


@require_GET
@never_cache
@staff_only
def first_event(request: HttpRequest) -> HttpResponse:
    """Whether the first event has arrived: a part of the page that looks again by itself."""
    if "HX-Request" not in request.headers:
        return redirect(PAGE)
    config = config_of(request)
    return render(request, "settings/_first_event.html", {"last_event": guide.last_event(config) if config else None})


@require_POST
@staff_only
def options(request: HttpRequest) -> HttpResponse:
    """Switch the connection, marking and adding."""
    config = config_of(request)
    if config is None:
        return redirect(PAGE)
    form = OptionsForm(request.POST, instance=config, label_suffix="")
    if not form.is_valid():
        return page(request, options=form)
    form.save()
    messages.success(request, "The options are saved.")
    return redirect(PAGE)


@require_POST
@staff_only
def libraries(request: HttpRequest) -> HttpResponse:
    """Which libraries count; or read them from the server again."""
    config = config_of(request)
    if config and "refresh" in request.POST:
        read_libraries(request, config)
    elif config:
        plex_libraries.choose(
            config, shown=set(request.POST.getlist("shown")), counted=set(request.POST.getlist("counted")),
        )
        messages.success(request, "The libraries are saved.")
    return redirect(PAGE)


def read_libraries(request: HttpRequest, config: PlexConfig) -> None:
    """Read them from the server, and say what was wrong if anything was."""
    if problem := plex_libraries.refresh_or_explain(config):
        messages.warning(request, problem)
    elif "refresh" in request.POST:
        messages.success(request, "The libraries were read again.")


@require_POST
@needs(LINKING)
def accounts(request: HttpRequest) -> HttpResponse:
    """Whose plays are whose, and running again what was set aside."""
    config = config_of(request)
    form = LinkingForm(guide.accounts(config) if config else (), request.POST)
    if not form.is_valid():
        return page(request, linking=form)
    linked, again = form.save(now=timezone.now())
    messages.success(request, f"{counted(linked, 'account')} changed, {counted(again, 'play')} run again.")
    return redirect(PAGE)


@require_POST
@staff_only
def disconnect(request: HttpRequest) -> HttpResponse:
    """Switch the connection off; nothing that was saved goes, but for the token at a person's wish."""
    if config := config_of(request):
        connecting.disable(config, now=timezone.now(), forget_token="forget_token" in request.POST)
        messages.success(request, "Plex is disconnected. Everything that you had is still here.")
    return redirect(PAGE)


@require_POST
@staff_only
def switch_on(request: HttpRequest) -> HttpResponse:
    """Take in events again."""
    if config := config_of(request):
        connecting.enable(config, now=timezone.now())
        messages.success(request, "What Plex sends is taken in again.")
    return redirect(PAGE)

"""The webhook's URL: registering it, its secret, and a sample that shows whether events come through."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from plex_integration import config as plex_config
from plex_integration import connecting, diagnosis, guide, heartbeat, sample
from plex_integration.config import webhook_url
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.setup_forms import SecretForm
from plex_integration.views.settings import PAGE, config_of, page
from tvshows.visitors import staff_only


@require_POST
@staff_only
def register(request: HttpRequest) -> HttpResponse:
    """Have plex.tv send the account's events to our URL."""
    if config := config_of(request):
        url = webhook_url(config, request)
        try:
            connecting.register_webhook(config, url)
        except PlexIntegrationError as problem:
            messages.error(request, str(problem))
            return redirect(PAGE)
        diagnosis.forget(config)
        messages.success(request, "The webhook is registered. The next thing that you watch arrives here.")
        if guide.is_loopback(url):
            messages.warning(request, guide.LOOPBACK)
    return redirect(PAGE)


@require_POST
@staff_only
def rotate(request: HttpRequest) -> HttpResponse:
    """Make a new secret; the old URL works on for as long as the person says."""
    config, form = config_of(request), SecretForm(request.POST, label_suffix="")
    if config is None:
        return redirect(PAGE)
    if not form.is_valid():
        return page(request, secret_form=form)
    plex_config.rotate_secret(config.pk, grace=form.cleaned_data["grace"], now=timezone.now())
    diagnosis.forget(config)
    messages.success(request, "The webhook has a new URL. Plex does not know it yet: register it, or paste it there.")
    return redirect(PAGE)


@require_POST
@staff_only
def end_old(request: HttpRequest) -> HttpResponse:
    """End the old URL before its time."""
    if config := config_of(request):
        plex_config.end_previous_secret(config.pk, now=timezone.now())
        messages.success(request, "The old URL works no longer.")
    return redirect(PAGE)


@require_POST
@staff_only
def send_sample(request: HttpRequest) -> HttpResponse:
    """Post a sample to our own URL and show it arriving."""
    config = config_of(request)
    if config is None or not config.webhook_secret:
        return redirect(PAGE)
    sent = sample.send(webhook_url(config, request))
    if "HX-Request" in request.headers:
        return render(request, "settings/_sample.html", {"sent": sent, "key": sent.key})
    for problem in sent.problems:
        messages.warning(request, problem)
    return redirect(f"{reverse('settings-plex-sample-state')}?{urlencode({'key': sent.key})}")


@require_GET
@never_cache
@staff_only
def sample_state(request: HttpRequest) -> HttpResponse:
    """What became of a sample: a part of the page that looks again until it is done."""
    fate = _fate(request, request.GET.get("key", ""))
    if "HX-Request" in request.headers:
        return render(request, "settings/_sample_state.html", fate)
    return page(request, **fate)


def _fate(request: HttpRequest, key: str) -> dict[str, object]:
    config = config_of(request)
    log = sample.find(config, key) if config else None
    return {"key": key, "sample": log, "worker_seen": heartbeat.last()}

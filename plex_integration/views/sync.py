"""The page of the library sync: begin a run, see how far it is, stop it, and what the last ones did."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig, SyncRun
from plex_integration.sync import background, runs
from plex_integration.sync.engine import Wanted
from plex_integration.sync.overview import overview
from tvshows.visitors import person, staff_only


class RunForm(forms.Form):
    """What a run shall do: everything, or the shows of one title."""

    title = forms.CharField(
        label="Title", max_length=255, required=False,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    year = forms.IntegerField(
        label="First year", min_value=1880, max_value=2200, required=False, help_text="Where several have the title.",
        widget=forms.TextInput(attrs={"class": "input", "inputmode": "numeric", "autocomplete": "off"}),
    )
    older = forms.BooleanField(
        label="Also tick off what was watched before", required=False, widget=forms.CheckboxInput,
    )
    one = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean(self) -> None:
        """One show needs a title."""
        super().clean()
        if self.cleaned_data.get("one") and not self.cleaned_data.get("title") and "title" not in self.errors:
            self.add_error("title", "Write the show's title, as Plex has it.")

    def wanted(self, user_id: int) -> Wanted:
        """The run."""
        data = self.cleaned_data
        scope = SyncRun.Scope.SHOW if data["one"] else SyncRun.Scope.ALL
        return Wanted(scope, data["title"] if data["one"] else "", data["year"], older=data["older"], user_id=user_id)


def _config(request: HttpRequest) -> PlexConfig | None:
    return PlexConfig.objects.filter(user=person(request)).first()


@require_GET
@never_cache
@staff_only
def sync(request: HttpRequest) -> HttpResponse:
    """The page; the part that moves is asked for again every two seconds."""
    return _page(request, RunForm(label_suffix=""))


def _page(request: HttpRequest, form: RunForm) -> HttpResponse:
    found = overview(_config(request), now=timezone.now())
    return render(request, "plex_integration/sync.html", {"sync": found, "form": form})


@require_POST
@staff_only
def start(request: HttpRequest) -> HttpResponse:
    """Have the worker begin a run."""
    config, form = _config(request), RunForm(request.POST, label_suffix="")
    if config is None or not form.is_valid():
        return _page(request, form)
    try:
        background.start(config, form.wanted(person(request).pk), now=timezone.now())
        messages.success(request, "The sync begins. You may leave this page.")
    except PlexIntegrationError as problem:
        messages.error(request, str(problem))
    return redirect("sync")


@require_POST
@staff_only
def cancel(request: HttpRequest) -> HttpResponse:
    """Stop the run after the page that it is at."""
    config = _config(request)
    if config and runs.cancel(config.pk):
        messages.success(request, "The sync stops. What it has read stays, and the next one goes on from there.")
    else:
        messages.info(request, "No sync is running any more.")
    return redirect("sync")

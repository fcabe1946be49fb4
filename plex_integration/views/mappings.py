"""The pages of mappings: which show here each Plex show is. Each view makes one call into the domain."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from plex_integration import mapping, mapping_list, questions, resolution, retraction
from plex_integration.exceptions import Unresolvable
from plex_integration.forms import ChooseForm, picked_rows
from plex_integration.mapping_list import Entry
from plex_integration.views.conflicts import waits
from plex_integration.views.rights import may, needs
from plex_integration.words import counted, told
from tvshows.visitors import person, staff_only

RIGHT, REMOVING = "change_plexshowmapping", "delete_plexshowmapping"


@require_GET
@never_cache
@staff_only
def mappings(request: HttpRequest) -> HttpResponse:
    """All of them, 50 a page, with filters and a search."""
    get = request.GET.get
    shown = mapping_list.listed(chosen=get("show", ""), sought=get("q", ""), number=get("page", 1))
    context = {"list": shown, "page": shown.page, "may_change": may(request, RIGHT)}
    return render(request, "plex_integration/mappings.html", context)


@require_POST
@needs(RIGHT)
def several(request: HttpRequest) -> HttpResponse:
    """Switch marking on or off for those that were picked."""
    pks = picked_rows(request.POST.getlist("picked"))
    if pks:
        _switch(request, pks, on=request.POST.get("do") == "on")
    else:
        messages.warning(request, "Pick the mappings first.")
    return _back(request)


def _switch(request: HttpRequest, pks: list[int], *, on: bool) -> None:
    now = timezone.now()
    switched = retraction.switch_on(pks, now=now) if on else resolution.switch_sync(pks, enabled=False, now=now)
    messages.success(request, f"Marking is {'on' if on else 'off'} for {counted(switched, 'Plex show')}.")


def _back(request: HttpRequest) -> HttpResponse:
    """To the page of the list from which it was asked."""
    to = request.POST.get("next", "")
    return redirect(to if url_has_allowed_host_and_scheme(to, {request.get_host()}) else "mappings")


def _entry(pk: int) -> Entry:
    if entry := mapping_list.one(pk):
        return entry
    raise Http404


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_only
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """One mapping, and a search for another show; a show that was chosen is confirmed first, with what moves."""
    entry = _entry(pk)
    if request.method == "POST":
        return change(request, entry)
    if "to" in request.GET:
        return _confirm(request, entry, ChooseForm({"tvshow": request.GET["to"]}))
    return render(request, "plex_integration/mapping.html", page_of(request, entry))


def page_of(request: HttpRequest, entry: Entry) -> dict[str, Any]:
    """What a mapping's page shows."""
    sought = request.GET.get("q", "")
    return {
        "entry": entry, "row": entry.row, "q": sought, "may_change": may(request, RIGHT),
        "found": questions.shows_named(sought).exclude(plex_mappings=entry.row.pk)[: questions.FOUND],
        "may_delete": may(request, REMOVING),
    }


@needs(RIGHT)
def change(request: HttpRequest, entry: Entry) -> HttpResponse:
    """Say that it is another show."""
    form, row = ChooseForm(request.POST), entry.row
    if not form.is_valid():
        return _refused(request, row.pk, form)
    try:
        resolved, move = resolution.map_by_hand(
            row.pk, tvshow_id=form.show.pk, user_id=person(request).pk, now=timezone.now(),
        )
    except Unresolvable as problem:
        messages.error(request, str(problem))
        return redirect("mapping", row.pk)
    messages.success(request, f"{row} in Plex is now {form.show}.")
    for line in told(resolved) if resolved else mapping_list.moved_in_words(move, form.show):
        messages.success(request, line)
    return redirect("mapping", row.pk)


@needs(RIGHT)
def _confirm(request: HttpRequest, entry: Entry, form: ChooseForm) -> HttpResponse:
    if not form.is_valid():
        return _refused(request, entry.row.pk, form)
    context = {
        "entry": entry, "row": entry.row, "new": form.show, "waiting": mapping_list.waiting_events(entry),
        "move": mapping.plan_change(entry.row.pk, tvshow_id=form.show.pk),
    }
    return render(request, "plex_integration/mapping_change.html", context)


def _refused(request: HttpRequest, pk: int, form: ChooseForm) -> HttpResponse:
    for errors in form.errors.values():
        messages.error(request, " ".join(map(str, errors)))
    return redirect("mapping", pk)


@require_POST
@needs(RIGHT)
def sync(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch one; with htmx only its row is answered."""
    row = _entry(pk).row
    on = request.POST.get("do") == "on"
    if on and mapping_list.state_of(row) == "aside":
        return _ask_again(request, pk)
    resolution.switch_sync([pk], enabled=on, now=timezone.now())
    if request.headers.get("HX-Request"):
        return render(request, "plex_integration/_mapping_row.html", {"entry": _entry(pk), "may_change": True})
    messages.success(request, f"Marking is {'on' if on else 'off'} for {row}.")
    return _back(request)


def _ask_again(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        taken = retraction.stop_ignoring(pk, now=timezone.now())
    except Unresolvable as problem:
        messages.error(request, str(problem))
        return _back(request)
    if taken and taken.waiting:
        messages.success(request, f"{taken.conflict} is not ignored any more. {waits(taken)}")
        return redirect("conflict", taken.conflict.pk)
    messages.success(request, "It is not ignored any more. You are asked which show it is at its next play.")
    return _back(request)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs(REMOVING)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a mapping, after a look at what stays."""
    entry = _entry(pk)
    if request.method != "POST":
        return render(request, "plex_integration/mapping_remove.html", {"entry": entry, "row": entry.row})
    mapping.forget(pk)
    messages.success(request, f"The mapping of {entry.row} was removed. What it marked stays.")
    return redirect("mappings")

"""Adding shows and episodes."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from tvshows import additions, tmdb
from tvshows.additions import NotAdded
from tvshows.forms import ChosenForm, EpisodeForm, HandMadeForm, SearchForm
from tvshows.models import TVShow
from tvshows.views.answers import refused, show_address
from tvshows.views.library import show_page
from tvshows.visitors import person, staff_only
from tvshows.watching import plan_to_watch


@require_GET
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Look a show up in TMDB, or describe it."""
    form = SearchForm(request.GET if "q" in request.GET else None)
    found = additions.search(form.cleaned_data["q"]) if form.is_bound and form.is_valid() else None
    return _page(request, HandMadeForm(initial={"title": request.GET.get("q", "")}), form=form, found=found)


def _page(request: HttpRequest, hand_made: HandMadeForm, **more: Any) -> HttpResponse:
    context = {"form": SearchForm(), "hand_made": hand_made, "has_tmdb": tmdb.client() is not None}
    context["may_describe"] = person(request).is_staff and person(request).has_perm("tvshows.add_tvshow")
    return render(request, "tvshows/add.html", context | more)


@require_POST
def add_from_tmdb(request: HttpRequest) -> HttpResponse:
    """Put a show of TMDB on the person's list, and into the catalogue where it is not there yet."""
    form = ChosenForm(request.POST)
    if not form.is_valid():
        return refused(request, "Choose one of the shows.", redirect("show-add"))
    try:
        show = additions.add_from_tmdb(form.cleaned_data["tmdb_id"], now=timezone.now())
    except NotAdded as problem:
        return refused(request, str(problem), redirect("show-add"))
    plan_to_watch(user_id=person(request).pk, show_id=show.pk)
    messages.success(request, f"{show} is on your list.")
    return redirect("show", show.pk)


@require_POST
def track(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a show of the catalogue on the person's list."""
    show = get_object_or_404(TVShow, pk=pk)
    plan_to_watch(user_id=person(request).pk, show_id=show.pk)
    return redirect("show", pk)


@require_POST
@staff_only
@permission_required("tvshows.add_tvshow", raise_exception=True)
def add_by_hand(request: HttpRequest) -> HttpResponse:
    """Add a show as a person describes it, and put it on their list."""
    form = HandMadeForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    given = form.cleaned_data
    show = additions.add_by_hand(given["title"], year=given["year"], seasons=given["seasons"], now=timezone.now())
    plan_to_watch(user_id=person(request).pk, show_id=show.pk)
    messages.success(request, f"{show} is added, and on your list.")
    return redirect("show", show.pk)


@require_POST
@staff_only
@permission_required("tvshows.add_episode", raise_exception=True)
def add_episode(request: HttpRequest, pk: int) -> HttpResponse:
    """Add an episode to a show by hand."""
    show, form = get_object_or_404(TVShow, pk=pk), EpisodeForm(request.POST)
    if not form.is_valid():
        return show_page(request, show, form)
    try:
        episode = additions.add_episode(show, form.described(), now=timezone.now())
    except NotAdded as problem:
        form.add_error("number", str(problem))
        return show_page(request, show, form)
    messages.success(request, f"{episode.code} is added.")
    return redirect(show_address(pk, at=episode.pk, anchor=f"ep-{episode.pk}"))


@require_POST
@staff_only
@permission_required("tvshows.change_tvshow", raise_exception=True)
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Fetch what TMDB has of a show by now."""
    show = get_object_or_404(TVShow, pk=pk)
    try:
        new = additions.refresh(show, now=timezone.now())
    except NotAdded as problem:
        return refused(request, str(problem), redirect("show", pk))
    messages.success(request, f"{new} new episode{'' if new == 1 else 's'}." if new else "No episodes are new.")
    return redirect("show", pk)

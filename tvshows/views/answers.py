"""Where a change leads: back to where the person was, with what it takes to undo it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tvshows.ticking import Change


def show_address(show_id: int, *, anchor: str = "", **where: Any) -> str:
    """The address of a show's page, at an episode (`at`) or a season."""
    query = urlencode({name: value for name, value in where.items() if value not in {None, ""}})
    return f"{reverse('show', args=[show_id])}{'?' if query else ''}{query}{'#' if anchor else ''}{anchor}"


def to_episode(request: HttpRequest, show_id: int, episode_id: int, *, change: Change | None = None) -> HttpResponse:
    """Back to the page that asked (`next`), or to the episode on the show's page."""
    back = request.POST.get("next", "")
    if back and url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        return redirect(back)
    undo = change.undo if change and change.episodes else None
    return redirect(show_address(show_id, at=episode_id, undo=undo, anchor=f"ep-{episode_id}"))


def to_season(show_id: int, season: int, *, change: Change | None = None) -> HttpResponse:
    """To a season on its show's page."""
    undo = change.undo if change and change.episodes else None
    return redirect(show_address(show_id, season=season, undo=undo, anchor=f"season-{season}"))


def say_if_nothing(request: HttpRequest, change: Change) -> None:
    """A button that changed nothing says so."""
    if not change.episodes:
        messages.info(request, "Nothing was left to do there.")


def refused(request: HttpRequest, problem: str, back: HttpResponse) -> HttpResponse:
    """Say what is wrong, and go back."""
    messages.error(request, problem)
    return back

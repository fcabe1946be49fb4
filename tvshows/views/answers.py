"""Where a change leads: back to where the person was, with what it takes to undo it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from tvshows.ticking import Change, Undo

_LATEST = "latest_ticks"  # in the session: a show, and how what was ticked there last is undone
_PRESSED_TWICE = timedelta(minutes=1)


def show_address(show_id: int, *, anchor: str = "", **where: Any) -> str:
    """The address of a show's page, at an episode (`at`) or a season."""
    query = urlencode({name: value for name, value in where.items() if value not in {None, ""}})
    return f"{reverse('show', args=[show_id])}{'?' if query else ''}{query}{'#' if anchor else ''}{anchor}"


def to_episode(request: HttpRequest, show_id: int, episode_id: int, *, undo: Undo | None = None) -> HttpResponse:
    """Back to the page that asked (`next`), or to the episode on the show's page."""
    back = request.POST.get("next", "")
    if back and url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        return redirect(back)
    return redirect(show_address(show_id, at=episode_id, undo=undo, anchor=f"ep-{episode_id}"))


def to_season(show_id: int, season: int, *, undo: Undo | None = None) -> HttpResponse:
    """To a season on its show's page."""
    return redirect(show_address(show_id, season=season, undo=undo, anchor=f"season-{season}"))


def settled(request: HttpRequest, show_id: int, change: Change) -> Undo | None:
    """How a change is undone. A button that changed nothing says so, unless it was pressed twice: then the first time
    is what can be undone.
    """
    if change.episodes:
        request.session[_LATEST] = [show_id, str(change.undo)]
        return change.undo
    before, said = request.session.get(_LATEST, [0, ""])
    latest = Undo.read(said) if before == show_id else None
    if latest and latest.kind is change.undo.kind and timezone.now() - latest.at <= _PRESSED_TWICE:
        return latest
    messages.info(request, "Nothing was left to do there.")
    return None


def refused(request: HttpRequest, problem: str, back: HttpResponse) -> HttpResponse:
    """Say what is wrong, and go back."""
    messages.error(request, problem)
    return back

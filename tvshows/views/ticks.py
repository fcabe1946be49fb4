"""Ticking off and unticking, dates, and what else a person decides about a show on their list."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from tvshows import ticking, watching
from tvshows.forms import DatedForm, StatusForm, TickForm, TickManyForm
from tvshows.models import Episode, TVShow, Watch
from tvshows.ticking import Undo
from tvshows.views.answers import refused, settled, show_address, to_episode, to_season
from tvshows.views.library import episode_page
from tvshows.visitors import person


@require_POST
def tick(request: HttpRequest, pk: int) -> HttpResponse:
    """Tick an episode on, with a date where one is given, or off."""
    episode = get_object_or_404(Episode, pk=pk)
    form, user_id, now = TickForm(request.POST), person(request).pk, timezone.now()
    if not form.is_valid():
        return refused(request, form.problem, to_episode(request, episode.show_id, pk))
    if form.cleaned_data["watched"] == "on":
        ticking.tick(user_id=user_id, episode=episode, watched_at=form.watched_at(now), now=now)
        return to_episode(request, episode.show_id, pk)
    one = Episode.objects.filter(pk=pk)
    change = ticking.untick(user_id=user_id, show_id=episode.show_id, episodes=one, now=now)
    return to_episode(request, episode.show_id, pk, undo=change.undo if change.episodes else None)


@require_POST
def tick_up_to(request: HttpRequest, pk: int) -> HttpResponse:
    """Tick every episode up to this one that has aired."""
    episode, now = get_object_or_404(Episode, pk=pk), timezone.now()
    change = ticking.tick_all(
        user_id=person(request).pk, show_id=episode.show_id, when=lambda _: now, now=now,
        episodes=Episode.objects.up_to(episode).aired(timezone.localdate(now)),
    )
    return to_episode(request, episode.show_id, pk, undo=settled(request, episode.show_id, change))


@require_POST
def tick_season(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Tick what has aired of a season, or untick the season."""
    show, form, now = get_object_or_404(TVShow, pk=pk), TickManyForm(request.POST), timezone.now()
    if not form.is_valid():
        return refused(request, form.problem, to_season(pk, number))
    season = Episode.objects.filter(show=show, season_number=number)
    if form.cleaned_data["watched"] == "off":
        change = ticking.untick(user_id=person(request).pk, show_id=pk, episodes=season, now=now)
    else:
        aired = season.aired(timezone.localdate(now))
        change = ticking.tick_all(
            user_id=person(request).pk, show_id=pk, episodes=aired, when=form.dates(now), now=now,
        )
    return to_season(pk, number, undo=settled(request, pk, change))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo ticks, or the taking back of ticks."""
    show, asked = get_object_or_404(TVShow, pk=pk), Undo.read(request.POST.get("undo", ""))
    now = timezone.now()
    if not asked or not ticking.take_back(user_id=person(request).pk, show_id=show.pk, undo=asked, now=now):
        messages.warning(request, "There is nothing to undo any more.")
    return redirect(show_address(pk, at=request.POST.get("at"), season=request.POST.get("season")))


@require_POST
def viewing_date(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a viewing another date."""
    watch = _own(request, pk)
    form = DatedForm(request.POST, auto_id=f"watch-{pk}-%s")
    if not form.is_valid():
        return episode_page(request, watch.episode, form)
    now = timezone.now()
    said = form.watched_at(now)
    if said and (refusal := watching.change_date(pk, watched_at=said, now=now)):
        form.add_error("date", refusal.value)
        return episode_page(request, watch.episode, form)
    return to_episode(request, watch.episode.show_id, watch.episode_id)


@require_POST
def viewing_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back one viewing of several."""
    episode = _own(request, pk).episode
    change = ticking.remove_viewing(
        user_id=person(request).pk, show_id=episode.show_id, watch_id=pk, now=timezone.now(),
    )
    return to_episode(request, episode.show_id, episode.pk, undo=change.undo if change.episodes else None)


def _own(request: HttpRequest, pk: int) -> Watch:
    """A viewing of the person who looks; those of others are not there."""
    mine = Watch.objects.live().filter(user=person(request)).select_related("episode__show")
    return get_object_or_404(mine, pk=pk)


@require_POST
def watch_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Add another viewing of an episode, or the first one with its date."""
    episode = get_object_or_404(Episode.objects.select_related("show"), pk=pk)
    form, now = DatedForm(request.POST, auto_id=f"new-{pk}-%s"), timezone.now()
    said = form.watched_at(now) if form.is_valid() else None
    if said is None:
        return episode_page(request, episode, form)
    if refusal := ticking.watch_again(user_id=person(request).pk, episode=episode, watched_at=said, now=now):
        form.add_error("date", refusal.value)
        return episode_page(request, episode, form)
    return to_episode(request, episode.show_id, pk)


@require_POST
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a show another status on the person's list; none takes it off the list."""
    show, form, user_id = get_object_or_404(TVShow, pk=pk), StatusForm(request.POST), person(request).pk
    if not form.is_valid():
        return refused(request, "Choose one of the statuses.", redirect("show", pk))
    if chosen := form.cleaned_data["status"]:
        ticking.set_status(user_id=user_id, show_id=show.pk, status=chosen)
    elif not ticking.leave(user_id=user_id, show_id=show.pk):
        messages.error(request, "Episodes of it are ticked, so it stays on your list. Untick them first, or drop it.")
    return redirect("show", pk)

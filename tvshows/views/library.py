"""Looking at shows: all of them, one of them, one of its episodes."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tvshows import library, ticking
from tvshows import standing as standings
from tvshows.forms import DatedForm, EpisodeForm, ShelfForm, StatusForm
from tvshows.models import Episode, TVShow, Watch
from tvshows.ticking import Undo
from tvshows.visitors import person


@require_GET
@never_cache
def shows(request: HttpRequest) -> HttpResponse:
    """The shows, with what the person wants to see of them."""
    form = ShelfForm(request.GET or None, initial={"sort": "watched"})
    wanted = form.wanted() if form.is_bound else library.Wanted()
    shelf = library.shelf(person(request).pk, wanted, page=request.GET.get("page", "1"))
    return render(request, "tvshows/shows.html", {"form": form, "wanted": wanted, "shelf": shelf})


@require_GET
@never_cache
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """A show with its seasons, one of them open: the one asked for, or where the person is."""
    return show_page(request, get_object_or_404(TVShow, pk=pk), EpisodeForm())


def show_page(request: HttpRequest, found: TVShow, form: EpisodeForm) -> HttpResponse:
    """The page of a show; `form` is that by which an episode is added."""
    user_id, now = person(request).pk, timezone.now()
    stands = standings.standing(found, user_id, now=now)
    at = _whole(request.GET.get("at"))
    episode = Episode.objects.filter(pk=at, show=found).first() if at else None
    season = standings.opened(stands, asked=episode.season_number if episode else _whole(request.GET.get("season")))
    start = _whole(request.GET.get("from")) or 1
    context: dict[str, Any] = {
        "show": found, "standing": stands, "form": form,
        "status_form": StatusForm(initial={"status": stands.tracked.status if stands.tracked else ""}),
        "part": standings.part(found, user_id, stands, season, now=now, at=at, start=start) if season else None,
        **_undo(request, found, user_id),
    }
    return render(request, "tvshows/show.html", context)


def _undo(request: HttpRequest, found: TVShow, user_id: int) -> dict[str, Any]:
    """The change that was just made, while it can be undone."""
    undo = Undo.read(request.GET.get("undo", ""))
    count = ticking.undoable(user_id=user_id, show_id=found.pk, undo=undo) if undo else 0
    return {"undo": undo, "undo_count": count} if count else {}


def _whole(text: str | None) -> int | None:
    """A number of an address, or nothing."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


@require_GET
@never_cache
def episode(request: HttpRequest, pk: int) -> HttpResponse:
    """An episode with the person's viewings of it, to change their dates."""
    return episode_page(request, get_object_or_404(Episode.objects.select_related("show"), pk=pk))


def episode_page(request: HttpRequest, found: Episode, refused: DatedForm | None = None) -> HttpResponse:
    """The page of an episode. `refused` is a form that says what is wrong, in the place where it was sent."""
    user_id, now = person(request).pk, timezone.now()
    row = standings.row_of(found, user_id, now=now)
    forms = [(watch, _dated(watch, refused)) for watch in row.watches]
    new = DatedForm(auto_id=f"new-{found.pk}-%s")
    new = refused if refused and refused.auto_id == new.auto_id else new
    context = {
        "show": found.show, "row": row, "forms": forms, "new_form": new,
        "records_rewatches": bool(row.watches) and (new is refused or ticking.records_rewatches(user_id)),
    }
    response = render(request, "tvshows/episode.html", context)
    if refused:  # htmx asked for the season's list; what it gets belongs under the episode
        response.headers["HX-Retarget"] = f"#slot-{found.pk}"
        response.headers["HX-Reselect"], response.headers["HX-Reswap"] = ".viewings", "innerHTML"
    return response


def _dated(watch: Watch, refused: DatedForm | None) -> DatedForm:
    """The form of a viewing's date."""
    if refused and refused.auto_id == f"watch-{watch.pk}-%s":
        return refused
    seen = timezone.localtime(watch.watched_at)
    return DatedForm(initial={"date": seen.date(), "time": seen.time()}, auto_id=f"watch-{watch.pk}-%s")

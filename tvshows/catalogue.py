"""Adding shows to the catalogue and keeping the titles by which they are found."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from tvshows.models import Episode, ShowTitle, TVShow
from tvshows.signals import show_changed
from tvshows.titles import normalise

BATCH = 500


@dataclass(frozen=True, slots=True)
class NewEpisode:
    """An episode to add. `runtime` is in minutes."""

    season: int
    number: int
    title: str = ""
    air_date: date | None = None
    runtime: int | None = None


@dataclass(frozen=True, slots=True)
class NewShow:
    """A show to add, from a plain description."""

    title: str
    first_aired: date | None = None
    original_title: str = ""
    tmdb_id: int | None = None
    tvdb_id: int | None = None
    imdb_id: str = ""
    overview: str = ""
    network: str = ""
    airing: str = ""
    source: str = TVShow.Source.MANUAL
    other_titles: tuple[str, ...] = ()
    episodes: tuple[NewEpisode, ...] = ()


@transaction.atomic
def add_show(new: NewShow, *, now: datetime) -> TVShow:
    """Add a show with its titles and episodes. Raises ValidationError for a bad field or another show's id."""
    show = TVShow(
        title=new.title.strip(), original_title=new.original_title, show_start_date=new.first_aired,
        tmdb_id=new.tmdb_id, tvdb_id=new.tvdb_id, imdb_id=new.imdb_id or None, overview=new.overview,
        network=new.network, airing=new.airing, source=new.source, refreshed_at=now if new.episodes else None,
    )
    show.full_clean()
    show.save()
    index_titles([show], other_titles=new.other_titles)
    Episode.objects.bulk_create([_episode(show, new_episode) for new_episode in new.episodes], batch_size=BATCH)
    show_changed.send(TVShow, show_id=show.pk)
    return show


def _episode(show: TVShow, new: NewEpisode) -> Episode:
    return Episode(
        show=show, season_number=new.season, episode_number=new.number, title=new.title[:255],
        air_date=new.air_date, runtime=new.runtime,
    )


@transaction.atomic
def add_episode(show_id: int, new: NewEpisode) -> Episode:
    """Add one episode by hand. Raises ValidationError when the show has one with that number."""
    episode = _episode(TVShow.objects.get(pk=show_id), new)
    episode.full_clean()
    episode.save()
    return episode


@transaction.atomic
def show_edited(show: TVShow) -> None:
    """After a person changed a show: write its titles anew and tell those who wait for such a show."""
    index_titles([show])
    show_changed.send(TVShow, show_id=show.pk)


def index_titles(shows: Iterable[TVShow], *, other_titles: tuple[str, ...] = ()) -> None:
    """Write the titles by which shows are found: their main and original ones anew, others beside them."""
    wanted = {show: _titles_of(show, other_titles) for show in shows}
    own = ShowTitle.objects.filter(show__in=wanted, kind__in=[ShowTitle.Kind.MAIN, ShowTitle.Kind.ORIGINAL])
    titles = {show.pk: titles for show, titles in wanted.items()}
    own.filter(pk__in=[row.pk for row in own if row.title not in titles[row.show_id]]).delete()
    rows = [
        ShowTitle(show=show, title=title, kind=kind, normalised=normalise(title).text)
        for show, titles in wanted.items() for title, kind in titles.items()
    ]
    ShowTitle.objects.bulk_create(
        rows, batch_size=BATCH, update_conflicts=True, unique_fields=["show", "title"],
        update_fields=["kind", "normalised"],
    )
    for show in wanted:
        show.indexed_title = show.title
    TVShow.objects.filter(pk__in=titles).update(indexed_title=F("title"), updated_at=timezone.now())


def _titles_of(show: TVShow, other_titles: Iterable[str]) -> dict[str, str]:
    """A show's own titles and others of it, with their kinds; the first kind of a title counts."""
    titles: dict[str, str] = {show.title: ShowTitle.Kind.MAIN}
    if show.original_title:
        titles.setdefault(show.original_title, ShowTitle.Kind.ORIGINAL)
    for title in other_titles:
        titles.setdefault(title, ShowTitle.Kind.ALTERNATIVE)
    return titles


def last_changed() -> datetime | None:
    """When a show was last added, or what it is recognised by last changed; nothing while there are no shows."""
    changed: datetime | None = TVShow.objects.aggregate(changed=Max("updated_at"))["changed"]
    return changed


def index_stale_titles(*, most: int = 2000) -> int:
    """Write the titles of shows that were added or renamed otherwise, by SQL too. Says how many there were."""
    with transaction.atomic():
        stale = list(TVShow.objects.with_stale_titles().select_for_update(skip_locked=True)[:most])
        index_titles(stale)
    return len(stale)


def require_free_ids(new: NewShow) -> None:
    """Raise ValidationError naming the show that has one of these ids already."""
    for column, value in (("tmdb_id", new.tmdb_id), ("tvdb_id", new.tvdb_id), ("imdb_id", new.imdb_id)):
        taken = TVShow.objects.filter(**{column: value}).first() if value else None
        if taken:
            raise ValidationError({column: f"{taken} has this id already. Choose it instead of making a new show."})

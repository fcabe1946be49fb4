"""Adding shows to the catalogue and keeping the titles by which they are found."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from tvshows.described import NewEpisode, NewShow
from tvshows.episodes import titles_agree
from tvshows.exceptions import ContestedIds
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow
from tvshows.signals import show_changed
from tvshows.titles import normalise

BATCH = 500
_OF_EPISODES = ("title", "air_date", "runtime", "tmdb_id", "tvdb_id", "imdb_id")


@transaction.atomic
def add_show(new: NewShow, *, now: datetime) -> TVShow:
    """Add a show with its titles and episodes. Raises ValidationError for a bad field or another show's id."""
    show = TVShow(
        title=new.title.strip(), original_title=new.original_title, show_start_date=new.first_aired,
        tmdb_id=new.tmdb_id, tvdb_id=new.tvdb_id, imdb_id=new.imdb_id or None, overview=new.overview,
        poster=new.poster, network=new.network, airing=new.airing, source=new.source,
        refreshed_at=now if new.episodes else None,
    )
    show.full_clean()
    show.save()
    index_titles([show], other_titles=new.other_titles)
    Episode.objects.bulk_create([_episode(show, new_episode) for new_episode in new.episodes], batch_size=BATCH)
    show_changed.send(TVShow, show_id=show.pk)
    return show


@transaction.atomic
def add_shows(new: Sequence[NewShow]) -> list[TVShow | None]:
    """Add many shows without their episodes, in a few queries; nothing in the place of one with a bad field.

    The caller has seen that their ids are free. Raises IntegrityError where one is taken all the same.
    """
    shows: list[TVShow | None] = []
    for one in new:
        show = TVShow(
            title=one.title.strip(), original_title=one.original_title, show_start_date=one.first_aired,
            tmdb_id=one.tmdb_id, tvdb_id=one.tvdb_id, imdb_id=one.imdb_id or None, overview=one.overview,
            poster=one.poster, network=one.network, airing=one.airing, source=one.source,
        )
        try:
            show.clean_fields()
        except ValidationError:
            shows.append(None)
            continue
        shows.append(show)
    added = [show for show in shows if show]
    TVShow.objects.bulk_create(added, batch_size=BATCH)
    index_titles(added)
    for show in added[-1:]:  # those who wait for a show look at all of them
        show_changed.send(TVShow, show_id=show.pk)
    return shows


def _episode(show: TVShow, new: NewEpisode) -> Episode:
    return Episode(
        show=show, season_number=new.season, episode_number=new.number, title=new.title[:255],
        air_date=new.air_date, runtime=new.runtime, tmdb_id=new.ids.tmdb, tvdb_id=new.ids.tvdb, imdb_id=new.ids.imdb,
    )


@transaction.atomic
def refresh_show(show_id: int, new: NewShow, *, now: datetime) -> int:
    """Fill in what a newer description knows more: ids, texts, other titles, episodes. Says how many are new.

    What is filled in already stays, but for episodes that are plainly the same ones: an air date may have been moved.
    Catalogues number episodes differently, and a tick must not end at another episode.
    """
    show = TVShow.objects.select_for_update().get(pk=show_id)
    _fill_in(show, new)
    show.airing, show.refreshed_at = new.airing or show.airing, now
    show.save()
    index_titles([show], other_titles=new.other_titles)
    held = {(one.season_number, one.episode_number): one for one in Episode.objects.filter(show=show)}
    for described in new.episodes:
        if (one := held.get((described.season, described.number))) and _bring_up_to_date(one, described):
            one.save()
    missing = [_episode(show, one) for one in new.episodes if (one.season, one.number) not in held]
    Episode.objects.bulk_create(missing, batch_size=BATCH)
    followed = TrackedShow.objects.filter(show=show)
    if any(one.season_number for one in missing):
        followed.filter(status=TrackedShow.Status.COMPLETED).update(status=TrackedShow.Status.WATCHING)
    followed.recount(now)
    return len(missing)


def _fill_in(show: TVShow, new: NewShow) -> None:
    for field in ("original_title", "overview", "poster", "network"):
        setattr(show, field, getattr(show, field) or getattr(new, field))
    show.show_start_date = show.show_start_date or new.first_aired
    for field in ("tmdb_id", "tvdb_id", "imdb_id"):
        value = getattr(new, field)
        if value and not getattr(show, field) and not TVShow.objects.filter(**{field: value}).exists():
            setattr(show, field, value)


def _bring_up_to_date(episode: Episode, new: NewEpisode) -> bool:
    """Take over what is missing, and a date where the title says that it is the same one. Says if that changed it."""
    before = [getattr(episode, field) for field in _OF_EPISODES]
    same = titles_agree(episode.title, new.title)
    if same is False and not re.fullmatch(r"(?i)episode \d+|tba", episode.title):
        return False
    episode.title = new.title[:255] if new.title and not same else episode.title
    episode.air_date = (new.air_date if same else episode.air_date) or new.air_date or episode.air_date
    episode.runtime = episode.runtime or new.runtime
    episode.tmdb_id, episode.tvdb_id = episode.tmdb_id or new.ids.tmdb, episode.tvdb_id or new.ids.tvdb
    episode.imdb_id = episode.imdb_id or new.ids.imdb
    return before != [getattr(episode, field) for field in _OF_EPISODES]


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


def find_by_ids(new: NewShow) -> TVShow | None:
    """The show that has one of these ids. Raises ContestedIds where several have, or one whose other id differs."""
    columns = {"tmdb_id": new.tmdb_id, "tvdb_id": new.tvdb_id, "imdb_id": new.imdb_id}
    given = {column: value for column, value in columns.items() if value}
    wanted = Q()
    for column, value in given.items():
        wanted |= Q(**{column: value})
    held = list(TVShow.objects.filter(wanted)) if given else []
    differ = any(getattr(show, column) not in {None, "", value} for show in held for column, value in given.items())
    if len(held) > 1 or differ:
        raise ContestedIds(f"An id of {new.title} belongs to {' and to '.join(map(str, held))} here.")
    return held[0] if held else None


def with_free_ids(new: Sequence[NewShow]) -> list[NewShow]:
    """Those of these shows whose ids no show has yet, nor one before them in the list. One query."""
    columns = ("tmdb_id", "tvdb_id", "imdb_id")
    wanted = Q()
    for column in columns:
        wanted |= Q(**{f"{column}__in": {value for one in new if (value := getattr(one, column))}})
    rows = TVShow.objects.filter(wanted).values_list(*columns)
    held = {(column, value) for row in rows for column, value in zip(columns, row, strict=True) if value}
    free = []
    for one in new:
        mine = {(column, value) for column in columns if (value := getattr(one, column))}
        if not mine & held:
            free.append(one)
            held |= mine
    return free


def require_free_ids(new: NewShow) -> None:
    """Raise ValidationError naming the show that has one of these ids already."""
    for column, value in (("tmdb_id", new.tmdb_id), ("tvdb_id", new.tvdb_id), ("imdb_id", new.imdb_id)):
        taken = TVShow.objects.filter(**{column: value}).first() if value else None
        if taken:
            raise ValidationError({column: f"{taken} has this id already. Choose it instead of making a new show."})

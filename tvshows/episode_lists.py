"""The episodes of many shows at once: which one is meant, and adding those that are missing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from tvshows.described import DescribedEpisode, Ids, NewEpisode
from tvshows.episodes import choose, search_others
from tvshows.models import Episode, TrackedShow, TVShow

BATCH = 500
SOURCES = ("tmdb", "tvdb", "imdb")


@dataclass(frozen=True, slots=True)
class Named:
    """An episode of a show, as somebody names it."""

    show_id: int
    episode: DescribedEpisode


@dataclass(frozen=True, slots=True)
class Place:
    """The episode that is meant; where there is none, whether its season and number are free."""

    episode: Episode | None
    is_free: bool


@dataclass(slots=True)
class _Held:
    """What the catalogue has that may be meant: by number, by id, and for each show what may have its date."""

    by_number: dict[tuple[int, int, int], Episode] = field(default_factory=dict)
    by_id: dict[tuple[int, str, object], Episode] = field(default_factory=dict)
    dated: dict[int, list[Episode]] = field(default_factory=lambda: defaultdict(list))


def find_all(named: Sequence[Named]) -> list[Place]:
    """Each one's episode, as `search_episode` finds it one by one, in a few queries."""
    shows = TVShow.objects.in_bulk(list({one.show_id for one in named}))
    described = [_without_ids_of_show(one.episode, shows.get(one.show_id)) for one in named]
    held = _held(named)
    found: list[Place] = []
    for one, episode in zip(named, described, strict=True):
        candidates = _candidates(one.show_id, episode, held)
        chosen = choose(candidates, episode).episode
        if chosen is None and (others := held.dated.get(one.show_id)):
            chosen = search_others(candidates, others, episode).episode
        is_free = (one.show_id, episode.season, episode.number) not in held.by_number
        found.append(Place(chosen, is_free and episode.season is not None and episode.number is not None))
    return found


def _held(named: Sequence[Named]) -> _Held:
    """The shows' episodes of these seasons, with these ids, or aired on about these days."""
    wanted = Q(season_number__in={one.episode.season for one in named if one.episode.season is not None})
    for source in SOURCES:
        if values := {value for one in named if (value := getattr(one.episode.ids, source))}:
            wanted |= Q(**{f"{source}_id__in": values})
    days = {day + timedelta(days=off) for one in named if (day := one.episode.air_date) for off in (-1, 0, 1)}
    held = _Held()
    for episode in Episode.objects.filter(wanted | Q(air_date__in=days), show__in={one.show_id for one in named}):
        held.by_number[episode.show_id, episode.season_number, episode.episode_number] = episode
        for source in SOURCES:
            if value := getattr(episode, f"{source}_id"):
                held.by_id[episode.show_id, source, value] = episode
        if episode.air_date in days or episode.season_number == 0:
            held.dated[episode.show_id].append(episode)
    return held


def _candidates(show_id: int, named: DescribedEpisode, held: _Held) -> list[Episode]:
    sources = ((source, getattr(named.ids, source)) for source in SOURCES)
    found = [held.by_id.get((show_id, source, value)) for source, value in sources if value]
    if named.season is not None and named.number is not None:
        found.append(held.by_number.get((show_id, named.season, named.number)))
    unique = {episode.pk: episode for episode in found if episode}
    return sorted(unique.values(), key=lambda one: (one.season_number, one.episode_number))


def _without_ids_of_show(named: DescribedEpisode, show: TVShow | None) -> DescribedEpisode:
    if show is None:
        return named
    pairs = ((show.tmdb_id, named.ids.tmdb), (show.tvdb_id, named.ids.tvdb), (show.imdb_id, named.ids.imdb))
    return replace(named, ids=Ids()) if any(mine and mine == theirs for mine, theirs in pairs) else named


@transaction.atomic
def add_all(new: Mapping[int, Iterable[NewEpisode]], *, now: datetime) -> dict[tuple[int, int, int], Episode]:
    """Add episodes to shows that lack these numbers. Who had watched all of a show then watches it again."""
    made = {
        (show_id, one.season, one.number): Episode(
            show_id=show_id, season_number=one.season, episode_number=one.number, title=one.title[:255],
            air_date=one.air_date, runtime=one.runtime, tmdb_id=one.ids.tmdb, tvdb_id=one.ids.tvdb,
            imdb_id=one.ids.imdb,
        )
        for show_id, episodes in new.items() for one in episodes
    }
    # Somebody may add the same one meanwhile: then it is theirs, and no field of it changes.
    Episode.objects.bulk_create(
        made.values(), batch_size=BATCH, update_conflicts=True,
        unique_fields=["show", "season_number", "episode_number"], update_fields=["season_number"],
    )
    grown = {show_id for show_id, season, _ in made if season}
    followed = TrackedShow.objects.filter(show__in=grown, status=TrackedShow.Status.COMPLETED)
    if grown and (pks := list(followed.values_list("pk", flat=True))):
        TrackedShow.objects.filter(pk__in=pks).update(status=TrackedShow.Status.WATCHING)
        TrackedShow.objects.filter(pk__in=pks).recount(now)
    return made


@transaction.atomic
def retitle(changed: Collection[tuple[Episode, NewEpisode, str]]) -> list[Episode]:
    """Give episodes the title of their source again where they still bear the one that it gave them before, and what
    they lack. Each comes with its new description and the title before. Says which changed.
    """
    written = []
    for episode, new, before in changed:
        fresh = new.title[:255] if new.title and episode.title in {"", before} else episode.title
        aired = episode.air_date or new.air_date
        if (fresh, aired) != (episode.title, episode.air_date):
            episode.title, episode.air_date = fresh, aired
            written.append(episode)
    if written:
        Episode.objects.bulk_update(written, ["title", "air_date"], batch_size=BATCH)
    return written

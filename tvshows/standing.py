"""Where a person stands in one show: its seasons, what they saw of each, and what comes next. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db.models import Exists, OuterRef
from django.utils import timezone

from tvshows.models import Episode, TrackedShow, TVShow, Watch
from tvshows.next_up import Numbered, choose

ROWS = 100  # episodes that a page lists at once
_UNKNOWN_LENGTH = 40  # minutes, where no episode of a show has one


@dataclass(frozen=True, slots=True)
class Told:
    """An episode as far as counting needs it."""

    pk: int
    season: int
    number: int
    title: str
    air_date: date | None
    runtime: int | None
    is_seen: bool

    def has_aired(self, today: date) -> bool:
        """Whether it has, as far as is known."""
        return self.air_date is None or self.air_date <= today


@dataclass(frozen=True, slots=True)
class Season:
    """A season, and what the person saw of it. `left` have aired and are not ticked."""

    number: int
    episodes: int
    watched: int
    left: int

    @property
    def name(self) -> str:
        """Season 2, or Specials."""
        return f"Season {self.number}" if self.number else "Specials"

    @property
    def percent(self) -> int:
        """How much was watched."""
        return 100 * self.watched // self.episodes


@dataclass(frozen=True, slots=True)
class Standing:
    """A show's seasons, the newest first and the specials last, and the sums of them without the specials."""

    seasons: tuple[Season, ...]
    next_up: Episode | None
    tracked: TrackedShow | None
    minutes_left: int
    ticked: int  # with the specials

    @property
    def regular(self) -> tuple[Season, ...]:
        """The seasons without the specials."""
        return tuple(season for season in self.seasons if season.number)

    @property
    def episodes(self) -> int:
        """How many there are."""
        return sum(season.episodes for season in self.regular)

    @property
    def watched(self) -> int:
        """How many the person saw."""
        return sum(season.watched for season in self.regular)

    @property
    def left(self) -> int:
        """How many have aired and are not ticked."""
        return sum(season.left for season in self.regular)

    @property
    def to_come(self) -> int:
        """How many have not aired yet."""
        return self.episodes - self.watched - self.left if self.episodes > self.watched + self.left else 0

    @property
    def percent(self) -> int:
        """How much was watched."""
        return 100 * self.watched // self.episodes if self.episodes else 0

    @property
    def time_left(self) -> str:
        """How long the rest takes, roughly."""
        hours = round(self.minutes_left / 60)
        return f"about {self.minutes_left} minutes" if hours < 2 else f"about {hours} hours"

    def season(self, number: int | None) -> Season | None:
        """The season of this number."""
        return next((season for season in self.seasons if season.number == number), None)


@dataclass(frozen=True, slots=True)
class Row:
    """An episode with the person's viewings of it, the first one first."""

    episode: Episode
    watches: tuple[Watch, ...]
    is_next: bool
    has_aired: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Some episodes of a season: all of them, or as many as a page lists. `starts` are where the parts begin."""

    season: Season
    rows: tuple[Row, ...]
    start: int
    starts: tuple[tuple[int, int], ...]


def standing(show: TVShow, user_id: int, *, now: datetime) -> Standing:
    """The seasons of a show and where the person stands. Three queries, whatever its size."""
    today = timezone.localdate(now)
    told = _told(show.pk, user_id)
    seasons = [_season(number, list(rows), today) for number, rows in groupby(told, key=lambda one: one.season)]
    regular = [one for one in told if one.season and one.has_aired(today)]
    found = choose([Numbered(one.pk, one.season, one.number, one.is_seen) for one in regular])
    return Standing(
        seasons=tuple(sorted(seasons, key=lambda season: (season.number == 0, -season.number))),
        next_up=Episode.objects.filter(pk=found.pk).first() if found else None,
        tracked=TrackedShow.objects.filter(user=user_id, show=show).first(),
        minutes_left=_minutes(regular), ticked=sum(one.is_seen for one in told),
    )


def _told(show_id: int, user_id: int) -> list[Told]:
    seen = Exists(Watch.objects.live().filter(user=user_id, episode=OuterRef("pk")).order_by())
    rows = Episode.objects.filter(show=show_id).annotate(is_seen=seen).order_by("season_number", "episode_number")
    fields = ("pk", "season_number", "episode_number", "title", "air_date", "runtime", "is_seen")
    return [Told(*row) for row in rows.values_list(*fields)]


def _season(number: int, rows: Sequence[Told], today: date) -> Season:
    left = sum(not one.is_seen and one.has_aired(today) for one in rows)
    return Season(number, len(rows), sum(one.is_seen for one in rows), left)


def _minutes(aired: Iterable[Told]) -> int:
    """How long what is left takes; an episode whose length nobody knows is as long as the others are."""
    aired = list(aired)
    known = [one.runtime for one in aired if one.runtime]
    usual = sum(known) / len(known) if known else _UNKNOWN_LENGTH
    return round(sum(one.runtime or usual for one in aired if not one.is_seen))


def opened(stands: Standing, *, asked: int | None = None) -> Season | None:
    """Which season is open on the page: the one that was asked for, else that of the next episode, else one with more
    to tick; none where all is watched.
    """
    if found := stands.season(asked):
        return found
    if stands.next_up:
        return stands.season(stands.next_up.season_number)
    unfinished = (season for season in stands.seasons if season.watched < season.episodes)
    return next(unfinished, None)


def part(
    show: TVShow, user_id: int, stands: Standing, season: Season, *,
    now: datetime, at: int | None = None, start: int = 1,
) -> Part:
    """The episodes of a season from the `start`th, or those among which episode `at` (its id) is. Two queries."""
    episodes = list(Episode.objects.filter(show=show, season_number=season.number).order_by("episode_number"))
    place = next((place for place, one in enumerate(episodes) if one.pk == at), start - 1)
    first = min(max(place, 0), max(len(episodes) - 1, 0)) // ROWS * ROWS
    some = episodes[first : first + ROWS]
    watches = _watches(user_id, some)
    today, next_pk = timezone.localdate(now), stands.next_up.pk if stands.next_up else None
    rows = (
        Row(one, tuple(watches.get(one.pk, ())), one.pk == next_pk, one.air_date is None or one.air_date <= today)
        for one in some
    )
    starts = [(begin + 1, min(begin + ROWS, len(episodes))) for begin in range(0, len(episodes), ROWS)]
    return Part(season, tuple(rows), first + 1, tuple(starts))


def row_of(episode: Episode, user_id: int, *, now: datetime) -> Row:
    """One episode with the person's viewings."""
    today = timezone.localdate(now)
    aired = episode.air_date is None or episode.air_date <= today
    return Row(episode, tuple(_watches(user_id, [episode]).get(episode.pk, ())), is_next=False, has_aired=aired)


def _watches(user_id: int, episodes: Iterable[Episode]) -> dict[int, list[Watch]]:
    rows = Watch.objects.live().filter(user=user_id, episode__in=[one.pk for one in episodes])
    found: dict[int, list[Watch]] = {}
    for watch in rows.order_by("watched_at", "pk"):
        found.setdefault(watch.episode_id, []).append(watch)
    return found

"""What a person would watch next: the next episode of each show that they are in the middle of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from tvshows.models import Episode, TrackedShow, TVShow, Watch

_LOOKED_AT = 24  # shows watched last, among which are those that go on
_LAST_WATCHES = 200


@dataclass(frozen=True, slots=True)
class NextUp:
    """The next episode, and how far its season is."""

    show: TVShow
    episode: Episode
    seen: int
    of: int

    @property
    def percent(self) -> int:
        """How much of the season was watched."""
        return 100 * self.seen // self.of


@dataclass(frozen=True, slots=True)
class Numbered:
    """An episode by its number, and whether the person saw it."""

    pk: int
    season: int
    number: int
    is_seen: bool


def next_up(user_id: int, *, now: datetime, most: int) -> list[NextUp]:
    """The next aired episode of the shows that a person watches, the one watched last first."""
    show_ids = _watching(user_id)
    seasons = _numbered(user_id, show_ids, now)
    chosen = [(found, seasons[pk]) for pk in show_ids if pk in seasons and (found := choose(seasons[pk]))][:most]
    episodes = Episode.objects.select_related("show").defer("show__overview").in_bulk([one.pk for one, _ in chosen])
    return [_told(episodes[one.pk], one, rows) for one, rows in chosen if one.pk in episodes]


def choose(episodes: Sequence[Numbered]) -> Numbered | None:
    """Of a show's regular episodes in order: the first unseen after the last that was seen, else the first unseen.

    Whoever came here in the third season is not sent back to the first while there is more to come.
    """
    last = max((place for place, one in enumerate(episodes) if one.is_seen), default=-1)
    unseen = [one for one in episodes if not one.is_seen]
    return next((one for one in episodes[last + 1 :]), unseen[0] if unseen else None)


def _watching(user_id: int) -> list[int]:
    """The shows on the list as being watched, of which something was: those watched last first."""
    mine = TrackedShow.objects.filter(user=user_id, status=TrackedShow.Status.WATCHING, watched_episodes__gt=0)
    recent = Watch.objects.live().filter(user=user_id).values_list("episode__show", flat=True)[:_LAST_WATCHES]
    order = {show_id: place for place, show_id in enumerate(dict.fromkeys(recent))}
    ids = mine.order_by("-updated_at", "pk").values_list("show", flat=True)
    return sorted(ids, key=lambda show_id: order.get(show_id, len(order)))[:_LOOKED_AT]


def _numbered(user_id: int, show_ids: Iterable[int], now: datetime) -> dict[int, list[Numbered]]:
    """The regular episodes of shows that have aired, as far as is known, in order."""
    aired = Q(air_date__isnull=True) | Q(air_date__lte=timezone.localdate(now))
    seen = Exists(Watch.objects.live().filter(user=user_id, episode=OuterRef("pk")).order_by())
    rows = Episode.objects.regular().filter(aired, show__in=list(show_ids)).annotate(is_seen=seen)
    found = rows.order_by("show", "season_number", "episode_number").values_list(
        "show", "pk", "season_number", "episode_number", "is_seen",
    )
    return {show_id: [Numbered(*row[1:]) for row in group] for show_id, group in groupby(found, key=lambda row: row[0])}


def _told(episode: Episode, one: Numbered, rows: Iterable[Numbered]) -> NextUp:
    season = [row for row in rows if row.season == one.season]
    return NextUp(episode.show, episode, sum(row.is_seen for row in season), len(season))

"""What was watched lately: a tile for each show that somebody watched on one evening."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from tvshows.models import Episode, TVShow, Watch

MOST = 10
_LOOKED_AT = 80  # viewings, from which the tiles are made
_NIGHT = timedelta(hours=5)  # what is seen before belongs to the evening before


@dataclass(frozen=True)
class Tile:
    """A show, the episodes of one evening in the order of their numbers, who saw them (where several do) and when."""

    show: TVShow
    episodes: Sequence[Episode]
    who: str
    at: datetime

    @property
    def codes(self) -> str:
        """S02E06, S02E06 and E07, S02E06 to E09, or so many episodes."""
        first, last, number = self.episodes[0], self.episodes[-1], len(self.episodes)
        if number == 1:
            return first.code
        if first.season_number != last.season_number or last.episode_number - first.episode_number != number - 1:
            return f"{number} episodes"
        return f"{first.code} {'and' if number == 2 else 'to'} E{last.episode_number:02}"

    @property
    def title(self) -> str:
        """The title of the only episode."""
        return self.episodes[0].title if len(self.episodes) == 1 else ""


def lately(user: User) -> list[Tile]:
    """The newest tiles: a person's own; for staff everybody's, with names where more than one watches."""
    watches = Watch.objects.live().select_related("episode__show", "user").defer("episode__show__overview")
    rows = list((watches if user.is_staff else watches.filter(user=user))[:_LOOKED_AT])
    evenings: dict[tuple[int, int, date], list[Watch]] = {}
    for row in rows:
        evenings.setdefault((row.user_id, row.episode.show_id, _evening(row.watched_at)), []).append(row)
    names = len({row.user_id for row in rows}) > 1
    return [_tile(group, with_name=names) for group in list(evenings.values())[:MOST]]


def _evening(moment: datetime) -> date:
    return (timezone.localtime(moment) - _NIGHT).date()


def _tile(watches: Sequence[Watch], *, with_name: bool) -> Tile:
    """Of viewings that are newest first."""
    last = watches[0]
    seen = {watch.episode_id: watch.episode for watch in watches}
    ordered = sorted(seen.values(), key=lambda episode: (episode.season_number, episode.episode_number))
    return Tile(last.episode.show, ordered, last.user.get_username() if with_name else "", last.watched_at)

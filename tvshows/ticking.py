"""What a person ticks off, unticks and decides by hand, on their own list. What it changed can be undone exactly.

Each function is one transaction under the lock of the person's row of the show, as in `watching`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tvshows.models import Episode, TrackedShow, TVShow, Viewer, Watch
from tvshows.watching import SAME_VIEWING, Marked, Viewing, at_noon, lock_list, mark_watched

Status = TrackedShow.Status
_BY_HAND = TVShow.Source.MANUAL
_MOVED_BY_TICKS = (Status.WATCHING, Status.COMPLETED)  # what ticking and unticking make of a status
_BATCH = 500


class Kind(Enum):
    """What a change did."""

    TICKED = "ticked"
    UNTICKED = "unticked"


@dataclass(frozen=True, slots=True)
class Undo:
    """By what a change is found again: its kind, its exact time, and the status before ('' where there was none)."""

    kind: Kind
    at: datetime
    status: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.at.isoformat()} {self.status}".strip()

    @classmethod
    def read(cls, text: str) -> "Undo | None":
        """What `str` wrote; nothing where it is something else."""
        kind, _, rest = text.partition(" ")
        moment, _, status = rest.partition(" ")
        try:
            at = datetime.fromisoformat(moment)
            known = cls(Kind(kind), at, Status(status).value if status else "")
        except ValueError:
            return None
        return known if timezone.is_aware(at) else None


@dataclass(frozen=True, slots=True)
class Change:
    """How many episodes a change touched, and how it is undone."""

    episodes: int
    undo: Undo


def at(day: date, clock: time | None, *, now: datetime) -> datetime:
    """When a person says they watched, in the current zone. Without a time it is noon, but never later than now."""
    if clock is None:
        return min(at_noon(day, timezone.get_current_timezone_name()), now)
    return timezone.make_aware(datetime.combine(day, clock))


def when_aired(episode: Episode, *, now: datetime) -> datetime:
    """The day on which an episode aired, or now where nobody knows it."""
    return at(episode.air_date, None, now=now) if episode.air_date else now


@transaction.atomic
def tick(*, user_id: int, episode: Episode, watched_at: datetime | None, now: datetime) -> bool:
    """Tick one episode off. One that is ticked already keeps its date, unless another is given. Says if it was new."""
    lock_list(user_id, episode.show_id)
    if watched_at is None and _live(user_id, episode.show_id).filter(episode=episode).exists():
        return False
    viewing = Viewing(watched_at or now, _BY_HAND)
    return mark_watched(user_id=user_id, episode=episode, viewing=viewing, now=now) is Marked.MARKED


@transaction.atomic
def tick_all(
    *, user_id: int, show_id: int, episodes: QuerySet[Episode], when: Callable[[Episode], datetime], now: datetime,
) -> Change:
    """Tick those of a show's episodes that are not ticked yet."""
    before = _status(user_id, show_id)
    tracked = lock_list(user_id, show_id)
    ticked = _live(user_id, show_id).values("episode")
    new = [
        Watch(user_id=user_id, episode=episode, watched_at=when(episode), source=_BY_HAND, created_at=now)
        for episode in episodes.filter(show=show_id).exclude(pk__in=ticked)
    ]
    Watch.objects.bulk_create(new, batch_size=_BATCH)
    mine = TrackedShow.objects.filter(pk=tracked.pk)
    if new:
        mine.filter(status__in=[Status.PLAN_TO_WATCH, Status.ON_HOLD]).update(status=Status.WATCHING)
    mine.recount(now)
    return Change(len(new), Undo(Kind.TICKED, now, before))


def untick(*, user_id: int, show_id: int, episodes: QuerySet[Episode], now: datetime) -> Change:
    """Untick a show's episodes; they stay so for every viewing up to now."""
    return _take_back(user_id, show_id, _live(user_id, show_id).filter(episode__in=episodes.values("pk")), now)


def remove_viewing(*, user_id: int, show_id: int, watch_id: int, now: datetime) -> Change:
    """Take back one viewing of an episode that was watched several times."""
    return _take_back(user_id, show_id, _live(user_id, show_id).filter(pk=watch_id), now)


@transaction.atomic
def _take_back(user_id: int, show_id: int, watches: QuerySet[Watch], now: datetime) -> Change:
    before = _status(user_id, show_id)
    change = Change(watches.values("episode").distinct().count(), Undo(Kind.UNTICKED, now, before))
    if not change.episodes:  # nor does the show come onto the list by this
        return change
    tracked = lock_list(user_id, show_id)
    Watch.objects.filter(pk__in=watches.values("pk")).update(removed_at=now)
    mine = TrackedShow.objects.filter(pk=tracked.pk)
    mine.filter(status=Status.COMPLETED).update(status=Status.WATCHING)
    mine.recount(now)
    return change


@transaction.atomic
def watch_again(*, user_id: int, episode: Episode, watched_at: datetime, now: datetime) -> bool:
    """Add another viewing of an episode. False where the person records none, or within four hours of another."""
    tracked = lock_list(user_id, episode.show_id)
    live = list(_live(user_id, episode.show_id).filter(episode=episode))
    near = any(abs(watch.watched_at - watched_at) <= SAME_VIEWING for watch in live)
    if near or not records_rewatches(user_id):
        return False
    play = max((watch.play for watch in live), default=0) + 1
    Watch.objects.create(user_id=user_id, episode=episode, play=play, watched_at=watched_at, source=_BY_HAND)
    TrackedShow.objects.filter(pk=tracked.pk).recount(now)
    return True


def records_rewatches(user_id: int) -> bool:
    """Whether a person wants further viewings of an episode counted."""
    return Viewer.objects.filter(user=user_id, records_rewatches=True).exists()


def undoable(*, user_id: int, show_id: int, undo: Undo) -> int:
    """How many episodes undoing a change would touch; none once it is undone or was overtaken."""
    return _touched(user_id, show_id, undo).values("episode").distinct().count()


@transaction.atomic
def take_back(*, user_id: int, show_id: int, undo: Undo, now: datetime) -> int:
    """Undo a change: what was ticked by it goes as if it had never been, what was unticked comes back as it was.

    Says how many episodes that were. What the person did since stays.
    """
    if not undoable(user_id=user_id, show_id=show_id, undo=undo):
        return 0
    tracked = lock_list(user_id, show_id)
    touched = _touched(user_id, show_id, undo)
    count = touched.values("episode").distinct().count()
    rows = Watch.objects.filter(pk__in=list(touched.values_list("pk", flat=True)))
    if undo.kind is Kind.TICKED:
        rows.delete()
    else:
        rows.update(removed_at=None)
    _put_back(tracked, undo, now)
    return count


def _touched(user_id: int, show_id: int, undo: Undo) -> QuerySet[Watch]:
    """The viewings that a change made or took away, as far as nothing was done about them since."""
    live = _live(user_id, show_id)
    if undo.kind is Kind.TICKED:
        return live.filter(created_at=undo.at, source=_BY_HAND)
    gone = Watch.objects.removed().filter(user=user_id, episode__show=show_id, removed_at=undo.at)
    # A play that has been filled again meanwhile cannot be there twice.
    taken = {(watch.episode_id, watch.play) for watch in live.filter(episode__in=gone.values("episode"))}
    return gone.exclude(pk__in=[watch.pk for watch in gone if (watch.episode_id, watch.play) in taken])


def _put_back(tracked: TrackedShow, undo: Undo, now: datetime) -> None:
    """The status from before, where the person chose no other since."""
    mine = TrackedShow.objects.filter(pk=tracked.pk, status__in=_MOVED_BY_TICKS)
    if undo.status:
        mine.update(status=undo.status)
    elif not Watch.objects.filter(user=tracked.user_id, episode__show=tracked.show_id).exists():
        mine.delete()
    TrackedShow.objects.filter(pk=tracked.pk).recount(now)


@transaction.atomic
def set_status(*, user_id: int, show_id: int, status: str) -> None:
    """Put a show on a person's list with a status, or give it another."""
    tracked = lock_list(user_id, show_id)
    TrackedShow.objects.filter(pk=tracked.pk).update(status=Status(status))


@transaction.atomic
def leave(*, user_id: int, show_id: int) -> bool:
    """Take a show off a person's list. False while something of it is ticked."""
    mine = TrackedShow.objects.filter(user=user_id, show=show_id)
    if not mine.exists():
        return True
    lock_list(user_id, show_id)
    if _live(user_id, show_id).exists():
        return False
    mine.delete()
    return True


def _live(user_id: int, show_id: int) -> QuerySet[Watch]:
    return Watch.objects.live().filter(user=user_id, episode__show=show_id).order_by()


def _status(user_id: int, show_id: int) -> str:
    """The person's status of a show; '' where it is not on their list."""
    held = TrackedShow.objects.filter(user=user_id, show=show_id).values_list("status", flat=True)
    return held.first() or ""

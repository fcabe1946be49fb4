"""What a person ticks off, unticks and decides by hand, on their own list. What it changed can be undone exactly.

Each function is one transaction under the lock of the person's row of the show, as in `watching`.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from tvshows.models import Episode, TrackedShow, TVShow, Viewer, Watch
from tvshows.watching import RESUMES, Marked, Refusal, Viewing, is_near, lock_list, mark_watched, untick_all

Status = TrackedShow.Status
_BY_HAND = TVShow.Source.MANUAL
_MOVED_BY_TICKS = (Status.WATCHING, Status.COMPLETED)  # what ticking and unticking make of a status
_BATCH = 500
_NOON = time(12)


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
            known = cls(Kind(kind), at.astimezone(UTC), Status(status).value if status else "")
        except (ValueError, OverflowError):
            return None
        return known if timezone.is_aware(at) else None


@dataclass(frozen=True, slots=True)
class Change:
    """How many episodes a change touched, and how it is undone."""

    episodes: int
    undo: Undo


def at(day: date, clock: time | None, *, now: datetime) -> datetime:
    """When a person says they watched, in the current zone. Without a time it is noon, but never later than now."""
    said = timezone.make_aware(datetime.combine(day, clock or _NOON))
    return said if clock else min(said, now)


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
    tracked, before = _lock(user_id, show_id)
    ticked = _live(user_id, show_id).values("episode")
    new = [
        Watch(user_id=user_id, episode=episode, watched_at=when(episode), source=_BY_HAND, created_at=now)
        for episode in episodes.filter(show=show_id).exclude(pk__in=ticked)
    ]
    Watch.objects.bulk_create(new, batch_size=_BATCH)
    mine = TrackedShow.objects.filter(pk=tracked.pk)
    if new:
        mine.filter(status__in=RESUMES).update(status=Status.WATCHING)
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
    if not watches.exists():  # nor does the show come onto the list by this
        return Change(0, Undo(Kind.UNTICKED, now))
    tracked, before = _lock(user_id, show_id)
    change = Change(watches.values("episode").distinct().count(), Undo(Kind.UNTICKED, now, before))
    untick_all(tracked, watches, now=now)
    return change


@transaction.atomic
def watch_again(*, user_id: int, episode: Episode, watched_at: datetime, now: datetime) -> Refusal | None:
    """Add another viewing of an episode, or the first one. Refused where the person has none counted again, or within
    four hours of another.
    """
    tracked = lock_list(user_id, episode.show_id)
    live = list(_live(user_id, episode.show_id).filter(episode=episode))
    if not live:
        mark_watched(user_id=user_id, episode=episode, viewing=Viewing(watched_at, _BY_HAND), now=now)
        return None
    if not records_rewatches(user_id):
        return Refusal.ONCE
    if is_near(watched_at, live):
        return Refusal.NEAR
    play = max(watch.play for watch in live) + 1
    Watch.objects.create(user_id=user_id, episode=episode, play=play, watched_at=watched_at, source=_BY_HAND)
    tracked.recount(now)
    return None


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
    # What has been filled again meanwhile cannot be there twice, nor a viewing beside another of the same time.
    back = defaultdict(list)
    for watch in live.filter(episode__in=gone.values("episode")):
        back[watch.episode_id].append(watch)
    return gone.exclude(pk__in=[watch.pk for watch in gone if _is_there(watch, back[watch.episode_id])])


def _is_there(gone: Watch, live: list[Watch]) -> bool:
    return is_near(gone.watched_at, live) or gone.play in {watch.play for watch in live}


def _put_back(tracked: TrackedShow, undo: Undo, now: datetime) -> None:
    """The status from before, where it fits: the person neither chose another nor ticked or unticked anything since."""
    mine = TrackedShow.objects.filter(pk=tracked.pk, status__in=_MOVED_BY_TICKS)
    watches = Watch.objects.filter(user=tracked.user_id, episode__show=tracked.show_id)
    since = Q(removed_at=None, created_at__gt=undo.at) | Q(removed_at__gt=undo.at)
    if not undo.status and not watches.exists():
        mine.delete()
    elif undo.status and not watches.filter(since).exists():
        mine.update(status=undo.status)
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


def _lock(user_id: int, show_id: int) -> tuple[TrackedShow, str]:
    """The person's row of a show, locked, and its status; '' where the show was not on their list."""
    held = TrackedShow.objects.filter(user=user_id, show=show_id).exists()
    tracked = lock_list(user_id, show_id)
    return tracked, tracked.status if held else ""

"""Ticking episodes off, and taking ticks back. Each function is one transaction that keeps the totals right.

All of them lock the person's TrackedShow row first, so that two sources that see one viewing at once make one watch.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from tvshows import rows
from tvshows.models import AUTOMATIC_SOURCES, Episode, TrackedShow, TVShow, Viewer, Watch

Seen = tuple[str, datetime]  # an episode's code, as its source has it, and when it was seen
SAME_VIEWING = timedelta(hours=4)  # two reports that are closer are one viewing, from whichever source
RESUMES = (TrackedShow.Status.PLAN_TO_WATCH, TrackedShow.Status.ON_HOLD)  # who watches of these is watching again
_TRACKED = "SELECT * FROM tracked_shows WHERE user_id = %s AND show_id = %s"
_ADD_PLAY = (
    "INSERT INTO watches (user_id, episode_id, play, watched_at, source, source_ref) VALUES (%s, %s, %s, %s, %s, %s)"
)
_WATCHES = "SELECT * FROM watches WHERE user_id = %s AND episode_id = %s ORDER BY play"


class Marked(Enum):
    """What came of marking an episode."""

    MARKED = "marked"
    ALREADY = "already watched"
    UNTICKED = "unticked by a person since"


class Refusal(Enum):
    """Why a person's viewing does not get the time that they gave, in the words for them."""

    NEAR = "That is within four hours of another viewing, and so the same one."
    ONCE = "What you watch again is not counted. Switch that on in your profile first."
    GONE = "That viewing is not there any more."


@dataclass(frozen=True, slots=True)
class Viewing:
    """When an episode was seen (aware), and who says so. `ref` is the source's own reference to the show."""

    watched_at: datetime
    source: str
    ref: str = ""

    @property
    def is_automatic(self) -> bool:
        """Whether no person said so."""
        return self.source in AUTOMATIC_SOURCES


@transaction.atomic(savepoint=False)
def mark_watched(*, user_id: int, episode: Episode, viewing: Viewing, now: datetime) -> Marked:
    """Tick an episode off. A date entered by hand stays; of automatic ones the earliest stays; what a person unticked
    is not ticked again by a viewing at or before that. Further viewings count where the person switched rewatches on.
    """
    tracked = lock_list(user_id, episode.show_id)
    watches = rows.read(Watch, _WATCHES, [user_id, episode.pk])
    live = [watch for watch in watches if watch.removed_at is None]
    if viewing.is_automatic and any(watch.removed_at and viewing.watched_at <= watch.removed_at for watch in watches):
        return Marked.UNTICKED
    if not _is_new(viewing, live, user_id):
        if _keep(viewing, live, now):
            tracked.recount(now)
        return Marked.ALREADY
    _add_play(user_id, episode, viewing, live)
    _settle(tracked, now)
    return Marked.MARKED


def lock_list(user_id: int, show_id: int) -> TrackedShow:
    """The person's row of the show, locked; made when there is none."""
    if tracked := _locked(user_id, show_id):
        return tracked
    TrackedShow.objects.bulk_create([TrackedShow(user_id=user_id, show_id=show_id)], ignore_conflicts=True)
    if tracked := _locked(user_id, show_id):
        return tracked
    raise TrackedShow.DoesNotExist(f"Show {show_id} was deleted meanwhile.")


def plan_to_watch(*, user_id: int, show_id: int) -> None:
    """Put a show on a person's list, unless it is there already with whatever status."""
    planned = TrackedShow(user_id=user_id, show_id=show_id, status=TrackedShow.Status.PLAN_TO_WATCH)
    TrackedShow.objects.bulk_create([planned], ignore_conflicts=True)


def _locked(user_id: int, show_id: int) -> TrackedShow | None:
    """The row as it is under its lock. Plain SQL, like the watches, because each event asks it."""
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    return next(iter(rows.read(TrackedShow, _TRACKED + lock, [user_id, show_id])), None)


def _is_new(viewing: Viewing, live: list[Watch], user_id: int) -> bool:
    """Whether it is a viewing of its own, and not another report of one that is there."""
    if not live:
        return True
    apart = not is_near(viewing.watched_at, live)
    return viewing.is_automatic and apart and Viewer.objects.filter(user=user_id, records_rewatches=True).exists()


def _add_play(user_id: int, episode: Episode, viewing: Viewing, live: list[Watch]) -> None:
    play = max((watch.play for watch in live), default=0) + 1
    at = connection.ops.adapt_datetimefield_value(viewing.watched_at)
    with connection.cursor() as cursor:
        cursor.execute(_ADD_PLAY, [user_id, episode.pk, play, at, viewing.source, viewing.ref])


def _keep(viewing: Viewing, live: list[Watch], now: datetime) -> bool:
    """Another report of a viewing: a person's date replaces any, an automatic one only a later automatic one. Says if
    the date is another one now.
    """
    first = min(live, key=lambda watch: watch.play)
    by_source = first.source in AUTOMATIC_SOURCES
    if viewing.is_automatic and not (by_source and viewing.watched_at < first.watched_at):
        if not by_source:
            vouch([first.pk], now)
        return False
    first.watched_at = viewing.watched_at
    first.source = viewing.source
    if not viewing.is_automatic:
        first.source_ref = ""  # a person vouches for it now, whatever the source took the show for
        first.created_at = now
    first.save(update_fields=["watched_at", "source", "source_ref", "created_at"])
    return True


def vouch(watch_ids: Collection[int], now: datetime) -> None:
    """Viewings that a person ticked were reported by a source, too. They count as made now, so that they do not go with
    the ticks with which they came when those are undone.
    """
    Watch.objects.filter(pk__in=watch_ids).update(created_at=now)


def _settle(tracked: TrackedShow, now: datetime) -> None:
    """Bring the person's row up to date: watching again what was planned or on hold, and the totals."""
    if tracked.status in RESUMES:
        TrackedShow.objects.filter(pk=tracked.pk).update(status=TrackedShow.Status.WATCHING)
    tracked.recount(now)


@transaction.atomic
def unmark_watched(*, user_id: int, episode: Episode, now: datetime) -> int:
    """Untick an episode; it stays unticked for every viewing up to now. Says how many watches it took back."""
    tracked = lock_list(user_id, episode.show_id)
    return untick_all(tracked, Watch.objects.live().filter(user=user_id, episode=episode), now=now)


def untick_all(tracked: TrackedShow, watches: QuerySet[Watch], *, now: datetime) -> int:
    """Untick these watches of a person's show, whose row is locked. Says how many they were."""
    removed = Watch.objects.filter(pk__in=watches.order_by().values("pk")).update(removed_at=now)
    _recount_less(tracked.user_id, tracked.show_id, now)
    return removed


def _recount_less(user_id: int, show_id: int, now: datetime) -> None:
    """Totals where watches went; what was completed is watched again, unless all of it is there still."""
    mine = TrackedShow.objects.filter(user=user_id, show=show_id)
    mine.filter(status=TrackedShow.Status.COMPLETED).update(status=TrackedShow.Status.WATCHING)
    mine.recount(now)


def recount_shows(show_ids: Iterable[int], *, now: datetime) -> int:
    """Everybody's totals of these shows anew, after their episodes were changed by hand."""
    return TrackedShow.objects.filter(show__in=set(show_ids)).recount(now)


@transaction.atomic
def change_date(watch_id: int, *, watched_at: datetime, now: datetime) -> Refusal | None:
    """Give a viewing another time, by a person; no automatic source changes it after that, nor is it undone with the
    ticks with which it came. The time that it has, to the minute or second, leaves it as it is.
    """
    watch = Watch.objects.live().select_related("episode").filter(pk=watch_id).first()
    if watch is None:
        return Refusal.GONE
    tracked = lock_list(watch.user_id, watch.episode.show_id)
    plays = {play.pk: play for play in Watch.objects.live().filter(user=watch.user_id, episode=watch.episode_id)}
    held = plays.pop(watch_id, None)
    if held is None:
        return Refusal.GONE
    if _is_shown_as(held.watched_at, watched_at):
        return None
    if is_near(watched_at, plays.values()):
        return Refusal.NEAR
    Watch.objects.filter(pk=watch_id).update(watched_at=watched_at, source=TVShow.Source.MANUAL, created_at=now)
    tracked.recount(now)
    return None


def _is_shown_as(held: datetime, given: datetime) -> bool:
    """Whether a time that a form sent is the one that it was filled with; forms leave out what is below the minute or
    the second.
    """
    whole = held.replace(microsecond=0)
    return given in (held, whole, whole.replace(second=0))


def is_near(watched_at: datetime, watches: Iterable[Watch]) -> bool:
    """Whether a time is so close to one of these viewings that it is the same."""
    return any(abs(watch.watched_at - watched_at) <= SAME_VIEWING for watch in watches)


def at_noon(day: date, zone: str) -> datetime:
    """A date without a time: noon in the person's zone, so that it is that day wherever it is looked at."""
    return datetime.combine(day, time(12), ZoneInfo(zone or "UTC")).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Move:
    """What moving watches to another show would do, or did."""

    moved: int
    left: tuple[str, ...]  # codes of the episodes that the other show lacks; their ticks stay where they are


def plan_move(*, source_ref: str, to_show_id: int) -> Move:
    """What `move_watches` would do."""
    watches = _referred(source_ref, to_show_id)
    targets = _targets(watches, to_show_id)
    left = {w.episode.code for w in watches if _number(w.episode) not in targets}
    return Move(sum(_number(w.episode) in targets for w in watches), tuple(sorted(left)))


@transaction.atomic
def move_watches(*, source_ref: str, to_show_id: int, now: datetime) -> Move:
    """Move what a source marked for the wrong show to the same episodes of the right one, with the times of viewing.

    Episodes that a person watched there already keep their own date.
    """
    # Locked in one order, so that two moves never wait for each other, and read again under the locks.
    for user_id, show_id in sorted(_lists(_referred(source_ref, to_show_id), to_show_id)):
        lock_list(user_id, show_id)
    watches = _referred(source_ref, to_show_id)
    targets = _targets(watches, to_show_id)
    left = []
    for watch in watches:
        target = targets.get(_number(watch.episode))
        if target is None:
            left.append(watch.episode.code)
            continue
        _move(watch, target, now)
    _recount_left(watches, now)
    return Move(len(watches) - len(left), tuple(sorted(set(left))))


def _move(watch: Watch, target: Episode, now: datetime) -> None:
    """One viewing to another episode; what a person said there stays, even where they dated this one, too."""
    viewing = Viewing(watch.watched_at, watch.source, watch.source_ref)
    there = Watch.objects.live().filter(user=watch.user_id, episode=target).exclude(source__in=AUTOMATIC_SOURCES)
    if viewing.is_automatic or not there.exists():
        mark_watched(user_id=watch.user_id, episode=target, viewing=viewing, now=now)
    watch.delete()


@transaction.atomic
def withdraw(*, source_ref: str, show_id: int, seen: Collection[Seen], since: datetime, now: datetime) -> int:
    """Take back what a source marked in a show for these viewings, as though it had said nothing: unlike what a person
    unticks, the episodes may be ticked again. What a person dated or unticked stays. The show leaves the lists of those
    who got it there since then and have nothing else of it. Says how many ticks were taken back.
    """
    marked = Watch.objects.live().filter(source_ref=source_ref, source__in=AUTOMATIC_SOURCES, episode__show=show_id)
    for user_id in sorted(set(marked.values_list("user", flat=True))):
        lock_list(user_id, show_id)
    gone = _those_of(marked.select_related("episode"), seen)
    Watch.objects.filter(pk__in=[watch.pk for watch in gone]).delete()
    _recount_left(gone, now)
    watching = TrackedShow.objects.filter(show=show_id, status=TrackedShow.Status.WATCHING, created_at__gte=since)
    theirs = Watch.objects.filter(episode__show=show_id, user=OuterRef("user"))
    watching.filter(~Exists(theirs), user__in={watch.user_id for watch in gone}).delete()
    return len(gone)


def _those_of(watches: Iterable[Watch], seen: Collection[Seen]) -> list[Watch]:
    """The watches of these viewings; the time of one may be another report's of the same viewing since then."""
    times, of_code = {at for _, at in seen}, defaultdict(list)
    for code, at in seen:
        of_code[code].append(at)
    return [
        watch for watch in watches
        if watch.watched_at in times
        or any(abs(watch.watched_at - at) <= SAME_VIEWING for at in of_code.get(watch.episode.code, ()))
    ]


def _lists(watches: Iterable[Watch], to_show_id: int) -> set[tuple[int, int]]:
    """The people's rows that a move touches, as (user, show)."""
    return {(w.user_id, show_id) for w in watches for show_id in (w.episode.show_id, to_show_id)}


def _number(episode: Episode) -> tuple[int, int]:
    return episode.season_number, episode.episode_number


def _referred(source_ref: str, to_show_id: int) -> list[Watch]:
    watches = Watch.objects.live().filter(source_ref=source_ref).exclude(episode__show=to_show_id)
    return list(watches.select_related("episode").order_by("watched_at", "pk"))


def _targets(watches: Iterable[Watch], show_id: int) -> dict[tuple[int, int], Episode]:
    seasons = {watch.episode.season_number for watch in watches}
    return {_number(e): e for e in Episode.objects.filter(show=show_id, season_number__in=seasons)}


def _recount_left(watches: Iterable[Watch], now: datetime) -> None:
    """Totals of the shows that lost watches."""
    for user_id, show_id in {(watch.user_id, watch.episode.show_id) for watch in watches}:
        _recount_less(user_id, show_id, now)


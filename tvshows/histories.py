"""Many viewings at once, by the rules by which watching.py takes them one by one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from tvshows.models import AUTOMATIC_SOURCES, TrackedShow, Viewer, Watch
from tvshows.watching import RESUMES, Viewing, is_near, vouch

BATCH = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """A person saw an episode of a show; the viewing is an automatic source's."""

    user_id: int
    show_id: int
    episode_id: int
    viewing: Viewing


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of many viewings: those that are new ticks, and how many were known or stay unticked."""

    marked: tuple[Seen, ...] = ()
    already: int = 0
    unticked: int = 0


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    held: dict[tuple[int, int], list[Watch]]
    rewatchers: set[int]
    added: list[Watch] = field(default_factory=list)
    earlier: dict[int, Watch] = field(default_factory=dict)
    changed: set[tuple[int, int]] = field(default_factory=set)
    vouched: set[int] = field(default_factory=set)
    marked: list[Seen] = field(default_factory=list)
    already: int = 0
    unticked: int = 0


@transaction.atomic
def take_all(seen: Iterable[Seen], *, now: datetime) -> Taken:
    """Tick off many viewings, oldest first; totals are right afterwards. A few queries, however many they are."""
    ordered = sorted(seen, key=lambda one: (one.viewing.watched_at, one.episode_id))
    if not ordered:
        return Taken()
    tracked = _lock({(one.user_id, one.show_id) for one in ordered})
    plan = _Plan(_held(ordered), _rewatchers(ordered))
    for one in ordered:
        if (one.user_id, one.show_id) in tracked:
            _take(one, plan)
    Watch.objects.bulk_create(plan.added, batch_size=BATCH)
    Watch.objects.bulk_update(plan.earlier.values(), ["watched_at", "source"], batch_size=BATCH)
    vouched = sorted(plan.vouched)
    for at in range(0, len(vouched), BATCH):
        vouch(vouched[at:at + BATCH], now)
    _settle({tracked[one.user_id, one.show_id] for one in plan.marked}, {tracked[pair] for pair in plan.changed}, now)
    return Taken(tuple(plan.marked), plan.already, plan.unticked)


def _lock(pairs: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The people's rows of the shows, locked in one order and made where there are none; not of shows that are gone."""
    users, shows = {user for user, _ in pairs}, {show for _, show in pairs}
    rows = TrackedShow.objects.filter(user__in=users, show__in=shows).order_by("user_id", "show_id").select_for_update()
    held = {(row.user_id, row.show_id): row.pk for row in rows if (row.user_id, row.show_id) in pairs}
    if missing := sorted(pairs - held.keys()):
        made = [TrackedShow(user_id=user, show_id=show) for user, show in missing]
        TrackedShow.objects.bulk_create(made, ignore_conflicts=True, batch_size=BATCH)
        held = {(row.user_id, row.show_id): row.pk for row in rows.all() if (row.user_id, row.show_id) in pairs}
    return held


def _held(seen: Sequence[Seen]) -> dict[tuple[int, int], list[Watch]]:
    """What the people have of these episodes, unticked too."""
    held: dict[tuple[int, int], list[Watch]] = defaultdict(list)
    users, episodes = {one.user_id for one in seen}, list({one.episode_id for one in seen})
    for at in range(0, len(episodes), BATCH):
        for watch in Watch.objects.filter(user__in=users, episode__in=episodes[at:at + BATCH]).order_by("play"):
            held[watch.user_id, watch.episode_id].append(watch)
    return held


def _rewatchers(seen: Sequence[Seen]) -> set[int]:
    users = {one.user_id for one in seen}
    return set(Viewer.objects.filter(user__in=users, records_rewatches=True).values_list("user", flat=True))


def _take(one: Seen, plan: _Plan) -> None:
    watches, at = plan.held[one.user_id, one.episode_id], one.viewing.watched_at
    if any(watch.removed_at and at <= watch.removed_at for watch in watches):
        plan.unticked += 1
        return
    live = [watch for watch in watches if watch.removed_at is None]
    if live and (is_near(at, live) or one.user_id not in plan.rewatchers):
        plan.already += 1
        _keep_earlier(min(live, key=lambda watch: watch.play), one, plan)
        return
    added = Watch(
        user_id=one.user_id, episode_id=one.episode_id, play=max((watch.play for watch in live), default=0) + 1,
        watched_at=at, source=one.viewing.source, source_ref=one.viewing.ref,
    )
    watches.append(added)
    plan.added.append(added)
    plan.marked.append(one)


def _keep_earlier(first: Watch, one: Seen, plan: _Plan) -> None:
    """Of automatic dates the earliest stays; a person's stays in any case."""
    if first.source not in AUTOMATIC_SOURCES:
        plan.vouched.add(first.pk)
    elif one.viewing.watched_at < first.watched_at:
        first.watched_at, first.source = one.viewing.watched_at, one.viewing.source
        if first.pk:
            plan.earlier[first.pk] = first
            plan.changed.add((one.user_id, one.show_id))


def _settle(marked: set[int], changed: set[int], now: datetime) -> None:
    """Watching again what was planned or on hold, where something is new; and the totals."""
    if marked:
        TrackedShow.objects.filter(pk__in=marked, status__in=RESUMES).update(status=TrackedShow.Status.WATCHING)
    TrackedShow.objects.filter(pk__in=marked | changed).recount(now)

"""Questions as a list: those that wait for a person, oldest first, and how others were answered. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count

from plex_integration.models import PlexConflict, PlexEpisode, PlexShowMapping, PlexWebhookLog
from plex_integration.questions import Best, weighed
from tvshows.models import TVShow

A_PAGE = 50
AT_A_GLANCE = 3  # candidates
LATELY = 10  # questions that were settled, and shows that are ignored


@dataclass(frozen=True, slots=True)
class Candidate:
    """A show that may be meant, at a glance; the show is nothing where it was deleted since."""

    best: Best
    show: TVShow | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A question that waits."""

    conflict: PlexConflict
    waiting: int  # events
    in_library: int  # episodes that the library sync read, and that wait like events
    candidates: tuple[Candidate, ...]  # the best few
    more: int  # candidates beside these


@dataclass(frozen=True, slots=True)
class QuestionList:
    """The page of everything that a person has to decide, and what was decided."""

    page: Page[PlexConflict]
    entries: tuple[Entry, ...]
    settled: tuple[PlexConflict, ...]
    ignored: tuple[PlexShowMapping, ...]
    ignored_count: int


def waiting(*, number: str | int = 1) -> QuestionList:
    """A page of the open questions, oldest first, and what was settled or ignored lately."""
    page = Paginator(PlexConflict.objects.open().order_by("created_at", "pk"), A_PAGE).get_page(number)
    ignored = PlexShowMapping.objects.set_aside()
    return QuestionList(
        page, entries(list(page)), _settled(), tuple(ignored.order_by("-updated_at", "-pk")[:LATELY]), ignored.count(),
    )


def _settled() -> tuple[PlexConflict, ...]:
    """The latest that turned out to be a show."""
    settled = PlexConflict.objects.filter(resolved=True).exclude(resolution_action=PlexConflict.Resolution.IGNORED)
    latest = settled.select_related("resolved_tvshow").defer("potential_matches", "evidence")
    return tuple(latest.order_by("-resolved_at", "-pk")[:LATELY])


def entries(conflicts: Sequence[PlexConflict]) -> tuple[Entry, ...]:
    """Questions with what waits for each and the best candidates."""
    counts, in_library = _counts(conflicts), _in_library(conflicts)
    candidates = {conflict.pk: weighed(conflict) for conflict in conflicts}
    shows = TVShow.objects.in_bulk({best.tvshow_id for few in candidates.values() for best in few[:AT_A_GLANCE]})
    return tuple(
        Entry(
            conflict, counts.get(conflict.pk, 0), in_library.get(conflict.plex_show_key, 0),
            tuple(Candidate(best, shows.get(best.tvshow_id)) for best in candidates[conflict.pk][:AT_A_GLANCE]),
            max(len(candidates[conflict.pk]) - AT_A_GLANCE, 0),
        )
        for conflict in conflicts
    )


def picked(conflict_ids: Sequence[int]) -> tuple[Entry, ...]:
    """The open ones of the questions that a person picked, oldest first; no more than a page has."""
    chosen = PlexConflict.objects.open().filter(pk__in=conflict_ids[:A_PAGE])
    return entries(list(chosen.order_by("created_at", "pk")))


def following() -> PlexConflict | None:
    """The question that waits longest."""
    return PlexConflict.objects.open().order_by("created_at", "pk").first()


def _counts(conflicts: Iterable[PlexConflict]) -> dict[int, int]:
    events = PlexWebhookLog.objects.undone().filter(conflict__in=[conflict.pk for conflict in conflicts])
    return dict(events.order_by().values_list("conflict").annotate(Count("pk")))


def _in_library(conflicts: Iterable[PlexConflict]) -> dict[str, int]:
    keys = [conflict.plex_show_key for conflict in conflicts if conflict.plex_show_key]
    waiting = PlexEpisode.objects.present().filter(waits=True, mapping__plex_show_key__in=keys)
    return dict(waiting.order_by().values_list("mapping__plex_show_key").annotate(Count("pk")))

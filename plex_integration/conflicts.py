"""Questions for a person: opening, weighing and closing them. What follows from an answer is in resolution.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django_q.tasks import async_task

from plex_integration.models import PlexConflict
from plex_integration.payloads import PlexShow
from tvshows.described import DescribedShow
from tvshows.matching import SURE, Candidate, Match


def open_for(show_key: str) -> PlexConflict | None:
    """The open conflict of a Plex show."""
    return PlexConflict.objects.open().filter(plex_show_key=show_key).first()


def ask(
    show: PlexShow, match: Match, described: DescribedShow, *, now: datetime, said: Sequence[str] = (),
    contested: bool = False,
) -> tuple[PlexConflict, bool]:
    """The open conflict of a Plex show and whether it is new, in a transaction that holds the show's lock."""
    existing = open_for(show.key)
    if existing:
        if said:  # services were asked again
            weigh(existing, match, described, now=now, said=said, contested=contested)
        return existing, False
    conflict = PlexConflict(
        plex_show_key=show.key, plex_server_uuid=show.server, plex_rating_key=show.rating_key, plex_guid=show.guid_text,
        plex_title=show.title or show.guid_text, plex_year=show.year or described.year, created_at=now,
    )
    weigh(conflict, match, described, now=now, said=said, contested=contested)
    return conflict, True


def weigh(
    conflict: PlexConflict, match: Match, described: DescribedShow, *, now: datetime, said: Sequence[str] = (),
    contested: bool = False,
) -> None:
    """Store what was weighed, so that a person sees it. `said` is what each service added, in words; `contested`
    that the ids name several shows.
    """
    conflict.conflict_type = kind_of(match.candidates)
    conflict.potential_matches = [candidate_record(candidate) for candidate in match.candidates]
    conflict.evidence = evidence_record(described) | {"said": list(said), "contested": contested}
    conflict.evaluated_at = conflict.updated_at = now
    conflict.save()


def kind_of(candidates: Sequence[Candidate]) -> str:
    """No candidate, one that is not sure, or several."""
    if not candidates:
        return PlexConflict.Kind.NONE
    if len(candidates) == 1 and candidates[0].score < SURE:
        return PlexConflict.Kind.AMBIGUOUS
    return PlexConflict.Kind.MULTIPLE


def candidate_record(candidate: Candidate) -> dict[str, Any]:
    """A candidate as it is stored in `potential_matches`."""
    show = candidate.show
    return {
        "tvshow_id": show.pk, "title": show.title, "year": show.year,
        "tmdb_id": show.tmdb_id, "tvdb_id": show.tvdb_id, "imdb_id": show.imdb_id,
        "match_score": candidate.score, "method": candidate.method,
        "reasons": [{"sign": reason.sign, "text": reason.text} for reason in candidate.reasons],
    }


def evidence_record(described: DescribedShow) -> dict[str, Any]:
    """What was known of the show, as it is stored in `evidence`."""
    episode, ids = described.episode, described.ids
    record: dict[str, Any] = {
        "titles": list(described.titles), "years": sorted(described.years), "country": described.country,
        "ids": {name: value for name, value in (("tmdb", ids.tmdb), ("tvdb", ids.tvdb), ("imdb", ids.imdb)) if value},
    }
    if episode:
        aired = episode.air_date.isoformat() if episode.air_date else None
        record["episode"] = {
            "season": episode.season, "number": episode.number, "title": episode.title, "air_date": aired,
            "year": episode.year,
        }
    return record


def close(
    conflict: PlexConflict, *, resolution: str, tvshow_id: int | None, user_id: int | None, now: datetime,
) -> None:
    """Close a conflict; the events that waited for it become due, and stay so until each is done."""
    conflict.resolved, conflict.resolution_action, conflict.resolved_tvshow_id = True, resolution, tvshow_id
    conflict.resolved_by_id, conflict.resolved_at, conflict.updated_at = user_id, now, now
    conflict.save()
    conflict.events.undone().update(due_at=now, lease_until=None)


def reopen(conflict: PlexConflict, *, now: datetime) -> None:
    """Ask again what was answered, in a transaction that holds the show's lock; what had been weighed is kept."""
    conflict.resolved, conflict.resolution_action, conflict.resolved_tvshow_id = False, None, None
    conflict.resolved_by_id, conflict.resolved_at = None, None
    conflict.evaluated_at = conflict.updated_at = now
    conflict.save()


def settle(show_key: str, *, tvshow_id: int, now: datetime) -> None:
    """Close the open conflict of a Plex show, if there is one, because its show became known without a person."""
    if conflict := open_for(show_key):
        close(conflict, resolution=PlexConflict.Resolution.AUTO, tvshow_id=tvshow_id, user_id=None, now=now)


def on_show_changed(*, show_id: int, **_: object) -> None:
    """A show was added or renamed: have a worker look at the open conflicts again."""
    if PlexConflict.objects.open().exists():
        transaction.on_commit(lambda: async_task("plex_integration.tasks.reevaluate_conflicts"))
    del show_id

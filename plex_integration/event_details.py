"""One event in all its details: what became of it, why this show, and what a person can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User

from plex_integration import questions, repairs
from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog
from plex_integration.questions import Best
from plex_integration.untrusted import list_of, object_of, text_of
from plex_integration.words import EVENTS, Words, words_for
from tvshows.described import NewEpisode
from tvshows.models import Episode

_CHANGES = "plex_integration.change_plexwebhooklog"
_SIGNS = {"for": "yes", "against": "no"}


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that speaks for a show (yes), against it (no), or is not known (hm)."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A show with which the event's was compared."""

    title: str
    score: int  # of 100
    word: str
    reasons: Sequence[Reason]


@dataclass(frozen=True)
class Details:
    """An event. For whoever is not staff without what concerns the server, the questions and the payload."""

    event: PlexWebhookLog
    words: Words
    kind: str
    why: Sequence[Reason] = ()
    compared: Sequence[Compared] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    server: str = ""
    library: str = ""
    player: str = ""
    payload: str = ""
    missing: NewEpisode | None = None
    taken: Episode | None = None
    may_run_again: bool = False

    @property
    def is_worked_on(self) -> bool:
        """Whether a worker will change it soon."""
        return self.event.done_at is None and self.event.due_at is not None

    @property
    def question(self) -> PlexConflict | None:
        """The open question for whose answer it waits."""
        conflict = self.event.conflict
        return conflict if conflict and not conflict.resolved else None


def details(event: PlexWebhookLog, user: User) -> Details:
    """What this person may see of an event."""
    kind = EVENTS.get(event.event_type, event.event_type)
    if not user.is_staff:
        return Details(event, words_for(event, decides=False), kind)
    payload = object_of(event.payload)
    metadata = object_of(payload.get("Metadata"))
    finished = event.done_at is not None and user.has_perm(_CHANGES)
    return Details(
        event, words_for(event), kind, why=_why(event), compared=_compared(event.conflict),
        evidence=object_of(event.conflict.evidence) if event.conflict else {},
        server=text_of(object_of(payload.get("Server")).get("title")),
        library=text_of(metadata.get("librarySectionTitle")),
        player=text_of(object_of(payload.get("Player")).get("title")),
        payload=repairs.shown_payload(event.payload),
        missing=repairs.missing_episode(event) if finished else None,
        taken=repairs.taken_number(event) if finished else None,
        may_run_again=finished and event.event_type != "invalid",
    )


def _why(event: PlexWebhookLog) -> list[Reason]:
    """How the Plex show became the show here, as its mapping has it."""
    rows = PlexShowMapping.objects.exclude(plex_show_key="").filter(plex_show_key=event.plex_show_key)
    mapping = rows.select_related("tvshow").first()
    if mapping is None or mapping.tvshow is None:
        return []
    return [Reason("yes", _recognised(mapping)), *_switched_off(mapping)]


def _recognised(mapping: PlexShowMapping) -> str:
    if mapping.manually_confirmed or mapping.match_method == PlexShowMapping.Method.MANUAL:
        return f"A person said that it is {mapping.tvshow}"
    by = mapping.get_match_method_display() or "what is known of it"
    score = "" if mapping.match_confidence is None else f", {round(mapping.match_confidence * 100)} of 100"
    return f"Recognised as {mapping.tvshow} by its {by}{score}"


def _switched_off(mapping: PlexShowMapping) -> list[Reason]:
    return [] if mapping.sync_enabled else [Reason("no", "Marking is switched off for this show")]


def _compared(conflict: PlexConflict | None) -> list[Compared]:
    """The shows between which a person has to choose, or had to, best first."""
    if conflict is None:
        return []
    records = questions.records_of(conflict)
    return [_candidate(best, record) for best, record in zip(questions.weighed(conflict), records, strict=True)]


def _candidate(best: Best, record: dict[str, Any]) -> Compared:
    reasons = (object_of(reason) for reason in list_of(record.get("reasons")))
    signs = [Reason(_SIGNS.get(text_of(one.get("sign")), "hm"), text_of(one.get("text"))) for one in reasons]
    return Compared(best.name, best.score, best.likelihood, signs)

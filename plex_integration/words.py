"""The words in which people read what became of events and conflicts."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from plex_integration import outcomes
from plex_integration.models import PlexWebhookLog
from plex_integration.resolution import Resolved

LINES = 5  # what is told of one answer, before "and so many more"

_WAITS = "Waits for you"
_WAITS_FOR_OTHERS = "Waits for an answer"
_ASIDE = "Set aside"
_BY_ACTION = {
    outcomes.MARKED: "Marked watched",
    outcomes.ALREADY: "Already watched",
    outcomes.ADDED_SHOW: "Show added",
    outcomes.SHOW_EXISTS: "Show known",
}
_DECIDING = {outcomes.CONFLICT, outcomes.AWAITING}

ACTIONS = {
    **_BY_ACTION,
    outcomes.CONFLICT: "Asked which show it is",
    outcomes.AWAITING: "Waits for the same answer",
    outcomes.UNLINKED: "Account linked to nobody",
    outcomes.SYNC_DISABLED: "Marking off for the show",
    outcomes.IGNORED: "Changes nothing here",
    outcomes.INTEGRATION_DISABLED: "Connection switched off",
    outcomes.AUTO_MARK_DISABLED: "Marking switched off",
    outcomes.AUTO_ADD_DISABLED: "Adding switched off",
    outcomes.EPISODE_NOT_FOUND: "Episode not found",
    outcomes.SHOW_NOT_NAMED: "Show not named",
    outcomes.DUPLICATE: "Copy of another event",
    outcomes.ERROR: "Error",
}


# What Plex's names of events mean; others are shown as they are.
EVENTS = {
    "media.scrobble": "Scrobble: 90 % was played",
    "media.play": "Play began",
    "media.pause": "Paused",
    "media.resume": "Play went on",
    "media.stop": "Play ended",
    "media.rate": "Rated",
    "library.new": "New in the library",
    "library.on.deck": "Next in the library",
    "playback.started": "Somebody began to play",
    "invalid": "Could not be read",
}


@dataclass(frozen=True, slots=True)
class Words:
    """A status for a badge: its text, its tone (ok, warn, bad or plain) and its icon."""

    text: str
    tone: str
    icon: str


def words_for(event: PlexWebhookLog, *, decides: bool = True) -> Words:
    """What became of an event. `decides`: whoever reads it may say which show it is."""
    if event.status == PlexWebhookLog.Status.FAILED:
        return Words("Failed", "bad", "cross")
    if event.status == PlexWebhookLog.Status.DUPLICATE:
        return Words("Duplicate", "plain", "twice")
    if event.status == PlexWebhookLog.Status.IGNORED:
        return Words(_ASIDE, "plain", "aside")
    if event.action_taken in _DECIDING and event.done_at is None:
        return Words(_WAITS if decides else _WAITS_FOR_OTHERS, "warn", "question")
    if event.status == PlexWebhookLog.Status.SUCCESS:
        return Words(_BY_ACTION.get(event.action_taken, "Done"), "ok", "check")
    return Words("Being worked on", "plain", "clock")


def score_words(score: int) -> str:
    """A score of 100 as a word."""
    if score >= 90:
        return "nearly certain"
    return "likely" if score >= 75 else "possible" if score >= 60 else "unlikely"


def counted(number: int, noun: str, plural: str = "") -> str:
    """1 episode, 2 episodes."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def told(resolved: Resolved) -> Sequence[str]:
    """What an answer did, a line for each event that waited, oldest first."""
    lines = [_event_told(log, outcome) for log, outcome in resolved.outcomes]
    more = len(lines) - LINES
    lines = [*lines[:LINES], f"The same was done for {counted(more, 'more event')}."] if more > 0 else lines
    if resolved.left:
        lines.append(f"A worker now does the other {resolved.left}.")
    return lines


def _event_told(log: PlexWebhookLog, outcome: outcomes.Outcome) -> str:
    if outcome.action == outcomes.MARKED:
        seen = timezone.localtime(log.created_at)
        return f"{outcome.reason.partition(':')[0]}, watched {seen.day} {seen:%B %H:%M}."
    return f"{log.code}: {outcome.reason}" if log.code else outcome.reason

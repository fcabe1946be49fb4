"""What became of events, in the words that people read."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import QuerySet

from plex_integration import outcomes
from plex_integration.models import PlexWebhookLog

_WAITS = "Waits for you"
_ASIDE = "Set aside"
_BY_ACTION = {
    outcomes.MARKED: "Marked watched",
    outcomes.ALREADY: "Already watched",
    outcomes.ADDED_SHOW: "Show added",
    outcomes.SHOW_EXISTS: "Show known",
}
_DECIDING = {outcomes.CONFLICT, outcomes.AWAITING}


@dataclass(frozen=True)
class Words:
    """A status for a badge: its text, its tone (ok, warn, bad or plain) and its icon."""

    text: str
    tone: str
    icon: str


def words_for(event: PlexWebhookLog) -> Words:
    """What became of the event."""
    if event.status == PlexWebhookLog.Status.FAILED:
        return Words("Failed", "bad", "cross")
    if event.status == PlexWebhookLog.Status.DUPLICATE:
        return Words("Duplicate", "plain", "copy")
    if event.status == PlexWebhookLog.Status.IGNORED:
        return Words(_ASIDE, "plain", "minus")
    if event.action_taken in _DECIDING and event.done_at is None:
        return Words(_WAITS, "warn", "question")
    if event.status == PlexWebhookLog.Status.SUCCESS:
        return Words(_BY_ACTION.get(event.action_taken, "Done"), "ok", "check")
    return Words("Being worked on", "plain", "clock")


def visible_to(user: User) -> QuerySet[PlexWebhookLog]:
    """The events that this person may see: staff all, others those of the Plex accounts linked to them."""
    events = PlexWebhookLog.objects.all()
    return events if user.is_staff else events.filter(account__user=user)

"""What the admin's templates ask for: what waits for a person, how many rows there are, words."""

from dataclasses import dataclass

from django import template
from django.db.models import Model
from django.urls import reverse

from plex_integration.models import PlexAccount, PlexConflict, PlexWebhookLog
from plex_integration.words import Words, words_for

register = template.Library()


@dataclass(frozen=True, slots=True)
class Tile:
    """A number with what it counts, what to do about it, and where."""

    number: int
    label: str
    hint: str
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many shows wait for a decision; the name under which the navigation asks for it."""

    questions: int


@register.simple_tag
def waiting_questions() -> Waiting:
    """How many conflicts are open, for the navigation."""
    return Waiting(PlexConflict.objects.open().count())


@register.simple_tag(takes_context=True)
def admin_tiles(context: template.Context) -> list[Tile]:
    """What waits for a person, as far as this one may see it."""
    user = context["request"].user
    tiles = [
        ("plexconflict", "?resolved__exact=0", "to decide", "Shows that wait until you say which they are.",
         PlexConflict.objects.open().count(), "warn"),
        ("plexwebhooklog", "?status__exact=failed", "failed", "Events to run again once the cause is mended.",
         PlexWebhookLog.objects.filter(status=PlexWebhookLog.Status.FAILED).count(), "bad"),
        ("plexaccount", "?linked=no", "not linked", "Plex accounts whose plays are nobody's here.",
         PlexAccount.objects.filter(user__isnull=True).count(), "warn"),
    ]
    return [
        Tile(number, label, hint, reverse(f"admin:plex_integration_{model}_changelist") + query, tone if number else "")
        for model, query, label, hint, number, tone in tiles if user.has_perm(f"plex_integration.view_{model}")
    ]


@register.filter
def row_count(model: Model) -> int:
    """How many rows a model has; a person's unticked viewings do not count. (Templates make an object of a class.)"""
    rows = type(model)._default_manager.all()
    return int(rows.live().count() if hasattr(rows, "live") else rows.count())


@register.filter
def event_words(event: PlexWebhookLog) -> Words:
    """What became of an event, for a badge."""
    return words_for(event)

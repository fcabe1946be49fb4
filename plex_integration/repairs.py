"""What a person can do about events that failed or were set aside: run them again, add what was missing."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from plex_integration import inbox, mapping, outcomes
from plex_integration.accounts import viewer_of
from plex_integration.models import PlexAccount, PlexWebhookLog
from plex_integration.payloads import InvalidPayload, parse_event
from tvshows import catalogue, watching
from tvshows.described import NewEpisode
from tvshows.models import Episode
from tvshows.watching import Viewing

HIDDEN = "[hidden]"
# Plex puts no secret into its events, but what else posts to the webhook may.
_SECRET_NAME = re.compile(r"(?i)token|secret|password|api[_-]?key")
_SECRET_IN_URL = re.compile(r"(?i)((?:token|secret|password|api[_-]?key)(?:=|%3d))[^\s&\"']+")


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events are run again, and how many could not be: unreadable, or not finished yet."""

    done: int
    left: int


def replay_many(events: Iterable[PlexWebhookLog], *, now: datetime) -> Replayed:
    """Run events again from the start, each with the time at which it was received."""
    results = [inbox.replay(log, now=now) for log in events]
    return Replayed(sum(results), len(results) - sum(results))


def set_aside_of(account: PlexAccount) -> Iterable[PlexWebhookLog]:
    """The plays that were set aside because the account was linked to nobody, oldest first."""
    aside = PlexWebhookLog.objects.filter(
        account=account, status=PlexWebhookLog.Status.IGNORED, action_taken=outcomes.UNLINKED,
    )
    return aside.defer("payload").order_by("created_at", "pk")


def missing_episode(log: PlexWebhookLog) -> NewEpisode | None:
    """The episode that an event's show lacked, as Plex describes it; nothing where that is not why it failed."""
    if log.action_taken != outcomes.EPISODE_NOT_FOUND or log.tvshow_id is None:
        return None
    try:
        event = parse_event(log.payload)
    except InvalidPayload:
        return None
    if event.season is None or event.number is None:
        return None
    return NewEpisode(event.season, event.number, event.title, event.air_date, event.minutes)


def taken_number(log: PlexWebhookLog) -> Episode | None:
    """The episode that has the number which an event named, where it failed because that seems to be another one."""
    missing = missing_episode(log)
    numbered = Episode.objects.filter(show=log.tvshow_id)
    return numbered.filter(season_number=missing.season, episode_number=missing.number).first() if missing else None


@transaction.atomic
def mark_all_the_same(log: PlexWebhookLog, *, now: datetime) -> bool:
    """A person says that the number counts: tick that episode off, at the event's time. False where none has it."""
    episode = taken_number(log)
    event, config = parse_event(log.payload), log.config
    viewer_id = viewer_of(event, config, log.account) if config else None
    if episode is None or viewer_id is None:
        return False
    row = mapping.find(event.show)
    viewing = Viewing(log.created_at, "plex", str(row.pk) if row else "")
    watching.mark_watched(user_id=viewer_id, episode=episode, viewing=viewing, now=now)
    PlexWebhookLog.objects.filter(pk=log.pk).update(
        status=PlexWebhookLog.Status.SUCCESS, action_taken=outcomes.MARKED, error_message="",
        reason=f"Marked {episode.code} of {log.tvshow}: a person said that it is this one.",
    )
    return True


@transaction.atomic
def add_missing_episode(log: PlexWebhookLog, *, now: datetime) -> bool:
    """Add the episode that an event's show lacked and run the event again. False when there is nothing to add, or it is
    not finished. Raises ValidationError when the show has the episode by now.
    """
    missing = missing_episode(log)
    if missing is None or log.tvshow_id is None or not inbox.replay(log, now=now):
        return False
    catalogue.add_episode(log.tvshow_id, missing)
    return True


def shown_payload(payload: object) -> str:
    """A stored payload as text for a person, without anything that looks like a secret."""
    return json.dumps(_without_secrets(payload), indent=2, ensure_ascii=False)


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {k: HIDDEN if _SECRET_NAME.search(str(k)) and v else _without_secrets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return _SECRET_IN_URL.sub(rf"\1{HIDDEN}", value) if isinstance(value, str) else value

"""Receiving an event: store it once, and settle at once what needs neither a person nor the network.

Everything happens in one transaction, so that an answer of 2xx means committed and nothing else does.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from plex_integration import inbox, outcomes
from plex_integration.accounts import Recognised, recognise, viewer_of
from plex_integration.locks import lock, writing
from plex_integration.models import PlexAccount, PlexConfig, PlexWebhookLog
from plex_integration.outcomes import Outcome
from plex_integration.payloads import InvalidPayload, PlexEvent, parse_event
from plex_integration.processing import settle_at_once
from plex_integration.untrusted import clean_text
from tvshows import rows

logger = logging.getLogger(__name__)
RECEIVED_STEP = timedelta(minutes=1)  # how exactly "last webhook" is kept, to spare a write for each event
KEPT_OF_INVALID = 10_000  # characters of a payload that is no event, for a person to look at
_COPY = Outcome("duplicate", outcomes.DUPLICATE, "A copy of an event that came within the last 5 minutes.")


@dataclass(frozen=True, slots=True)
class Received:
    """The stored event; `settled` is nothing when a worker will finish it."""

    log: PlexWebhookLog
    settled: Outcome | None


def receive(config: PlexConfig, payload: dict[str, Any], *, now: datetime, defer: bool = False) -> Received:
    """Store one event. With `defer` all the work is left to the worker. Raises InvalidPayload, which is stored too."""
    started = time.monotonic()
    try:
        event = parse_event(payload)
    except InvalidPayload as problem:
        keep_invalid(config, payload, str(problem), now=now)
        raise
    try:
        return _receive(event, payload, config, now=now, defer=defer, started=started)
    except IntegrityError:
        error = ""  # What it refers to, such as its show, was deleted meanwhile: PostgreSQL notices only at the commit.
    except _UnsettledError as problem:
        error = str(problem)
    # All of that is undone, which spares every event that can be settled a savepoint.
    return _receive(event, payload, config, now=now, defer=True, started=started, error=error)


class _UnsettledError(Exception):
    """Settling failed, with the reason for the event's row."""


def _receive(
    event: PlexEvent, payload: dict[str, Any], config: PlexConfig, *, now: datetime, defer: bool, started: float,
    error: str = "",
) -> Received:
    with writing(), transaction.atomic():
        key = event.dedup_key(config.pk)
        if key:
            lock("event", key)
        recognised = recognise(event, config, now=now)
        settled = _settle(event, config, recognised, defer=defer, now=now)
        log = _store(event, payload, config, recognised.account, key, settled, error, now=now, started=started)
        if settled is None:
            inbox.enqueue(log.pk)
        _note_received(config, now)
    return Received(log, settled)


def _settle(
    event: PlexEvent, config: PlexConfig, recognised: Recognised, *, defer: bool, now: datetime,
) -> Outcome | None:
    """The outcome, if it can be had at once; raises _UnsettledError."""
    if recognised.is_copy:
        return _COPY
    if defer:
        return None
    try:
        viewer_id = viewer_of(event, config, recognised.account)
        return settle_at_once(event, config, viewer_id, received_at=now, is_left_out=recognised.is_left_out)
    except Exception as error:
        logger.exception("An event could not be settled at once; the worker tries again")
        raise _UnsettledError(clean_text(f"{type(error).__name__}: {error}")) from error


def _store(
    event: PlexEvent, payload: dict[str, Any], config: PlexConfig, account: PlexAccount | None, key: str,
    settled: Outcome | None, error: str, *, now: datetime, started: float,
) -> PlexWebhookLog:
    about_episode = event.kind == "episode"
    log = PlexWebhookLog(
        config=config, account=account, event_type=event.event, payload=payload, created_at=now, dedup_key=key,
        plex_show_key=event.show.key[:512], plex_show_guid=event.show.guid_text, plex_rating_key=event.rating_key,
        plex_title=event.show.title if event.is_tv else event.title,
        plex_episode_title=event.title if about_episode else "",
        plex_season=event.season if about_episode else None, plex_episode=event.number if about_episode else None,
        status=settled.status if settled else PlexWebhookLog.Status.RECEIVED,
        action_taken=settled.action if settled else "",
        reason=settled.reason if settled else "A worker takes it up.",
        error_message=settled.reason if settled and settled.status == "failed" else error,
        tvshow_id=settled.tvshow_id if settled else None,
        processing_duration_ms=round((time.monotonic() - started) * 1000),
        due_at=None if settled else now, done_at=now if settled else None,
    )
    rows.insert(log)
    return log


def _note_received(config: PlexConfig, now: datetime) -> None:
    if config.last_webhook_received is None or now - config.last_webhook_received > RECEIVED_STEP:
        PlexConfig.objects.filter(pk=config.pk).update(last_webhook_received=now)


def keep_invalid(config: PlexConfig, payload: object, problem: str, *, now: datetime) -> PlexWebhookLog:
    """Store a payload that is no event, so that a person sees that it came and what is wrong with it."""
    kept = payload if isinstance(payload, dict) else {"unreadable": str(payload)[:KEPT_OF_INVALID]}
    reason = clean_text(f"The payload cannot be used: {problem}.")
    with writing(), transaction.atomic():
        return PlexWebhookLog.objects.create(
            config=config, event_type="invalid", payload=kept, status=PlexWebhookLog.Status.FAILED, created_at=now,
            action_taken=outcomes.ERROR, reason=reason, error_message=reason, done_at=now,
        )

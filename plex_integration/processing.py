"""From a stored event to what became of it."""

import logging
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from plex_integration import adding, conflicts, identification, inbox, libraries, mapping, outcomes
from plex_integration.accounts import viewer_of
from plex_integration.exceptions import NotItsTurn, TransientError
from plex_integration.identification import Identified
from plex_integration.locks import lock
from plex_integration.mapping import Choice
from plex_integration.models import PlexConfig, PlexShowMapping, PlexWebhookLog
from plex_integration.outcomes import Outcome
from plex_integration.payloads import LIBRARY_NEW, InvalidPayload, PlexEvent, PlexShow, parse_event
from plex_integration.verdicts import set_aside
from tvshows import catalogue, watching
from tvshows.described import NewShow
from tvshows.episodes import EpisodeFound, find_episode, search_episode
from tvshows.exceptions import ContestedIds, ServiceDown
from tvshows.matching import Match
from tvshows.watching import Marked, Viewing

logger = logging.getLogger(__name__)
# How often a missing episode is looked for: at once, after 5 and 30 seconds, and after 2 and 10 minutes.
MOST_LOOKS = 5


class StillMissing(Exception):  # noqa: N818  (what the episode is)
    """No service has the episode yet: the event is tried again a few times."""


def settle_at_once(
    event: PlexEvent, config: PlexConfig, viewer_id: int | None, *, received_at: datetime, is_left_out: bool = False,
) -> Outcome | None:
    """The fast path, within the request: what needs neither a person nor the network. None: leave it to the worker."""
    aside = set_aside(event, config, viewer_id, is_left_out=is_left_out)
    if aside or not event.names_show:
        return aside
    row = mapping.find(event.show)
    if row is None or not mapping.is_settled(row):
        return None
    known = _known(event, config, row)
    if known or row.tvshow_id is None or viewer_id is None:
        return known
    found = find_episode(row.tvshow_id, identification.described_episode(event))
    return _mark(row, found, viewer_id, received_at=received_at, now=received_at) if found.episode else None


def process(log_id: int, *, now: datetime) -> Outcome | None:
    """Work on one stored event: the entry of the worker. What fails is tried again later, and is seen meanwhile."""
    log = inbox.claim(log_id, now=now)
    if log is None:
        return None
    started = time.monotonic()
    try:
        plan = _think(log)
        with transaction.atomic():
            outcome = plan if isinstance(plan, Outcome) else _act(plan, log.created_at, now)
            inbox.finish(log, outcome, now=now, duration_ms=round((time.monotonic() - started) * 1000))
    except NotItsTurn as waits:
        inbox.defer(log, str(waits), until=now + waits.retry_after)
        if not _at_work(log):  # it ended between our look and the line above, and so woke nobody
            inbox.wake_now(log, now=now)
        return None
    except TransientError as error:
        inbox.defer(log, str(error), until=now + error.retry_after)
        return None
    except StillMissing as missing:
        inbox.try_later(log, str(missing), now=now)
        return None
    except Exception as error:
        logger.exception("Event %s failed at attempt %s", log_id, log.retry_count)
        inbox.try_later(log, f"{type(error).__name__}: {error}", now=now)
        return None
    inbox.wake_others_of_show(log, now=now)
    return outcome


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found out about an event before any lock is taken: that may take long, or ask over the network."""

    event: PlexEvent
    config: PlexConfig
    viewer_id: int | None
    known: Identified | None = None  # nothing where the show was mapped already
    matched: Match | None = None
    new: NewShow | None = None  # to be added


def _think(log: PlexWebhookLog) -> Plan | Outcome:
    if log.config is None:
        return outcomes.failed(outcomes.ERROR, "The connection to Plex that received it was removed.")
    try:
        event = parse_event(log.payload)
    except InvalidPayload as problem:
        return outcomes.failed(outcomes.ERROR, f"The payload cannot be used: {problem}.")
    viewer_id = viewer_of(event, log.config, log.account)
    left_out = not libraries.is_counted(log.config.pk, event.section_on(log.config.plex_server_uuid))
    if aside := set_aside(event, log.config, viewer_id, is_left_out=left_out):
        return aside
    if not event.names_show:
        return outcomes.failed(outcomes.SHOW_NOT_NAMED, "It does not say which show it is about.")
    plan = Plan(event, log.config, viewer_id)
    row = mapping.find(event.show)
    if mapping.is_settled(row):
        _refresh_if_missing(plan, row, log)
        return plan
    if identification.asks_services(log.config):
        _require_turn(log)
    return _identified(plan)


def _require_turn(log: PlexWebhookLog) -> None:
    """One event of a show at a time: a library that arrives at once names the same show a hundred times.

    Raises TransientError while another worker asks the services about this show.
    """
    if _at_work(log):
        raise NotItsTurn("Another event of this show is being worked on.", retry_after=timedelta(seconds=2))


def _at_work(log: PlexWebhookLog) -> bool:
    """Whether an earlier event of the show is being worked on."""
    return PlexWebhookLog.objects.of_show(log).filter(lease_until__gt=timezone.now(), pk__lt=log.pk).exists()


def _identified(plan: Plan) -> Plan:
    """Ask who knows more. Raises TransientError where that is not enough while a service is down."""
    catalogue.index_stale_titles()
    known = identification.identify(plan.event, plan.config)
    matched = identification.match_identified(known)
    plan = replace(plan, known=known, matched=matched)
    if matched.chosen:
        return plan
    if not known.described.ids.tmdb:
        _require_services(known)  # with TMDB's id the others could say no more
    try:
        may = adding.may_add(plan.config, matched, known)
        plan = replace(plan, new=adding.describe_new(plan.event, plan.config, known) if may else None)
    except ServiceDown as down:
        raise TransientError(str(down), retry_after=down.retry_after) from down
    if plan.new is None:
        _require_services(known)
    return plan


def _require_services(known: Identified) -> None:
    if known.down:
        longest = max(known.down, key=lambda down: down.retry_after)
        raise TransientError(" ".join(map(str, known.down)), retry_after=longest.retry_after)


def _refresh_if_missing(plan: Plan, row: PlexShowMapping | None, log: PlexWebhookLog) -> None:
    """Where the show lacks the episode, fetch its episodes again first. A service that is down makes the event wait.

    A library may still be read in when the first episode is played: so it is looked at again before giving up.
    """
    if row is None or row.tvshow is None or plan.viewer_id is None or _known(plan.event, plan.config, row):
        return
    if not identification.asks_services(plan.config) or log.retry_count > MOST_LOOKS:
        return
    if search_episode(row.tvshow.pk, identification.described_episode(plan.event)).episode:
        return
    try:
        asked = adding.fetch_missing(row.tvshow, plan.event, plan.config, now=timezone.now())
    except ServiceDown as down:
        raise TransientError(str(down), retry_after=down.retry_after) from down
    found = search_episode(row.tvshow.pk, identification.described_episode(plan.event)).episode
    if asked and not found and log.retry_count < MOST_LOOKS:
        raise StillMissing(f"{row.tvshow} has no such episode yet, neither here nor at the services.")


def _act(plan: Plan, received_at: datetime, now: datetime) -> Outcome:
    """Do what was planned, under the show's lock and on rows read again."""
    event = plan.event
    row = find_locked(event.show)
    if mapping.is_settled(row):
        plan = replace(plan, new=None)
    else:
        decided = decide(plan, row, now)
        if isinstance(decided, Outcome):
            return decided
        row = decided
    assert row is not None  # noqa: S101  (for the type checker)
    return _outcome(plan, row, received_at, now).after(_how(plan))


def _outcome(plan: Plan, row: PlexShowMapping, received_at: datetime, now: datetime) -> Outcome:
    event = plan.event
    if plan.new and event.event == LIBRARY_NEW and row.tvshow_id:
        watching.plan_to_watch(user_id=plan.config.user_id, show_id=row.tvshow_id)
        return outcomes.success(outcomes.ADDED_SHOW, f"Added {row.tvshow}.", row.tvshow_id)
    known = _known(event, plan.config, row)
    if known or row.tvshow_id is None or plan.viewer_id is None:
        return known or outcomes.failed(outcomes.ERROR, "It does not say who watched it.")
    found = search_episode(row.tvshow_id, identification.described_episode(event))
    return _mark(row, found, plan.viewer_id, received_at=received_at, now=now)


def _how(plan: Plan) -> str:
    """Which evidence decided, where this event is the one by which the show became known."""
    said = " ".join(plan.known.said) if plan.known else ""
    if plan.new:
        return f"{plan.new.title} was added. {said}".strip()
    chosen = plan.matched.chosen if plan.matched else None
    reasons = ", ".join(reason.text for reason in chosen.reasons if reason.sign == "for") if chosen else ""
    return f"Recognised: {reasons}. {said}".strip() if reasons else said


def find_locked(show: PlexShow) -> PlexShowMapping | None:
    """The mapping, read under the show's lock; also under that of its own key, where the rating key led to it.

    The locks are taken in one order everywhere, so that two events never wait for each other.
    """
    row = mapping.find(show)
    for key in sorted({show.key, row.plex_show_key if row else show.key}):
        lock("show", key)
    return mapping.find(show)


def decide(plan: Plan, row: PlexShowMapping | None, now: datetime) -> PlexShowMapping | Outcome:
    """Map the show where the evidence is enough, which settles a question that was open; else ask a person."""
    if plan.matched is None or plan.known is None:
        raise TransientError("The show's mapping changed meanwhile.", retry_after=timedelta(seconds=1))
    show, chosen = plan.event.show, plan.matched.chosen
    if row and row.plex_show_key != show.key:
        show = mapping.show_of(row)  # it waits under the key that it had before
    told = plan.known.described
    show = replace(show, year=show.year or told.year, ids=told.ids or show.ids)
    if chosen:
        written = mapping.write(show, Choice(chosen.show.pk, chosen.score, chosen.method), now=now, row=row)
        conflicts.settle(show.key, tvshow_id=chosen.show.pk, now=now)
        return written
    if plan.event.event != LIBRARY_NEW and not plan.config.auto_mark_watched:
        title = show.title or "this show"
        return outcomes.ignored(outcomes.AUTO_MARK_DISABLED, f"Marking is switched off, and {title} is not known here.")
    if plan.new and (added := _add(plan.new, show, row, now)):
        return added
    known = plan.known
    conflict, is_new = conflicts.ask(
        show, plan.matched, known.described, said=known.said, contested=known.contested, now=now,
    )
    if row is None:
        mapping.write(show, Choice(), now=now)
    return outcomes.asked(conflict_id=conflict.pk, first=is_new, said=identification.in_words(known, plan.config))


def _add(new: NewShow, show: PlexShow, row: PlexShowMapping | None, now: datetime) -> PlexShowMapping | None:
    """Add the show, unless another Plex show, such as the one in 4K, has brought it in meanwhile. Nothing where it
    cannot be added without a person: an id of it is another show's, or a field of it cannot be stored.
    """
    try:
        added = catalogue.find_by_ids(new) or adding.add(new, now=now)
    except (ContestedIds, ValidationError) as problem:
        logger.warning("%s was not added by itself: %s", new.title, problem)
        return None
    written = mapping.write(show, choice_of_new(new, added.pk), now=now, row=row)
    conflicts.settle(show.key, tvshow_id=added.pk, now=now)
    return written


def choice_of_new(new: NewShow, tvshow_id: int) -> Choice:
    """The mapping's choice of a show that was just added by itself."""
    return Choice(tvshow_id, 1.0 if new.tmdb_id else 0.95, _method(new))


def _method(new: NewShow) -> str:
    """By which evidence a show that was just added is this one."""
    ids = ((new.tmdb_id, "tmdb_id"), (new.tvdb_id, "tvdb_id"), (new.imdb_id, "imdb_id"))
    return next((method for value, method in ids if value), "title_year")


def _known(event: PlexEvent, config: PlexConfig, row: PlexShowMapping) -> Outcome | None:
    """What becomes of an event of a show that is known, where that is not a tick."""
    if event.event != LIBRARY_NEW and not config.auto_mark_watched:
        return outcomes.ignored(outcomes.AUTO_MARK_DISABLED, "Marking by itself is switched off.", row.tvshow_id)
    if row.tvshow_id is None:
        return outcomes.ignored(outcomes.IGNORED, "This show was ignored, or deleted here. Undo that on its mapping.")
    if event.event == LIBRARY_NEW:
        return outcomes.success(outcomes.SHOW_EXISTS, f"{row.tvshow} is here already.", row.tvshow_id)
    if not row.sync_enabled:
        return outcomes.ignored(outcomes.SYNC_DISABLED, f"Marking is switched off for {row.tvshow}.", row.tvshow_id)
    return None


_MARKED = {
    Marked.MARKED: (outcomes.MARKED, "Marked {0} of {1}: {2}."),
    Marked.ALREADY: (outcomes.ALREADY, "{0} of {1} was watched already."),
    Marked.UNTICKED: (outcomes.ALREADY, "{0} of {1} was unticked by hand since; it stays so."),
}


def _mark(
    row: PlexShowMapping, found: EpisodeFound, viewer_id: int, *, received_at: datetime, now: datetime,
) -> Outcome:
    if found.episode is None:
        return outcomes.failed(outcomes.EPISODE_NOT_FOUND, f"{row.tvshow}: {found.why}.", row.tvshow_id)
    viewing = Viewing(received_at, "plex", str(row.pk))
    marked = watching.mark_watched(user_id=viewer_id, episode=found.episode, viewing=viewing, now=now)
    action, words = _MARKED[marked]
    return outcomes.success(action, words.format(found.episode.code, row.tvshow, found.why), row.tvshow_id)

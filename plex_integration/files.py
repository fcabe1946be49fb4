"""Files that hold several episodes: whoever watched one of them has watched them all.

Plex sends one event for such a file, and it names one episode. Only the server knows the file, so it is asked once for
each episode that was ticked off, afterwards, and its answer is kept.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from plex_integration import identification, mapping
from plex_integration.accounts import viewer_of
from plex_integration.client import PlexServer
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig, PlexWebhookLog
from plex_integration.outcomes import MARKED
from plex_integration.payloads import PlexEvent, parse_event
from tvshows import services, watching
from tvshows.described import DescribedEpisode
from tvshows.episodes import find_episode
from tvshows.exceptions import ServiceError
from tvshows.models import CachedAnswer
from tvshows.watching import Marked, Viewing

logger = logging.getLogger(__name__)
LOOK_BACK = timedelta(days=1)
KEPT_FOR = timedelta(days=30)
MOST_LOOKED_AT = 500  # events
MOST_SECONDS = 8  # after which a sweep begins no further request: its task may take a minute in all
MOST_AT_ONCE = 20  # requests that one sweep makes


def mark_rest_of_files(*, now: datetime) -> int:
    """Tick off what else was in the files of recently ticked episodes. Says how many episodes were."""
    budget, marked, started = MOST_AT_ONCE, 0, time.monotonic()
    for log in _not_looked_at(now):
        event, config = parse_event(log.payload), log.config
        try:
            server = identification.server_for(event, config) if config else None
            if server and config:
                budget -= 1
                last = _last_in_file(server, event, config, now)
                marked += _mark_up_to(last, event, log, now) if last else 0
        except (ServiceError, PlexIntegrationError) as problem:
            logger.info("Files are looked at later: %s", problem)
            break
        services.cached(_looked_at(log.pk), lambda: True, now=now, full=LOOK_BACK)
        if not budget or time.monotonic() - started > MOST_SECONDS:
            break
    return marked


def _not_looked_at(now: datetime) -> Iterator[PlexWebhookLog]:
    """Ticks of the last day, oldest first, that no sweep has looked at yet. Their payloads are read one at a time."""
    ticks = PlexWebhookLog.objects.filter(action_taken=MARKED, created_at__gt=now - LOOK_BACK, tvshow__isnull=False)
    of_servers = ticks.exclude(plex_rating_key="").exclude(config__plex_server_uuid="").order_by("-created_at", "-pk")
    pks = list(of_servers.values_list("pk", flat=True)[:MOST_LOOKED_AT])
    keys = [_looked_at(pk) for pk in pks]
    done = set(CachedAnswer.objects.valid(now).filter(key__in=keys).values_list("key", flat=True))
    for pk in reversed(pks):
        if _looked_at(pk) not in done:
            yield PlexWebhookLog.objects.select_related("config", "account").get(pk=pk)


def _looked_at(log_id: int) -> str:
    return f"plex file of event {log_id}"


def _last_in_file(server: PlexServer, event: PlexEvent, config: PlexConfig, now: datetime) -> int | None:
    """The number of the last episode in the event's file, where it holds several; remembered for the next viewer."""
    def ask() -> int | None:
        with identification.asking(config):
            found = server.episode(event.rating_key)
        return found.last_number if found else None

    key = f"plex file {config.pk} {event.rating_key}"[: services.LONGEST_KEY]
    return services.cached(key, ask, now=now, full=KEPT_FOR, empty=KEPT_FOR)


def _mark_up_to(last: int, event: PlexEvent, log: PlexWebhookLog, now: datetime) -> int:
    """Tick off the episodes behind the one that the event named, at the same time of viewing."""
    row = mapping.find(event.show)
    viewer_id = viewer_of(event, log.config, log.account) if log.config else None
    if row is None or row.tvshow_id is None or viewer_id is None or event.number is None:
        return 0
    viewing, codes = Viewing(log.created_at, "plex", str(row.pk)), []
    for number in range(event.number + 1, last + 1):
        found = find_episode(row.tvshow_id, DescribedEpisode(event.season, number)).episode
        if found is None:
            continue
        if watching.mark_watched(user_id=viewer_id, episode=found, viewing=viewing, now=now) is Marked.MARKED:
            codes.append(found.code)
    if codes:
        said = f"{log.reason} Its file holds {', '.join(codes)} as well, ticked off too."
        PlexWebhookLog.objects.filter(pk=log.pk).update(reason=said)
    return len(codes)

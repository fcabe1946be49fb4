"""Runs in the worker: begun by a person or by the hour, in slices that are shorter than a task may take."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django_q.tasks import async_task

from plex_integration.models import PlexConfig, PlexEpisode, SyncRun
from plex_integration.sync import engine, runs
from plex_integration.sync.engine import Wanted

SLICE = 35.0  # seconds; a task may take 60, and a last request 15
TASK = "plex_integration.tasks.go_on_with_sync"
SOON = timedelta(minutes=1)  # after a run, within which none is begun by itself
AWAY = timedelta(minutes=3)  # without a sign of life, after which it is time to see what was missed


def start(config: PlexConfig, wanted: Wanted, *, now: datetime) -> SyncRun:
    """Have a worker begin a run. Raises Busy."""
    with transaction.atomic():
        run = runs.claim(engine.new_run(config, wanted, now=now), now=now)
        runs.forget_old(config.pk)
        async_task(TASK, run.pk)
    return run


def go_on(run_id: int) -> None:
    """The next slice of a run, and another one after it where it is not over."""
    run = SyncRun.objects.running().select_related("config").filter(pk=run_id).first()
    if run and not engine.go_on(run, seconds=SLICE):
        async_task(TASK, run_id)


def catch_up(*, now: datetime) -> int:
    """See for each connection what was watched since the last run. Says how many runs were begun."""
    begun = 0
    for config in _connected():
        recent = SyncRun.objects.filter(config=config, started_at__gt=now - SOON).exclude(scope=SyncRun.Scope.SHOW)
        begun += 0 if recent.exists() else _begin(config, now)  # such as by the hour and after an absence at once
    return begun


def catch_up_after(last_alive: datetime | None, *, now: datetime) -> int:
    """The same, where the worker was away: what Plex sent meanwhile it does not send again."""
    return catch_up(now=now) if last_alive is None or now - last_alive > AWAY else 0


def follow_answers(*, now: datetime) -> int:
    """Have what was watched of a show follow as soon as a person says which show it is; once for each answer."""
    decided = PlexEpisode.objects.present().filter(waits=True, mapping__tvshow__isnull=False)
    if not decided.exists():
        return 0
    begun = 0
    for config in _connected():
        last = SyncRun.objects.filter(config=config).values_list("started_at", flat=True).first()
        new = decided.on(config.plex_server_uuid).filter(mapping__updated_at__gt=last) if last else decided
        begun += _begin(config, now) if new.exists() else 0
    return begun


def _connected() -> QuerySet[PlexConfig]:
    return PlexConfig.objects.filter(enabled=True).exclude(plex_token="").exclude(plex_server_uuid="")


def _begin(config: PlexConfig, now: datetime) -> int:
    try:
        start(config, Wanted(scope=SyncRun.Scope.HISTORY), now=now)
    except runs.Busy:
        return 0
    return 1

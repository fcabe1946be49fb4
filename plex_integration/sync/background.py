"""Runs in the worker: begun by a person or by the hour, in slices that are shorter than a task may take."""

from datetime import datetime, timedelta

from django.db import transaction
from django_q.tasks import async_task

from plex_integration.models import PlexConfig, SyncRun
from plex_integration.sync import engine, runs
from plex_integration.sync.engine import Wanted

SLICE = 35.0  # seconds; a task may take 60, and a last request 15
TASK = "plex_integration.tasks.go_on_with_sync"
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
    connected = PlexConfig.objects.filter(enabled=True).exclude(plex_token="").exclude(plex_server_uuid="")
    begun = 0
    for config in connected:
        try:
            start(config, Wanted(scope=SyncRun.Scope.HISTORY), now=now)
            begun += 1
        except runs.Busy:
            continue
    return begun


def catch_up_after(last_alive: datetime | None, *, now: datetime) -> int:
    """The same, where the worker was away: what Plex sent meanwhile it does not send again."""
    return catch_up(now=now) if last_alive is None or now - last_alive > AWAY else 0

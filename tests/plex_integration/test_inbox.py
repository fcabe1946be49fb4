from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django_q.models import OrmQ, Schedule

from plex_integration import cleanup, heartbeat, inbox, outcomes, processing, schedules, tasks
from plex_integration.exceptions import TransientError
from plex_integration.models import PlexWebhookLog
from tests.stages import stage
from tests.world import scrobble

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@stage
def due(world):
    """An event that waits for a worker, due at NOW."""
    world.post(scrobble("Severance (2022)", number=1))
    OrmQ.objects.all().delete()
    PlexWebhookLog.objects.update(due_at=NOW, created_at=NOW)
    return world.last()


def fail_with(monkeypatch, error):
    """Have work on any event end in this error."""
    def fail(*args, **kwargs):
        raise error
    monkeypatch.setattr(processing, "_act", fail)


def test_an_attempt_is_counted_and_leased_before_the_work(due, settings):
    log = inbox.claim(due.pk, now=NOW)
    due.refresh_from_db()
    assert (due.retry_count, due.lease_until) == (1, NOW + timedelta(seconds=settings.EVENT_LEASE_SECONDS))
    assert log == due


def test_nobody_else_can_take_a_leased_event(due):
    assert inbox.claim(due.pk, now=NOW)
    assert inbox.claim(due.pk, now=NOW + timedelta(seconds=1)) is None


def test_an_event_that_is_not_due_yet_is_left_alone(due):
    assert inbox.claim(due.pk, now=NOW - timedelta(seconds=1)) is None


def test_after_the_lease_of_a_lost_worker_another_takes_over(due, settings):
    inbox.claim(due.pk, now=NOW)
    later = NOW + timedelta(seconds=settings.EVENT_LEASE_SECONDS + 1)
    assert processing.process(due.pk, now=later).action == outcomes.MARKED


def test_an_event_that_loses_its_worker_three_times_is_given_up_with_the_reason(due, settings):
    now = NOW
    for _ in range(inbox.MOST_CRASHES):
        assert inbox.claim(due.pk, now=now)
        now += timedelta(seconds=settings.EVENT_LEASE_SECONDS + 1)
    assert inbox.claim(due.pk, now=now) is None
    due.refresh_from_db()
    assert (due.status, due.action_taken) == ("failed", "error")
    assert "worker was lost" in due.reason
    assert due.done_at


def test_a_failure_is_tried_again_later_and_later_and_is_visible_meanwhile(due, monkeypatch):
    fail_with(monkeypatch, ValueError("no luck"))
    now, waits = NOW, []
    for _ in range(inbox.MOST_ATTEMPTS - 1):
        processing.process(due.pk, now=now)
        due.refresh_from_db()
        assert (due.status, due.done_at) == ("received", None)
        assert "no luck" in due.reason
        waits.append(due.due_at - now)
        now = due.due_at
    assert timedelta(seconds=4) <= waits[0] <= timedelta(seconds=6)
    assert timedelta(hours=19) <= waits[-1] <= timedelta(hours=29)
    assert waits == sorted(waits)


def test_after_eight_attempts_it_is_failed_and_can_be_run_again(due, monkeypatch, world):
    fail_with(monkeypatch, ValueError("no luck"))
    now = NOW
    for _ in range(inbox.MOST_ATTEMPTS):
        processing.process(due.pk, now=now)
        due.refresh_from_db()
        now = due.due_at or now
    assert (due.status, due.retry_count) == ("failed", 8)
    assert due.reason.startswith("Tried 8 times.")
    monkeypatch.undo()
    assert inbox.replay(due, now=now)
    assert processing.process(due.pk, now=now).action == outcomes.MARKED
    assert world.watched() == {"Severance (2022) S01E01"}


def test_a_service_that_is_down_costs_no_attempt(due, monkeypatch):
    fail_with(monkeypatch, TransientError("TMDB does not answer.", retry_after=timedelta(minutes=7)))
    for round_ in range(20):
        processing.process(due.pk, now=NOW + timedelta(minutes=7 * round_))
    due.refresh_from_db()
    assert (due.status, due.retry_count, due.done_at) == ("received", 0, None)
    assert due.due_at == NOW + timedelta(minutes=7 * 20)
    assert due.reason == "TMDB does not answer."


def test_what_failed_half_way_left_nothing_behind(due, monkeypatch, world):
    def fail(*args, **kwargs):
        raise ValueError("after the tick")
    monkeypatch.setattr(inbox, "finish", fail)
    processing.process(due.pk, now=NOW)
    assert world.watched() == set()


def test_the_sweep_queues_what_is_due_when_the_queue_was_emptied(due):
    assert not OrmQ.objects.exists()
    tasks.sweep()
    assert OrmQ.objects.count() == 1
    assert heartbeat.last() is not None


def test_the_sweep_does_not_pile_up_wake_ups(due, monkeypatch):
    monkeypatch.setattr(inbox, "MOST_QUEUED", 3)
    for _ in range(5):
        inbox.wake(now=datetime.now(UTC))
    assert OrmQ.objects.count() == 3


def test_an_event_in_work_cannot_be_run_again(due):
    inbox.claim(due.pk, now=NOW)
    due.refresh_from_db()
    assert not inbox.replay(due, now=NOW)


def test_running_an_event_again_keeps_the_time_of_viewing(due, world):
    world.work()
    due.refresh_from_db()
    assert inbox.replay(due, now=NOW + timedelta(days=3))
    processing.process(due.pk, now=NOW + timedelta(days=3))
    due.refresh_from_db()
    assert due.action_taken == outcomes.ALREADY
    assert world.owner.watches.get().watched_at == NOW


def test_cleaning_works_in_batches(due, monkeypatch):
    monkeypatch.setattr(cleanup, "BATCH", 2)
    PlexWebhookLog.objects.bulk_create(
        PlexWebhookLog(event_type="media.play", status="ignored", created_at=NOW, done_at=NOW) for _ in range(5)
    )
    assert cleanup.clean_logs(older_than=timedelta(days=1), now=NOW + timedelta(days=2)) == 5
    assert PlexWebhookLog.objects.get() == due


def test_migrating_makes_the_schedules_once_and_keeps_when_they_run_next():
    first = dict(Schedule.objects.values_list("func", "next_run"))
    assert set(first) == {func for _, func, *_ in schedules.SCHEDULES}
    call_command("migrate", verbosity=0)
    assert dict(Schedule.objects.values_list("func", "next_run")) == first


def test_a_schedule_that_somebody_broke_is_mended():
    Schedule.objects.filter(name="sweep the inbox").update(func="nothing.at.all", minutes=90)
    call_command("migrate", verbosity=0)
    row = Schedule.objects.get(name="sweep the inbox")
    assert (row.func, row.minutes) == ("plex_integration.tasks.sweep", 1)


def test_who_lost_the_lease_does_not_undo_what_the_next_one_did(due, settings):
    first = inbox.claim(due.pk, now=NOW)
    later = NOW + timedelta(seconds=settings.EVENT_LEASE_SECONDS + 1)
    assert processing.process(due.pk, now=later).action == outcomes.MARKED
    inbox.try_later(first, "too late", now=later)
    inbox.finish(first, outcomes.failed(outcomes.ERROR, "too late"), now=later)
    due.refresh_from_db()
    assert (due.status, due.action_taken) == ("success", outcomes.MARKED)


def test_an_error_with_text_that_no_database_takes_is_kept_in_a_readable_form(due, monkeypatch):
    fail_with(monkeypatch, ValueError("no\0luck \ud800"))
    processing.process(due.pk, now=NOW)
    due.refresh_from_db()
    assert "no\u2400luck \ufffd" in due.reason

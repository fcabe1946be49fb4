"""What /healthz says."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from plex_integration import heartbeat
from plex_integration.models import PlexWebhookLog
from tracker import health


@pytest.fixture
def now(db, monkeypatch):
    monkeypatch.delenv("TRACKER_STARTED_AT", raising=False)
    return timezone.now()


def event(now, *, overdue, **fields):
    PlexWebhookLog.objects.create(event_type="media.scrobble", due_at=now - timedelta(seconds=overdue), **fields)


def test_a_worker_that_beats_and_an_empty_inbox_are_well(now):
    heartbeat.beat(now)
    response = Client().get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "ok", "worker": "ok", "inbox": "ok"}


def test_a_worker_without_a_beat_is_down(now):
    assert health.examine(now).down == ["worker"]
    heartbeat.beat(now - timedelta(seconds=151))
    response = Client().get("/healthz")
    assert response.status_code == 503
    assert response.json()["down"] == ["worker"]
    assert "no sign of life" in response.json()["worker"]


def test_a_worker_may_take_a_minute_to_start(now, monkeypatch):
    monkeypatch.setenv("TRACKER_STARTED_AT", str(time.time() - 30))
    assert health.examine(now).ok
    assert health.examine(now).parts["worker"] == "starting"
    monkeypatch.setenv("TRACKER_STARTED_AT", str(time.time() - 90))
    assert health.examine(now).down == ["worker"]
    monkeypatch.setenv("TRACKER_STARTED_AT", "garbage")
    assert health.examine(now).down == ["worker"]


def test_an_event_that_nobody_takes_up_is_told(now):
    heartbeat.beat(now)
    event(now, overdue=119)
    assert health.examine(now).ok
    event(now, overdue=130)
    found = health.examine(now)
    assert found.down == ["inbox"]
    assert "130 seconds overdue" in found.parts["inbox"]


def test_events_that_are_worked_on_or_done_or_wait_for_a_person_do_not_count(now):
    heartbeat.beat(now)
    event(now, overdue=900, lease_until=now + timedelta(seconds=10))
    event(now, overdue=900, done_at=now)
    PlexWebhookLog.objects.create(event_type="media.scrobble", due_at=None)
    assert health.examine(now).ok


def test_a_database_that_is_down_is_named_also_to_somebody_with_a_session(
    world, owner_client, monkeypatch, django_assert_num_queries,
):
    def refuse():
        raise OperationalError

    monkeypatch.setattr(heartbeat, "last", refuse)
    with django_assert_num_queries(0):  # the session is not asked for
        response = owner_client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["down"] == ["database"]


def test_nothing_secret_is_told(world, now):
    text = Client().get("/healthz").text
    assert world.config.webhook_secret not in text
    assert Client().post("/healthz").status_code == 405


def test_the_beat_is_one_row(now):
    heartbeat.beat(now - timedelta(minutes=1))
    heartbeat.beat(now)
    assert heartbeat.last() == now

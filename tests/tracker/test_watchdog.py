"""When the worker's queue stands still."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django_q.models import OrmQ

from tracker import watchdog
from tracker.watchdog import Queue, Standstill

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLAIM = timedelta(seconds=300)


class Story:
    """A queue told second by second: tasks are {id: seconds until its lock, negative when it is free}."""

    def __init__(self):
        self.standstill = Standstill(timeout=60)

    def look(self, at, tasks):
        now = NOW + timedelta(seconds=at)
        locks = [(number, now + timedelta(seconds=lock)) for number, lock in sorted(tasks.items())]
        queue = Queue(locks, max((lock for _, lock in locks), default=None))
        return self.standstill.is_stuck(queue, now=now, at=float(at))

    def during(self, start, end, tasks):
        """Looks every five seconds, with locks that stay where they are; whether one of them said stuck."""
        return any(
            self.look(at, {number: lock - (at - start) for number, lock in tasks.items()})
            for at in range(start, end + 1, 5)
        )


def test_an_empty_queue_is_never_stuck():
    assert not Story().during(0, 3600, {})


def test_tasks_that_nobody_claims_are_stuck_after_the_timeout_and_five_seconds():
    story = Story()
    assert not story.during(0, 65, {1: 0, 2: 0})
    assert story.look(70, {1: -70, 2: -70})


def test_new_tasks_are_no_progress():
    story = Story()
    assert any(story.look(at, dict.fromkeys(range(1, at + 2), 0)) for at in range(0, 90, 5))


def test_claims_are_progress():
    story = Story()
    for at in range(0, 300, 50):
        assert not story.look(at, {1: 300 - 40 * (at > 150), at + 2: 299, 999: -1})


def test_tasks_that_get_done_are_progress():
    story = Story()
    assert not any(story.look(at, dict.fromkeys(range(at // 50, 40), -1)) for at in range(0, 1000, 50))


def test_claimed_tasks_that_never_get_done_are_stuck_in_the_end():
    story = Story()
    assert not story.during(0, 180, {1: 300, 2: 300})
    assert story.during(185, 200, {1: 115, 2: 115})


def test_after_a_death_ten_seconds_are_enough():
    story = Story()
    assert not story.during(0, 10, {1: 290})
    story.standstill.note_death(11.0)
    assert story.look(15, {1: 285})


def test_after_a_death_a_queue_that_moves_is_left_alone():
    story = Story()
    story.standstill.note_death(0.0)
    assert not any(story.look(at, {at: 300}) for at in range(0, 100, 5))


def test_nothing_is_held_against_the_worker_while_the_database_was_down():
    story = Story()
    story.during(0, 60, {1: 0})
    story.standstill.look_away(65.0)
    assert not story.during(70, 120, {1: -70})


@pytest.mark.django_db(transaction=True)
def test_the_queue_is_read_and_released_as_django_q_writes_it():
    now = datetime.now(UTC)
    free = OrmQ.objects.create(key="tracker", payload="x", lock=now - timedelta(seconds=5))
    claimed = OrmQ.objects.create(key="tracker", payload="y", lock=now + CLAIM)
    reader = watchdog.reader({**settings.DATABASES["default"], "NAME": connection.settings_dict["NAME"]})
    queue = reader.read()
    assert list(queue.tasks) == [(free.pk, free.lock), (claimed.pk, claimed.lock)]
    assert queue.newest == claimed.lock
    reader.release()
    claimed.refresh_from_db()
    free.refresh_from_db()
    assert claimed.lock <= datetime.now(UTC)
    assert free.lock == now - timedelta(seconds=5)
    if connection.vendor == "postgresql":
        reader._connection.close()


def test_a_database_that_is_not_there_is_an_error_that_the_supervisor_knows(tmp_path):
    reader = watchdog.reader({"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "none" / "x"})
    with pytest.raises(sqlite3.Error):
        reader.read()
    other = watchdog.reader({
        "ENGINE": "django.db.backends.postgresql", "NAME": "x", "HOST": "127.0.0.1", "PORT": 1,
        "OPTIONS": {"connect_timeout": 2, "server_side_binding": True},
    })
    with pytest.raises(other.error):
        other.release()

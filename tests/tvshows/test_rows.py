"""Plain SQL gives the same instances as Django's queries."""

import gc
import threading
import weakref
from datetime import UTC, datetime

import pytest
from django.db import connection, connections
from django.forms import model_to_dict

from plex_integration.models import PlexWebhookLog
from tvshows import rows
from tvshows.models import TrackedShow, TVShow, Watch

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 29, 20, 15, 0, 123456, tzinfo=UTC)
SHOWS = "SELECT show.*, 1 + 1 AS sum FROM tvshows AS show ORDER BY id"


def test_what_is_read_is_what_django_reads(world):
    read = rows.read(TVShow, SHOWS)
    assert [model_to_dict(show) for show in read] == [model_to_dict(show) for show in TVShow.objects.order_by("id")]
    assert {vars(show)["sum"] for show in read} == {2}


def test_dates_and_json_come_as_django_gives_them(world):
    log = PlexWebhookLog.objects.create(config=world.config, event_type="media.play", payload={"a": [1, None]}, done_at=AT)
    [read] = rows.read(PlexWebhookLog, "SELECT * FROM plex_webhook_logs WHERE id = %s", [log.pk])
    assert (read.done_at, read.payload, read.created_at) == (AT, {"a": [1, None]}, log.created_at)
    assert (read.pk, read.config_id, read._state.adding) == (log.pk, world.config.pk, False)


def test_nothing_is_read_where_there_is_nothing():
    assert rows.read(TrackedShow, "SELECT * FROM tracked_shows WHERE id = %s", [7]) == []


def test_columns_may_stand_in_any_order_and_be_fewer(world):
    [read, *_] = rows.read(TVShow, "SELECT title, id FROM tvshows ORDER BY id")
    first = TVShow.objects.order_by("id")[0]
    assert (read.pk, read.title) == (first.pk, first.title)
    assert read.get_deferred_fields()


def test_a_column_that_somebody_adds_meanwhile_moves_none_of_the_others(world):
    rows.read(TVShow, SHOWS)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tvshows ADD COLUMN of_another_program integer DEFAULT 7")
    [read, *_] = rows.read(TVShow, SHOWS)
    assert (vars(read)["sum"], vars(read)["of_another_program"]) == (2, 7)
    assert model_to_dict(read) == model_to_dict(TVShow.objects.get(pk=read.pk))


def test_what_is_known_of_a_query_goes_with_the_connection_of_its_thread():
    def once():
        rows.read(Watch, "SELECT 1 AS id, NULL AS watched_at")  # a date, which is converted
        opened.append(weakref.ref(connections["default"]))
        connections["default"].close()

    opened: list[weakref.ref] = []
    thread = threading.Thread(target=once)
    thread.start()
    thread.join()
    gc.collect()
    assert opened[0]() is None


@pytest.mark.parametrize("returning", [True, False])
def test_what_is_inserted_is_what_was_meant(world, monkeypatch, returning):
    if connection.vendor == "sqlite":
        monkeypatch.setattr(connection.features, "can_return_columns_from_insert", returning)
    made = PlexWebhookLog(config=world.config, event_type="media.play", payload={"a": "é"}, created_at=AT, done_at=AT)
    rows.insert(made)
    read = PlexWebhookLog.objects.get()
    assert (read.pk, read.payload, read.done_at, read.status) == (made.pk, {"a": "é"}, AT, made.status)
    made.reason = "changed"
    made.save()
    assert PlexWebhookLog.objects.get().reason == "changed"

"""What one event of a known show asks of the database: little, and the same whatever the size of the library."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plex_integration.models import PlexShowMapping, PlexWebhookLog
from tests.bench.queries import counted
from tests.world import SERVER, scrobble
from tvshows.models import Episode, TrackedShow, TVShow, Watch

pytestmark = pytest.mark.django_db

MOST = 10
EPISODES = 40
FEW_ROWS = ("plex_config", "CONSTANT ROW", "always", "of_the_show")  # what may be read whole


def fill(world, *, shows, watches):
    """Known shows of 40 episodes each, the first `watches` of all episodes watched."""
    made = TVShow.objects.bulk_create(TVShow(title=f"Number {n}", indexed_title=f"Number {n}") for n in range(shows))
    for row in made:
        row.plex_key = f"n{row.pk}"
    episodes = Episode.objects.bulk_create(
        Episode(show=row, season_number=1, episode_number=number, runtime=25)
        for row in made for number in range(1, EPISODES + 1)
    )
    PlexShowMapping.objects.bulk_create(
        PlexShowMapping(
            plex_show_key=f"g:plex://show/{row.plex_key}", plex_server_uuid=SERVER, plex_rating_key=row.plex_key,
            plex_guid=f"plex://show/{row.plex_key}", plex_title=row.title, tvshow=row,
        )
        for row in made
    )
    now = timezone.now()
    TrackedShow.objects.bulk_create(TrackedShow(user=world.owner, show=row) for row in made)
    watched = [episode for episode in episodes if episode.episode_number <= EPISODES // 2][:watches]
    Watch.objects.bulk_create(
        Watch(user=world.owner, episode=episode, watched_at=now - timedelta(days=9), source="plex") for episode in watched
    )
    PlexWebhookLog.objects.bulk_create(
        PlexWebhookLog(config=world.config, event_type="media.scrobble", status="success", dedup_key=f"{n:064}", done_at=now)
        for n in range(watches)
    )
    return made


def statements_of_one_event(world, show, number):
    """The statements of an event, after one that linked the account and noted when a webhook last came."""
    for each in (number - 1, number):
        event = scrobble(show.title, number=each, show_id=show.plex_key)
        with CaptureQueriesContext(connection) as captured:
            answer = world.post(event)
        assert answer.json()["message"].startswith("Marked"), answer.json()
    return counted(query["sql"] for query in captured.captured_queries)


@pytest.mark.parametrize(("shows", "watches"), [(5, 10), (300, 500)])
def test_an_event_of_a_known_show_costs_at_most_ten_queries_whatever_the_library(world, shows, watches):
    made = fill(world, shows=shows, watches=watches)
    statements = statements_of_one_event(world, made[-1], EPISODES)
    listed = "\n".join(f"{number}. {text[:200]}" for number, text in enumerate(statements, 1))
    expected = MOST if connection.vendor == "postgresql" else MOST - 1  # SQLite needs no lock for copies
    assert len(statements) == expected, f"{len(statements)} queries:\n{listed}"


def plan(statement):
    """How the database would go about it, a line a step."""
    with connection.cursor() as cursor:
        cursor.execute(f"{'EXPLAIN QUERY PLAN' if connection.vendor == 'sqlite' else 'EXPLAIN'} {statement}")
        return [row[-1] for row in cursor.fetchall()]


def test_no_query_reads_a_whole_table_that_grows(world):
    """On PostgreSQL with sequential scans at any price, because it takes them where a table is small."""
    made = fill(world, shows=5, watches=10)
    statements = statements_of_one_event(world, made[0], EPISODES)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    found = {
        step: text[:300]
        for text in statements if not text.startswith(("INSERT", "SELECT pg_advisory"))
        for step in plan(text)
        if ("SCAN " in step or "Seq Scan" in step) and not any(one in step for one in FEW_ROWS)
    }
    assert not found


def test_what_was_watched_of_an_episode_is_found_by_the_episode(world):
    """By the person alone it would be everything that they ever watched: without statistics SQLite may think so."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has statistics")
    made = fill(world, shows=5, watches=10)
    reading = [text for text in statements_of_one_event(world, made[0], EPISODES) if '"watches"' in text or " watches " in text]
    steps = [step for text in reading if not text.startswith("INSERT") for step in plan(text)]
    on_watches = [step for step in steps if "watches" in step]
    assert on_watches
    assert all("episode_id=?" in step for step in on_watches), steps

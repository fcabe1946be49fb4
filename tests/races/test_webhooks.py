"""Webhooks that come at the same moment: one event many times, and many events of one new show."""

from collections import Counter

import pytest

from tests import sender
from tests.races.conftest import check_integrity, map_by_sql
from tests.races.racers import racers
from tests.seeds import SHOWS

pytestmark = pytest.mark.slow

COPIES = 32
CLIENTS = 8  # processes; each keeps four copies under way


@pytest.fixture(scope="module")
def eight(running):
    """Eight processes that race."""
    with racers(running, CLIENTS) as started:
        yield started


def test_of_32_copies_of_one_event_at_once_exactly_one_has_an_effect(running, rounds):
    """Sent by one process that has all 32 connections open before it sends the first byte of any."""
    running.change("DELETE FROM plex_show_mappings")
    map_by_sql(running, 1, guid=f"plex://show/{1:08x}", rating_key="s1")
    with racers(running, COPIES) as started:
        for index in range(rounds):
            season, number = index // 20 % 3 + 1, index % 20 + 1
            key = f"copy-{index}"
            running.change("DELETE FROM watches")
            running.change("UPDATE tracked_shows SET watched_episodes = 0, total_minutes = 0")
            data = running.request(sender.scrobble(1, season, number, ratingKey=key)).decode()
            statuses = started.round([("post", {"port": running.port, "data": data})] * COPIES)
            assert Counter(statuses) == {200: COPIES}, f"round {index}"
            found = running.rows(
                f"SELECT status, COUNT(*) FROM plex_webhook_logs WHERE plex_rating_key = '{key}' GROUP BY status"
            )
            assert dict(found) == {"success": 1, "duplicate": COPIES - 1}, f"round {index}"
            assert running.value("SELECT COUNT(*) FROM watches") == 1, f"round {index}"
    check_integrity(running)


def _two_episodes(running, eight, show, *, titled=None, guid):
    """Two episodes of a show come at once, and each is worked on by several workers at once; the events' rows."""
    payloads = [
        sender.scrobble(show, 1, number, grandparentGuid=guid, grandparentTitle=titled or sender.title_of(show),
                        grandparentSlug=None, grandparentRatingKey=f"new-{show}", ratingKey=f"new-{show}-{number}")
        for number in (1, 2)
    ]
    before = running.value("SELECT COALESCE(MAX(id), 0) FROM plex_webhook_logs")
    requests = [running.request(each).decode() for each in payloads]
    statuses = eight.round([("post", {"port": running.port, "data": data}) for data in requests])
    assert statuses == [202, 202]
    ids = [row[0] for row in running.rows(f"SELECT id FROM plex_webhook_logs WHERE id > {before} ORDER BY id")]
    assert len(ids) == 2
    jobs = [("process", {"log_id": pk}) for pk in ids * (CLIENTS // 2)]
    answers = eight.round(jobs)
    errors = [answer for answer in answers if isinstance(answer, dict)]
    assert not errors, errors
    columns = "id, status, action_taken, conflict_id, reason, retry_count"
    return running.rows(f"SELECT {columns} FROM plex_webhook_logs WHERE id IN ({ids[0]}, {ids[1]})")


def test_two_episodes_of_a_show_that_is_not_mapped_yet_make_one_mapping_and_both_are_marked(running, eight, rounds):
    """The legacy GUID bears the show's TMDB id, so that no person is needed."""
    for index in range(rounds):
        show = index % SHOWS + 1
        running.change("DELETE FROM plex_show_mappings")
        running.change("DELETE FROM watches")
        running.change("DELETE FROM tracked_shows")
        running.change("DELETE FROM plex_webhook_logs")
        rows = _two_episodes(running, eight, show, guid=f"com.plexapp.agents.themoviedb://{900_000 + show}?lang=en")
        assert {row[1:3] for row in rows} == {("success", "marked_watched")}, rows
        assert {row[5] for row in rows} == {1}, f"attempts: {rows}"
        assert running.rows("SELECT tvshow_id FROM plex_show_mappings") == [(show,)]
        assert running.rows("SELECT show_id, watched_episodes FROM tracked_shows") == [(show, 2)]
        assert running.value("SELECT COUNT(*) FROM watches") == 2
        assert running.value("SELECT COUNT(*) FROM plex_conflicts") == 0
    assert running.value("SELECT COUNT(*) FROM tvshows") == SHOWS
    check_integrity(running)


def test_two_episodes_of_an_unknown_show_make_one_question_to_which_both_belong(running, eight, rounds):
    for index in range(rounds):
        for table in ("plex_webhook_logs", "plex_conflicts", "plex_show_mappings"):
            running.change(f"DELETE FROM {table}")
        guid = f"plex://show/unheard{index}"
        rows = _two_episodes(running, eight, 500 + index, titled=f"Unheard Of {index}", guid=guid)
        endings = sorted(row[1:3] for row in rows)
        assert endings == [("received", "awaiting_resolution"), ("success", "conflict_created")], rows
        conflicts = running.rows("SELECT id, resolved FROM plex_conflicts")
        assert len(conflicts) == 1
        assert {row[3] for row in rows} == {conflicts[0][0]}
        assert running.value("SELECT COUNT(*) FROM plex_show_mappings") == 1

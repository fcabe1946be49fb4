"""What people do at the moment at which events come in: answer a question, click Replay many times, delete a show."""

import time
from collections import Counter

import pytest

from tests import sender
from tests.races.conftest import check_integrity, map_by_sql
from tests.races.racers import racers

pytestmark = pytest.mark.slow

EVENTS = 20
GUID = "plex://show/asked"
TABLES = ("watches", "tracked_shows", "plex_webhook_logs", "plex_conflicts", "plex_show_mappings", "django_q_ormq")
WATCHED = "SELECT COUNT(*) FROM watches w JOIN tvshow_episodes e ON e.id = w.episode_id WHERE e.show_id = 7"
OPEN = "SELECT id, status, action_taken, reason, retry_count FROM plex_webhook_logs WHERE done_at IS NULL"


@pytest.fixture(scope="module")
def many(running):
    """Processes that race: a click for each of ten sessions, or twenty events and an answer."""
    with racers(running, EVENTS + 2) as started:
        yield started


@pytest.fixture(autouse=True)
def _empty(running):
    for table in TABLES:
        running.change(f"DELETE FROM {table}")


def _asked(running, number, title="Two Of A Kind"):
    return running.request(sender.scrobble(
        7, 1, number, grandparentGuid=GUID, grandparentTitle=title, grandparentRatingKey="asked", grandparentSlug=None,
    )).decode()


def _work(running, many):
    """Process what is due until nothing is, several workers at each event."""
    for _ in range(5):
        due = [row[0] for row in running.rows("SELECT id FROM plex_webhook_logs WHERE due_at IS NOT NULL")]
        if not due:
            return
        jobs = [("process", {"log_id": pk}) for pk in due for _ in range(2)]
        for start in range(0, len(jobs), EVENTS):
            errors = [answer for answer in many.round(jobs[start : start + EVENTS]) if isinstance(answer, dict)]
            assert not errors, errors


@pytest.mark.parametrize("attempt", range(3))
def test_while_a_person_answers_twenty_events_come_and_none_is_left_behind(running, many, attempt):
    assert many.round([("post", {"port": running.port, "data": _asked(running, 1)})]) == [202]
    _work(running, many)
    conflict = running.value("SELECT id FROM plex_conflicts WHERE NOT resolved")
    user = running.seeded["user"]
    answer = ("select", {"conflict_id": conflict, "tvshow_id": 7, "user_id": user})
    jobs = [("post", {"port": running.port, "data": _asked(running, number)}) for number in range(2, EVENTS + 1)]
    # Some of the events are worked on while the person answers: those that wait for the same question.
    answers = many.round([*jobs, answer])
    assert set(answers[:-1]) <= {200, 202}
    assert isinstance(answers[-1], int), answers[-1]
    _work(running, many)
    left = running.rows(OPEN)
    assert not left, left
    assert dict(running.rows("SELECT status, COUNT(*) FROM plex_webhook_logs GROUP BY status")) == {"success": EVENTS}
    assert running.value(WATCHED) == EVENTS
    assert running.rows("SELECT tvshow_id FROM plex_show_mappings") == [(7,)]
    check_integrity(running)


def test_the_answer_comes_while_workers_attach_events_to_the_question(running, many):
    """Here the events are stored already, and the workers reach the question at the moment of the answer."""
    for number in range(1, EVENTS + 1):
        assert many.round([("post", {"port": running.port, "data": _asked(running, number)})]) == [202]
    first, *others = [row[0] for row in running.rows("SELECT id FROM plex_webhook_logs ORDER BY id")]
    assert many.round([("process", {"log_id": first})]) == ["conflict_created"]
    conflict = running.value("SELECT id FROM plex_conflicts")
    answer = ("select", {"conflict_id": conflict, "tvshow_id": 7, "user_id": running.seeded["user"]})
    answers = many.round([answer, *[("process", {"log_id": pk}) for pk in others]])
    errors = [each for each in answers if isinstance(each, dict)]
    assert not errors, errors
    # A worker that had thought before the answer came looks again a second later.
    for seconds in (2, 4, 6):
        due = [row[0] for row in running.rows("SELECT id FROM plex_webhook_logs WHERE due_at IS NOT NULL")]
        many.round([("process", {"log_id": pk, "at": time.time() + seconds}) for pk in due])
    left = running.rows(OPEN)
    assert not left, left
    assert running.value(WATCHED) == EVENTS
    check_integrity(running)


def test_replay_clicked_ten_times_at_once_makes_one_watch(running, many):
    map_by_sql(running, 7, guid=GUID, rating_key="asked")
    assert many.round([("post", {"port": running.port, "data": _asked(running, 3)})]) == [200]
    log_id = running.value("SELECT id FROM plex_webhook_logs")
    before = running.value("SELECT watched_at FROM watches")
    clicks = many.round([("replay", {"log_id": log_id})] * 10)
    assert Counter(clicks) == {True: 1, False: 9}
    many.round([("process", {"log_id": log_id})] * 10)
    assert running.rows("SELECT status, action_taken FROM plex_webhook_logs") == [("success", "already_watched")]
    assert running.rows("SELECT watched_at FROM watches") == [(before,)]
    check_integrity(running)


@pytest.mark.parametrize("number", range(1, 6))
def test_one_viewing_that_eight_sources_see_at_once_is_one_watch(running, many, number):
    """As when a webhook and Plex's history tell of the same play."""
    episode = running.value(
        f"SELECT id FROM tvshow_episodes WHERE show_id = 9 AND season_number = 1 AND episode_number = {number}"
    )
    now = time.time()
    jobs = [
        ("mark", {"user_id": running.seeded["user"], "episode_id": episode, "at": now - 60 * index, "source": "plex"})
        for index in range(8)
    ]
    answers = many.round(jobs)
    assert Counter(answers) == {"marked": 1, "already watched": 7}
    assert running.value(f"SELECT COUNT(*) FROM watches WHERE episode_id = {episode}") == 1
    assert running.rows("SELECT watched_episodes, total_minutes FROM tracked_shows WHERE show_id = 9") == [(1, 25)]
    check_integrity(running)


@pytest.mark.parametrize("show", range(36, 41))
def test_a_show_that_is_deleted_while_its_events_come_leaves_nothing_dangling_and_loses_no_event(running, many, show):
    map_by_sql(running, show, guid=GUID, rating_key="asked")
    jobs = [("post", {"port": running.port, "data": _asked(running, number)}) for number in range(1, EVENTS + 1)]
    answers = many.round([*jobs[:10], ("delete_show", {"show_id": show}), *jobs[10:]])
    statuses = Counter(answer for answer in answers[:10] + answers[11:])
    assert set(statuses) <= {200, 202}, f"{statuses}\n{running.log[-3000:]}"
    assert isinstance(answers[10], int), answers[10]
    _work(running, many)
    assert running.value("SELECT COUNT(*) FROM plex_webhook_logs WHERE done_at IS NULL") == 0
    assert running.value("SELECT COUNT(*) FROM plex_webhook_logs") == EVENTS
    assert running.rows("SELECT tvshow_id, sync_enabled FROM plex_show_mappings") in ([(None, False)], [(None, 0)])
    assert running.value("SELECT COUNT(*) FROM watches") == 0
    assert running.value(f"SELECT COUNT(*) FROM tracked_shows WHERE show_id = {show}") == 0
    check_integrity(running)

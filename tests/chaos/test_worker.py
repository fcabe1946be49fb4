"""Workers die, the queue forgets, the key changes: every event still ends."""

import secrets
from collections import Counter

import pytest

from tests import sender
from tests.chaos.conftest import size, sweeping
from tests.product import wait_for

pytestmark = pytest.mark.slow

POISON = "The Poisoned Show"


def _unmapped(show: int, number: int = 1) -> dict:
    """An event that only a worker can settle: of a show that is in the catalogue and not mapped."""
    guid = f"com.plexapp.agents.themoviedb://{900_000 + show}?lang=en"
    key = f"other-{show}"
    return sender.scrobble(show, 1, number, grandparentGuid=guid, grandparentRatingKey=key, ratingKey=f"{key}-{number}")


def _open(made) -> int:
    return made.value("SELECT COUNT(*) FROM plex_webhook_logs WHERE done_at IS NULL")


def test_an_event_that_kills_its_worker_ends_as_failed_and_its_neighbours_are_fine(victim):
    neighbours = size("CHAOS_NEIGHBOURS", 20)
    victim.change("DELETE FROM plex_show_mappings")
    victim.environment |= {"CHAOS_POISON": POISON, "CHAOS_LEASE_SECONDS": "2"}
    victim.up()
    for number in range(1, neighbours + 1):
        if number == neighbours // 2:
            poison = sender.scrobble(999, 1, 1, grandparentTitle=POISON)
            assert victim.send(poison).status == 202
        assert victim.send(_unmapped(number)).status == 202
    with sweeping(victim):
        wait_for(lambda: _open(victim) == 0, "every event ended", seconds=60)
    [found] = victim.rows(f"SELECT status, action_taken, reason FROM plex_webhook_logs WHERE plex_title = '{POISON}'")
    assert found[:2] == ("failed", "error")
    assert "worker was lost 3 times" in found[2]
    runs = Counter(line.partition(" ")[2] for line in (victim.folder / "runs").read_text().splitlines())
    print(f"the poison ran {runs[POISON]} times; {neighbours} neighbours ran {runs.total() - runs[POISON]} times")
    assert runs[POISON] <= 3
    marked = victim.value("SELECT COUNT(*) FROM plex_webhook_logs WHERE action_taken = 'marked_watched'")
    assert marked == neighbours
    assert victim.value("SELECT COUNT(*) FROM watches") == neighbours


def test_with_the_queue_emptied_and_the_secret_key_changed_every_waiting_event_is_still_done(victim):
    """A task that was signed with another key is dropped without a word; the row of the event is the truth."""
    events = size("CHAOS_WAITING", 30)
    victim.change("DELETE FROM plex_show_mappings")
    victim.web()
    for number in range(events):
        assert victim.send(_unmapped(number % 30 + 1, number // 30 + 1)).status == 202
    victim.stop()
    queued = victim.value("SELECT COUNT(*) FROM django_q_ormq")
    assert queued == events
    victim.change("DELETE FROM django_q_ormq WHERE id % 2 = 0")
    victim.environment["SECRET_KEY"] = secrets.token_hex(32)
    victim.up()
    with sweeping(victim):
        wait_for(lambda: _open(victim) == 0, f"{events} events done", seconds=60)
    actions = dict(victim.rows("SELECT action_taken, COUNT(*) FROM plex_webhook_logs GROUP BY action_taken"))
    print(f"{actions} of {events}")
    assert actions == {"marked_watched": events}
    assert victim.value("SELECT COUNT(*) FROM watches") == events

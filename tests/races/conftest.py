"""A running product for the races of a module, and how often each is run."""

import os

import pytest

from tests import sender
from tests.chaos import CHAOS
from tests.product import Product, product


@pytest.fixture(scope="session")
def rounds() -> int:
    """6 in the suite; RACE_ROUNDS=200 before a release."""
    return int(os.environ.get("RACE_ROUNDS", "6"))


@pytest.fixture(scope="module")
def running(seeded):
    """The web server alone: what the worker would do, the tests do by hand, all at once. No show is mapped."""
    with product(like=seeded, **CHAOS) as made:
        for table in ("plex_show_mappings", "tracked_shows"):
            made.change(f"DELETE FROM {table}")
        yield made.web()


def map_by_sql(made: Product, show: int, *, guid: str, rating_key: str) -> None:
    """Map a Plex show to a seeded one, with the kind of SQL that the guide has."""
    made.change(
        "INSERT INTO plex_show_mappings (plex_show_key, plex_server_uuid, plex_rating_key, plex_guid, plex_title, "
        "tvshow_id, match_method, match_confidence, manually_confirmed) VALUES "
        f"('g:{guid}', '{sender.SERVER}', '{rating_key}', '{guid}', 'Show', {show}, 'manual', 1, TRUE)"
    )


def check_integrity(made: Product) -> None:
    """Whatever happened, the totals are those of the watches and nothing stands twice."""
    twice = made.rows(
        "SELECT user_id, episode_id, COUNT(*) FROM watches WHERE removed_at IS NULL "
        "GROUP BY user_id, episode_id HAVING COUNT(*) > 1"
    )
    assert not twice, f"watched twice: {twice}"
    wrong = made.rows("""
        SELECT t.id, t.watched_episodes, t.total_minutes, COUNT(w.id), COALESCE(SUM(e.runtime), 0) FROM tracked_shows t
        LEFT JOIN tvshow_episodes e ON e.show_id = t.show_id AND EXISTS
          (SELECT 1 FROM watches x WHERE x.episode_id = e.id AND x.user_id = t.user_id AND x.removed_at IS NULL)
        LEFT JOIN watches w ON w.episode_id = e.id AND w.user_id = t.user_id AND w.removed_at IS NULL
        GROUP BY t.id, t.watched_episodes, t.total_minutes
        HAVING t.watched_episodes <> COUNT(w.id) OR t.total_minutes <> COALESCE(SUM(e.runtime), 0)
    """)
    assert not wrong, f"totals (row, episodes, minutes, and what is true): {wrong}"

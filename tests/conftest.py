"""Fixtures for every test: one world with a small cast."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.cache import cache

from tests.world import World, make_world, unmake_world

_OF_THE_DATABASE = {"db", "transactional_db", "live_server"}


@pytest.fixture(autouse=True)
def _fresh_cache(monkeypatch):
    """Rate limits are counted in the cache, which outlives a test, and by the minute, which may end within one."""
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The world is written once, not for each of two thousand tests; a test's changes of it are rolled back."""
    with django_db_blocker.unblock():
        make_world()


@pytest.fixture(autouse=True)
def _nobody_is_there(request):
    """Unless a test asks for the world, it begins with an empty database."""
    asked = set(request.fixturenames)
    if "world" not in asked and (_OF_THE_DATABASE & asked or request.node.get_closest_marker("django_db")):
        request.getfixturevalue("db")
        unmake_world()


@pytest.fixture
def world(db) -> World:
    """An owner with a connection to Plex, and two iCarlys, two Offices, and a show without a namesake."""
    return make_world()


def pytest_sessionstart() -> None:
    """The test database of SQLite is a file in the data folder. A person's password is not worth 0.4 s a test, nor is
    a list of all static files 20 ms for each client.
    """
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_configure() -> None:
    """`python -m tests` runs two of us on one PostgreSQL: each has a database of its own there."""
    if not settings.SQLITE:
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = f"test_{os.getpid()}"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """A file without slow tests is not even read where only they run."""
    slow_only = os.environ.get("TESTS_PACE") == "slow" and collection_path.name.startswith("test_")
    return True if slow_only and "mark.slow" not in collection_path.read_text() else None


def _touches_a_database(item: pytest.Item) -> bool:
    asked = _OF_THE_DATABASE & set(item.fixturenames)
    return bool(asked or item.get_closest_marker("django_db") or item.get_closest_marker("slow"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the slow or the quick ones only, where `python -m tests` asks for that."""
    if pace := os.environ.get("TESTS_PACE"):
        kept = [item for item in items if (item.get_closest_marker("slow") is not None) == (pace == "slow")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
        if not settings.SQLITE:  # its other half runs beside SQLite: what never sees a database need not run twice
            for item in items:
                if not _touches_a_database(item):
                    item.add_marker(pytest.mark.skip(reason="no database in it; it runs beside SQLite"))

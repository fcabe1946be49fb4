"""Fixtures for every test: one world with a small cast."""

import time
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.cache import cache

from tests.world import World, make_world


@pytest.fixture(autouse=True)
def _fresh_cache(monkeypatch):
    """Rate limits are counted in the cache, which outlives a test, and by the minute, which may end within one."""
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))
    cache.clear()
    yield
    cache.clear()


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones, which mostly wait, at opposite ends on the two engines: both at once would wait together."""
    items.sort(key=lambda item: bool(item.get_closest_marker("slow")) != settings.SQLITE)

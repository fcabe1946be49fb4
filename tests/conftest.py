"""Fixtures for every test: one world with a small cast."""

import gc
import json
import os
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace

import pytest
from _pytest.main import pytest_runtestloop as run_tests
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.management.color import no_style
from django.db import connection

from tests.chaos import CHAOS
from tests.parts import run_in_parts
from tests.product import Product, product
from tests.seeds import SHOWS
from tests.stages import Function, go_to, stage_of, takes_world
from tests.world import World, make_world, unmake_world

_FILES = sorted(Path(__file__).parent.rglob("test_*.py"))
_REAL_TRANSACTIONS = {"transactional_db", "live_server"}


def _with_room(call, *arguments):
    """Call with room for some hundred frames above this one.

    CPython keeps frames in chunks of 16 KiB and gives a chunk back as soon as it is empty. A loop that happens to run
    on the border of two asks the system for memory at each call; under pytest's deep stack that was a fifth of the
    time of all tests. A frame that needs much gets a large chunk, and those above it share it.
    """
    return call(*arguments)


_with_room.__code__ = _with_room.__code__.replace(co_stacksize=20_000)  # words; the chunk is the next power of two


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Pytest's own loop, with room, and without looking through all modules and tests for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    reads_only = session.config.option.collectonly or session.testsfailed
    if "TESTS_PARTS" in os.environ and not reads_only and run_in_parts(session):
        return True
    return _with_room(run_tests, session)


@pytest.fixture(autouse=True)
def _fresh_cache(monkeypatch):
    """Rate limits are counted in the cache, which outlives a test, and by the minute, which may end within one."""
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(scope="session")
def _written(django_db_setup, django_db_blocker) -> None:
    """The world is written once, not for each of fifteen hundred tests; a test's changes of it are rolled back."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        go_to(None)
        # Its numbers are the first: PostgreSQL has counted on, though what came before was rolled back.
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)
        make_world()


@pytest.fixture
def _on_stage(request, django_db_setup, django_db_blocker) -> None:
    """Before a test's own transaction begins, that of its stage."""
    stage = _stage(request.node)
    if stage and _needs(request.node) is Needs.WORLD:
        request.getfixturevalue("_written")
    with django_db_blocker.unblock():
        go_to(stage)


@pytest.fixture
def _django_db_helper(_on_stage, _django_db_helper) -> None:
    """As pytest-django's, which begins the transaction."""


@pytest.fixture(scope="session", autouse=True)
def _no_stage_is_left(django_db_blocker) -> Iterator[None]:
    yield
    with django_db_blocker.unblock():
        go_to(None)


@pytest.fixture
def world(_written, db) -> World:
    """An owner with a connection to Plex, and two iCarlys, two Offices, and a show without a namesake."""
    return make_world()


@pytest.fixture(autouse=True)
def _nobody_is_there(request):
    """Unless a test asks for the world, it begins with an empty database, or on a stage."""
    if _needs(request.node) in {Needs.DATABASE, Needs.TRANSACTIONS} and "world" not in request.fixturenames:
        request.getfixturevalue("db")
        if not _stage(request.node):
            unmake_world()


@pytest.fixture(scope="session")
def migrated() -> Iterator[Product]:
    """An installation with its tables and nothing in them; not started, but to be copied."""
    if "TESTS_MIGRATED" in os.environ:
        yield Product(json.loads(os.environ["TESTS_MIGRATED"]))
        return
    with product() as made:
        yield made.migrate()


@pytest.fixture(scope="session")
def seeded(migrated) -> Iterator[Product]:
    """A copy of it, to be copied too: shows 1 to 40 of 60 episodes are in the catalogue, mapped, and on the owner's list."""
    with product(like=migrated, **CHAOS) as made:
        yield made.seed(shows=SHOWS)


def pytest_sessionstart() -> None:
    """The test database of SQLite is a file in the data folder. A person's password is not worth 0.4 s a test, nor is
    a list of all static files 20 ms for each client.
    """
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_configure() -> None:
    """Several of us may run on one PostgreSQL: each has a database of its own there."""
    if not settings.SQLITE:
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = f"test_{os.getpid()}"


class Needs(IntEnum):
    """What a test needs of the database, in the order in which tests run."""

    NOTHING = 0
    DATABASE = 1
    WORLD = 2  # written once, after those that want it empty
    TRANSACTIONS = 3  # real ones leave an empty database behind


def _needs(item: pytest.Item) -> Needs:
    asked, marker = set(item.fixturenames), item.get_closest_marker("django_db")
    if _REAL_TRANSACTIONS & asked or (marker and marker.kwargs.get("transaction")):
        return Needs.TRANSACTIONS
    if "world" in asked:
        return Needs.WORLD
    return Needs.DATABASE if marker or "db" in asked else Needs.NOTHING


def _stage(item: pytest.Item) -> Function | None:
    """The function that sets a test's stage: within a world when the test asks for one, and where all is rolled back."""
    needs, stage = _needs(item), stage_of(item)
    fits = needs is (Needs.WORLD if stage and takes_world(stage) else Needs.DATABASE)
    return stage if fits else None


def _order(item: pytest.Item) -> tuple[Needs, int, str]:
    """By what they need; of a file those of the same stage follow each other."""
    stage = _stage(item)
    return _needs(item), _FILES.index(item.path), stage.__name__ if stage else ""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of what they need; those that need no database are left to SQLite, where `python -m tests` runs both."""
    items.sort(key=_order)
    if "TESTS_PARTS" not in os.environ or settings.SQLITE:
        return
    for item in items:
        if _needs(item) is Needs.NOTHING and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="no database in it; it runs beside SQLite"))

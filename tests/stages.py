"""What several tests begin with is set once for all of them, and each finds it as it was.

A fixture marked `@stage` writes its rows in a transaction around those of its tests, which are ordered so that they
follow each other. It may take `world`, needs nothing else, and gives back what can be pickled: every test gets a copy.
"""

import functools
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction

from tests.world import make_world, unmake_world

Function = Callable[..., Any]


def stage(function: Function) -> Any:
    """A fixture that is set once for the tests which ask for it; beside another stage it is set anew for each."""

    @functools.wraps(function)
    def given(*arguments: Any, **named: Any) -> Any:
        return _open.copy() if _open and _open.function is function else function(*arguments, **named)

    given.stage = function
    return pytest.fixture(given)


def stage_of(item: pytest.Item) -> Function | None:
    """The function that sets a test's stage; of several the one that comes first, as it would without stages."""
    definitions = item._fixtureinfo.name2fixturedefs
    known = (definitions[name][-1].func for name in item.fixturenames if name in definitions)
    return next((function.stage for function in known if hasattr(function, "stage")), None)


def takes_world(function: Function) -> bool:
    return "world" in inspect.signature(function).parameters


class _Stage:
    """Rows of a transaction that is still under way, and what the function gave back."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self._atomic = transaction.atomic()
        self._atomic._from_testcase = True  # durable blocks may stand within, as within Django's own
        self._atomic.__enter__()
        try:
            self._given = pickle.dumps(self._set())
        except BaseException:
            self.close()
            raise
        cache.clear()  # of what happened here a test finds the rows alone

    def _set(self) -> Any:
        if takes_world(self.function):
            return self.function(make_world())
        unmake_world()
        return self.function()

    def copy(self) -> Any:
        return pickle.loads(self._given)

    def close(self) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


_open: _Stage | None = None


def go_to(function: Function | None) -> None:
    """Set this stage, and first leave the one before; None leaves it only."""
    global _open  # noqa: PLW0603
    if _open and _open.function is not function:
        left, _open = _open, None
        left.close()
    if function and not _open:
        _open = _Stage(function)

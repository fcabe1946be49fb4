"""Products to be broken: copies of one that is seeded once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.product import ROOT, Product, product

SHOWS = 30
CHAOS = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "SABOTAGE": os.environ.get("SABOTAGE", "")}


def size(name: str, default: int) -> int:
    """How large a test is: its size in the suite unless the environment has another, such as CHAOS_ACKED=5000."""
    return int(os.environ.get(name, default))


@pytest.fixture(scope="session")
def seeded() -> Iterator[Product]:
    """A stopped product: shows 1 to 30 mapped, 60 episodes each."""
    with product(**CHAOS) as made:
        yield made.seed(shows=SHOWS)


@pytest.fixture
def victim(seeded: Product) -> Iterator[Product]:
    """A fresh copy of it, not started."""
    with product(like=seeded, **CHAOS) as made:
        yield made


@contextmanager
def sweeping(made: Product) -> Iterator[None]:
    """Sweep the inbox every second, where the product does it every minute."""
    script = (
        "import select, sys, django; django.setup()\n"
        "from plex_integration import tasks\n"
        "while not select.select([sys.stdin], [], [], 1.0)[0]: tasks.sweep()"
    )
    sweeper = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=made.environment, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        sweeper.communicate()

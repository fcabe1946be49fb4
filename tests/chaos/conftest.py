"""Products to be broken: copies of the seeded one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chaos import CHAOS
from tests.product import ROOT, Product, product


def size(name: str, default: int) -> int:
    """How large a test is: its size in the suite unless the environment has another, such as CHAOS_ACKED=5000."""
    return int(os.environ.get(name, default))


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

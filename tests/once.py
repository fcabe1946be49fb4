"""Tests that do not run everywhere and always."""

import os

import pytest

from tests.product import server_url

# They run beside SQLite alone, and leave the time to those in which the database has a part.
once = pytest.mark.skipif(bool(server_url()), reason="the database has no part in it; it runs beside SQLite")

RELEASE = os.environ.get("RELEASE") == "1"

# Long, and about what no change of a day is likely to break.
before_release = pytest.mark.skipif(not RELEASE, reason="for a release: RELEASE=1 runs it")

# Long, and more about processes or pages than about the database: with each change it runs beside SQLite.
both_before_release = pytest.mark.skipif(
    bool(server_url()) and not RELEASE, reason="with each change beside SQLite; RELEASE=1 runs it here too"
)

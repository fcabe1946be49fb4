"""For tests in which the database has no part: they run beside SQLite alone, and leave the time to those in which it has."""

import pytest

from tests.product import server_url

once = pytest.mark.skipif(bool(server_url()), reason="the database has no part in it; it runs beside SQLite")

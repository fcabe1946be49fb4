"""The product's settings, with the floor's one view and no middleware."""

from tracker.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.floor"
MIDDLEWARE = []

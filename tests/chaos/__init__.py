"""The product with its safeguards taken out on purpose, one at a time (see settings.py)."""

import os

CHAOS = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "SABOTAGE": os.environ.get("SABOTAGE", "")}

"""The product's settings, with what breaks things on purpose. Only tests use them; every switch is off by default.

SABOTAGE names one way to take a safeguard out, so that one can see the test of that safeguard fail:

    SABOTAGE=ack_before_commit python -m pytest tests/chaos -k acknowledged

ack_before_commit (A1), synchronous_off (A3), no_crash_limit (B4), queue_is_truth (B7), read_first (D3); for the races
no_lock (C1, C2, on PostgreSQL).
"""

import os

from tracker.settings import *  # noqa: F403
from tracker.settings import DATABASES, INSTALLED_APPS, SQLITE

SABOTAGE = os.environ.get("SABOTAGE", "")
POISON = os.environ.get("CHAOS_POISON", "")  # the title of a show whose events kill the worker
EVENT_LEASE_SECONDS = int(os.environ.get("CHAOS_LEASE_SECONDS", "90"))

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.rigged"]

if SABOTAGE == "synchronous_off":
    options = DATABASES["default"]["OPTIONS"]
    if SQLITE:
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=NORMAL")
    else:
        options["options"] += " -c synchronous_commit=off"

"""The tests of the tracker; `python -m tests` runs them on both engines."""

# What TESTS_PACE may be, and how much of a core such a run takes. Each is a pytest of its own, so that tests which wait
# leave the time to those which do not.
PACES = {"slow": 0.6, "quick 1": 1.0, "quick 2": 1.0, "browser": 0.6}
BESIDE_SQLITE = {"browser"}  # what is on a page depends little on the database: RELEASE=1 runs them on PostgreSQL too

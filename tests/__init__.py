"""The tests of the tracker; `python -m tests` runs them on both engines."""

# What TESTS_PACE may be. Each is a pytest of its own, so that tests which wait leave the time to those which do not.
PACES = ("browser", "slow", "quick 1", "quick 2")

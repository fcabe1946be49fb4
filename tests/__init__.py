"""The tests of the tracker; `python -m tests` runs them on both engines."""

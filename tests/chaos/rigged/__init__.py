"""Breaks the product on purpose, as tests/chaos/settings.py says."""

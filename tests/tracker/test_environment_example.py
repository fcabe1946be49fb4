""".env.example names what the settings read, no more and no less."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# In the design, for what later issues bring.
LATER = {"TMDB_API_KEY", "TMDB_API_URL", "PLEX_TV_URL", "EMAIL_URL", "NOTIFY_URLS"}


def read_by_the_settings():
    text = (ROOT / "tracker" / "settings.py").read_text()
    return set(re.findall(r'env\.[a-z_]+\(\s*"([A-Z_]+)"', text))


def named_in_the_example():
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {match[1]: lines[place - 1] for place, line in enumerate(lines) if (match := re.match(r"# ([A-Z_]+)=", line))}


def test_every_variable_is_in_the_example_with_a_line_before_it():
    example = named_in_the_example()
    assert read_by_the_settings() == set(example) - LATER
    assert all(line.startswith("# ") and len(line) > 20 for line in example.values())

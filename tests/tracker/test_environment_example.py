""".env.example names what the settings read, no more and no less."""

import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read_by_the_settings():
    text = (ROOT / "tracker" / "settings.py").read_text()
    return set(re.findall(r'env\.[a-z_]+\(\s*"([A-Z_]+)"', text))


def named_in_the_example():
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [(re.match(r"# ([A-Z_]+)=", line), before) for before, line in pairwise(lines)]
    return {match[1]: before for match, before in named if match}


def test_every_variable_is_in_the_example_with_a_line_before_it():
    example = named_in_the_example()
    assert read_by_the_settings() == set(example)
    assert all(line.startswith("# ") and len(line) > 20 for line in example.values())

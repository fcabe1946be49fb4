"""The README's table of rules against the code: each of its rows is an example that is tried out."""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from tests.world import NOON, show
from tvshows import matching
from tvshows.catalogue import add_show
from tvshows.described import DescribedEpisode, DescribedShow, Ids, NewEpisode, NewShow
from tvshows.matching import match
from tvshows.models import ShowTitle
from tvshows.titles import normalise

pytestmark = pytest.mark.django_db

README = Path(__file__).parents[2] / "README.md"
CHAPTER = README.read_text().partition("\n### Which show is meant\n")[2].partition("\n### ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in CHAPTER.splitlines() if line.startswith("| ")][2:]


@dataclass
class Said:
    """A cell: a title, then, after dots, a year, an id, "also" another title, an episode with its title and date."""

    title: str
    year: int | None = None
    also: str = ""
    ids: dict[str, int | str] = field(default_factory=dict)
    episode: tuple[int, int, str, date] | None = None


def read(cell: str) -> Said:
    title, *rest = cell.split(" · ")
    said = Said(title)
    for part in rest:
        if numbered := re.fullmatch(r"S(\d\d)E(\d\d) (.+) (\d{4}-\d\d-\d\d)", part):
            season, number, name, day = numbered.groups()
            said.episode = (int(season), int(number), name, date.fromisoformat(day))
        elif part.isdigit():
            said.year = int(part)
        elif part.startswith("also "):
            said.also = part.removeprefix("also ")
        else:
            source, value = part.split()
            said.ids[source] = value if source == "imdb" else int(value)
    return said


def described(said: Said) -> DescribedShow:
    written = normalise(said.title)
    episode = DescribedEpisode(*said.episode) if said.episode else None
    years = frozenset(year for year in (said.year, written.year) if year)
    return DescribedShow((said.title,), years, written.country, Ids(**said.ids), episode)


def add(said: Said) -> int:
    episodes = tuple(NewEpisode(*numbered) for numbered in [said.episode] if numbered)
    ids = {f"{source}_id": value for source, value in said.ids.items()}
    day = said.episode[3] if said.episode else date(said.year, 1, 1) if said.year else None
    made = add_show(NewShow(said.title, day, episodes=episodes, **ids), now=NOON)
    if said.also:
        ShowTitle.objects.create(show=made, title=said.also)
    return made.pk


@pytest.mark.parametrize(("says", "has", "confidence"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_rule_of_the_readme_holds(says, has, confidence):
    first, *_ = [add(read(cell)) for cell in has.split(", ")]
    found = match(described(read(says)))
    if confidence == "never":
        assert found.candidates == ()
        return
    score, asks = re.fullmatch(r"([\d.]+)(?: × likeness)?(, asks)?", confidence).groups()
    best = found.candidates[0]
    assert best.show.pk == first
    assert best.score == float(score) if "likeness" not in confidence else 0.30 <= best.score < float(score) * 0.75
    assert (found.chosen is None) == bool(asks)
    assert asks or found.chosen.show.pk == first


def test_the_table_has_every_confidence_that_the_code_gives():
    scores = {float(number) for row in ROWS for number in re.findall(r"\d\.\d\d", row[3])}
    given = {confidence for _, _, confidence in matching.ID_CONFIDENCE}
    given |= {matching.SAME_TITLE_SCORE, matching.SIMILAR_TITLE_SCORE, matching.TITLE_WEIGHT, matching.CONTRARY_CAP}
    assert scores - {0.55} == given


def test_the_text_names_the_bounds_that_the_code_has():
    for bound in (matching.SURE, matching.LISTED, matching.SIMILAR, matching.MARGIN):
        assert f"{bound:.2f}" in CHAPTER
    assert matching.MOST_LISTED == 5
    assert "at most five" in CHAPTER


def test_the_same_article_goes_before_another():
    for title in ("The Swarm", "Swarm"):
        show(title, date(2023, 3, 17))
    for title in ("The Swarm", "Swarm"):
        assert match(DescribedShow((title,), frozenset({2023}))).chosen.show.title == title

"""Charts drawn by the server, as SVG whose every mark says its number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

# In the units of the drawing, which is scaled to the room that there is.
WIDTH, HEIGHT, BASE, TOP = 300, 132, 112, 22
GAP, ROUND = 0.24, 3  # of the room of a bar; of its corners
CELL, STEP, LEFT, ABOVE = 11, 14, 28, 18
LEVELS = (1, 2, 3, 5)  # from so many a day on
MOST_LABELS = 4
WEEKDAYS = tuple((ABOVE + STEP * row + 10, name) for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun")))


class BarLike(Protocol):
    """What a bar is drawn from."""

    @property
    def label(self) -> str:
        """What stands below it, if there is room."""

    @property
    def value(self) -> float:
        """How high it is."""

    @property
    def says(self) -> str:
        """The sentence with its number."""


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar with its place."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    says: str
    number: str  # above it; on the highest and the last one
    is_last: bool


@dataclass(frozen=True, slots=True)
class Label:
    """A word under the chart, or over it."""

    x: float
    text: str
    anchor: str


@register.inclusion_tag("charts/_bars.html")
def bar_chart(bars: Iterable[BarLike], name: str) -> dict[str, Any]:
    """Bars side by side, the last of them being now. `name` is the sentence that stands for the chart."""
    given = list(bars)
    return {"name": name, "bars": _drawn(given), "labels": _labels(given), "width": WIDTH, "height": HEIGHT}


@register.inclusion_tag("charts/_wide_bars.html")
def wide_bar_chart(bars: Iterable[BarLike], name: str) -> dict[str, Any]:
    """The same as wide as its place, for many bars; its labels are beside the drawing and not in it."""
    given = list(bars)
    return {"name": name, "bars": _drawn(given), "labels": _labels(given), "width": WIDTH, "base": BASE}


def _drawn(bars: Sequence[BarLike]) -> list[DrawnBar]:
    highest = max((bar.value for bar in bars), default=0) or 1
    peak = next((index for index, bar in enumerate(bars) if bar.value == highest), -1)
    room = WIDTH / max(len(bars), 1)
    drawn = []
    for index, bar in enumerate(bars):
        last, height = index == len(bars) - 1, round(bar.value / highest * (BASE - TOP), 1)
        shows = bar.value > 0 and (index == peak or (last and len(bars) - 1 - peak > 1))
        drawn.append(DrawnBar(
            round((index + GAP / 2) * room, 1), round(BASE - height, 1), round(room * (1 - GAP), 1), height,
            round((index + 0.5) * room, 1), bar.says, f"{bar.value:g}" if shows else "", last,
        ))
    return drawn


def _labels(bars: Sequence[BarLike]) -> list[Label]:
    """At most four of them: the first, the last, and what lies evenly between."""
    count = min(MOST_LABELS, len(bars))
    if count < 2:
        return [Label(WIDTH / 2, bar.label, "middle") for bar in bars]
    places = [round(step * (len(bars) - 1) / (count - 1)) for step in range(count)]
    room = WIDTH / len(bars)
    inner = [Label(round((place + 0.5) * room, 1), bars[place].label, "middle") for place in places[1:-1]]
    return [Label(0, bars[0].label, "start"), *inner, Label(WIDTH, bars[-1].label, "end")]


@register.inclusion_tag("charts/_calendar.html")
def calendar_chart(days: Sequence[tuple[date, int]], name: str) -> dict[str, Any]:
    """A square for each day, a column for each week; `days` are without gaps and begin on a Monday."""
    return {
        "name": name, "cells": _cells(days),
        "months": _months([day for day, _ in days]), "weekdays": WEEKDAYS,
        "width": LEFT + STEP * -(-len(days) // 7), "height": ABOVE + 7 * STEP,
    }


def _cells(days: Iterable[tuple[date, int]]) -> SafeString:
    """The squares. Not by the template, which takes ten times as long for hundreds of them."""
    return format_html_join(
        "", '<rect class="h{}" x="{}" y="{}" width="{}" height="{}" rx="2.5"><title>{}</title></rect>',
        (
            (level(number), LEFT + STEP * (index // 7), ABOVE + STEP * (index % 7), CELL, CELL, _says(day, number))
            for index, (day, number) in enumerate(days)
        ),
    )


def level(number: int) -> int:
    """How dark a square is, from 0 to 4."""
    return sum(number >= least for least in LEVELS)


def _says(day: date, number: int) -> str:
    said = f"{number} episode{'' if number == 1 else 's'}" if number else "no episodes"
    return f"{date_format(day, 'D j M')}: {said}"


def _months(days: Sequence[date]) -> list[Label]:
    """The name of each month over the first week that begins in it, where the next one leaves room."""
    mondays = list(enumerate(days[::7]))
    firsts = [(column, day) for column, day in mondays if day.day <= 7]
    last = len(mondays) - 1
    return [Label(LEFT + STEP * column, date_format(day, "M"), "start") for column, day in firsts if column < last]


@register.filter
def share_of(part: float, whole: float) -> int:
    """How many of 100 it is, for a bar."""
    return round(100 * part / whole) if whole else 0

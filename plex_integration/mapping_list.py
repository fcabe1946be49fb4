"""Mappings as a list: filters, a search, and each one's state and confidence in words. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog
from plex_integration.untrusted import clean_text
from plex_integration.words import counted, score_words
from tvshows.models import TVShow
from tvshows.watching import Move

A_PAGE = 50
ALL = "all"
CERTAIN = 100
FILTERS = {
    ALL: "All", "unmapped": "No show yet", "conflict": "To decide", "ignored": "Ignored", "off": "Marking off",
}
STATES = {
    "mapped": ("mapped", "badge-ok"), "off": ("marking off", ""), "waiting": ("waits for you", "badge-warn"),
    "aside": ("ignored", ""),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter: its name in the address, its words and how many mappings it leaves."""

    name: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping, and the open question about it, if there is one."""

    row: PlexShowMapping
    conflict_id: int | None

    @property
    def state(self) -> str:
        """One of the four states."""
        return state_of(self.row)

    @property
    def words(self) -> str:
        """The state for a badge."""
        return STATES[self.state][0]

    @property
    def tone(self) -> str:
        """The class of the badge."""
        return STATES[self.state][1]

    @property
    def score(self) -> int | None:
        """The confidence of 100."""
        confidence = self.row.match_confidence
        return None if confidence is None else round(confidence * 100)

    @property
    def how(self) -> str:
        """Why this show: "a person said so", "95 of 100, nearly certain · by TVDB id"; nothing where there is none."""
        if self.row.tvshow_id is None:
            return ""
        if self.row.manually_confirmed:
            return "A person said so"
        method = f"by {self.row.get_match_method_display().removeprefix('by ')}" if self.row.match_method else ""
        word = "" if self.score is None else "certain" if self.score == CERTAIN else score_words(self.score)
        sure = f"{self.score} of 100, {word}" if word else ""
        return " · ".join(part for part in (sure, method) if part)


@dataclass(frozen=True, slots=True)
class MappingList:
    """A page of mappings."""

    page: Page[PlexShowMapping]
    entries: tuple[Entry, ...]
    chips: tuple[Chip, ...]
    chosen: str
    sought: str


def state_of(row: PlexShowMapping) -> str:
    """One of the four states that a mapping can be in."""
    if row.tvshow_id:
        return "mapped" if row.sync_enabled else "off"
    return "waiting" if row.sync_enabled else "aside"


def listed(*, chosen: str = ALL, sought: str = "", number: str | int = 1) -> MappingList:
    """A page of the mappings that a filter and a search leave, by title."""
    chosen, sought = chosen if chosen in FILTERS else ALL, clean_text(sought).strip()
    rows = _searched(PlexShowMapping.objects.filter(_condition(chosen)), sought).select_related("tvshow")
    page = Paginator(rows.order_by("plex_title", "plex_year", "pk"), A_PAGE).get_page(number)
    return MappingList(page, entries(page), _chips(), chosen, sought)


def entries(rows: Iterable[PlexShowMapping]) -> tuple[Entry, ...]:
    """Rows with the questions that are open about them."""
    rows = list(rows)
    keys = [row.plex_show_key for row in rows if row.plex_show_key and row.tvshow_id is None]
    asked = dict(PlexConflict.objects.open().filter(plex_show_key__in=keys).values_list("plex_show_key", "pk"))
    return tuple(Entry(row, asked.get(row.plex_show_key)) for row in rows)


def one(mapping_id: int) -> Entry | None:
    """A single mapping."""
    return next(iter(entries(PlexShowMapping.objects.select_related("tvshow").filter(pk=mapping_id))), None)


def waiting_events(entry: Entry) -> int | None:
    """How many events wait for the question about a mapping; nothing where none is open."""
    if entry.conflict_id is None:
        return None
    return PlexWebhookLog.objects.waiting_for(entry.conflict_id).count()


def moved_in_words(move: Move, show: TVShow) -> list[str]:
    """What changing a mapping's show moved and left."""
    lines = [f"{counted(move.moved, 'marked episode')} moved to {show}."] if move.moved else []
    if move.left:
        lines.append(f"{show} lacks {', '.join(move.left)}: those stay where they were.")
    return lines


def _condition(chosen: str) -> Q:
    asked = PlexConflict.objects.open().exclude(plex_show_key="").filter(plex_show_key=OuterRef("plex_show_key"))
    conditions = {
        "unmapped": Q(tvshow__isnull=True), "ignored": Q(tvshow__isnull=True, sync_enabled=False),
        "conflict": Q(Exists(asked), tvshow__isnull=True), "off": Q(tvshow__isnull=False, sync_enabled=False),
    }
    return conditions.get(chosen, Q())


def _chips() -> tuple[Chip, ...]:
    """Every filter with its number, in one query."""
    counts = PlexShowMapping.objects.order_by().aggregate(
        **{name: Count("pk", filter=_condition(name)) for name in FILTERS if name != ALL}, **{ALL: Count("pk")},
    )
    return tuple(Chip(name, words, counts[name]) for name, words in FILTERS.items())


def _searched(rows: QuerySet[PlexShowMapping], sought: str) -> QuerySet[PlexShowMapping]:
    if not sought:
        return rows
    named = Q(plex_title__icontains=sought) | Q(tvshow__title__icontains=sought)
    return rows.filter(named | Q(plex_guid=sought) | Q(plex_rating_key=sought))

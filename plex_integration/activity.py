"""What Plex sent, for the page that lists it: who sees which events, filters, counts that stay cheap, and pages.

With hundreds of thousands of events no row is counted or read beyond a bound: a page reads the ids of its rows from an
index, and a count ends at MOST_COUNTED.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q

from plex_integration import outcomes, repairs
from plex_integration.models import PlexAccount, PlexWebhookLog
from plex_integration.models.log import PlexWebhookLogQuerySet
from plex_integration.repairs import Replayed
from plex_integration.words import ACTIONS, EVENTS, Words, words_for
from tvshows.models import TVShow
from tvshows.titles import normalise

PAGE_SIZE = 50
MOST_COUNTED = 999  # more than this is told as "999+"
MOST_PAGES = 10_000
MOST_REPLAYED = 500  # failed events at once
PERIODS = {1: "Last 24 hours", 7: "Last 7 days", 30: "Last 30 days"}  # days
_FAILED = Q(status=PlexWebhookLog.Status.FAILED)
_DECIDING = (outcomes.CONFLICT, outcomes.AWAITING)
_SEEN = (outcomes.MARKED, outcomes.ALREADY)
_CODE = re.compile(r"(?i)\bs(\d{1,4})\s?e(\d{1,5})\b")
_DIGITS = re.compile(r"[0-9]{1,18}")

RESULTS = {
    "watched": ("Watched", Q(status=PlexWebhookLog.Status.SUCCESS, action_taken__in=_SEEN)),
    "waiting": ("Needs you", Q(done_at__isnull=True, action_taken__in=_DECIDING)),
    "failed": ("Failed", _FAILED),
    "ignored": ("Set aside", Q(status=PlexWebhookLog.Status.IGNORED)),
    "duplicate": ("Duplicate", Q(status=PlexWebhookLog.Status.DUPLICATE)),
}

# From each title on to the next one along the index: some thousand steps where there are hundreds of thousands of rows.
_TITLES = """
WITH RECURSIVE step(title) AS (
    SELECT MIN(plex_title) FROM plex_webhook_logs
    UNION ALL
    SELECT (SELECT MIN(plex_title) FROM plex_webhook_logs WHERE plex_title > step.title)
    FROM step WHERE step.title IS NOT NULL
)
SELECT title FROM step WHERE title IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events are wanted; what is empty does not restrict."""

    status: str = ""  # a key of RESULTS
    action: str = ""  # a key of words.ACTIONS
    account: int | None = None
    show: TVShow | None = None
    text: str = ""  # a part of a show's title, a number such as S02E05, or both
    days: int | None = None  # a key of PERIODS
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.status or self.action or self.account or self.show or self.text or self.days)

    @property
    def is_countable(self) -> bool:
        """Whether each kind of result can be counted by an index under the other filters."""
        return not (self.text or self.account or self.action)

    @property
    def newer(self) -> int | None:
        """The number of the page before, which the first has not in its address."""
        return self.page - 1 if self.page > 2 else None

    @property
    def older(self) -> int:
        """The number of the page behind."""
        return self.page + 1


@dataclass(frozen=True, slots=True)
class Result:
    """A chip: a kind of result, and how many there are of it under the other filters."""

    key: str
    label: str
    count: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the list."""

    event: PlexWebhookLog
    words: Words

    @property
    def kind(self) -> str:
        """What the event says, for one that names no show."""
        return EVENTS.get(self.event.event_type, self.event.event_type)

    @property
    def waits(self) -> bool:
        """Whether it waits for a person to say which show it is."""
        return self.event.done_at is None and self.event.action_taken in _DECIDING

    @property
    def is_unlinked(self) -> bool:
        """Whether it was set aside because its account is linked to nobody."""
        return self.event.action_taken == outcomes.UNLINKED


@dataclass(frozen=True)
class Activity:
    """A page of the list, and what to filter it by."""

    filters: Filters
    rows: Sequence[Row]
    has_older: bool
    results: Sequence[Result]
    accounts: Sequence[PlexAccount]

    @property
    def first(self) -> int:
        """The number of the first row."""
        return (self.filters.page - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        """The number of the last row."""
        return self.first + len(self.rows) - 1

    @property
    def total(self) -> str:
        """How many there are under these filters, as far as that was counted."""
        return next(result.count for result in self.results if result.is_chosen)

    @cached_property
    def version(self) -> str:
        """Changes when a row of this page does."""
        state = [(row.event.pk, row.event.status, row.event.action_taken, row.event.reason) for row in self.rows]
        return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def visible_accounts(user: User) -> list[PlexAccount] | None:
    """The Plex accounts of a person; nothing for staff, who see the events of all and of none."""
    return None if user.is_staff else list(user.plex_accounts.order_by("title", "pk"))


def visible_to(user: User) -> PlexWebhookLogQuerySet:
    """Staff see all events, others those of the Plex accounts linked to them."""
    mine = visible_accounts(user)
    rows = PlexWebhookLog.objects.all()
    return rows if mine is None else rows.filter(account__in=mine)


def read_filters(given: Mapping[str, str]) -> Filters:
    """What an address asks for. What makes no sense there is left out, so that an old link still shows something."""
    show, days = _number(given.get("show")), _number(given.get("days"))
    return Filters(
        status=given.get("status", "") if given.get("status") in RESULTS else "",
        action=given.get("action", "") if given.get("action") in ACTIONS else "",
        account=_number(given.get("account")),
        show=TVShow.objects.filter(pk=show).first() if show else None,
        text=given.get("q", "").strip()[:100],
        days=days if days in PERIODS else None,
        page=min(max(_number(given.get("page")) or 1, 1), MOST_PAGES),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and _DIGITS.fullmatch(text) else None


def look(user: User, filters: Filters, *, now: datetime) -> Activity:
    """A page of the events that this person may see, newest first."""
    mine = visible_accounts(user)
    others = _matching(filters, mine, now)
    chosen = others.filter(RESULTS[filters.status][1]) if filters.status else others
    rows, has_older = _page(chosen, filters.page, decides=user.is_staff)
    accounts = PlexAccount.objects.order_by("title", "pk") if mine is None else mine
    results = _results(others, filters.status, count_all=mine is None and filters.is_countable)
    return Activity(filters, rows, has_older, results, list(accounts))


def _matching(filters: Filters, mine: Sequence[PlexAccount] | None, now: datetime) -> PlexWebhookLogQuerySet:
    """The events under all filters but the kind of result."""
    events = PlexWebhookLog.objects.order_by("-created_at", "-pk")
    if mine is not None:
        events = events.filter(account__in=[account.pk for account in mine])
    if filters.account:
        events = events.filter(account=filters.account)
    if filters.action:
        events = events.filter(action_taken=filters.action)
    if filters.show:
        events = events.filter(tvshow=filters.show)
    if filters.days:
        events = events.filter(created_at__gte=now - timedelta(days=filters.days))
    return _named(events, filters.text) if filters.text else events


def _named(events: PlexWebhookLogQuerySet, text: str) -> PlexWebhookLogQuerySet:
    """Those whose show has the words in its title, and whose number is the one that is named."""
    found, words = _CODE.search(text), _CODE.sub(" ", text).strip()
    named = events.filter(plex_title__in=[title for title in _titles() if _has_words(title, words)])
    return named.filter(plex_season=int(found[1]), plex_episode=int(found[2])) if found else named


def _has_words(title: str, words: str) -> bool:
    return words.casefold() in title.casefold() or normalise(words).text in normalise(title).text


def _titles() -> list[str]:
    """Every title that an event named."""
    with connection.cursor() as cursor:
        cursor.execute(_TITLES)
        return [title for (title,) in cursor.fetchall()]


def _page(events: PlexWebhookLogQuerySet, number: int, *, decides: bool) -> tuple[list[Row], bool]:
    """The rows of a page, and whether older ones follow. The ids come from an index alone, however far down it is."""
    start = (number - 1) * PAGE_SIZE
    ids = list(events.values_list("pk", flat=True)[start : start + PAGE_SIZE + 1])
    shown = PlexWebhookLog.objects.filter(pk__in=ids[:PAGE_SIZE]).select_related("account", "tvshow")
    rows = shown.defer("payload", "tvshow__overview").order_by("-created_at", "-pk")
    return [Row(event, words_for(event, decides=decides)) for event in rows], len(ids) > PAGE_SIZE


def _results(events: PlexWebhookLogQuerySet, chosen: str, *, count_all: bool) -> list[Result]:
    """The chips: all, then each kind of result. Where no index counts them all, only the chosen one says its number."""
    kinds = {"": ("All", Q()), **RESULTS}
    return [
        Result(key, label, _count(events.filter(wanted)) if count_all or key == chosen else "", key == chosen)
        for key, (label, wanted) in kinds.items()
    ]


def _count(events: PlexWebhookLogQuerySet) -> str:
    """How many there are, counted up to a bound."""
    counted = events.order_by().values("pk")[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if counted > MOST_COUNTED else str(counted)


def any_failed() -> bool:
    """Whether there are failed events that can be run again."""
    return _again().exists()


@transaction.atomic
def run_failed_again(*, now: datetime) -> Replayed:
    """Run failed events again, oldest first, as many as MOST_REPLAYED, each with the time at which it was received."""
    return repairs.replay_many(_again().defer("payload").order_by("created_at", "pk")[:MOST_REPLAYED], now=now)


def _again() -> PlexWebhookLogQuerySet:
    return PlexWebhookLog.objects.filter(_FAILED, done_at__isnull=False).exclude(event_type="invalid").order_by()

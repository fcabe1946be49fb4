"""The shows as a person sees them: which there are, and how far the person is with each. Reads only."""

from collections import Counter
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    Exists,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Lower

from tvshows import title_search
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow
from tvshows.titles import normalise
from tvshows.tmdb_answers import is_imdb_id

PAGE = 48  # shows; 2, 3, 4, 6 and 8 columns have full rows
NOT_TRACKED = "none"
SORTS = {"watched": "Last watched", "title": "Title", "progress": "Progress", "added": "Newly added"}
STATUSES = dict(TrackedShow.Status.choices) | {NOT_TRACKED: "not on your list"}
_ALIKE = 0.4  # similarity from which a title may be what a person misspelt


@dataclass(frozen=True, slots=True)
class Tile:
    """A show, and how far the person is. `tracked` is none where it is not on their list."""

    show: TVShow
    tracked: TrackedShow | None
    episodes: int

    @property
    def watched(self) -> int:
        """How many episodes the person saw, without specials; never more than there are."""
        return min(self.tracked.watched_episodes, self.episodes) if self.tracked else 0

    @property
    def percent(self) -> int:
        """How much of the show that is."""
        return 100 * self.watched // self.episodes if self.episodes else 0


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of the filter, and how many shows it has."""

    value: str
    label: str
    shows: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to see of the shows."""

    text: str = ""
    status: str = ""
    sort: str = "watched"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of the shows."""

    page: "Page[TVShow]"
    tiles: tuple[Tile, ...]
    choices: tuple[Choice, ...]
    is_guess: bool  # nothing has this title, these are alike

    @property
    def shows(self) -> int:
        """How many there are with any filter."""
        return self.choices[0].shows


def shelf(user_id: int, wanted: Wanted, *, page: str | int = 1) -> Shelf:
    """The shows that a person wants to see, a page of them; the last one where there are fewer pages."""
    shows, is_guess = _named(TVShow.objects.defer("overview"), wanted.text)
    shows = _of_status(shows, wanted.status, _mine(user_id))
    found = Paginator(_sorted(shows, wanted.sort, _mine(user_id)), PAGE).get_page(page)
    return Shelf(found, _tiles(user_id, list(found)), _choices(user_id), is_guess)


def _mine(user_id: int) -> QuerySet[TrackedShow]:
    """The person's row of a show, in a query of shows."""
    return TrackedShow.objects.filter(user=user_id, show=OuterRef("pk")).order_by()


def _named(shows: QuerySet[TVShow], text: str) -> tuple[QuerySet[TVShow], bool]:
    """Those with this in one of their titles; where there are none, those with a title that is alike."""
    text = text.strip()
    if not text:
        return shows, False
    named = shows.filter(_has_title(text))
    if named.exists():
        return named, False
    alike = title_search.with_title_like(normalise(text).text, least=_ALIKE)
    return (shows.filter(pk__in=alike), True) if alike else (named, False)


def _has_title(text: str) -> Q:
    title = normalise(text)
    titles = ShowTitle.objects.filter(show=OuterRef("pk"), normalised__contains=title.text)
    found = Q(Exists(titles)) | Q(title__icontains=text)
    if title.year:
        found &= Q(show_start_date__year=title.year)
    return found | Q(imdb_id=text) if is_imdb_id(text) else found


def _of_status(shows: QuerySet[TVShow], status: str, mine: QuerySet[TrackedShow]) -> QuerySet[TVShow]:
    if status == NOT_TRACKED:
        return shows.exclude(Exists(mine))
    return shows.filter(Exists(mine.filter(status=status))) if status in TrackedShow.Status.values else shows


def _sorted(shows: QuerySet[TVShow], sort: str, mine: QuerySet[TrackedShow]) -> QuerySet[TVShow]:
    by_title = (Lower("title"), "show_start_date", "pk")
    last_watched = Subquery(mine.values("last_watched_at"), output_field=DateTimeField())
    if sort == "title":
        return shows.order_by(*by_title)
    if sort == "added":
        return shows.order_by("-created_at", "-pk")
    if sort == "progress":
        return shows.order_by(_progress(mine).desc(), last_watched.desc(nulls_last=True), *by_title)
    # What is on the list and was not begun comes before what is not on it.
    return shows.order_by(last_watched.desc(nulls_last=True), Exists(mine).desc(), *by_title)


def _progress(mine: QuerySet[TrackedShow]) -> Case:
    """How much of a show the person saw; only shows of which they saw something are counted through."""
    begun = mine.filter(watched_episodes__gt=0)
    regular = Episode.objects.regular().filter(show=OuterRef("pk")).order_by().values("show")
    episodes = Subquery(regular.annotate(n=Count("pk")).values("n"), output_field=FloatField())
    seen = Subquery(begun.annotate(n=Cast("watched_episodes", FloatField())).values("n"), output_field=FloatField())
    share = seen / Coalesce(episodes, Value(1.0))
    return Case(When(Exists(begun), then=share), default=Value(0.0), output_field=FloatField())


def _tiles(user_id: int, shows: list[TVShow]) -> tuple[Tile, ...]:
    tracked = {row.show_id: row for row in TrackedShow.objects.filter(user=user_id, show__in=shows)}
    regular = Episode.objects.regular().filter(show__in=shows).order_by()
    episodes = dict(regular.values_list("show").annotate(Count("pk")))
    return tuple(Tile(show, tracked.get(show.pk), episodes.get(show.pk, 0)) for show in shows)


def _choices(user_id: int) -> tuple[Choice, ...]:
    by_status = TrackedShow.objects.filter(user=user_id).order_by().values_list("status")
    shows = TVShow.objects.count()
    counts = Counter(dict(by_status.annotate(Count("pk"))))
    counts[NOT_TRACKED] = shows - counts.total()
    statuses = (Choice(value, label.capitalize(), counts[value]) for value, label in STATUSES.items())
    return Choice("", "All", shows), *statuses

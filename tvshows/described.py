"""What somebody outside says of a show and an episode, in words that name no source."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids in other catalogues; a show's or an episode's, as the field says that holds them."""

    tmdb: int | None = None
    tvdb: int | None = None
    imdb: str = ""

    def __bool__(self) -> bool:
        return bool(self.tmdb or self.tvdb or self.imdb)


@dataclass(frozen=True, slots=True)
class DescribedEpisode:
    """An episode as it was named. `year` is the year in which it aired, the latest in which its show can have begun."""

    season: int | None = None
    number: int | None = None
    title: str = ""
    air_date: date | None = None
    year: int | None = None
    ids: Ids = field(default_factory=Ids)

    @property
    def aired_by(self) -> int | None:
        """The year in which it aired, as far as known."""
        return self.air_date.year if self.air_date else self.year


@dataclass(frozen=True, slots=True)
class DescribedShow:
    """A show as it was named. `years` are first years that something said of it; they may disagree."""

    titles: tuple[str, ...] = ()
    years: frozenset[int] = frozenset()
    country: str = ""
    ids: Ids = field(default_factory=Ids)
    episode: DescribedEpisode | None = None

    @property
    def year(self) -> int | None:
        """The show's first year, where everything that names one agrees."""
        return next(iter(self.years)) if len(self.years) == 1 else None


@dataclass(frozen=True, slots=True)
class NewEpisode:
    """An episode to add. `runtime` is in minutes."""

    season: int
    number: int
    title: str = ""
    air_date: date | None = None
    runtime: int | None = None
    ids: Ids = field(default_factory=Ids)


@dataclass(frozen=True, slots=True)
class NewShow:
    """A show to add, from a plain description."""

    title: str
    first_aired: date | None = None
    original_title: str = ""
    tmdb_id: int | None = None
    tvdb_id: int | None = None
    imdb_id: str = ""
    overview: str = ""
    poster: str = ""
    network: str = ""
    airing: str = ""
    source: str = "manual"
    other_titles: tuple[str, ...] = ()
    episodes: tuple[NewEpisode, ...] = ()

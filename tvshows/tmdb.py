"""The client of TMDB (https://developer.themoviedb.org/docs): typed results, within its budget, behind a breaker."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from django.conf import settings
from django.utils import timezone

from tvshows import services, tmdb_answers
from tvshows.described import NewEpisode, NewShow
from tvshows.exceptions import AnswerTooLarge, ServiceRefused
from tvshows.outbound import fetch
from tvshows.tmdb_answers import FoundShow, SearchHit

__all__ = ["TMDB", "FoundShow", "SearchHit", "client"]

SERVICE = "TMDB"
# TMDB's own ceiling is about 40 a second and may change (docs/rate-limiting); a home needs far less.
MOST_REQUESTS, WINDOW = 40, timedelta(seconds=10)
APPENDED = 20  # parts in one append_to_response; more are an error (status code 27 in docs/errors)
MOST_SEASONS = 200
_PARTS = ("external_ids", "alternative_titles")
_FIRST_SEASONS = range(APPENDED - len(_PARTS))  # which there are is not known before: most shows need one request
_BAD_KEY = (
    "TMDB does not accept the key in TMDB_API_KEY. Copy the API key or the read access token again from "
    "https://www.themoviedb.org/settings/api, and restart."
)


def client() -> "TMDB | None":
    """TMDB as the settings have it; None where no key is set."""
    return TMDB(settings.TMDB_API_KEY, settings.TMDB_API_URL.rstrip("/")) if settings.TMDB_API_KEY else None


@dataclass(frozen=True)
class TMDB:
    """TMDB. All methods raise ServiceDown (ask again later) and ServiceRefused (a wrong key, for one)."""

    key: str
    url: str
    clock: Callable[[], datetime] = timezone.now

    def __repr__(self) -> str:
        return f"TMDB({self.url})"

    def find(
        self, source: Literal["tvdb", "imdb"], value: int | str, *, kind: Literal["show", "episode"],
    ) -> tuple[FoundShow, ...]:
        """The shows that an id of another catalogue leads to; `kind` says what the id is of. Remembered for a day.

        /find answers with everything that has this number, be it a show, a season, an episode or a film.
        """
        name = str(value).strip()
        if not (tmdb_answers.is_imdb_id(name) if source == "imdb" else name.isdecimal() and name.isascii()):
            return ()
        read = tmdb_answers.found_shows if kind == "show" else tmdb_answers.found_episodes
        ask = partial(self._get, f"/find/{name}", {"external_source": f"{source}_id"})
        found = services.cached(
            f"tmdb find {kind} {source} {name}", lambda: [asdict(one) for one in read(ask())], now=self.clock(),
        )
        return tuple(FoundShow(**one) for one in found)

    def show(self, tmdb_id: int) -> NewShow | None:
        """A show with its ids, titles and all episodes; None when TMDB has none of this id, or no title for it."""
        episodes: dict[tuple[int, int], NewEpisode] = {}
        answer = self._with_seasons(tmdb_id, tuple(_FIRST_SEASONS), episodes, _PARTS)
        if answer is None:
            return None
        more = sorted(tmdb_answers.seasons_of(answer) - set(_FIRST_SEASONS))[:MOST_SEASONS]
        for start in range(0, len(more), APPENDED):
            self._with_seasons(tmdb_id, tuple(more[start:start + APPENDED]), episodes)
        return tmdb_answers.new_show(tmdb_id, answer, (episodes[key] for key in sorted(episodes)))

    def titles(self, tmdb_id: int) -> tuple[str, ...]:
        """The show's name, original name and alternative titles; none when TMDB has no such show. Remembered."""
        ask = partial(self._show, tmdb_id, ("alternative_titles",))
        return tuple(services.cached(
            f"tmdb titles {tmdb_id}", lambda: list(tmdb_answers.titles_of(ask())), now=self.clock(),
        ))

    def search(self, text: str, *, year: int | None = None) -> tuple[SearchHit, ...]:
        """Shows by their titles, in any language, at most 20; `year` is the show's first."""
        if not text.strip():
            return ()
        params: dict[str, str | int] = {"query": text.strip()[:200]}
        return tmdb_answers.search_hits(
            self._get("/search/tv", params | ({"first_air_date_year": year} if year else {})),
        )

    def check_key(self) -> None:
        """Raises ServiceRefused with a sentence that says what to do when TMDB does not take the key."""
        self._get("/configuration")

    def _with_seasons(
        self, tmdb_id: int, numbers: tuple[int, ...], episodes: dict[tuple[int, int], NewEpisode],
        parts: tuple[str, ...] = (),
    ) -> Any:
        """Ask for a show with these seasons and read their episodes; in halves where that is too large at once."""
        try:
            answer = self._show(tmdb_id, (*parts, *(f"season/{number}" for number in numbers)))
        except AnswerTooLarge:
            if not numbers or (len(numbers) == 1 and not parts):
                raise
            answer, half = (self._show(tmdb_id, parts) if parts else None), (len(numbers) + 1) // 2
            for some in filter(None, (numbers[:half], numbers[half:])):
                self._with_seasons(tmdb_id, some, episodes)
            return answer
        episodes |= tmdb_answers.episodes_of(answer, numbers)
        return answer

    def _show(self, tmdb_id: int, parts: tuple[str, ...]) -> Any:
        """The answer for a show with parts appended; None when there is no such show."""
        try:
            return self._get(f"/tv/{int(tmdb_id)}", {"append_to_response": ",".join(parts)})
        except ServiceRefused as error:
            if error.status == 404:
                return None
            raise

    def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """What TMDB answers. A v4 token (a JWT: it has dots) goes into a header, a v3 key can only be a parameter."""
        token = "." in self.key
        with services.guarded(SERVICE, now=self.clock()), services.counted(SERVICE, now=self.clock()):
            try:
                return fetch(
                    "GET", f"{self.url}{path}", service=SERVICE, before_each=self._take_slot,
                    headers={"Authorization": f"Bearer {self.key}"} if token else None,
                    params={**(params or {}), **({} if token else {"api_key": self.key})},
                ).data
            except ServiceRefused as error:
                if error.status != 401:
                    raise
            raise ServiceRefused(_BAD_KEY, 401)

    def _take_slot(self) -> None:
        services.take_slot(SERVICE, most=MOST_REQUESTS, window=WINDOW, now=self.clock())

"""A conflict as it is put to a person: what Plex says, what waits, and which shows it may be. Reads only."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from plex_integration.guids import imdb_id, parse_guid
from plex_integration.identification import UNKNOWN
from plex_integration.models import PlexConflict, PlexWebhookLog
from plex_integration.payloads import SCROBBLE
from plex_integration.untrusted import clean_text
from plex_integration.words import counted, score_words
from tvshows import tmdb
from tvshows.exceptions import ServiceError
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow
from tvshows.titles import normalise
from tvshows.tmdb import SearchHit

FOUND = 10  # shows that a search lists
LACKS = 3  # episodes that are named where a show lacks some
CATALOGUES = {"tmdb": "TMDB", "tvdb": "TVDB", "imdb": "IMDb"}
Number = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was weighed. `sign` is for, against or unknown."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """A show that may be meant. `score` is of 100; a show that was searched for has none."""

    show: TVShow
    seasons: int
    tracked: bool
    signs: tuple[Sign, ...]
    score: int | None = None

    @property
    def likelihood(self) -> str:
        """The score as a word."""
        return "" if self.score is None else score_words(self.score)

    @property
    def is_low(self) -> bool:
        """Whether the bar is drawn in grey."""
        return self.score is not None and self.score < 75


@dataclass(frozen=True, slots=True)
class Question:
    """What a person needs in order to answer."""

    conflict: PlexConflict
    waiting: tuple[PlexWebhookLog, ...]
    cards: tuple[Card, ...]
    gone: int  # candidates that were deleted since

    @property
    def marks(self) -> int:
        """How many waiting events would tick an episode off."""
        return sum(log.event_type == SCROBBLE for log in self.waiting)

    @property
    def is_tie(self) -> bool:
        """Whether the best two candidates have the same score."""
        return len(self.cards) > 1 and self.cards[0].score == self.cards[1].score

    @property
    def ids(self) -> list[tuple[str, str]]:
        """The show's ids that Plex named, as (catalogue, id)."""
        ids = self.conflict.evidence.get("ids", {}) if isinstance(self.conflict.evidence, dict) else {}
        if not isinstance(ids, dict):  # written by SQL
            return []
        return [(name, str(ids[key])) for key, name in CATALOGUES.items() if ids.get(key)]

    @property
    def said(self) -> list[str]:
        """What the services that were asked said of the show, in words."""
        said = self.conflict.evidence.get("said", []) if isinstance(self.conflict.evidence, dict) else []
        return [str(sentence) for sentence in said] if isinstance(said, list) else []

    @property
    def unmatched(self) -> bool:
        """Whether Plex itself does not know which show it is."""
        guid = parse_guid(self.conflict.plex_guid)
        return guid is None or not guid.is_global


def listed() -> QuerySet[PlexConflict]:
    """Every conflict, with how many events wait for it."""
    return PlexConflict.objects.annotate(waiting_events=Count("events", filter=Q(events__done_at__isnull=True)))


def ask(conflict: PlexConflict, *, user_id: int | None) -> Question:
    """The question, with its candidates as cards, best first."""
    events = PlexWebhookLog.objects.waiting_for(conflict.pk).select_related("account", "config__user")
    waiting = tuple(events.defer("payload"))
    records = {r["tvshow_id"]: r for r in records_of(conflict)}
    shows = TVShow.objects.in_bulk(list(records))
    cards = _cards([shows[pk] for pk in records if pk in shows], records, waiting, user_id)
    return Question(conflict, waiting, cards, len(records) - len(shows))


@dataclass(frozen=True, slots=True)
class Hits:
    """What TMDB found, without what is here already; or a sentence that says why it could not be asked."""

    hits: tuple[SearchHit, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A question with what a person's search found for it, as a page shows it."""

    question: Question
    sought: str
    found: tuple[Card, ...]
    on_tmdb: Hits | None
    has_tmdb: bool
    from_plex: bool
    preselected: str

    @property
    def nothing_found(self) -> bool:
        """Whether a search was made in vain."""
        return bool(self.sought) and not self.found and not (self.on_tmdb and self.on_tmdb.hits)


def sheet(conflict: PlexConflict, *, user_id: int | None, sought: str = "") -> Sheet:
    """The question, and what a search in the tracker and in TMDB finds."""
    question = ask(conflict, user_id=user_id)
    found = search(sought, question, user_id=user_id)
    return Sheet(
        question, sought, found, search_tmdb(sought), tmdb.client() is not None, may_ask_plex(question),
        preselected(question, found, sought),
    )


def search(text: str, question: Question, *, user_id: int | None) -> tuple[Card, ...]:
    """Shows of the tracker with this in one of their titles, or with this IMDb id, as cards; nothing for no text."""
    listed_already = [card.show.pk for card in question.cards]
    shows = list(shows_named(text).exclude(pk__in=listed_already)[:FOUND])
    return _cards(shows, {}, question.waiting, user_id)


def search_tmdb(text: str) -> Hits | None:
    """Shows of TMDB with this title, for a person to choose; nothing where no key is set or no title is given."""
    service, wanted = tmdb.client(), normalise(clean_text(text).strip())
    if service is None or not wanted.text:
        return None
    try:
        found = service.search(clean_text(text).strip(), year=wanted.year)
    except ServiceError as problem:
        return Hits(problem=str(problem))
    held = set(TVShow.objects.filter(tmdb_id__in=[hit.tmdb_id for hit in found]).values_list("tmdb_id", flat=True))
    return Hits(tuple(hit for hit in found if hit.tmdb_id not in held)[:FOUND])


def shows_named(text: str) -> QuerySet[TVShow]:
    """Shows with this in one of their titles, or with this IMDb id; none for no text."""
    text = clean_text(text).strip()
    if imdb_id(text):
        return TVShow.objects.filter(imdb_id=text)
    wanted = normalise(text).text
    if not wanted:
        return TVShow.objects.none()
    held = ShowTitle.objects.filter(show=OuterRef("pk"), normalised__contains=wanted)
    shows = TVShow.objects.filter(Exists(held) | Q(title__icontains=text))
    year = normalise(text).year
    return shows.filter(show_start_date__year=year) if year else shows


def records_of(conflict: PlexConflict) -> list[dict[str, Any]]:
    """The stored candidates; rows written by SQL may hold anything."""
    stored = conflict.potential_matches if isinstance(conflict.potential_matches, list) else []
    return [record for record in stored if isinstance(record, dict) and isinstance(record.get("tvshow_id"), int)]


def _cards(
    shows: Sequence[TVShow], records: dict[int, dict[str, Any]], waiting: Iterable[PlexWebhookLog], user_id: int | None,
) -> tuple[Card, ...]:
    pks = [show.pk for show in shows]
    held = _episodes_of(pks)
    tracked = set(TrackedShow.objects.filter(user=user_id, show__in=pks).values_list("show", flat=True))
    wanted = _wanted(waiting)
    return tuple(
        _card(show, records.get(show.pk, {}), held[show.pk], wanted, tracked=show.pk in tracked) for show in shows
    )


def _episodes_of(show_ids: Sequence[int]) -> dict[int, set[Number]]:
    held: dict[int, set[Number]] = defaultdict(set)
    rows = Episode.objects.filter(show__in=show_ids).values_list("show", "season_number", "episode_number")
    for show_id, season, number in rows:
        held[show_id].add((season, number))
    return held


def _wanted(waiting: Iterable[PlexWebhookLog]) -> list[Number]:
    return list(Counter(
        (log.plex_season, log.plex_episode)
        for log in waiting if log.plex_season is not None and log.plex_episode is not None
    ))


def _card(show: TVShow, record: dict[str, Any], held: set[Number], wanted: list[Number], *, tracked: bool) -> Card:
    reasons = [
        Sign(str(reason.get("sign")), str(reason.get("text")))
        for reason in record.get("reasons", ()) if isinstance(reason, dict)
    ]
    score = record.get("match_score")
    return Card(
        show=show, seasons=len({season for season, _ in held if season}), tracked=tracked,
        signs=tuple(sorted(dict.fromkeys([*reasons, *_coverage(held, wanted)]), key=_weight)),
        score=round(score * 100) if isinstance(score, int | float) else None,
    )


def _weight(sign: Sign) -> int:
    """What speaks for a show first, then what speaks against it, then what is not known."""
    return {"for": 0, "against": 1}.get(sign.sign, 2)


def _coverage(held: set[Number], wanted: list[Number]) -> list[Sign]:
    """How many of the waiting episodes a show has."""
    if not wanted:
        return []
    if not held:
        return [Sign("unknown", "The catalogue has no episodes of it")]
    codes = [_code(number) for number in wanted if number not in held]
    if not codes:
        all_of_them = _code(wanted[0]) if len(wanted) == 1 else f"all {len(wanted)} waiting episodes"
        return [Sign("for", f"Has {all_of_them}")]
    named = ", ".join(codes[:LACKS]) + (" and more" if len(codes) > LACKS else "")
    if len(wanted) == 1:
        return [Sign("against", f"Has no {named}, which waits")]
    have = len(wanted) - len(codes)
    return [Sign("against", f"Has {have} of {counted(len(wanted), 'waiting episode')}; lacks {named}")]


def _code(number: Number) -> str:
    return f"S{number[0]:02}E{number[1]:02}"


@dataclass(frozen=True, slots=True)
class Best:
    """A candidate as it was weighed; its show may be gone."""

    tvshow_id: int
    name: str
    score: int

    @property
    def likelihood(self) -> str:
        """The score as a word."""
        return score_words(self.score)


def weighed(conflict: PlexConflict) -> list[Best]:
    """The candidates from what is stored, best first."""
    return [_weighed(record) for record in records_of(conflict)]


def _weighed(record: dict[str, Any]) -> Best:
    name = f"{record.get('title')} ({record['year']})" if record.get("year") else str(record.get("title"))
    score = record.get("match_score")
    return Best(record["tvshow_id"], name, round(score * 100) if isinstance(score, int | float) else 0)


def best_of(conflict: PlexConflict) -> Best | None:
    """The best candidate, from what is stored."""
    return next(iter(weighed(conflict)), None)


def answer_in_words(conflict: PlexConflict) -> str:
    """How a question was settled, as a sentence."""
    if conflict.resolution_action == PlexConflict.Resolution.IGNORED:
        return f"{conflict} is ignored. Its plays stay in the activity and are not tracked."
    made = " It is a new show here." if conflict.resolution_action == PlexConflict.Resolution.CREATED else ""
    return f"{conflict} in Plex is {conflict.resolved_tvshow}.{made}"


def best_in_words(conflict: PlexConflict) -> str:
    """What taking the best candidate would do."""
    best = best_of(conflict)
    return f"becomes {best.name}, {best.score} of 100" if best else "stays open: no show fits"


def may_ask_plex(question: Question) -> bool:
    """Whether the connected Plex server may say what episodes the show has, as far as known."""
    if UNKNOWN in question.said:
        return False
    configs = (log.config for log in question.waiting if log.config)
    return any(config.plex_server_url and config.plex_server_uuid == question.conflict.plex_server_uuid
               for config in configs)


def preselected(question: Question, found: Sequence[Card], sought: str) -> str:
    """What is picked before a person does: the best candidate if it is likely, or the only show that a search found."""
    if sought:
        return str(found[0].show.pk) if len(found) == 1 else ""
    best = next(iter(question.cards), None)
    return str(best.show.pk) if best and not best.is_low else ""

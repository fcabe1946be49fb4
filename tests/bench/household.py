"""Fills a database as a household does in years: `python -m tests.bench.household 0.1` makes a tenth of it.

At 1: 2,000 shows, 100,000 episodes, 100,000 watches by four people, 200,000 events, and what belongs to them. Seeded,
so that every run makes the same rows.
"""

import random
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import django

SHOWS, EPISODES, WATCHES, EVENTS = 2_000, 50, 100_000, 200_000
CONFLICTS, SETTLED = 60, 400  # open ones, and those of the past
PEOPLE = ("robin", "sam", "kim", "alex")
SHARES = (50, 25, 15, 10)  # of the watches, in per cent
SEASON = 10  # episodes
SEED = 7
BATCH = 2_000
WORDS = ("North", "River", "Night", "Paper", "Glass", "Crown", "Station", "Summer", "Echo", "Harbour", "Copper", "Winter")
# What an event comes to, how often in 100, and the kind of event.
_ENDINGS = (
    (34, "success", "marked_watched", "media.scrobble"), (6, "success", "already_watched", "media.scrobble"),
    (48, "ignored", "ignored", "media.pause"), (5, "ignored", "unlinked_account", "media.scrobble"),
    (4, "duplicate", "duplicate", "media.scrobble"), (1, "success", "auto_added_show", "library.new"),
    (2, "failed", "episode_not_found", "media.scrobble"),
)


def fill(scale: float = 1.0) -> dict[str, Any]:
    """Make the household, and say under which ids a page finds something."""
    from django.db import connection, transaction

    now, dice = django_now(), random.Random(SEED)
    with transaction.atomic():
        people = _people()
        shows = _shows(max(1, int(SHOWS * scale)), dice, now)
        _watches(people, shows, int(WATCHES * scale), dice, now)
        config, accounts = _connection(people, now)
        conflicts = _plex_shows(config, shows, people[0], dice, now)
        _events(config, accounts, shows, conflicts, int(EVENTS * scale), dice, now)
    _finish(now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"show": shows[0].pk, "conflict": conflicts[0].pk, "user": people[0].pk}


def django_now() -> datetime:
    """The time, as Django says it."""
    from django.utils import timezone

    return timezone.now()


def _people() -> list[Any]:
    from django.contrib.auth.models import User

    owner = User.objects.create_superuser(PEOPLE[0])
    return [owner, *(User.objects.create_user(name) for name in PEOPLE[1:])]


def _shows(number: int, dice: random.Random, now: datetime) -> list[Any]:
    from tvshows.models import Episode, TVShow

    shows = TVShow.objects.bulk_create([
        TVShow(
            title=f"{dice.choice(WORDS)} {dice.choice(WORDS)} {index}", tmdb_id=700_000 + index, refreshed_at=now,
            show_start_date=date(2000, 1, 1) + timedelta(days=dice.randrange(8_000)), poster=f"/{index}.jpg",
            overview="A show of the bench. " * 10, network="Channel 5", airing=dice.choice(("ended", "returning")),
        )
        for index in range(number)
    ])
    _keep(Episode, (
        Episode(
            show=show, season_number=index // SEASON + 1, episode_number=index % SEASON + 1, runtime=dice.choice((25, 45)),
            title=f"Episode {index}", air_date=show.show_start_date + timedelta(weeks=index),
        )
        for show in shows for index in range(EPISODES)
    ))
    return shows


def _watches(people: list[Any], shows: list[Any], number: int, dice: random.Random, now: datetime) -> None:
    """Each person follows shows from their first episode on, over five years."""
    from tvshows.models import Episode, TrackedShow, Watch

    episodes: dict[int, list[int]] = {}
    for pk, show_id in Episode.objects.order_by("show", "season_number", "episode_number").values_list("pk", "show_id"):
        episodes.setdefault(show_id, []).append(pk)
    watches: list[Any] = []
    for person, share in zip(people, SHARES, strict=True):
        mine = number * share // 100
        for show in dice.sample(shows, len(shows)):
            if mine <= 0:
                break
            seen = min(mine, dice.randint(EPISODES // 2, EPISODES))
            mine -= seen
            began = now - timedelta(days=dice.uniform(seen / 3, 5 * 365))
            watches += (
                Watch(user=person, episode_id=pk, source="plex", watched_at=began + timedelta(hours=8 * index + dice.random()))
                for index, pk in enumerate(episodes[show.pk][:seen])
            )
            TrackedShow.objects.create(user=person, show=show)
    _keep(Watch, watches)


def _connection(people: list[Any], now: datetime) -> tuple[Any, list[Any]]:
    from plex_integration import config as plex_config
    from plex_integration.models import PlexAccount, PlexConfig, PlexLibrary

    config = plex_config.create_config(user=people[0])
    PlexConfig.objects.filter(pk=config.pk).update(plex_server_uuid="bench", last_webhook_received=now)
    PlexLibrary.objects.create(config=config, section_key="1", title="TV", kind="show")
    linked = [PlexAccount(config=config, account_id=index, title=person.username, user=person, linked_by="person")
              for index, person in enumerate(people, 1)]
    others = [PlexAccount(config=config, account_id=index, title=f"friend {index}") for index in range(50, 58)]
    return config, PlexAccount.objects.bulk_create([*linked, *others])


def _plex_shows(config: Any, shows: list[Any], owner: Any, dice: random.Random, now: datetime) -> list[Any]:
    """The mappings, and the questions, the open ones first."""
    from plex_integration.models import PlexConflict, PlexShowMapping

    _keep(PlexShowMapping, (
        PlexShowMapping(
            plex_show_key=f"g:plex://show/{show.pk:x}", plex_server_uuid="bench", plex_rating_key=f"s{show.pk}",
            plex_guid=f"plex://show/{show.pk:x}", plex_title=show.title, tvshow=show, match_method="tmdb_id",
            match_confidence=1, created_at=now - timedelta(days=dice.randrange(365)),
        )
        for show in shows
    ))
    conflicts = [_question(index, dice.sample(shows, min(5, len(shows))), owner, dice, now) for index in range(CONFLICTS + SETTLED)]
    return PlexConflict.objects.bulk_create(conflicts)


def _question(index: int, near: list[Any], owner: Any, dice: random.Random, now: datetime) -> Any:
    from plex_integration.models import PlexConflict

    matches = [
        {"tvshow_id": show.pk, "title": show.title, "year": show.year, "tmdb_id": show.tmdb_id, "tvdb_id": None,
         "imdb_id": None, "match_score": 80 - place, "method": "title_year",
         "reasons": [{"sign": "for", "text": "The title is the same"}]}
        for place, show in enumerate(near)
    ]
    asked = now - timedelta(days=dice.uniform(1, 85))
    settled = {} if index < CONFLICTS else {
        "resolved": True, "resolved_tvshow": near[0], "resolved_by": owner, "resolution_action": "user_selected",
        "resolved_at": asked + timedelta(minutes=dice.expovariate(1 / 600)),
    }
    return PlexConflict(
        plex_show_key=f"g:plex://show/q{index}", plex_server_uuid="bench", plex_rating_key=f"q{index}",
        plex_guid=f"plex://show/q{index}", plex_title=f"Question {index}", conflict_type="multiple_matches",
        potential_matches=matches, evidence={"season": 1, "episode": 2}, created_at=asked, evaluated_at=now, **settled,
    )


def _events(
    config: Any, accounts: list[Any], shows: list[Any], conflicts: list[Any], number: int, dice: random.Random, now: datetime,
) -> None:
    """Events of 90 days, and three that wait for each open question."""
    from plex_integration.models import PlexWebhookLog
    from tests import sender

    endings = [ending for ending in _ENDINGS for _ in range(ending[0])]
    payloads = [sender.scrobble(show, 1, 2) for show in range(1, 6)]

    def rows() -> Iterator[Any]:
        for index in range(number):
            _, status, action, kind = dice.choice(endings)
            show, at = dice.choice(shows), now - timedelta(seconds=90 * 86_400 * (number - index) / number)
            yield PlexWebhookLog(
                config=config, account=dice.choice(accounts[4:] if action == "unlinked_account" else accounts[:4]),
                event_type=kind, plex_show_key=f"g:plex://show/{show.pk:x}", plex_rating_key=f"{show.pk}-{index % 50}",
                plex_title=show.title, plex_episode_title="An episode", plex_season=1, plex_episode=index % 50,
                payload=payloads[index % 5], status=status, action_taken=action, reason="As the bench has it.",
                processing_duration_ms=dice.randrange(5, 400), tvshow=show if status == "success" else None,
                created_at=at, done_at=at,
            )
        for index, conflict in enumerate(conflicts[:CONFLICTS] * 3):
            yield PlexWebhookLog(
                config=config, account=accounts[0], event_type="media.scrobble", plex_show_key=conflict.plex_show_key,
                plex_title=conflict.plex_title, plex_season=1, plex_episode=index // CONFLICTS + 1, payload=payloads[0],
                status="received", action_taken="awaiting_resolution", conflict=conflict, created_at=conflict.created_at,
            )

    _keep(PlexWebhookLog, rows())


def _keep(model: Any, rows: Iterable[Any]) -> None:
    """Write rows, some at a time."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            model.objects.bulk_create(batch)
            batch = []
    model.objects.bulk_create(batch)


def _finish(now: datetime) -> None:
    from tvshows.catalogue import index_stale_titles
    from tvshows.models import TrackedShow

    index_stale_titles()
    TrackedShow.objects.all().recount(now)


if __name__ == "__main__":
    django.setup()
    import json

    print(json.dumps(fill(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)))

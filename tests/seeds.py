"""Fills the database of a product under test: `python -m tests.seeds '{"shows": 5}'` prints what it made as JSON."""

import json
import sys
from datetime import date, timedelta
from typing import Any

import django

from tests.sender import SERVER, title_of

SEASON = 20  # episodes
SHOWS = 40  # in what the tests copy


def known_shows(*, shows: int, episodes: int = 60) -> dict[str, Any]:
    """An owner whose account is linked, and shows 1 to `shows`, of seasons of twenty episodes, mapped and on the owner's
    list. Says the secret.
    """
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.utils import timezone

    from plex_integration import config as plex_config
    from plex_integration.models import PlexAccount, PlexShowMapping
    from tvshows.catalogue import index_stale_titles
    from tvshows.models import Episode, TrackedShow, TVShow

    with transaction.atomic():
        owner = User.objects.create_superuser("robin", password="a long enough password")
        config = plex_config.create_config(user=owner)
        PlexAccount.objects.create(config=config, account_id=1, title="robin", user=owner, linked_by="rule")
        numbers = range(1, shows + 1)
        day = date(2020, 1, 1)
        TVShow.objects.bulk_create([
            TVShow(
                pk=number, title=title_of(number), show_start_date=day, tmdb_id=900_000 + number,
                refreshed_at=timezone.now(),
            )
            for number in numbers
        ])
        Episode.objects.bulk_create([
            Episode(
                show_id=number, season_number=index // SEASON + 1, episode_number=index % SEASON + 1, runtime=25,
                title=f"Episode {index // SEASON + 1}.{index % SEASON + 1}", air_date=day + timedelta(days=7 * index),
            )
            for number in numbers for index in range(episodes)
        ], batch_size=500)
        PlexShowMapping.objects.bulk_create([
            PlexShowMapping(
                plex_show_key=f"g:plex://show/{number:08x}", plex_server_uuid=SERVER, plex_rating_key=f"s{number}",
                plex_guid=f"plex://show/{number:08x}", plex_title=title_of(number), tvshow_id=number,
                match_method="manual", match_confidence=1, manually_confirmed=True,
            )
            for number in numbers
        ])
        TrackedShow.objects.bulk_create([TrackedShow(user=owner, show_id=number) for number in numbers])
        _after_explicit_ids()
    index_stale_titles()
    return {"secret": config.webhook_secret, "user": owner.pk, "config": config.pk}


def _after_explicit_ids() -> None:
    """PostgreSQL's sequence knows nothing of ids that were given."""
    from django.core.management.color import no_style
    from django.db import connection

    from tvshows.models import TVShow

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [TVShow]):
            cursor.execute(statement)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(known_shows(**json.loads(sys.argv[1]))))

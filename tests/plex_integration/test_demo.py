from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from plex_integration import config as plex_config
from plex_integration import demo
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from tvshows.models import TrackedShow, TVShow, Watch

pytestmark = pytest.mark.django_db

EARLIER = {"Squid Game": 9, "Bluey": 24, "Firefly": 6}


@pytest.fixture
def config():
    return plex_config.create_config(user=User.objects.create_superuser("robin"))


@pytest.fixture
def few_plays(monkeypatch):
    """Of what was seen earlier, Firefly alone: what the others show, they show where the whole demo is loaded."""
    monkeypatch.setattr(demo, "EARLIER", [stretch for stretch in demo.EARLIER if stretch.show == "Firefly"])


def test_without_an_account_it_says_what_to_do():
    with pytest.raises(CommandError, match="setup link"):
        call_command("demo")
    assert not TVShow.objects.exists()


def test_a_newcomer_sees_each_kind_of_ending(config, capsys):
    call_command("demo")
    actions = list(PlexWebhookLog.objects.order_by("created_at").values_list("plex_title", "status", "action_taken"))
    earlier, actions = actions[:-len(demo.EVENTS)], actions[-len(demo.EVENTS):]
    assert Counter(earlier) == {(title, "success", "marked_watched"): number for title, number in EARLIER.items()}
    assert actions == [
        ("Chernobyl (2019)", "success", "marked_watched"),
        ("Chernobyl (2019)", "success", "marked_watched"),
        ("Breaking Bad", "success", "marked_watched"),
        ("Breaking Bad", "success", "marked_watched"),
        ("The Office", "success", "marked_watched"),
        ("iCarly", "success", "conflict_created"),
        ("iCarly", "received", "awaiting_resolution"),
        ("Breaking Bad", "ignored", "unlinked_account"),
        ("Breaking Bad", "success", "marked_watched"),
        ("Breaking Bad", "duplicate", "duplicate"),
        ("Breaking Bad", "ignored", "ignored"),
    ]
    conflict = PlexConflict.objects.get()
    assert (conflict.conflict_type, len(conflict.potential_matches)) == ("multiple_matches", 2)
    assert PlexShowMapping.objects.get(plex_title="The Office").tvshow.year == 2005
    assert "11 events sent" in capsys.readouterr().out


def test_the_shows_have_their_true_seasons(config, few_plays):
    call_command("demo")
    counts = {str(show): show.episodes.filter(season_number__gt=0).count() for show in TVShow.objects.all()}
    assert counts["iCarly (2021)"] == 33
    assert counts["Breaking Bad (2008)"] == 62
    assert TVShow.objects.get(tmdb_id=119243).episodes.get(season_number=1, episode_number=1).title == "iStart Over"


def test_a_dry_run_changes_nothing(config, capsys):
    call_command("demo", "--dry-run")
    assert not TVShow.objects.exists()
    assert not PlexWebhookLog.objects.exists()
    assert "iCarly (2021)" in capsys.readouterr().out


def test_it_can_be_loaded_twice_and_links_no_account(config, few_plays):
    call_command("demo")
    shows = TVShow.objects.count()
    call_command("demo")
    assert TVShow.objects.count() == shows
    assert not PlexAccount.objects.exclude(user=None).exists()


def test_removing_leaves_nothing_but_what_was_watched_otherwise(config, few_plays):
    call_command("demo")
    episode = TVShow.objects.get(title="Firefly").episodes.last()
    Watch.objects.create(user=config.user, episode=episode, watched_at=timezone.now())
    call_command("demo", "--remove")
    assert list(TVShow.objects.values_list("title", flat=True)) == ["Firefly"]
    assert not PlexWebhookLog.objects.exists()
    assert not PlexConflict.objects.exists()
    assert not PlexShowMapping.objects.filter(plex_server_uuid=demo.SERVER).exists()
    assert Watch.objects.count() == 1


def test_removing_leaves_lists_that_say_what_is_left(config, few_plays):
    call_command("demo")
    show = TVShow.objects.get(title="Firefly")
    show.episodes.filter(season_number=0).delete()
    seen = Watch.objects.filter(episode__show=show).values("episode")
    rest = show.episodes.exclude(pk__in=seen)
    later = timezone.now()
    Watch.objects.bulk_create(Watch(user=config.user, episode=episode, watched_at=later) for episode in rest)
    TrackedShow.objects.filter(show=show).recount(later)
    assert TrackedShow.objects.get(show=show).status == "completed"
    call_command("demo", "--remove")
    left = TrackedShow.objects.get()
    assert (left.show, left.status, left.watched_episodes) == (show, "watching", rest.count())
    assert left.last_watched_at == later

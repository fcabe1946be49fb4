"""Runs in the worker, and the commands."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django_q.models import OrmQ, Schedule

from plex_integration import resolution, schedules
from plex_integration.models import PlexAccount, PlexConflict, PlexEpisode, SyncRun
from plex_integration.sync import background, runs
from plex_integration.sync.engine import Wanted
from tests.plex_integration.sync.conftest import BASE
from tracker import preparation
from tvshows.models import Watch

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_run_in_the_worker_goes_on_in_slices_to_the_same_end(world, shelf, monkeypatch):
    shelf.add("long", "The Long One", 2001, count=12)
    for number in range(1, 13):
        shelf.watch("long", number, BASE - number * 90_000)
    monkeypatch.setattr(background, "SLICE", 0.0)
    run = background.start(shelf.config, Wanted(older=True, user_id=world.owner.pk), now=datetime.now(UTC))
    with pytest.raises(runs.Busy):
        background.start(shelf.config, Wanted(), now=datetime.now(UTC))
    slices = 0
    while SyncRun.objects.running().exists() and slices < 40:
        background.go_on(run.pk)
        slices += 1
    run.refresh_from_db()
    assert (run.status, run.marked) == ("done", 12)
    assert slices >= 3
    assert (PlexEpisode.objects.count(), Watch.objects.count()) == (17, 12)
    assert OrmQ.objects.count() == slices  # one to begin with, and one after each but the last


def test_plays_of_the_history_that_a_slice_had_no_time_for_are_taken_by_the_next(world, shelf, monkeypatch):
    sam = User.objects.create_user("sam")
    PlexAccount.objects.create(config=shelf.config, account_id=48212, user=sam, linked_by="person")
    for number in (1, 2, 3):
        shelf.watch("dark", number, BASE + number * 90_000, account=48212)
    monkeypatch.setattr(background, "SLICE", 0.0)
    run = background.start(shelf.config, Wanted(), now=datetime.now(UTC))
    for _ in range(40):
        background.go_on(run.pk)
    run.refresh_from_db()
    assert (run.status, Watch.objects.filter(user=sam).count()) == ("done", 3)


def test_an_hour_later_and_after_an_absence_it_is_seen_what_was_watched(world, shelf):
    assert background.catch_up_after(NOW, now=NOW + timedelta(minutes=1)) == 0
    assert background.catch_up_after(NOW, now=datetime.now(UTC)) == 1
    assert background.catch_up(now=datetime.now(UTC)) == 0  # one is under way
    shelf.watch("dark", 1, BASE + 5)
    background.go_on(SyncRun.objects.get().pk)
    assert (SyncRun.objects.get().status, Watch.objects.count()) == ("done", 1)


def test_at_a_start_the_worker_looks_at_once_and_not_within_the_hour(db):
    later = datetime.now(UTC) + timedelta(minutes=50)
    Schedule.objects.filter(name=schedules.CATCH_UP).update(next_run=later)
    preparation.prepare_database(lambda text: None)
    assert Schedule.objects.get(name=schedules.CATCH_UP).next_run <= datetime.now(UTC)


def test_the_command_prints_its_progress_what_changed_and_a_table(world, shelf, capsys):
    shelf.watch("dark", 1, BASE + 5)
    call_command("plex_sync_all")
    out = capsys.readouterr().out
    for line in ("Library Progress: TV Shows (1/1)", "Item Progress: Dark / Dark 1 (1/3)", "Status: Added show: Dark",
                 "Status: Added episode: Dark 1", "Status: Marked watched: Dark S01E01"):
        assert line in out
    assert [line.split() for line in out.splitlines() if line.startswith(("Total", "Added", "Marked"))] == [
        ["Total:", "5"], ["Added:", "7"], ["Marked", "watched:", "1"],
    ]
    assert shelf.plex.token not in out
    call_command("plex_sync_all", "--dry-run")
    assert "Status:" not in (out := capsys.readouterr().out)
    assert "nothing was written" in out


def test_a_show_is_discovered_with_its_ids_and_what_it_is_here(world, shelf, capsys):
    shelf.add("dark2", "Dark", 2030)
    call_command("plex_discover", "--title", "dark", "--year", "2017")
    out = capsys.readouterr().out
    assert "Dark (2017)" in out
    assert "2030" not in out
    assert "GUIDs       tvdb://" in out
    assert "not synced yet" in out
    call_command("plex_sync", "--title", "Dark", "--year", "2017")
    call_command("plex_discover", "--title", "Dark", "--year", "2017")
    assert "here        Dark (2017)" in capsys.readouterr().out
    with pytest.raises(CommandError, match="No show on the server is called Nothing"):
        call_command("plex_discover", "--title", "Nothing")
    with pytest.raises(CommandError, match=r"No show on the server is called Nothing\.$"):
        call_command("plex_sync", "--title", "Nothing")


def test_another_server_is_asked_with_a_token_of_its_own_only(world, shelf, settings):
    shelf.config.plex_server_uuid = "another"
    shelf.config.save()
    with pytest.raises(CommandError, match="--plex-token"):
        call_command("plex_sync_all", "--plex-url", shelf.plex.url)
    assert shelf.plex.tokens_seen() == set()
    settings.PLEX_BASE_URL, settings.PLEX_TOKEN = shelf.plex.url, shelf.plex.token
    call_command("plex_sync_all")
    assert PlexEpisode.objects.filter(server_uuid=shelf.plex.machine_identifier).count() == 5


@pytest.mark.parametrize("wrong", [
    ["--page-size", "0"], ["--page-size", "many"], ["--plex-section", "77"], ["--db-path", "/nowhere/at/all.sqlite3"],
])
def test_a_wrong_option_is_refused_in_words(world, shelf, wrong):
    with pytest.raises(CommandError):
        call_command("plex_sync_all", *wrong)


def test_titles_cannot_steer_the_terminal(world, shelf, capsys):
    shelf.one("dark", 1)["title"] = "Evil\x1b[2J"
    call_command("plex_sync_all")
    assert "\x1b" not in capsys.readouterr().out


def test_what_was_watched_follows_an_answer_at_once_and_once(world, shelf):
    shelf.add("who", "iCarly", 2015, dated=False, Guid=[], guid="local://9")
    shelf.watch("who", 1, BASE + 50)
    shelf.run()
    assert background.follow_answers(now=datetime.now(UTC)) == 0
    show = world.shows["icarly2021"]
    resolution.select(PlexConflict.objects.get().pk, tvshow_id=show.pk, user_id=world.owner.pk, now=datetime.now(UTC))
    shelf.plex.status = 500  # the server is down: the run is not begun again and again
    assert background.follow_answers(now=datetime.now(UTC)) == 1
    background.go_on(SyncRun.objects.latest("pk").pk)
    assert background.follow_answers(now=datetime.now(UTC)) == 0
    shelf.plex.status = None
    shelf.run()
    assert world.watched() == {"iCarly (2021) S01E01"}

"""Runs of the sync against a server over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plex_integration import accounts, mapping, resolution
from plex_integration.client import PlexServer
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import (
    PlexAccount,
    PlexConflict,
    PlexEpisode,
    PlexLibrary,
    PlexPlay,
    PlexShowMapping,
    SyncCursor,
    SyncRun,
)
from plex_integration.setup_forms import OptionsForm
from plex_integration.sync import engine, runs, viewings
from plex_integration.sync.engine import Wanted
from plex_integration.sync.reports import Reporter
from tests.plex_integration.sync.conftest import BASE
from tests.world import scrobble
from tvshows import watching
from tvshows.exceptions import AskedToWait
from tvshows.models import Episode, TrackedShow, TVShow, Viewer, Watch

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def seen(world, user=None) -> dict[str, int]:
    live = Watch.objects.live().filter(user=user or world.owner).select_related("episode__show")
    return {f"{one.episode.show.title} {one.episode.code}": int(one.watched_at.timestamp()) for one in live}


def test_a_first_run_brings_shows_episodes_and_what_was_watched_since_the_connection(world, shelf):
    shelf.watch("dark", 1, BASE - 50)
    shelf.watch("dark", 2, BASE + 50)
    run = shelf.run()
    assert (run.status, run.message) == ("done", "")
    assert (run.total, run.added, run.asked, run.marked) == (5, 7, 0, 1)
    assert seen(world) == {"Dark S01E02": BASE + 50}
    show = TVShow.objects.get(title="Dark")
    assert (show.year, show.source, show.plex_synced, show.episodes.count()) == (2017, "plex", True, 3)
    tracked = TrackedShow.objects.get(show=show)
    assert (tracked.watched_episodes, tracked.total_minutes, tracked.status) == (1, 25, "watching")
    item = PlexEpisode.objects.get(rating_key="darke2")
    assert (item.file_path, item.plex_updated_at, item.view_count) == ("/tv/Dark/s01e02.mkv", BASE + 2, 1)
    assert item.episode.code == "S01E02"
    assert shelf.heard.items[:2] == [("Dark / Dark 1", 1, 3), ("Dark / Dark 2", 2, 3)]


def test_what_was_watched_before_is_read_when_a_person_asks(world, shelf):
    shelf.watch("dark", 1, BASE - 5000)
    shelf.watch("dark", 1, BASE - 50)
    shelf.run()
    assert seen(world) == {}
    shelf.run(older=True)
    assert seen(world) == {"Dark S01E01": BASE - 5000}


@pytest.mark.parametrize("count", [2, 40])
def test_an_unchanged_library_costs_the_same_whatever_its_size(world, shelf, count):
    shelf.add("long", "The Long One", 2001, count=count)
    for number in range(1, count + 1):
        shelf.watch("long", number, BASE + number)
    shelf.run()
    shelf.run()
    with CaptureQueriesContext(connection) as captured:
        run = shelf.run()
    assert run.requests == 5
    assert len([one for one in captured if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]) <= 20
    assert (run.added, run.updated, run.removed, run.marked) == (0, 0, 0, 0)
    assert shelf.heard.said == []


def test_only_what_changed_is_taken_up_and_told(world, shelf):
    shelf.run()
    shelf.one("dark", 2).update(title="Lies", updatedAt=BASE + 1000)
    run = shelf.run()
    assert shelf.heard.said == ["Updated episode: Lies"]
    assert (run.updated, run.added) == (1, 0)
    assert Episode.objects.get(show__title="Dark", episode_number=2).title == "Lies"


def test_a_title_that_a_person_gave_stays(world, shelf):
    shelf.run()
    Episode.objects.filter(show__title="Dark", episode_number=2).update(title="Mine")
    shelf.one("dark", 2).update(title="Lies", updatedAt=BASE + 1000)
    shelf.run()
    assert Episode.objects.get(show__title="Dark", episode_number=2).title == "Mine"


def test_without_a_time_from_plex_everything_is_compared(world, shelf):
    for items in shelf.plex.episodes.values():
        for item in items:
            del item["updatedAt"]
    shelf.run()
    shelf.one("dark", 1)["title"] = "Secrets"
    shelf.plex.episodes["dark"].append(shelf.one("dark", 3) | {"ratingKey": "darke4", "index": 4, "title": "Four"})
    shelf.section["contentChangedAt"] = 2
    run = shelf.run()
    assert set(shelf.heard.said) == {"Updated episode: Secrets", "Added episode: Four"}
    assert run.skipped == 2


def test_what_vanished_is_noted_and_nobodys_watches_change(world, shelf):
    shelf.watch("dark", 3, BASE + 50)
    shelf.run()
    del shelf.plex.episodes["dark"][2]
    shelf.plex.shows.pop("arcane")
    shelf.section["contentChangedAt"] = 2
    run = shelf.run()
    assert run.removed == 3
    assert "Removed episode: Dark 3" in shelf.heard.said
    assert seen(world) == {"Dark S01E03": BASE + 50}
    assert PlexEpisode.objects.present().count() == 2
    assert Episode.objects.filter(show__title="Arcane").count() == 2


def test_a_server_that_lists_nothing_takes_nothing_away(world, shelf):
    shelf.run()
    shelf.plex.shows.clear()
    shelf.section["contentChangedAt"] = 2
    assert shelf.run().removed == 0


def test_unwatching_in_plex_is_told_and_not_applied(world, shelf):
    shelf.watch("dark", 1, BASE + 50)
    shelf.run()
    del shelf.one("dark", 1)["viewCount"], shelf.one("dark", 1)["lastViewedAt"]
    shelf.section["contentChangedAt"] = 2
    run = shelf.run()
    assert run.details["unwatched"] == ["Dark S01E01"]
    assert "not watched in Plex any more" in run.message
    assert seen(world) == {"Dark S01E01": BASE + 50}


def test_a_date_of_a_persons_own_and_what_they_unticked_stay(world, shelf):
    shelf.run()
    mine, gone = (Episode.objects.get(show__title="Dark", episode_number=number) for number in (1, 2))
    theirs = watching.Viewing(at(BASE + 9_000_000), "manual")
    watching.mark_watched(user_id=world.owner.pk, episode=mine, viewing=theirs, now=NOW)
    watching.mark_watched(user_id=world.owner.pk, episode=gone, viewing=theirs, now=NOW)
    watching.unmark_watched(user_id=world.owner.pk, episode=gone, now=NOW)
    shelf.watch("dark", 1, BASE + 50)
    shelf.watch("dark", 2, BASE + 60)
    shelf.run()
    assert seen(world) == {"Dark S01E01": BASE + 9_000_000}


def test_fifty_plays_while_away_and_ten_sent_again_are_fifty_watches_at_their_true_times(world, shelf):
    shelf.add("saga", "The Saga", 2001, count=30)
    shelf.add("epic", "The Epic", 2002, count=20)
    plays = [("saga", n) for n in range(1, 31)] + [("epic", n) for n in range(1, 21)]
    for index, (key, number) in enumerate(plays):
        shelf.watch(key, number, BASE + index * 60)
    run = shelf.run(first_pass=False)
    assert run.marked == 50
    for key, number in plays[::5]:
        title = shelf.plex.shows[key]["title"]
        log = world.send(scrobble(
            title, 1, number, show_id=key, server=shelf.plex.machine_identifier, grandparentGuid=f"plex://show/{key}",
            account={"id": 1, "title": "robin"}, ratingKey=f"{key}e{number}",
        ))
        assert log.action_taken == "already_watched"
    shelf.run(first_pass=False)
    assert Watch.objects.count() == 50
    assert sorted(seen(world).values()) == [BASE + index * 60 for index in range(50)]
    assert not TVShow.objects.filter(title="Dark").exists()  # nobody asked for the whole library


def test_an_event_before_the_sync_gives_way_to_the_true_time(world, shelf):
    shelf.run()
    shelf.watch("dark", 1, BASE + 100)
    world.send(scrobble(
        "Dark", show_id="dark", server=shelf.plex.machine_identifier, account={"id": 1, "title": "robin"},
    ))
    assert Watch.objects.count() == 1
    shelf.run()
    assert seen(world) == {"Dark S01E01": BASE + 100}


def test_each_linked_account_has_its_own_history_and_others_have_none(world, shelf):
    sam = User.objects.create_user("sam")
    PlexAccount.objects.create(config=shelf.config, account_id=77, title="sam", user=sam, linked_by="person")
    shelf.watch("dark", 1, BASE + 50, account=77)
    shelf.watch("dark", 2, BASE + 60, account=88)
    shelf.watch("dark", 3, BASE + 70)
    shelf.run()
    assert seen(world, sam) == {"Dark S01E01": BASE + 50}
    assert seen(world) == {"Dark S01E03": BASE + 70}


def test_what_an_account_watched_before_it_was_linked_follows(world, shelf):
    sam = User.objects.create_user("sam")
    account = PlexAccount.objects.create(config=shelf.config, account_id=77, title="sam")
    shelf.watch("dark", 1, BASE + 50, account=77)
    shelf.watch("dark", 2, BASE + 86_400 * 3)
    shelf.run()
    accounts.link(account, user_id=sam.pk)
    assert shelf.run().marked == 1
    assert seen(world, sam) == {"Dark S01E01": BASE + 50}


def test_a_day_that_is_moved_back_brings_what_was_watched_since_then(world, shelf):
    shelf.watch("dark", 1, BASE - 86_400 * 5)
    shelf.watch("dark", 2, BASE + 50)
    shelf.one("dark", 3).update(viewCount=1, lastViewedAt=BASE - 86_400 * 4)  # not in the history
    shelf.watch("arcane", 1, BASE - 86_400 * 50)
    shelf.run()
    assert seen(world) == {"Dark S01E02": BASE + 50}
    form = OptionsForm(
        {"enabled": "on", "auto_mark_watched": "on", "auto_add_shows": "on", "counts_from": at(BASE - 86_400 * 10).date()},
        instance=shelf.config,
    )
    assert form.is_valid()
    form.save()
    assert shelf.run(scope=SyncRun.Scope.HISTORY).marked == 2
    assert seen(world) == {"Dark S01E01": BASE - 86_400 * 5, "Dark S01E02": BASE + 50, "Dark S01E03": BASE - 86_400 * 4}
    assert SyncCursor.objects.get(section_key="").viewed_since > 0


def test_the_history_that_is_rewound_during_a_run_is_read_again_by_the_next(world, shelf, monkeypatch):
    shelf.watch("dark", 1, BASE + 50)
    shelf.run()
    shelf.watch("dark", 2, BASE + 86_400 * 3)
    take = viewings.mark
    monkeypatch.setattr(viewings, "mark", lambda *given: (take(*given), SyncCursor.objects.rewind_history(shelf.config.pk)))
    shelf.run()
    assert SyncCursor.objects.get(section_key="").viewed_since == 0


def test_plays_of_accounts_that_are_nobodys_are_told_and_the_accounts_can_be_linked(world, shelf):
    shelf.plex.accounts = [{"id": 1, "name": "robin"}, {"id": 88, "name": "alex"}, {"id": 99, "name": "kim"}]
    PlexAccount.objects.create(config=shelf.config, account_id=66, title="lee", linked_by="person")
    for number in (1, 2):
        shelf.watch("dark", number, BASE + number, account=88)
    shelf.watch("dark", 3, BASE + 3, account=77)
    shelf.watch("dark", 3, BASE + 4, account=66)
    shelf.watch("dark", 3, BASE - 4, account=99)
    told = "2 plays of alex and 1 play of account 77 are set aside: linked to nobody."
    assert shelf.run(dry_run=True).message == told
    assert not PlexAccount.objects.filter(title="alex").exists()
    run = shelf.run(page_size=1)
    assert (run.status, run.message, len(shelf.plex.asked("/accounts"))) == ("done", told, 1)
    alex = PlexAccount.objects.get(account_id=88)
    assert (alex.title, alex.user, alex.first_seen, alex.last_seen) == ("alex", None, at(BASE + 1), at(BASE + 2))
    assert not PlexAccount.objects.filter(account_id=99).exists()
    assert (shelf.run().message, shelf.plex.asked("/accounts")) == ("", [])
    alex.user = User.objects.create_user("alex")
    alex.save()
    assert shelf.run(older=True).marked == 2


def test_the_owner_whom_a_person_unlinked_has_no_history(world, shelf):
    PlexAccount.objects.create(config=shelf.config, account_id=1, user=None, linked_by="person")
    shelf.watch("dark", 1, BASE + 50)
    shelf.run()
    assert seen(world) == {}


def test_two_shows_of_one_title_are_two_shows(world, shelf):
    shelf.add("bsg78", "Battlestar Galactica", 1978)
    shelf.add("bsg03", "Battlestar Galactica", 2003)
    shelf.add("who63", "Doctor Who", 1963, Guid=[], guid="com.plexapp.agents.thetvdb://76107?lang=en")
    shelf.add("who05", "Doctor Who (2005)", 2005, Guid=[], guid="com.plexapp.agents.thetvdb://78804?lang=en")
    assert shelf.run().asked == 0
    years = {(show.title, show.year) for show in TVShow.objects.filter(plex_synced=True)}
    assert years >= {
        ("Battlestar Galactica", 1978), ("Battlestar Galactica", 2003), ("Doctor Who", 1963), ("Doctor Who (2005)", 2005),
    }


def test_a_show_that_is_here_is_found_by_title_and_year(world, shelf):
    shelf.add("severance", "Severance", 2022, dated=False, Guid=[], guid="local://5")
    shelf.watch("severance", 1, BASE + 50)
    run = shelf.run()
    row = PlexShowMapping.objects.get(plex_rating_key="severance")
    assert (row.tvshow, row.match_method, run.asked) == (world.shows["severance"], "title_year", 0)
    assert TVShow.objects.filter(title="Severance").count() == 1
    assert "Severance S01E01" in seen(world)


def test_a_show_that_cannot_be_placed_asks_and_what_was_watched_follows_the_answer(world, shelf):
    shelf.add("who", "iCarly", 2015, dated=False, Guid=[], guid="local://9")
    shelf.watch("who", 1, BASE + 50)
    sam = User.objects.create_user("sam")
    PlexAccount.objects.create(config=shelf.config, account_id=77, user=sam, linked_by="person")
    shelf.watch("who", 2, BASE + 60, account=77)
    run = shelf.run()
    assert (run.status, run.asked, run.marked) == ("done", 1, 0)
    conflict = PlexConflict.objects.get()
    assert shelf.run().asked == 0
    resolution.select(conflict.pk, tvshow_id=world.shows["icarly2021"].pk, user_id=world.owner.pk, now=datetime.now(UTC))
    run = shelf.run()
    assert seen(world) == {"iCarly S01E01": BASE + 50}
    assert seen(world, sam) == {"iCarly S01E02": BASE + 60}
    assert not PlexPlay.objects.exists()
    assert not PlexEpisode.objects.filter(waits=True).exists()


def test_a_question_of_the_sync_is_answered_with_the_show_as_plex_has_it(world, shelf):
    shelf.add("home", "Home Films", 2015, Guid=[], guid="local://9")
    shelf.watch("home", 1, BASE + 50)
    shelf.run()
    resolution.create_from_plex(PlexConflict.objects.get().pk, user_id=world.owner.pk, now=datetime.now(UTC))
    assert TVShow.objects.get(title="Home Films").episodes.count() == 3
    shelf.run()
    assert seen(world) == {"Home Films S01E01": BASE + 50}


def test_a_mapping_that_a_person_changed_is_followed(world, shelf):
    shelf.add("who", "Who Knows", 2015, dated=False)
    shelf.run()
    row = PlexShowMapping.objects.get(plex_rating_key="who")
    mapping.change_show(row.pk, tvshow_id=world.shows["office_uk"].pk, now=datetime.now(UTC))
    shelf.watch("who", 1, BASE + 50)
    shelf.run()
    assert seen(world) == {"The Office S01E01": BASE + 50}


def test_what_is_ignored_left_out_or_switched_off_is_not_marked(world, shelf):
    shelf.run()
    PlexShowMapping.objects.filter(plex_rating_key="dark").update(sync_enabled=False)
    shelf.watch("dark", 1, BASE + 50)
    assert shelf.run().marked == 0
    PlexLibrary.objects.filter(section_key="2").update(enabled=False)
    shelf.watch("arcane", 1, BASE + 60)
    assert shelf.run().marked == 0
    shelf.config.enabled = False
    with pytest.raises(PlexIntegrationError, match="switched off"):
        shelf.run()


def test_with_marking_off_nothing_is_marked(world, shelf):
    shelf.config.auto_mark_watched = False
    shelf.watch("dark", 1, BASE + 50)
    run = shelf.run()
    assert (run.marked, run.added) == (0, 7)


def test_with_adding_off_only_what_was_watched_asks(world, shelf):
    shelf.config.auto_add_shows = False
    shelf.watch("dark", 1, BASE + 50)
    run = shelf.run()
    assert (run.asked, TVShow.objects.filter(plex_synced=True).count()) == (1, 0)
    assert PlexConflict.objects.get().plex_title == "Dark"


def test_a_dry_run_tells_what_would_change_and_writes_nothing(world, shelf):
    shelf.watch("dark", 1, BASE + 50)
    run = shelf.run(dry_run=True)
    assert (run.added, run.marked, run.processed) == (7, 1, 6)
    assert "Added show: Dark" in shelf.heard.said
    for model in (PlexEpisode, SyncRun, SyncCursor, PlexShowMapping, Watch, PlexLibrary):
        assert not model.objects.exists(), model
    assert not TVShow.objects.filter(title="Dark").exists()


def test_one_show_alone_is_read_by_its_title_and_year(world, shelf):
    shelf.add("dark2", "Dark", 2030)
    run = shelf.run(scope="show", title="dark", year=2017)
    assert (run.status, run.added) == ("done", 4)
    assert list(TVShow.objects.filter(title="Dark").values_list("show_start_date__year", flat=True)) == [2017]
    assert "No show on the server is called Nothing" in shelf.run(scope="show", title="Nothing").message


def test_a_run_that_breaks_off_goes_on_where_it_was(world, shelf, monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)
    shelf.add("long", "The Long One", 2001, count=9)
    real, pages = shelf.plex.answer, []

    def failing(request):
        if "type" in request.query and request.query["type"] == "4":
            pages.append(request.query["X-Plex-Container-Start"])
            if len(pages) > 3:
                return 503, {}
        return real(request)

    shelf.plex.answer = failing
    run = shelf.run(page_size=2)
    assert run.status == "failed"
    assert "goes on from there" in run.message
    held = PlexEpisode.objects.count()
    assert held == 6
    shelf.plex.answer = real
    run = shelf.run(page_size=2)
    assert (run.status, PlexEpisode.objects.count()) == ("done", 14)
    pages = [one.query for one in shelf.plex.asked("/library/sections/2/all") if one.query["type"] == "4"]
    assert pages[0]["X-Plex-Container-Start"] == "6"


def test_a_token_revoked_in_the_middle_is_told(world, shelf):
    real = shelf.plex.answer

    def revoking(request):
        shelf.plex.revoked = shelf.plex.revoked or request.path.endswith("/all")
        return real(request)

    shelf.plex.answer = revoking
    run = shelf.run()
    assert run.status == "failed"
    assert "Sign in with Plex again" in run.message


def test_a_server_that_asks_for_a_pause_gets_it(world, shelf, monkeypatch):
    waits, real = [], PlexServer.page
    asked = [AskedToWait("Later.", timedelta(seconds=20))]

    def page(self, *args, **options):
        if asked:
            raise asked.pop()
        return real(self, *args, **options)

    monkeypatch.setattr("plex_integration.client.PlexServer.page", page)
    monkeypatch.setattr("plex_integration.sync.engine.sleep", waits.append)
    assert shelf.run().status == "done"
    assert waits == [20.0]
    assert "The Plex server asks to be left alone for 20 seconds. Waiting." in shelf.heard.said


def test_only_one_run_at_a_time_until_its_lease_is_over(world, shelf):
    now = datetime.now(UTC)
    held = runs.claim(SyncRun(config=shelf.config), now=now)
    with pytest.raises(runs.Busy, match="under way"):
        shelf.run()
    assert shelf.run(now=now + runs.LEASE * 2).status == "done"
    held.refresh_from_db()
    assert held.status == "lost"


def test_a_cancelled_run_stops_after_its_page_and_keeps_what_it_did(world, shelf):
    class Impatient(Reporter):
        def item(self, label, position, items):
            if label == "Dark / Dark 3":
                runs.cancel(shelf.config.pk)

    assert not runs.cancel(shelf.config.pk)
    run = engine.sync(shelf.config, Wanted(reporter=Impatient(), page_size=2), now=datetime.now(UTC))
    assert run.status == "cancelled"
    assert PlexEpisode.objects.count() == 2
    assert shelf.run(page_size=2).status == "done"
    assert PlexEpisode.objects.count() == 5


def test_an_item_that_is_no_episode_or_names_nothing_harms_nobody(world, shelf):
    shelf.plex.episodes["dark"] += [{"type": "episode"}, {"ratingKey": "odd"}, {"type": "clip", "ratingKey": "x"}, 5]
    shelf.plex.history += [{"viewedAt": BASE + 5}, {"viewedAt": BASE + 6, "accountID": "x", "type": "track"}]
    assert shelf.run().status == "done"


def test_times_that_cannot_be_and_keys_that_lead_elsewhere_harm_nobody(world, shelf):
    shelf.one("dark", 1).update(updatedAt=2**62, lastViewedAt=2**62, viewCount=1)
    shelf.one("dark", 2).update(updatedAt=4_000_000_000, lastViewedAt=4_000_000_000, viewCount=1)
    shelf.one("dark", 3)["ratingKey"] = "../../:/scrobble?key=1"
    run = shelf.run()
    assert (run.status, PlexEpisode.objects.count()) == ("done", 4)
    assert max(seen(world).values()) < 4_000_000_000
    shelf.watch("arcane", 1, BASE + 50)
    assert shelf.run().marked == 1  # the streams did not run ahead
    assert not [one for one in shelf.plex.requests if "scrobble" in one.path]


def test_a_server_that_repeats_its_page_for_ever_is_left(world, shelf):
    shelf.plex.knows_pages, shelf.plex.names_total = False, False
    assert shelf.run(page_size=5).status == "done"
    assert PlexEpisode.objects.count() == 5


def test_a_play_from_a_clock_that_is_ahead_is_one_watch_at_its_time(world, shelf):
    Viewer.objects.create(user=world.owner, records_rewatches=True)
    ahead = int(datetime.now(UTC).timestamp()) + 2 * 86400
    shelf.run()
    shelf.watch("dark", 1, ahead)
    for hours in (0, 5, 49, 54):
        shelf.run(now=datetime.now(UTC) + timedelta(hours=hours))
    assert Watch.objects.live().count() <= 1

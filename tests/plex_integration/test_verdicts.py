"""The order of the checks and every switch: design, section 4."""

import pytest

from plex_integration import mapping
from plex_integration.models import PlexConflict, PlexShowMapping
from tests.world import FRIEND, OWNER, scrobble
from tvshows.models import Watch

LEGACY = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}
UNKNOWN = {"title": "Night Carriers"}


def known(**fields):
    return scrobble(**LEGACY) | fields


def friends(**fields):
    return scrobble(account=FRIEND, **LEGACY) | {"user": False} | fields


def switch(world, **fields):
    type(world.config).objects.update(**fields)


def verdict(log):
    return log.status, log.action_taken


def library_new(kind="show", title="Severance", **metadata):
    names = {
        "show": {"title": title, "ratingKey": "s1", "guid": "com.plexapp.agents.thetvdb://371980"},
        "season": {"title": "Season 1", "parentTitle": title, "parentRatingKey": "s1", "ratingKey": "s1-1",
                   "parentGuid": "com.plexapp.agents.thetvdb://371980", "guid": "com.plexapp.agents.thetvdb://371980/1"},
        "episode": {"title": "Good News", "grandparentTitle": title, "grandparentRatingKey": "s1", "parentIndex": 1,
                    "grandparentGuid": "com.plexapp.agents.thetvdb://371980", "ratingKey": "s1-1-1", "index": 1},
    }[kind]
    event = scrobble(account=OWNER) | {"event": "library.new"}
    event["Metadata"] = {"librarySectionType": "show", "type": kind} | names | metadata
    return event


def test_a_known_episode_is_marked(world):
    assert verdict(world.send(known())) == ("success", "marked_watched")
    assert world.watched() == {"Severance (2022) S01E01"}


def test_a_second_viewing_is_already_watched_and_its_date_stays(world):
    first = world.send(known())
    log = world.send(scrobble(ratingKey="other", **LEGACY))
    assert verdict(log) == ("success", "already_watched")
    assert Watch.objects.get().watched_at == first.created_at


# In the order of the checks: account, integration, kind, marking, mapping.


def test_whose_it_is_comes_before_the_integrations_switch(world):
    switch(world, enabled=False, auto_mark_watched=False)
    assert verdict(world.send(friends(event="media.play"))) == ("ignored", "unlinked_account")


def test_with_the_integration_off_nothing_is_done_whatever_kind_it_is(world):
    switch(world, enabled=False, auto_mark_watched=False)
    for event in (known(), known(event="media.pause"), library_new(), scrobble(**UNKNOWN)):
        assert verdict(world.send(event)) == ("ignored", "integration_disabled")
    assert (Watch.objects.count(), PlexConflict.objects.count(), PlexShowMapping.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("event", [
    "media.play", "media.pause", "media.resume", "media.stop", "media.rate", "library.on.deck", "admin.database.backup",
    "admin.database.corrupted", "device.new", "playback.started", "something.else",
])
def test_an_event_of_another_kind_is_set_aside(world, event):
    world.send(known(event="media.play"))
    switch(world, auto_mark_watched=False)
    log = world.send(known(event=event))
    assert verdict(log) == ("ignored", "ignored")
    assert event in log.reason


@pytest.mark.parametrize("kind", ["movie", "track", "clip", "photo", "album", "artist"])
@pytest.mark.parametrize("event", ["media.scrobble", "library.new"])
def test_what_is_not_tv_is_set_aside(world, kind, event):
    assert verdict(world.send(scrobble(type=kind) | {"event": event})) == ("ignored", "ignored")
    assert PlexConflict.objects.count() == 0


@pytest.mark.parametrize("kind", ["season", "show"])
def test_a_scrobble_of_more_than_an_episode_is_set_aside(world, kind):
    assert verdict(world.send(scrobble(type=kind, **LEGACY))) == ("ignored", "ignored")


def test_with_marking_off_a_show_is_mapped_and_nothing_marked(world):
    switch(world, auto_mark_watched=False)
    assert verdict(world.send(known())) == ("ignored", "auto_mark_disabled")
    assert PlexShowMapping.objects.get().tvshow == world.shows["severance"]
    assert Watch.objects.count() == 0
    assert verdict(world.send(scrobble(ratingKey="other", **LEGACY))) == ("ignored", "auto_mark_disabled")


def test_with_marking_off_nobody_is_asked(world):
    switch(world, auto_mark_watched=False)
    assert verdict(world.send(scrobble(**UNKNOWN))) == ("ignored", "auto_mark_disabled")
    assert (PlexConflict.objects.count(), PlexShowMapping.objects.count()) == (0, 0)


def test_marking_off_comes_before_what_the_mapping_says(world):
    world.send(known())
    for settled in ({"sync_enabled": False}, {"sync_enabled": False, "tvshow": None}):
        PlexShowMapping.objects.update(**settled)
        switch(world, auto_mark_watched=False)
        log = world.send(scrobble(ratingKey=str(settled), **LEGACY))
        assert verdict(log) == ("ignored", "auto_mark_disabled")


def test_with_sync_off_for_a_show_it_is_not_marked(world):
    world.send(known())
    mapping.set_sync([PlexShowMapping.objects.get().pk], enabled=False, now=world.last().created_at)
    log = world.send(scrobble(number=2, **LEGACY))
    assert verdict(log) == ("ignored", "sync_disabled")
    assert log.tvshow == world.shows["severance"]
    assert world.watched() == {"Severance (2022) S01E01"}


def test_a_show_that_was_ignored_is_set_aside(world):
    world.send(known())
    PlexShowMapping.objects.update(tvshow=None, sync_enabled=False)
    assert verdict(world.send(scrobble(number=2, **LEGACY))) == ("ignored", "ignored")


def test_an_unlinked_account_opens_no_conflict(world):
    assert verdict(world.send(scrobble(account=FRIEND, **UNKNOWN) | {"user": False})) == ("ignored", "unlinked_account")
    assert (PlexConflict.objects.count(), PlexShowMapping.objects.count()) == (0, 0)


# library.new


@pytest.mark.parametrize("kind", ["show", "season", "episode"])
def test_a_new_item_of_a_known_show_is_there_already(world, kind):
    log = world.send(library_new(kind))
    assert verdict(log) == ("success", "show_already_exists")
    mapped = PlexShowMapping.objects.get()
    assert (mapped.tvshow, mapped.plex_title, mapped.plex_rating_key) == (world.shows["severance"], "Severance", "s1")
    assert log.plex_title == "Severance"
    assert Watch.objects.count() == 0


@pytest.mark.parametrize("kind", ["show", "season", "episode"])
def test_a_new_item_of_an_unknown_show_asks_about_the_show(world, kind):
    unknown = dict.fromkeys(["guid", "parentGuid", "grandparentGuid"])
    log = world.send(library_new(kind, "Night Carriers", **unknown))
    assert verdict(log) == ("success", "conflict_created")
    assert PlexConflict.objects.get().plex_title == "Night Carriers"
    assert PlexConflict.objects.get().plex_rating_key == "s1"


def test_a_new_show_is_known_by_its_own_ids_and_year(world):
    log = world.send(library_new(guid="plex://show/abc", Guid=[{"id": "tmdb://95396"}], title="Gewaltenteilung"))
    assert verdict(log) == ("success", "show_already_exists")
    assert PlexShowMapping.objects.get().match_method == "tmdb_id"
    log = world.send(library_new(title="iCarly", guid="plex://show/def", ratingKey="s2", year=2021))
    assert log.tvshow == world.shows["icarly2021"]


def test_a_new_show_needs_no_account(world):
    event = library_new() | {"Account": FRIEND, "user": False}
    assert verdict(world.send(event)) == ("success", "show_already_exists")


@pytest.mark.parametrize("kind", ["show", "season", "episode"])
def test_with_adding_off_a_new_item_is_set_aside(world, kind):
    switch(world, auto_add_shows=False)
    for title in ("Severance", "Night Carriers"):
        assert verdict(world.send(library_new(kind, title))) == ("ignored", "auto_add_disabled")
    assert (PlexConflict.objects.count(), PlexShowMapping.objects.count()) == (0, 0)


def test_with_adding_off_a_scrobble_of_an_unknown_show_asks(world):
    switch(world, auto_add_shows=False)
    assert verdict(world.send(scrobble(**UNKNOWN))) == ("success", "conflict_created")


def test_with_marking_off_a_new_show_still_asks(world):
    switch(world, auto_mark_watched=False)
    unknown = {"guid": None, "title": "Night Carriers"}
    assert verdict(world.send(library_new("show", **unknown))) == ("success", "conflict_created")

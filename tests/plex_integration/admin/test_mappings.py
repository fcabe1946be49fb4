"""Mappings in the admin."""

import pytest

from plex_integration.models import PlexConflict, PlexShowMapping
from tests.plex_integration.admin.pages import run, said, url
from tests.stages import stage
from tests.world import SERVER, scrobble
from tvshows.models import Watch

TVDB_73244 = "com.plexapp.agents.thetvdb://73244"


@stage
def office(world):
    """The Office of 2005, mapped by its id, with three episodes marked."""
    for season, number in ((1, 1), (1, 2), (2, 20)):
        world.send(scrobble("The Office", season, number, show_id="of", grandparentGuid=TVDB_73244))
    row = PlexShowMapping.objects.get()
    assert row.tvshow == world.shows["office_us"]
    return row


@stage
def asked(world):
    """iCarly, which waits for a decision."""
    world.send(scrobble("iCarly", show_id="ic"))
    return PlexShowMapping.objects.get(plex_title="iCarly")


def page_of(row):
    return url("plexshowmapping", "change", row.pk)


def test_changing_the_show_says_first_what_moves_and_what_stays_and_changes_nothing(owner, office, world):
    page = " ".join(owner.get(page_of(office), {"to": world.shows["office_uk"].pk}).content.decode().split())
    assert '<b class="num">2</b> <span>marked episodes move to The Office (2001)' in page
    assert "because The Office (2001) lacks S02E20" in page
    office.refresh_from_db()
    assert office.tvshow == world.shows["office_us"]


def test_confirming_moves_what_was_marked_with_its_times(owner, office, world):
    before = dict(Watch.objects.values_list("episode__episode_number", "watched_at"))
    answer = owner.post(page_of(office), {"tvshow": world.shows["office_uk"].pk})
    assert world.watched() == {"The Office (2001) S01E01", "The Office (2001) S01E02", "The Office (2005) S02E20"}
    assert dict(Watch.objects.live().values_list("episode__episode_number", "watched_at")) == before
    office.refresh_from_db()
    assert (office.match_method, office.manually_confirmed) == ("manual", True)
    assert "2 marked episodes moved to The Office (2001)." in said(answer)
    assert "The Office (2001) lacks S02E20: those stay where they were." in said(answer)


def test_choosing_a_show_for_one_that_waits_settles_its_question(owner, asked, world):
    page = owner.get(page_of(asked), {"to": world.shows["icarly2021"].pk}).content.decode()
    assert "waiting event" in page
    owner.post(page_of(asked), {"tvshow": world.shows["icarly2021"].pk})
    conflict = PlexConflict.objects.get()
    assert (conflict.resolution_action, conflict.resolved_by) == ("user_selected", world.owner)
    assert world.watched() == {"iCarly (2021) S01E01"}


@pytest.mark.parametrize("wanted", ["", "999999", "abc"])
def test_a_show_that_is_not_there_is_refused_in_words(owner, office, wanted):
    for answer in (owner.get(page_of(office), {"to": wanted}), owner.post(page_of(office), {"tvshow": wanted})):
        assert answer.status_code == 302
        assert any("how" in line for line in said(answer))
    assert PlexShowMapping.objects.get().tvshow == office.tvshow


def test_searching_on_the_page_finds_other_shows_with_a_link_to_choose_them(owner, office, world):
    page = owner.get(page_of(office), {"q": "office"}).content.decode()
    assert f'?to={world.shows["office_uk"].pk}' in page
    assert f'?to={world.shows["office_us"].pk}' not in page


def test_marking_is_switched_off_and_on_for_one(owner, office, world):
    owner.post(page_of(office), {"do": "off"})
    assert PlexShowMapping.objects.get().sync_enabled is False
    third = scrobble("The Office", 1, 3, show_id="of", grandparentGuid=TVDB_73244)
    assert world.send(third).action_taken == "sync_disabled"
    owner.post(page_of(office), {"do": "on"})
    fourth = scrobble("The Office", 1, 4, show_id="of", grandparentGuid=TVDB_73244)
    assert world.send(fourth).action_taken == "marked_watched"


def test_marking_is_switched_for_many(owner, office, asked, world):
    pks = PlexShowMapping.objects.values_list("pk", flat=True)
    assert "Marking is off for 2 Plex shows." in said(run(owner, "plexshowmapping", "switch_off", pks))
    assert PlexConflict.objects.get().resolution_action == "ignored"
    run(owner, "plexshowmapping", "switch_on", pks)
    assert PlexShowMapping.objects.filter(sync_enabled=True).count() == 2


def test_a_show_that_was_ignored_and_is_switched_on_is_asked_about_again(owner, asked, world):
    owner.post(page_of(asked), {"do": "off"})
    assert world.send(scrobble("iCarly", 1, 2, show_id="ic")).action_taken == "ignored"
    owner.post(page_of(asked), {"do": "on"})
    assert world.send(scrobble("iCarly", 1, 3, show_id="ic")).action_taken == "awaiting_resolution"


def test_deleting_says_what_follows_and_leaves_what_was_marked(owner, office, world):
    delete = url("plexshowmapping", "delete", office.pk)
    assert "What this mapping marked stays marked." in owner.get(delete).content.decode()
    owner.post(delete, {"post": "yes"})
    assert PlexShowMapping.objects.count() == 0
    assert len(world.watched()) == 3


def _entered(world, **changes):
    return {
        "plex_title": "iCarly", "plex_year": "", "plex_guid": "plex://show/ic", "plex_server_uuid": SERVER,
        "plex_rating_key": "ic", "tvshow": world.shows["icarly2021"].pk, **changes,
    }


def test_a_mapping_written_by_hand_settles_the_open_question_at_once(
    owner, asked, world, django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks(execute=True):
        owner.post(url("plexshowmapping", "add"), _entered(world))
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.match_method, row.manually_confirmed) == (world.shows["icarly2021"], "manual", True)
    assert PlexConflict.objects.get().resolution_action == "auto_resolved"
    assert world.watched() == {"iCarly (2021) S01E01"}


def test_a_mapping_by_server_and_rating_key_serves_the_next_event(owner, world):
    entered = _entered(world, plex_guid="", plex_rating_key="77")
    owner.post(url("plexshowmapping", "add"), entered)
    event = world.send(scrobble("iCarly", 1, 2, show_id="77", grandparentGuid=None))
    assert event.action_taken == "marked_watched"
    assert world.watched() == {"iCarly (2021) S01E02"}


@pytest.mark.parametrize(("changes", "words"), [
    ({"plex_guid": "", "plex_rating_key": ""}, "Give the GUID, or the server and the rating key."),
    ({"plex_guid": "", "plex_server_uuid": ""}, "Give the GUID, or the server and the rating key."),
    ({"plex_guid": "no guid"}, "A GUID begins with a word and ://"),
    ({"plex_title": ""}, "This field is required."),
    ({"tvshow": ""}, "This field is required."),
])
def test_what_is_wrong_with_a_mapping_is_said_on_its_form(owner, world, changes, words):
    answer = owner.post(url("plexshowmapping", "add"), _entered(world, **changes))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert PlexShowMapping.objects.count() == 0


def test_a_plex_show_that_has_another_show_is_not_mapped_twice(owner, office, world):
    entered = _entered(world, plex_title="The Office", plex_guid=TVDB_73244)
    answer = owner.post(url("plexshowmapping", "add"), entered)
    assert "This Plex show is The Office (2005) already." in answer.content.decode()
    assert PlexShowMapping.objects.get().tvshow == world.shows["office_us"]


def test_the_list_tells_the_four_states_apart(owner, office, asked, world):
    world.send(scrobble("Severance", 1, 1, grandparentGuid="com.plexapp.agents.thetvdb://371980"))
    world.send(scrobble("Somebody Feed Phil", show_id="ph"))
    PlexShowMapping.objects.filter(plex_title__in=["Severance", "Somebody Feed Phil"]).update(sync_enabled=False)
    titles = {"mapped": "The Office", "waiting": "iCarly", "off": "Severance", "aside": "Somebody Feed Phil"}
    for state, expected in titles.items():
        page = owner.get(url("plexshowmapping", "changelist"), {"state": state}).content.decode()
        assert [title for title in titles.values() if f">{title}</a>" in page] == [expected]


def test_staff_who_may_only_look_change_nothing(viewer_of, office, world):
    clerk = viewer_of("plexshowmapping")
    assert "Switch marking off" not in clerk.get(page_of(office)).content.decode()
    for entered in ({"do": "off"}, {"tvshow": world.shows["office_uk"].pk}):
        assert clerk.post(page_of(office), entered).status_code == 403
    assert clerk.get(page_of(office), {"to": world.shows["office_uk"].pk}).status_code == 403
    run(clerk, "plexshowmapping", "switch_off", [office.pk])
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.sync_enabled) == (world.shows["office_us"], True)


def test_somebody_without_staff_is_refused(household, office):
    assert "/admin/login/" in household.get(page_of(office)).url
    assert "/admin/login/" in household.post(page_of(office), {"do": "off"}).url
    assert PlexShowMapping.objects.get().sync_enabled

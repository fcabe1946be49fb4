"""Which mapping a Plex show has: design, section 4, the rules about GUIDs and rating keys."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from plex_integration import mapping, resolution
from plex_integration.locks import lock
from plex_integration.mapping import Choice
from plex_integration.models import PlexConflict, PlexShowMapping
from plex_integration.payloads import parse_event
from tests.world import make_world, scrobble, show
from tvshows.models import TrackedShow, TVShow, Watch

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER_SERVER = "0f0f0f"
LEGACY = "com.plexapp.agents.thetvdb://"


def plex(title="iCarly", show_id="s1", **fields):
    """A Plex show, as a scrobble names it."""
    return parse_event(scrobble(title, show_id=show_id, **fields)).show


def mapped(world, name, plex_show):
    return mapping.write(plex_show, Choice(world.shows[name].pk, 1.0, "manual", confirmed=True), now=NOW)


def found(plex_show):
    row = mapping.find(plex_show)
    return row.tvshow if row else None


def written_by_sql(tvshow, **columns):
    """A row as the setup guide's SQL writes it, with none of the columns that were added since."""
    values = {"plex_rating_key": "", "plex_guid": "", "plex_title": ""} | columns
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO plex_show_mappings ({names}, tvshow_id, match_confidence, match_method, manually_confirmed)"
            f" VALUES ({marks}, %s, 1.0, 'manual', true)", [*values.values(), tvshow.pk],
        )


# By GUID, then by server and rating key


def test_a_guid_finds_the_mapping_whatever_the_server_and_rating_key(world):
    mapped(world, "icarly2021", plex())
    moved = plex(server=OTHER_SERVER, grandparentRatingKey="900")
    assert found(moved) == world.shows["icarly2021"]


def test_a_guid_is_the_same_with_and_without_its_query(world):
    mapped(world, "severance", plex("Severance", grandparentGuid=f"{LEGACY}371980?lang=en"))
    assert found(plex("Severance", "s2", grandparentGuid=f"{LEGACY}371980?lang=de")) == world.shows["severance"]


def test_a_legacy_guid_inside_the_episodes_own_is_the_shows(world):
    mapped(world, "severance", plex("Severance", grandparentGuid=f"{LEGACY}371980?lang=en"))
    inside = plex("Severance", "s2", grandparentGuid=None, guid=f"{LEGACY}371980/1/3?lang=en")
    assert found(inside) == world.shows["severance"]


def test_a_guid_comes_before_a_rating_key(world):
    mapped(world, "icarly2007", plex(grandparentGuid="plex://show/a", grandparentRatingKey="1"))
    mapped(world, "icarly2021", plex(grandparentGuid="plex://show/b", grandparentRatingKey="2"))
    crossed = plex(grandparentGuid="plex://show/a", grandparentRatingKey="2")
    assert found(crossed) == world.shows["icarly2007"]


def test_an_event_without_a_guid_is_found_by_server_and_rating_key(world):
    mapped(world, "icarly2021", plex())
    assert found(plex(grandparentGuid=None)) == world.shows["icarly2021"]


def test_the_same_rating_key_on_another_server_is_another_show(world):
    mapped(world, "icarly2021", plex(grandparentGuid=None))
    assert found(plex(grandparentGuid=None, server=OTHER_SERVER)) is None
    mapped(world, "icarly2007", plex(grandparentGuid=None, server=OTHER_SERVER))
    assert found(plex(grandparentGuid=None)) == world.shows["icarly2021"]
    assert found(plex(grandparentGuid=None, server=OTHER_SERVER)) == world.shows["icarly2007"]


def test_where_no_server_is_named_a_rating_key_counts_only_with_the_title(world):
    mapped(world, "icarly2021", plex(server="", grandparentGuid=None))
    assert found(plex(server="", grandparentGuid=None)) == world.shows["icarly2021"]
    assert found(plex("Severance", server="", grandparentGuid=None)) is None
    mapped(world, "severance", plex("Severance", server="", grandparentGuid=None))
    assert found(plex(server="", grandparentGuid=None)) == world.shows["icarly2021"]
    assert found(plex("Severance", server="", grandparentGuid=None)) == world.shows["severance"]


def test_with_neither_guid_nor_rating_key_the_title_counts_on_its_server(world):
    bare = {"grandparentGuid": None, "grandparentRatingKey": None}
    mapped(world, "severance", plex("Severance", **bare))
    assert found(plex("SEVERANCE!", **bare)) == world.shows["severance"]
    assert found(plex("Severance", server=OTHER_SERVER, **bare)) is None
    assert found(plex("Severance (2022)", **bare)) is None


def test_the_same_show_in_an_hd_and_a_4k_library_is_one(world):
    row = mapped(world, "icarly2021", plex(grandparentRatingKey="100"))
    assert mapping.find(plex(grandparentRatingKey="200")) == row
    assert mapping.find(plex(grandparentRatingKey="100")) == row
    row.refresh_from_db()
    assert row.plex_rating_key == "100"  # a GUID hit never rewrites it


def test_without_guids_the_copies_in_two_libraries_are_two(world):
    mapped(world, "icarly2021", plex(grandparentGuid=None, grandparentRatingKey="100"))
    assert found(plex(grandparentGuid=None, grandparentRatingKey="200")) is None


def test_a_library_that_was_rebuilt_with_new_rating_keys_keeps_its_mappings(world):
    world.send(scrobble("Severance", grandparentGuid=f"{LEGACY}371980"))
    rebuilt = scrobble("Severance", 1, 2, show_id="9000", grandparentGuid=f"{LEGACY}371980")
    assert world.post(rebuilt).status_code == 200
    assert world.watched() == {"Severance (2022) S01E01", "Severance (2022) S01E02"}
    assert PlexShowMapping.objects.count() == 1


# Fix match, and a change of agents


def test_after_fix_match_the_rating_key_is_a_new_question(world):
    """The trap of two shows with one title: the key and the title stay, the GUID says that it is another show."""
    old = mapped(world, "icarly2007", plex(grandparentGuid="plex://show/a"))
    fixed = plex(grandparentGuid="plex://show/b")
    assert mapping.find(fixed) is None
    new = mapped(world, "icarly2021", fixed)
    old.refresh_from_db()
    assert (old.plex_rating_key, new.plex_rating_key) == ("", "s1")
    assert found(plex(grandparentGuid=None)) == world.shows["icarly2021"]
    assert found(fixed) == world.shows["icarly2021"]
    assert found(plex(grandparentGuid="plex://show/a")) == world.shows["icarly2007"]


def test_after_fix_match_to_a_show_that_is_mapped_already_the_old_row_gives_its_key_up(world):
    old = mapped(world, "icarly2007", plex(grandparentGuid="plex://show/a", grandparentRatingKey="1"))
    mapped(world, "icarly2021", plex(grandparentGuid="plex://show/b", grandparentRatingKey="2"))
    assert found(plex(grandparentGuid="plex://show/b", grandparentRatingKey="1")) == world.shows["icarly2021"]
    old.refresh_from_db()
    assert old.plex_rating_key == ""


@pytest.mark.parametrize(("before", "after"), [
    (f"{LEGACY}371980", "plex://show/abc"), ("plex://show/abc", f"{LEGACY}371980"), (None, "plex://show/abc"),
    ("plex://show/abc", None), ("local://55", "plex://show/abc"), ("plex://show/abc", "local://55"),
])
def test_a_change_of_agents_with_the_same_title_is_the_same_show(world, before, after):
    row = mapped(world, "severance", plex("Severance", grandparentGuid=before))
    assert mapping.find(plex("Severance", grandparentGuid=after)) == row
    assert mapping.find(plex("severance", grandparentGuid=after)) == row


@pytest.mark.parametrize(("before", "after"), [
    (f"{LEGACY}371980", "plex://show/abc"), ("plex://show/abc", f"{LEGACY}371980"), (None, "plex://show/abc"),
    ("local://55", "plex://show/abc"), ("plex://show/abc", "local://55"), ("plex://show/abc", None),
])
@pytest.mark.parametrize("title", ["Night Carriers", "Severance (2021)"])
def test_a_change_of_agents_with_another_title_is_a_new_question(world, before, after, title):
    mapped(world, "severance", plex("Severance", grandparentGuid=before))
    assert found(plex(title, grandparentGuid=after)) is None


@pytest.mark.parametrize("before", [f"{LEGACY}305288", None, "local://55"])
def test_fix_match_after_a_change_of_agents_is_a_new_question(world, before):
    """The GUID that the new agent gave is kept, so that the next one is seen to be another."""
    mapped(world, "icarly2007", plex(grandparentGuid=before))
    assert found(plex(grandparentGuid="plex://show/a")) == world.shows["icarly2007"]
    assert found(plex(grandparentGuid="plex://show/b")) is None
    assert found(plex(grandparentGuid="plex://show/a")) == world.shows["icarly2007"]


def test_after_a_change_of_agents_and_a_rebuilt_library_the_show_is_still_known(world):
    mapped(world, "severance", plex("Severance", grandparentGuid=f"{LEGACY}371980"))
    mapping.find(plex("Severance", grandparentGuid="plex://show/abc"))
    assert found(plex("Severance", "s900", grandparentGuid="plex://show/abc")) == world.shows["severance"]


def test_a_show_that_waits_is_asked_about_once_though_its_agent_changes(world):
    world.send(scrobble("iCarly", grandparentGuid=f"{LEGACY}305288x"))
    log = world.send(scrobble("iCarly", 1, 2, grandparentGuid="plex://show/abc"))
    assert log.action_taken == "awaiting_resolution"
    conflict = PlexConflict.objects.get()
    resolution.select(conflict.pk, tvshow_id=world.shows["icarly2021"].pk, user_id=world.owner.pk, now=world_now())
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}
    assert world.post(scrobble("iCarly", 1, 3, grandparentGuid="plex://show/abc")).status_code == 200


def test_a_show_that_waits_and_is_fix_matched_there_and_back_can_be_answered(world):
    world.send(scrobble("iCarly", grandparentGuid="local://7"))
    world.send(scrobble("Severance", 1, 1, grandparentGuid=f"{LEGACY}371980", ratingKey="x"))
    world.send(scrobble("iCarly", 1, 2, grandparentGuid="local://7"))
    conflict = PlexConflict.objects.get()
    resolution.select(conflict.pk, tvshow_id=world.shows["icarly2021"].pk, user_id=world.owner.pk, now=world_now())
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02", "Severance (2022) S01E01"}
    assert not PlexConflict.objects.open().exists()


def world_now():
    return datetime.now(UTC) + timedelta(seconds=2)


# GUIDs that mean nothing beyond their server


@pytest.mark.parametrize("guid", ["local://77", "com.plexapp.agents.none://77", "tv.plex.agents.none://77", "none://77"])
def test_a_local_guid_identifies_nothing_beyond_its_server(world, guid):
    mapped(world, "icarly2021", plex(grandparentGuid=guid))
    assert found(plex(grandparentGuid=guid)) == world.shows["icarly2021"]
    assert found(plex("Severance", "s2", grandparentGuid=guid)) is None
    elsewhere = plex(grandparentGuid=guid, server=OTHER_SERVER)
    assert found(elsewhere) is None
    mapped(world, "icarly2007", elsewhere)
    assert found(plex(grandparentGuid=guid)) == world.shows["icarly2021"]


# Rows written by hand, as the setup guide's SQL does


def test_a_row_written_by_hand_is_found_by_its_guid(world):
    written_by_sql(world.shows["severance"], plex_guid=f"{LEGACY}371980?lang=en", plex_title="Whatever")
    assert found(plex("Severance", grandparentGuid=f"{LEGACY}371980")) == world.shows["severance"]
    assert PlexShowMapping.objects.get().plex_show_key == f"g:{LEGACY}371980"


def test_a_row_written_by_hand_with_an_episodes_legacy_guid_is_its_shows(world):
    written_by_sql(world.shows["severance"], plex_guid=f"{LEGACY}371980/1/1", plex_title="Whatever")
    assert found(plex("Severance", grandparentGuid=f"{LEGACY}371980")) == world.shows["severance"]


def test_a_row_written_by_hand_is_found_by_rating_key_and_title(world):
    written_by_sql(world.shows["office_us"], plex_rating_key="12343", plex_title="The Office",
                   plex_guid="com.plexapp.agents.themoviedb://1418", plex_year=2005)
    event = scrobble("The Office", show_id="12343", grandparentGuid="plex://show/abc")
    assert world.post(event).json()["status"] == "success"
    assert world.watched() == {"The Office (2005) S01E01"}
    row = PlexShowMapping.objects.get()
    assert (row.plex_show_key, row.plex_guid) == ("g:plex://show/abc", "com.plexapp.agents.themoviedb://1418")


def test_a_row_written_by_hand_is_not_found_by_its_rating_key_alone(world):
    written_by_sql(world.shows["office_us"], plex_rating_key="12343", plex_title="The Office")
    assert found(plex("Severance", "12343", grandparentGuid=None)) is None
    assert found(plex("The Office (UK)", "12343", grandparentGuid=None)) is None


def test_a_row_written_by_hand_is_not_found_by_its_title_alone(world):
    written_by_sql(world.shows["office_us"], plex_title="The Office")
    assert found(plex("The Office", grandparentGuid=None)) is None


def test_a_row_written_by_hand_with_another_guid_of_the_same_agent_is_another_shows(world):
    written_by_sql(world.shows["icarly2007"], plex_rating_key="s1", plex_title="iCarly", plex_guid="plex://show/a")
    assert found(plex(grandparentGuid="plex://show/b")) is None
    assert found(plex(grandparentGuid="plex://show/a")) == world.shows["icarly2007"]


def test_once_looked_up_a_row_written_by_hand_is_one_servers_show(world):
    """Another server may have another show with that key and that title."""
    written_by_sql(world.shows["icarly2021"], plex_rating_key="s1", plex_title="iCarly")
    assert found(plex(grandparentGuid="plex://show/a")) == world.shows["icarly2021"]
    assert found(plex(grandparentGuid="plex://show/b", server=OTHER_SERVER)) is None
    assert found(plex(grandparentGuid="plex://show/b")) is None
    assert found(plex(grandparentGuid="plex://show/a", server=OTHER_SERVER)) == world.shows["icarly2021"]


def test_a_row_written_by_hand_settles_the_show_that_waits(world):
    first = world.send(scrobble("iCarly"))
    assert first.action_taken == "conflict_created"
    written_by_sql(world.shows["icarly2021"], plex_rating_key="s1", plex_title="iCarly")
    assert resolution.reevaluate_stale(now=world_now()) == 1
    conflict = PlexConflict.objects.get()
    assert (conflict.resolution_action, conflict.resolved_tvshow) == ("auto_resolved", world.shows["icarly2021"])
    assert world.watched() == {"iCarly (2021) S01E01"}
    assert PlexShowMapping.objects.get().manually_confirmed


def test_a_row_written_by_hand_acts_on_the_next_event_before_any_sweep(world):
    world.send(scrobble("iCarly"))
    written_by_sql(world.shows["icarly2021"], plex_guid="plex://show/s1")
    assert world.send(scrobble("iCarly", 1, 2)).action_taken == "marked_watched"
    resolution.reevaluate_stale(now=world_now())
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}


# What is written


def test_a_match_is_written_with_what_it_was_found_by(world):
    world.send(scrobble("Severance", grandparentGuid=f"{LEGACY}371980?lang=en"))
    row = PlexShowMapping.objects.get()
    assert (row.tvdb_id, row.match_method, float(row.match_confidence)) == (371980, "tvdb_id", 0.95)
    assert (row.plex_guid, row.plex_rating_key, row.plex_title) == (f"{LEGACY}371980", "s1", "Severance")
    assert (row.manually_confirmed, row.sync_enabled) == (False, True)
    assert TVShow.objects.get(pk=row.tvshow_id).plex_synced


def test_a_very_long_key_is_cut_to_its_column(world):
    long = plex("x" * 300, "9" * 300, server="", grandparentGuid=None)
    assert len(mapped(world, "severance", long).plex_show_key) <= 512
    assert found(long) == world.shows["severance"]


def test_finding_a_known_show_takes_one_query(world, django_assert_num_queries):
    mapped(world, "icarly2021", plex())
    with django_assert_num_queries(1):
        mapping.find(plex())


# A show that is deleted


def test_a_show_that_a_person_deletes_stays_gone(world):
    event = {"grandparentGuid": f"{LEGACY}371980"}
    world.send(scrobble("Severance", **event))
    world.shows["severance"].delete()
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.sync_enabled) == (None, False)
    log = world.send(scrobble("Severance", 1, 2, **event))
    assert (log.status, log.action_taken) == ("ignored", "ignored")
    show("Severance", tvdb_id=371980)
    resolution.reevaluate_stale(now=world_now())
    assert world.send(scrobble("Severance", 1, 3, **event)).action_taken == "ignored"
    assert PlexConflict.objects.count() == 0


def test_that_a_deleted_show_stays_gone_is_undone_on_its_mapping(world):
    event = {"grandparentGuid": f"{LEGACY}371980"}
    world.send(scrobble("Severance", **event))
    world.shows["severance"].delete()
    mapping.set_sync([PlexShowMapping.objects.get().pk], enabled=True, now=NOW)
    assert world.send(scrobble("Severance", 1, 2, **event)).action_taken == "conflict_created"


# Changing a mapping's show


def change(world, name):
    return mapping.change_show(PlexShowMapping.objects.get().pk, tvshow_id=world.shows[name].pk, now=NOW)


def test_changing_a_mappings_show_moves_what_it_marked(world):
    mapped(world, "icarly2007", plex())
    logs = [world.send(scrobble("iCarly", 1, number)) for number in (1, 2)]
    assert change(world, "icarly2021").moved == 2
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}
    assert set(Watch.objects.values_list("watched_at", flat=True)) == {log.created_at for log in logs}
    counts = dict(TrackedShow.objects.values_list("show", "watched_episodes"))
    assert counts == {world.shows["icarly2007"].pk: 0, world.shows["icarly2021"].pk: 2}
    row = PlexShowMapping.objects.get()
    assert (row.match_method, row.manually_confirmed, row.sync_enabled) == ("manual", True, True)
    assert world.send(scrobble("iCarly", 1, 3)).tvshow == world.shows["icarly2021"]


def test_changing_a_mappings_show_leaves_what_the_new_show_lacks(world):
    mapped(world, "icarly2007", plex())
    for number in (1, 20):
        world.send(scrobble("iCarly", 1, number))
    planned = mapping.plan_change(PlexShowMapping.objects.get().pk, tvshow_id=world.shows["icarly2021"].pk)
    assert planned == change(world, "icarly2021")
    assert (planned.moved, planned.left) == (1, ("S01E20",))
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2007) S01E20"}


def test_what_another_mapping_marked_in_that_show_stays(world):
    mapped(world, "icarly2007", plex("iCarly", "s2"))
    world.send(scrobble("iCarly", 1, 2, show_id="s2"))
    wrong = mapped(world, "icarly2007", plex())
    world.send(scrobble("iCarly"))
    mapping.change_show(wrong.pk, tvshow_id=world.shows["icarly2021"].pk, now=NOW)
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2007) S01E02"}


def test_changing_the_mapping_of_a_show_that_waits_settles_its_question(world):
    world.send(scrobble("iCarly"))
    change(world, "icarly2021")
    resolution.reevaluate_stale(now=world_now())
    assert PlexConflict.objects.get().resolution_action == "auto_resolved"
    assert world.watched() == {"iCarly (2021) S01E01"}


@pytest.mark.django_db(transaction=True)
def test_a_mapping_is_changed_while_its_events_come_in():
    world = make_world()
    row = mapped(world, "icarly2007", plex())
    wrong = []

    def run(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001  (it is asserted to be none)
            wrong.append(error)
        finally:
            connection.close()

    def change_it():
        for name in ("icarly2021", "icarly2007") * 3:
            mapping.change_show(row.pk, tvshow_id=world.shows[name].pk, now=NOW)

    def rewrite_it():
        for _ in range(6):
            with transaction.atomic():
                lock("show", plex().key)
                mapped(world, "icarly2007", plex())

    threads = [threading.Thread(target=run, args=[call]) for call in (change_it, rewrite_it)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


@pytest.mark.parametrize("elsewhere", [{"grandparentRatingKey": "4k"}, {"server": "another-server"}])
def test_a_show_with_an_old_and_a_new_agent_is_known_by_both_guids(world, elsewhere):
    """Two libraries, or two servers, of which only one has moved to the new agent yet."""
    other = {"grandparentGuid": f"{LEGACY}371980", "ratingKey": "4k-1", **elsewhere}
    world.send(scrobble("Severance", 1, 1, grandparentGuid=f"{LEGACY}371980"))
    world.send(scrobble("Severance", 1, 2, **other))
    world.send(scrobble("Severance", 1, 3, grandparentGuid="plex://show/new"))
    for number in (4, 5):
        assert world.post(scrobble("Severance", 1, number, **other | {"ratingKey": f"4k-{number}"})).status_code == 200
        moved = scrobble("Severance", 1, number + 2, grandparentGuid="plex://show/new")
        assert world.post(moved).status_code == 200
    assert len(world.watched()) == 7
    assert PlexShowMapping.objects.count() == 1

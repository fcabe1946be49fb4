"""What is read out of a payload, and the verdict on each of the payloads in tests/payloads."""

import json
import os
from datetime import date
from pathlib import Path

import pytest

from plex_integration.payloads import InvalidPayload, parse_event
from tests.stages import stage
from tests.world import NOON, OWNER, PAYLOADS, SERVER, payload, scrobble
from tvshows import catalogue
from tvshows.described import Ids, NewEpisode, NewShow

REAL = os.environ.get("PAYLOADS_DIR", "")  # a folder of payloads that others published


def add(title, first, *episodes, **ids):
    """A show with episodes of (season, number, title, air date)."""
    found = tuple(NewEpisode(season, number, name, day, 40) for season, number, name, day in episodes)
    return catalogue.add_show(NewShow(title=title, first_aired=first, episodes=found, **ids), now=NOON)


@stage
def shelf(world):
    """The world with the shows that the payloads are about."""
    add("Harbour Lights", date(2019, 9, 8), (0, 1, "The Winter Ferry", date(2020, 12, 25)),
        (1, 1, "Landfall", date(2019, 9, 8)), (2, 5, "Slack Water", date(2021, 3, 14)),
        (2, 6, "The Breakwater", date(2021, 3, 21)), tmdb_id=990201, tvdb_id=990101, imdb_id="tt99000101")
    add("Night Carriers", date(2014, 9, 1), (3, 4, "A Parcel for Nobody", date(2016, 10, 6)),
        (3, 5, "Dead Letter", date(2016, 10, 13)), tvdb_id=990102, tmdb_id=990202, imdb_id="tt99000102")
    add("Paper Mountains", date(2014, 2, 4), (1, 2, "Base Camp", date(2014, 2, 11)), tmdb_id=990203)
    add("The Cartographer's Wife", date(2011, 5, 6), (1, 3, "Terra Incognita", date(2011, 5, 20)), imdb_id="tt99000104")
    add("Clockwork Garden", date(2010, 4, 1), (4, 31, "The Winding Day", date(2014, 2, 2)), tvdb_id=990105)
    add("The Lamplighters", date(2021, 9, 2), (1, 1, "Wick", date(2021, 9, 2)))
    add("The Lamplighters", date(1987, 1, 5), (1, 1, "Fog", date(1987, 1, 5)))
    add("Allotment Diary", date(2015, 4, 3), (5, 14, "Leeks", date(2019, 4, 5)))
    return world


def verdict_of(world, event) -> tuple[int, str, str]:
    response = world.post(event)
    world.work()
    row = world.last()
    return response.status_code, row.status, row.action_taken


NOT_OURS = (200, "ignored", "ignored")
UNLINKED = (200, "ignored", "unlinked_account")
MARKED = (202, "success", "marked_watched")
ASKED = (202, "success", "conflict_created")
VERDICTS = {
    "admin-database-backup": NOT_OURS,
    "device-new": NOT_OURS,
    "library-new-album": NOT_OURS,
    "library-new-episode": ASKED,  # of an episode that the catalogue lacks, and nothing else says which show it is
    "library-new-movie": NOT_OURS,
    "library-new-season": ASKED,
    "library-new-show": (202, "success", "show_already_exists"),
    "library-on-deck": NOT_OURS,
    "pause": NOT_OURS,
    "play-clip": NOT_OURS,
    "play-episode": NOT_OURS,
    "play-photo": NOT_OURS,
    "playback-started": NOT_OURS,
    "rate": NOT_OURS,
    "resume": NOT_OURS,
    "scrobble-agents-none": ASKED,
    "scrobble-dvr": ASKED,
    "scrobble-foreign-title": ASKED,
    "scrobble-friend": UNLINKED,
    "scrobble-hama-anidb": ASKED,
    "scrobble-hama-tvdb": MARKED,
    "scrobble-household-member": UNLINKED,
    "scrobble-legacy-imdb": MARKED,
    "scrobble-legacy-tmdb": MARKED,
    "scrobble-legacy-tvdb": MARKED,
    "scrobble-legacy-tvdb-without-grandparent-guid": MARKED,
    "scrobble-live-tv": ASKED,
    "scrobble-local": ASKED,
    "scrobble-minimal": ASKED,  # a title alone decides nothing
    "scrobble-movie": NOT_OURS,
    "scrobble-new-agent": MARKED,
    "scrobble-new-agent-no-guids": MARKED,
    "scrobble-shared-server": UNLINKED,  # `owner` is false on another's server, and it names no account id
    "scrobble-special": MARKED,
    "scrobble-tautulli": MARKED,
    "scrobble-title-with-country": ASKED,
    "scrobble-title-with-year": MARKED,
    "scrobble-track": NOT_OURS,
    "scrobble-two-episode-file": ASKED,
    "scrobble-wrong-types": (202, "failed", "show_not_named"),
    "scrobble-year-season": ASKED,
    "stop": NOT_OURS,
    "unknown-event": NOT_OURS,
}


def test_every_payload_has_its_verdict_in_the_table():
    assert sorted(VERDICTS) == sorted(path.stem for path in PAYLOADS.glob("*.json"))


MARKS = {
    "scrobble-hama-tvdb": "Clockwork Garden (2010) S04E31",
    "scrobble-legacy-imdb": "The Cartographer's Wife (2011) S01E03",
    "scrobble-legacy-tmdb": "Paper Mountains (2014) S01E02",
    "scrobble-legacy-tvdb": "Night Carriers (2014) S03E04",
    "scrobble-legacy-tvdb-without-grandparent-guid": "Night Carriers (2014) S03E05",
    "scrobble-new-agent": "Harbour Lights (2019) S02E05",
    "scrobble-new-agent-no-guids": "Harbour Lights (2019) S02E06",
    "scrobble-special": "Harbour Lights (2019) S00E01",
    "scrobble-tautulli": "Night Carriers (2014) S03E05",
    "scrobble-title-with-year": "The Lamplighters (2021) S01E01",
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_payload_has_the_verdict_that_we_expect_and_marks_its_own_episode_or_none(shelf, name):
    assert verdict_of(shelf, payload(name)) == VERDICTS[name]
    assert shelf.watched() == ({MARKS[name]} if name in MARKS else set())


def expected_of_a_stranger(event: dict) -> tuple[int, str, str]:
    """The verdict in a tracker that holds none of the shows, from the facts of the design alone."""
    name, kind = event.get("event"), event.get("Metadata", {}).get("type")
    if not name:
        return 400, "failed", "error"
    ours = event.get("user") is True and event.get("owner") is True and name in {"media.scrobble", "media.play"}
    if name.startswith("media.") and event.get("Account") and not ours:
        return UNLINKED
    if name not in {"media.scrobble", "library.new"} or kind not in {"show", "season", "episode"}:
        return NOT_OURS
    return ASKED


@pytest.mark.parametrize("path", sorted(Path(REAL).glob("*.json")) if REAL else [], ids=lambda path: path.stem)
def test_a_payload_of_others_has_the_verdict_that_its_facts_ask_for(world, path):
    event = json.loads(path.read_text())
    assert verdict_of(world, event) == expected_of_a_stranger(event)


def test_a_shows_own_fields_depend_on_what_the_event_is_about():
    names = {"ratingKey": "1", "parentRatingKey": "2", "grandparentRatingKey": "3", "title": "A", "parentTitle": "B",
             "grandparentTitle": "C", "year": 2021}
    shows = {kind: parse_event({"event": "library.new", "Metadata": names | {"type": kind}}).show
             for kind in ("show", "season", "episode")}
    assert {kind: (show.rating_key, show.title) for kind, show in shows.items()} == {
        "show": ("1", "A"), "season": ("2", "B"), "episode": ("3", "C"),
    }
    assert [shows[kind].year for kind in ("show", "season", "episode")] == [2021, None, None]


def test_the_guid_array_is_the_episodes_unless_the_event_is_about_a_show():
    guids = {"Guid": [{"id": "tvdb://371980"}, {"id": "imdb://tt11280740"}]}
    episode = parse_event(scrobble(**guids))
    assert (episode.ids, episode.show.ids) == (Ids(tvdb=371980, imdb="tt11280740"), Ids())
    show = parse_event({"event": "library.new", "Metadata": {"type": "show", "title": "X"} | guids})
    assert (show.ids, show.show.ids) == (Ids(), Ids(tvdb=371980, imdb="tt11280740"))


@pytest.mark.parametrize("guids", [
    "tvdb://371980", {"id": "tvdb://371980"}, ["tvdb://371980", None, 5, [], {"id": ["x"]}, {}],
])
def test_a_guid_array_of_another_shape_holds_no_ids(guids):
    assert parse_event(scrobble(Guid=guids)).ids == Ids()


def test_guid_in_lower_case_may_be_an_array_and_in_upper_case_text():
    event = parse_event(scrobble(guid=[{"id": "tvdb://1"}], Guid="plex://episode/5d9c"))
    assert (event.guid, event.ids) == (None, Ids())


UNKEYED = {"grandparentGuid": None, "grandparentRatingKey": None}


@pytest.mark.parametrize(("metadata", "key"), [
    ({}, "g:plex://show/s1"),
    ({"grandparentGuid": "local://7100"}, f"r:{SERVER}:s1"),
    ({"grandparentGuid": "com.plexapp.agents.none://7c20?lang=xn"}, f"r:{SERVER}:s1"),
    ({"grandparentGuid": "none://7"}, f"r:{SERVER}:s1"),
    ({"grandparentGuid": "plex://show/"}, f"r:{SERVER}:s1"),
    ({"grandparentGuid": None}, f"r:{SERVER}:s1"),
    (UNKEYED | {"grandparentKey": "/library/metadata/123"}, f"r:{SERVER}:123"),
    (UNKEYED | {"grandparentKey": "/library/metadata/5/children"}, f"r:{SERVER}:5"),
    (UNKEYED, f"t:{SERVER}:severance"),
    (UNKEYED | {"grandparentTitle": "The Office (US)"}, f"t:{SERVER}:office US"),
    (UNKEYED | {"grandparentTitle": "???"}, f"t:{SERVER}:???"),
    (UNKEYED | {"grandparentTitle": None}, ""),
])
def test_a_shows_key_is_its_guid_else_its_servers_rating_key_else_its_servers_title(metadata, key):
    assert parse_event(scrobble(**metadata)).show.key == key


@pytest.mark.parametrize("title", ["ﷺ" * 255, "İ" * 255, "ß" * 255, "😀" * 255, "שלום " * 60])
def test_a_shows_key_fits_its_column_also_for_titles_that_grow_when_normalised(title):
    server = {"Server": {"uuid": "u" * 999}}
    event = parse_event(scrobble(title, grandparentGuid=None, grandparentRatingKey=None) | server)
    assert event.show.key.startswith("t:")
    assert len(event.show.key) <= 512
    assert len(parse_event(scrobble(grandparentGuid="plex://show/" + "x" * 5000)).show.key) <= 512


def test_numbers_may_be_text_and_season_zero_is_a_season():
    event = parse_event(scrobble(parentIndex="0", index="05", year="2021", duration="2580000", ratingKey=5205))
    assert (event.season, event.number, event.year, event.minutes, event.rating_key) == (0, 5, 2021, 43, "5205")


@pytest.mark.parametrize("value", [-1, 2.5, "1e3", 2**31, "x", True, None, [], {}, "", 1e300])
def test_an_index_that_is_no_number_is_none(value):
    event = parse_event(scrobble() | {"Metadata": scrobble()["Metadata"] | {"index": value, "parentIndex": value}})
    assert (event.season, event.number) == (None, None)


@pytest.mark.parametrize(("year", "read"), [
    (2021, 2021), ("2021", 2021), (9999, 9999), (0, None), (-5, None), (99999, None), ("x", None),
])
def test_a_year_is_one_that_a_show_can_have_or_none(year, read):
    assert parse_event(scrobble(year=year)).year == read


@pytest.mark.parametrize(("account", "read"), [
    ({"id": 1, "title": "robin"}, (1, "robin")), ({"id": "1"}, (1, "")), ({"title": "robin"}, (None, "robin")),
    ({"id": 2**63 - 1}, (2**63 - 1, "")), ({"id": 2**63, "title": "x"}, (None, "x")),
    ({"id": -1, "title": "x"}, (None, "x")),
    ({"id": 0}, (0, "")), ({}, (None, "")), ([], (None, "")), ("robin", (None, "")), (None, (None, "")),
])
def test_an_account_has_an_id_that_fits_or_a_title_or_nothing(account, read):
    named = parse_event(scrobble() | {"Account": account}).account
    assert (named.account_id, named.title) == read
    assert bool(named) is (read != (None, ""))


@pytest.mark.parametrize("event", [
    {}, {"event": ""}, {"event": None}, {"event": "  "}, {"event": ["media.scrobble"]}, {"event": True},
])
def test_what_has_no_event_is_refused(event):
    with pytest.raises(InvalidPayload, match="no \"event\""):
        parse_event(scrobble() | {"event": None} | event)


@pytest.mark.parametrize("metadata", [
    {}, {"type": "episode"}, None, [], "x", {"type": "episode", "index": "x"}, {"type": "show"},
])
def test_a_scrobble_that_names_neither_show_nor_episode_is_refused(metadata):
    with pytest.raises(InvalidPayload, match="neither a show nor an episode"):
        parse_event({"event": "media.scrobble", "Account": OWNER, "Metadata": metadata})


@pytest.mark.parametrize("event", [
    "media.play", "library.new", "admin.database.backup", "device.new", "media.daydream", "x",
])
def test_other_events_may_say_nothing_at_all(event):
    assert parse_event({"event": event}).kind == ""


def test_a_track_has_a_season_and_a_number_and_is_no_episode():
    event = parse_event(payload("scrobble-track"))
    assert (event.is_tv, event.season, event.number) == (False, 1, 3)


def test_many_guids_take_little_time_and_only_the_first_are_read():
    guids = [{"id": "rubbish://x"}] * 50_000 + [{"id": "tvdb://1"}]
    assert parse_event(scrobble(Guid=guids)).ids == Ids()

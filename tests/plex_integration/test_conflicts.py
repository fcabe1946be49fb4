"""Opening questions: what is asked, and that it is asked once."""

from datetime import timedelta

import pytest
from django.db import connection

from plex_integration import identification
from plex_integration.cleanup import clean_logs
from plex_integration.conflicts import kind_of
from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog
from plex_integration.payloads import parse_event
from tests.world import SERVER, scrobble, show
from tvshows.matching import Candidate
from tvshows.models import TVShow, Watch


def titled(event, title):
    """The event with this title of the episode."""
    event["Metadata"]["title"] = title
    return event


def test_an_unclear_show_is_asked_about_once_however_many_events_wait(world):
    logs = [world.send(scrobble("iCarly", 1, number)) for number in (1, 2, 3)]
    assert [(log.status, log.action_taken) for log in logs] == [
        ("success", "conflict_created"), ("received", "awaiting_resolution"), ("received", "awaiting_resolution"),
    ]
    conflict = PlexConflict.objects.get()
    assert [log.conflict for log in logs] == [conflict] * 3
    assert Watch.objects.count() == 0


def test_an_event_that_waits_is_neither_due_nor_done(world):
    for number in (1, 2):
        log = world.send(scrobble("iCarly", 1, number))
        assert (log.due_at, log.lease_until, log.done_at) == (None, None, None)


def test_an_event_that_waits_is_not_cleaned_up(world):
    log = world.send(scrobble("iCarly"))
    clean_logs(older_than=timedelta(days=90), now=log.created_at + timedelta(days=400))
    assert PlexWebhookLog.objects.filter(pk=log.pk).exists()


def test_each_unclear_show_has_a_question_of_its_own(world):
    world.send(scrobble("iCarly", show_id="s1"))
    world.send(scrobble("The Office", show_id="s2"))
    world.send(scrobble("iCarly", show_id="s3"))
    assert PlexConflict.objects.open().count() == 3


def test_a_show_that_waits_has_a_mapping_without_a_show(world):
    world.send(scrobble("iCarly"))
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.sync_enabled, row.match_method, row.manually_confirmed) == (None, True, None, False)
    assert (row.plex_guid, row.plex_rating_key, row.plex_server_uuid) == ("plex://show/s1", "s1", SERVER)
    assert list(PlexShowMapping.objects.waiting()) == [row]


def test_what_was_weighed_is_kept_with_the_question(world):
    world.send(titled(scrobble("iCarly", 1, 1, originallyAvailableAt="2021-06-30", year=2021), "iStart Over"))
    conflict = PlexConflict.objects.get()
    best, second = conflict.potential_matches
    assert best == {
        "tvshow_id": world.shows["icarly2021"].pk, "title": "iCarly", "year": 2021, "tmdb_id": 119243, "tvdb_id": None,
        "imdb_id": None, "match_score": 0.85, "method": "title_year", "reasons": best["reasons"],
    }
    assert second["tvshow_id"] == world.shows["icarly2007"].pk
    assert {"sign": "for", "text": "The title is the same"} in best["reasons"]
    assert {"sign": "for", "text": "The title of S01E01 agrees"} in best["reasons"]
    assert {"sign": "against", "text": "The date of S01E01 differs"} in best["reasons"]
    assert conflict.evidence == {
        "titles": ["iCarly"], "years": [], "country": "", "ids": {}, "said": [], "contested": False,
        "episode": {"season": 1, "number": 1, "title": "iStart Over", "air_date": "2021-06-30", "year": 2021},
    }


def test_the_year_of_the_episode_is_not_stored_as_the_shows(world):
    world.send(scrobble("iCarly", year=2021))
    assert PlexConflict.objects.get().plex_year is None


@pytest.mark.parametrize(("title", "metadata", "year"), [
    ("iCarly (2020)", {}, 2020), ("iCarly", {"grandparentSlug": "icarly-2020"}, 2020),
])
def test_the_shows_own_year_is_stored(world, title, metadata, year):
    world.send(scrobble(title, **metadata))
    conflict = PlexConflict.objects.get()
    assert (conflict.plex_year, conflict.evidence["years"]) == (year, [year])


@pytest.mark.parametrize(("title", "metadata", "name"), [
    ("iCarly (2021)", {}, "icarly2021"), ("iCarly", {"grandparentSlug": "icarly-2021"}, "icarly2021"),
    ("The Office (2005)", {}, "office_us"), ("Severance", {"originallyAvailableAt": "2022-02-18"}, "severance"),
    ("Whatever", {"grandparentGuid": "com.plexapp.agents.themoviedb://119243?lang=en"}, "icarly2021"),
    ("Whatever", {"grandparentGuid": None, "guid": "com.plexapp.agents.thetvdb://73244/1/1?lang=en"}, "office_us"),
    ("Whatever", {"grandparentGuid": "com.plexapp.agents.hama://tvdb-371980"}, "severance"),
    ("Whatever", {"grandparentGuid": "com.plexapp.agents.imdb://tt11280740"}, "severance"),
])
def test_what_the_payload_itself_says_may_be_enough(world, title, metadata, name):
    log = world.send(scrobble(title, **metadata))
    assert (log.action_taken, log.tvshow) == ("marked_watched", world.shows[name])
    assert PlexConflict.objects.count() == 0


@pytest.mark.parametrize(("title", "metadata"), [
    ("Severance", {}), ("Severance", {"year": 2022}), ("Severance (2021)", {}),
    ("Severance (2022)", {"grandparentSlug": "severance-2020"}), ("The Office (US)", {}),
    ("Severance", {"guid": "com.plexapp.agents.thetvdb://990102/1/1"}),
])
def test_what_is_not_sure_is_asked(world, title, metadata):
    assert world.send(scrobble(title, **metadata)).action_taken == "conflict_created"
    assert Watch.objects.count() == 0


def test_the_shows_ids_in_place_of_the_episodes_are_not_believed(world):
    """Tautulli's templates: Guid[] holds the show's ids, which are a stranger's episodes here."""
    world.shows["office_us"].episodes.filter(season_number=1, episode_number=1).update(tvdb_id=990102, tmdb_id=990202)
    trap = [{"id": "tvdb://990102"}, {"id": "tmdb://990202"}]
    event = scrobble("Night Carriers", guid="com.plexapp.agents.thetvdb://990102/1/1", grandparentGuid=None, Guid=trap)
    assert world.send(event).action_taken == "conflict_created"
    event = scrobble("Day Carriers", 1, 1, show_id="s2", Guid=trap)
    assert world.send(event).action_taken == "conflict_created"
    assert Watch.objects.count() == 0


@pytest.mark.parametrize(("array", "kept"), [
    (["tvdb://990102", "tmdb://990202"], (None, None)), (["tvdb://5001", "tmdb://990202"], (990202, 5001)),
])
def test_an_array_of_ids_that_holds_the_shows_own_is_not_the_episodes(array, kept):
    guid = "com.plexapp.agents.thetvdb://990102/1/1"
    event = parse_event(scrobble(guid=guid, grandparentGuid=None, Guid=[{"id": text} for text in array]))
    ids = identification.described_episode(event).ids
    assert (ids.tmdb, ids.tvdb) == kept


def test_the_episodes_tmdb_id_is_not_taken_for_a_shows(world):
    """It happened to a peer: the number of an episode is a stranger's show."""
    event = scrobble("Night Carriers", Guid=[{"id": f"tmdb://{world.shows['severance'].tmdb_id}"}])
    assert world.send(event).action_taken == "conflict_created"
    assert PlexConflict.objects.get().potential_matches == []


def test_a_question_is_of_one_of_three_kinds():
    def of(*scores):
        return kind_of([Candidate(TVShow(), score, "title_year") for score in scores])

    assert (of(), of(0.85), of(0.85, 0.4), of(0.95, 0.95)) == (
        "no_match", "ambiguous", "multiple_matches", "multiple_matches",
    )


@pytest.mark.parametrize(("title", "kind"), [
    ("Night Carriers", "no_match"), ("Severance", "ambiguous"), ("iCarly", "multiple_matches"),
])
def test_the_kind_of_a_question_says_how_many_fit(world, title, kind):
    world.send(scrobble(title))
    assert PlexConflict.objects.get().conflict_type == kind


def test_a_show_without_a_title_is_asked_about_by_its_guid(world):
    world.send(scrobble("x", grandparentTitle=None))
    assert PlexConflict.objects.get().plex_title == "plex://show/s1"


def test_more_evidence_in_a_later_event_settles_the_question(world):
    world.send(scrobble("iCarly", 1, 2))
    log = world.send(titled(scrobble("iCarly", 1, 1, originallyAvailableAt="2021-06-17"), "iStart Over"))
    assert log.action_taken == "marked_watched"
    assert PlexConflict.objects.get().resolution_action == "auto_resolved"
    world.work()
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}


def test_a_show_that_was_added_by_sql_is_a_candidate_at_once(world):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tvshows (title, show_start_date) VALUES ('Night Carriers', '2019-01-01')")
    world.send(scrobble("Night Carriers"))
    assert PlexConflict.objects.get().potential_matches[0]["year"] == 2019


def test_a_namesake_is_listed_beside_the_show(world):
    show("Severance", tmdb_id=1)
    world.send(scrobble("Severance"))
    assert len(PlexConflict.objects.get().potential_matches) == 2

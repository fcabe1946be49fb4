"""Mappings and conflicts by the API: what a person decides."""

import pytest

from plex_integration.models import PlexConflict, PlexShowMapping
from tests.stages import stage
from tests.tvshows import fake_tmdb
from tests.world import SERVER, scrobble
from tvshows.models import TVShow

TVDB_73244 = "com.plexapp.agents.thetvdb://73244"


@stage
def office(world):
    """The Office of 2005, mapped by its id, with two episodes marked."""
    for season, number in ((1, 1), (2, 20)):
        world.send(scrobble("The Office", season, number, show_id="of", grandparentGuid=TVDB_73244))
    return PlexShowMapping.objects.get()


@stage
def asked(world):
    """iCarly, which waits for a decision."""
    world.send(scrobble("iCarly", show_id="ic"))
    return PlexConflict.objects.get()


def titles(page):
    return [row["plexTitle"] for row in page["mappings"]]


def test_mappings_are_filtered(owner, office, asked):
    assert titles(owner.get("mappings")) == ["The Office", "iCarly"]
    assert titles(owner.get("mappings", unmapped="true")) == ["iCarly"]
    assert titles(owner.get("mappings", conflicts="true")) == ["iCarly"]
    assert titles(owner.get("mappings", unmapped="false", conflicts="0")) == ["The Office", "iCarly"]
    PlexConflict.objects.update(resolved=True, resolution_action="ignored")
    assert titles(owner.get("mappings", conflicts="true")) == []
    assert titles(owner.get("mappings", unmapped="true")) == ["iCarly"]


def test_a_mapping_without_a_key_of_its_own_shares_no_conflict_with_others_like_it(owner, world):
    PlexShowMapping.objects.create(plex_title="By SQL", plex_guid="plex://show/sql")
    PlexConflict.objects.create(plex_title="Another by SQL", conflict_type="no_match")
    assert titles(owner.get("mappings", conflicts="true")) == []


def test_a_list_comes_in_parts(owner, world):
    PlexShowMapping.objects.bulk_create(
        PlexShowMapping(plex_title=f"Show {n}", plex_show_key=f"g:{n}", plex_guid=f"plex://show/{n}") for n in range(5)
    )
    page = owner.get("mappings", limit=2, offset=2)
    assert (titles(page), page["total"], page["limit"], page["offset"]) == (["Show 2", "Show 3"], 5, 2, 2)
    assert titles(owner.get("mappings", offset=99)) == []


def test_confirming_another_show_moves_what_was_marked(owner, office, world):
    answer = owner.post(f"mappings/{office.pk}/confirm", {"tvshowId": world.shows["office_uk"].pk})
    assert (answer["moved"], answer["stayed"], answer["processed"]) == (1, ["S02E20"], 0)
    assert answer["mapping"]["manuallyConfirmed"] is True
    assert world.watched() == {"The Office (2001) S01E01", "The Office (2005) S02E20"}


def test_confirming_what_waits_settles_the_question(owner, asked, world):
    row = PlexShowMapping.objects.get()
    answer = owner.post(f"mappings/{row.pk}/confirm", {"tvshowId": world.shows["icarly2021"].pk})
    assert (answer["processed"], answer["mapping"]["tvshowId"]) == (1, world.shows["icarly2021"].pk)
    asked.refresh_from_db()
    assert (asked.resolution_action, asked.resolved_by) == ("user_selected", world.owner)


def test_switching_marking_off_and_on(owner, office, world):
    assert owner.delete(f"mappings/{office.pk}")["mapping"]["syncEnabled"] is False
    third = scrobble("The Office", 1, 3, show_id="of", grandparentGuid=TVDB_73244)
    assert world.send(third).action_taken == "sync_disabled"
    assert owner.patch(f"mappings/{office.pk}", {"syncEnabled": True})["mapping"]["syncEnabled"] is True
    assert len(world.watched()) == 2


def test_a_show_that_waits_and_is_switched_off_is_ignored(owner, asked):
    owner.delete(f"mappings/{PlexShowMapping.objects.get().pk}")
    assert owner.get("conflicts")["total"] == 0


def test_ignoring_is_remembered(owner, asked, world):
    answer = owner.post(f"conflicts/{asked.pk}/resolve", {"action": "ignore"})
    assert (answer["resolutionAction"], answer["tvshowId"], answer["processed"]) == ("ignored", None, 1)
    assert world.send(scrobble("iCarly", 1, 2, show_id="ic")).status == "ignored"


def test_a_question_that_is_settled_is_not_answered_again(owner, asked, world):
    owner.post(f"conflicts/{asked.pk}/resolve", {"action": "ignore"})
    body = {"action": "select", "tvshowId": world.shows["icarly2021"].pk}
    answer = owner.post(f"conflicts/{asked.pk}/resolve", body, 400)
    assert answer["error"] == "This was settled already: ignored."
    assert world.watched() == set()


SENSELESS = [
    ({}, "action: This field is required."),
    ({"action": "guess"}, 'action: "guess" is not a valid choice.'),
    ({"action": "select"}, "tvshowId: The action select needs it."),
    ({"action": "create_new"}, "createNew: The action create_new needs it."),
    ({"action": "create_new", "createNew": {}}, "createNew.tmdbId: This field is required."),
    ({"action": "create_new", "createNew": {"tmdb": 1}}, "createNew.tmdb: There is no such key. Known are: tmdbId."),
    ({"action": "create_new", "createNew": {"tmdbId": 2**31}}, "createNew.tmdbId: Ensure this value is less than"),
    ({"action": "select", "tvshowId": 999_999}, "That show is not here any more. Choose another one."),
    ({"action": "select", "tvshowId": "x"}, "tvshowId: A valid integer is required."),
]


def test_an_answer_that_makes_no_sense_is_refused_in_words(owner, asked):
    for body, words in SENSELESS:
        assert owner.post(f"conflicts/{asked.pk}/resolve", body, 400)["error"].startswith(words)
    asked.refresh_from_db()
    assert not asked.resolved


def test_a_show_that_is_not_here_cannot_be_confirmed(owner, office):
    answer = owner.post(f"mappings/{office.pk}/confirm", {"tvshowId": 999_999}, 400)
    assert answer["error"] == "That show is not here any more. Choose another one."


def test_what_is_not_there_is_not_found(owner):
    for method, path, body in (
        ("POST", "mappings/1/confirm", {"tvshowId": 1}), ("PATCH", "mappings/1", {"syncEnabled": True}),
        ("DELETE", f"mappings/{10**30}", None), ("POST", f"conflicts/{2**63}/resolve", {"action": "ignore"}),
    ):
        assert owner(method, path, body, 404)["message"] == "Not Found"


def test_a_show_of_tmdb_that_is_here_already_is_taken(owner, asked, world):
    body = {"action": "create_new", "createNew": {"tmdbId": world.shows["icarly2021"].tmdb_id}}
    answer = owner.post(f"conflicts/{asked.pk}/resolve", body)
    assert answer["tvshowId"] == world.shows["icarly2021"].pk
    assert world.watched() == {"iCarly (2021) S01E01"}


def test_without_a_tmdb_key_no_show_is_made_of_a_number(owner, asked, settings):
    settings.TMDB_API_KEY = ""
    before = TVShow.objects.count()
    body = {"action": "create_new", "createNew": {"tmdbId": 1234567}}
    assert "TMDB" in owner.post(f"conflicts/{asked.pk}/resolve", body, 400)["error"]
    assert TVShow.objects.count() == before


BY_SQL = [
    [], {}, "text", [1], [[]], [{}], [{"tvshow_id": "1"}], [{"tvshow_id": 1, "title": [], "match_score": "high", "reasons": 5}],
    [{"tvshow_id": 2, "tmdb_id": {}, "year": "2021", "reasons": [None, {"sign": 1, "text": None}]}],
]


def test_candidates_that_were_written_by_sql_are_no_server_error(owner, world):
    for number, stored in enumerate(BY_SQL):
        PlexConflict.objects.create(
            plex_title="By hand", conflict_type="no_match", plex_show_key=f"g:{number}", plex_server_uuid=SERVER,
            potential_matches=stored,
        )
    assert len(owner.get("conflicts")["conflicts"]) == len(BY_SQL)


BLUEY = {
    "id": 82728, "name": "Bluey", "first_air_date": "2018-10-01", "number_of_seasons": 1,
    "season/1": {"episodes": [{"id": 5, "episode_number": 1, "season_number": 1, "name": "The Magic Xylophone"}]},
}


@pytest.fixture
def tmdb(settings, monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)
    with fake_tmdb.running(shows={82728: BLUEY}) as server:
        settings.TMDB_API_URL, settings.TMDB_API_KEY = server.url, fake_tmdb.KEY
        yield server


def make_bluey(owner, world, expected=200):
    world.send(scrobble("Bluey", show_id="bl"))
    body = {"action": "create_new", "createNew": {"tmdbId": 82728}}
    return owner.post(f"conflicts/{PlexConflict.objects.latest('pk').pk}/resolve", body, expected)


def test_a_new_show_is_made_of_what_tmdb_has_of_it(owner, world, settings, tmdb):
    answer = make_bluey(owner, world)
    made = TVShow.objects.get(tmdb_id=82728)
    assert (answer["resolutionAction"], answer["tvshowId"], answer["processed"]) == ("user_created_new", made.pk, 1)
    assert made.episodes.get().title == "The Magic Xylophone"
    assert world.watched() == {"Bluey (2018) S01E01"}


@pytest.mark.parametrize(("behave", "expected"), [
    ({"fault": fake_tmdb.status(500)}, 503), ({"fault": fake_tmdb.status(401)}, 502), ({"shows": {}}, 400),
])
def test_a_tmdb_that_is_away_refuses_or_does_not_know_it_is_told(owner, world, tmdb, behave, expected):
    for name, value in behave.items():
        setattr(tmdb, name, value)
    assert "canary" not in make_bluey(owner, world, expected)["error"]
    assert ("Retry-After" in owner.answer.headers) == (expected == 503)
    assert owner.get("conflicts")["total"] == 1

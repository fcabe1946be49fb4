"""The client of TMDB against a small TMDB over real HTTP."""

import logging
import traceback
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.tvshows import fake_tmdb as fake
from tests.world import NOON
from tvshows import catalogue, outbound, services, tmdb
from tvshows.described import Ids, NewEpisode
from tvshows.exceptions import OverBudget, ServiceDown, ServiceError, ServiceRefused
from tvshows.models import CachedAnswer, RequestSlot

SHOW = {
    "id": 95396, "name": "Severance", "original_name": "Severance", "first_air_date": "2022-02-17", "status": "Returning Series",
    "overview": "Work and life are kept apart.", "poster_path": "/sev.jpg", "networks": [{"name": "Apple TV"}, {"name": "Other"}],
    "number_of_seasons": 2, "seasons": [{"season_number": 0}, {"season_number": 1}, {"season_number": 2}],
    "external_ids": {"tvdb_id": 371980, "imdb_id": "tt11280740"},
    "alternative_titles": {"results": [{"iso_3166_1": "FR", "title": "Dissociation"}, {"title": "Severance"}, {"title": ""}]},
    "season/0": {"episodes": [{"id": 9, "episode_number": 1, "season_number": 0, "name": "A special", "air_date": None, "runtime": None}]},
    "season/1": {"episodes": [
        {"id": 11, "episode_number": 1, "season_number": 1, "name": "Good News About Hell", "air_date": "2022-02-17", "runtime": 57},
        {"id": 12, "episode_number": 2, "season_number": 1, "name": "Half Loop", "air_date": "2022-02-18", "runtime": 53},
    ]},
    "season/2": {"episodes": [{"id": 21, "episode_number": 1, "season_number": 2, "name": "Hello, Ms. Cobel", "air_date": "2025-01-16", "runtime": 0}]},
}
FOUND = {
    "movie_results": [{"id": 1}], "person_results": [], "tv_season_results": [{"id": 3, "show_id": 3}],
    "tv_results": [{"id": 95396, "name": "Severance"}],
    "tv_episode_results": [{"id": 12, "show_id": 777, "season_number": 1, "episode_number": 2}],
}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(outbound, "sleep", lambda _seconds: None)


@pytest.fixture
def server(settings):
    with fake.running() as started:
        settings.TMDB_API_URL, settings.TMDB_API_KEY = started.url, fake.KEY
        started.shows[95396] = SHOW
        started.answers["/find/371980"] = started.answers["/find/tt11280740"] = FOUND
        yield started


@pytest.fixture
def client(server, db) -> tmdb.TMDB:
    return replace(tmdb.client(), clock=lambda: NOON)


def later(client, **time) -> tmdb.TMDB:
    return replace(client, clock=lambda: NOON + timedelta(**time))


def test_without_a_key_there_is_no_client(settings):
    settings.TMDB_API_KEY = ""
    assert tmdb.client() is None


def test_a_whole_show_comes_with_one_request(client, server):
    show = client.show(95396)
    assert (show.title, show.original_title, show.first_aired) == ("Severance", "Severance", date(2022, 2, 17))
    assert (show.tmdb_id, show.tvdb_id, show.imdb_id) == (95396, 371980, "tt11280740")
    assert (show.network, show.airing, show.poster) == ("Apple TV", "returning", "/sev.jpg")
    assert show.overview == "Work and life are kept apart."
    assert show.other_titles == ("Dissociation",)
    assert show.episodes == (
        NewEpisode(0, 1, "A special", None, None, Ids(tmdb=9)),
        NewEpisode(1, 1, "Good News About Hell", date(2022, 2, 17), 57, Ids(tmdb=11)),
        NewEpisode(1, 2, "Half Loop", date(2022, 2, 18), 53, Ids(tmdb=12)),
        NewEpisode(2, 1, "Hello, Ms. Cobel", date(2025, 1, 16), None, Ids(tmdb=21)),
    )
    assert len(server.asked) == 1


def test_what_comes_can_be_added_to_the_catalogue(client):
    show = catalogue.add_show(client.show(95396), now=NOON)
    assert show.episodes.count() == 4


def test_seasons_that_the_first_request_did_not_name_are_asked_for_twenty_at_once(client, server):
    numbers = [*range(41), 2020, 2021]
    server.shows[5] = {
        "name": "Long", "seasons": [{"season_number": number} for number in numbers],
        **{f"season/{number}": {"episodes": [{"id": number + 1, "episode_number": 1}]} for number in numbers},
    }
    assert [episode.season for episode in client.show(5).episodes] == numbers
    assert len(server.asked) == 3
    assert max(len(asked.query["append_to_response"].split(",")) for asked in server.asked) == 20


def test_a_show_without_a_list_of_seasons_has_as_many_as_it_counts(client, server):
    server.shows[5] = {"name": "Counted", "number_of_seasons": 19, "season/19": {"episodes": [{"episode_number": 3}]}}
    assert [(episode.season, episode.number) for episode in client.show(5).episodes] == [(19, 3)]


def test_a_show_that_is_too_large_at_once_comes_in_parts(client, server, monkeypatch):
    seasons = {f"season/{number}": {"episodes": [{"episode_number": 1, "overview": "x" * 3000}]} for number in range(1, 18)}
    server.shows[5] = {"name": "Soap", "seasons": [{"season_number": number} for number in range(1, 18)], **seasons}
    monkeypatch.setattr(outbound, "MOST_BYTES", 20_000)
    show = client.show(5)
    assert show.title == "Soap"
    assert [episode.season for episode in show.episodes] == list(range(1, 18))
    assert len(server.asked) < 12


def test_a_show_that_tmdb_does_not_know_is_none(client):
    assert client.show(404) is None
    assert client.titles(404) == ()


@pytest.mark.parametrize(("status", "airing"), [
    ("Ended", "ended"), ("Canceled", "canceled"), ("Cancelled", "canceled"), ("In Production", "planned"), ("Planned", "planned"),
    ("Pilot", "planned"), ("Something New", ""), (None, ""), (7, ""),
])
def test_whether_a_show_airs_is_told_in_our_words(status, airing, client, server):
    server.shows[5] = {"name": "One", "status": status}
    assert client.show(5).airing == airing


def test_an_id_of_a_show_is_looked_up_among_shows_and_one_of_an_episode_among_episodes(client, server):
    assert client.find("tvdb", 371980, kind="show") == (tmdb.FoundShow(95396),)
    assert client.find("tvdb", "371980", kind="episode") == (tmdb.FoundShow(777, season=1, number=2, episode_id=12),)
    assert client.find("imdb", "tt11280740", kind="show") == (tmdb.FoundShow(95396),)
    assert [asked.query["external_source"] for asked in server.asked] == ["tvdb_id", "tvdb_id", "imdb_id"]


def test_a_conversion_is_remembered_for_a_day_and_an_empty_one_for_an_hour(client, server):
    server.answers["/find/5"] = {}
    for _ in range(2):
        assert client.find("tvdb", 371980, kind="episode")[0].episode_id == 12
        assert client.find("tvdb", 5, kind="show") == ()
    assert len(server.asked) == 2
    assert later(client, minutes=61).find("tvdb", 5, kind="show") == ()
    assert later(client, hours=23).find("tvdb", 371980, kind="episode")[0].tmdb_id == 777
    assert len(server.asked) == 3


@pytest.mark.parametrize(("source", "value"), [
    ("tvdb", "371980/../../account"), ("tvdb", "x"), ("tvdb", ""), ("tvdb", "-1"), ("tvdb", "٣"), ("imdb", "371980"),
    ("imdb", "tt1?api_key=x"), ("imdb", ""),
])
def test_what_is_no_id_is_not_asked_for(source, value, client, server):
    assert client.find(source, value, kind="show") == ()
    assert server.asked == []


def test_titles_come_once_each_and_are_remembered(client, server):
    assert [client.titles(95396) for _ in range(2)] == [("Severance", "Dissociation")] * 2
    assert len(server.asked) == 1


def test_a_search_has_at_most_twenty_hits_and_leaves_out_what_has_no_title(client, server):
    server.answers["/search/tv"] = {"results": [
        {"id": 95396, "name": "Severance", "original_name": "Sev", "first_air_date": "2022-02-17", "overview": "o", "poster_path": "/p.jpg"},
        {"id": 6, "original_name": "Only this"}, {"id": 7}, {"name": "no id"}, *({"id": 100 + n, "name": "n"} for n in range(30)),
    ]}
    hits = client.search(" severance ", year=2022)
    assert hits[0] == tmdb.SearchHit(95396, "Severance", "Sev", date(2022, 2, 17), "o", "/p.jpg")
    assert hits[1].title == "Only this"
    assert len(hits) == 18
    assert server.asked[0].query == {"query": "severance", "first_air_date_year": "2022", "api_key": fake.KEY}
    assert client.search("  ") == ()
    assert len(server.asked) == 1


WRONG = [None, True, -1, 0, 1.5, "", "text", "\0", "\ud800", 2**70, [], [[]], [None, 7, "x"], {}, {"results": 7}, {"episodes": {"id": 1}}, [{}]]
FIELDS = {
    "/tv": [*SHOW, "nonsense"], "/find": ["tv_results", "tv_episode_results"], "/search": ["results"],
    "episode": ["id", "episode_number", "name", "air_date", "runtime"], "found": ["id", "show_id", "season_number", "episode_number"],
    "hit": ["id", "name", "original_name", "first_air_date", "overview", "poster_path"],
}


@pytest.mark.parametrize("wrong", WRONG, ids=ascii)
def test_whatever_stands_in_a_field_nothing_breaks_and_the_rest_is_read(wrong, client, server, monkeypatch):
    """Straight through the reader; over HTTP the next test."""
    read = {}
    monkeypatch.setattr(tmdb.TMDB, "_get", lambda *_args: read["data"])
    for field in FIELDS["/tv"]:
        read["data"] = SHOW | {field: wrong}
        show = client.show(95396)
        assert show is None or (show.title and len(show.episodes) >= 2)
    odd, whole = SHOW["season/1"]["episodes"]
    odd_ones = [odd | {"id": at, "episode_number": at} | {field: wrong} for at, field in enumerate(FIELDS["episode"], 31)]
    read["data"] = SHOW | {"season/1": {"episodes": [*odd_ones, whole]}}
    show = client.show(95396)
    assert NewEpisode(1, 2, "Half Loop", date(2022, 2, 18), 53, Ids(tmdb=12)) in show.episodes
    catalogue.add_show(show, now=NOON).delete()  # whatever is in it, both databases take it
    for field in FIELDS["found"]:
        read["data"] = {"tv_episode_results": [FOUND["tv_episode_results"][0] | {field: wrong}], "tv_results": [{field: wrong}]}
        for kind in ("show", "episode"):
            CachedAnswer.objects.all().delete()
            client.find("tvdb", 1, kind=kind)
    for field in FIELDS["hit"]:
        read["data"] = {"results": [{"id": 1, "name": "One", field: wrong}]}
        client.search("one")
    for data in (wrong, {"results": wrong}, {"tv_results": wrong, "tv_episode_results": wrong}):
        read["data"] = data
        CachedAnswer.objects.all().delete()
        assert not client.search("one") or data == {"results": [{}]}
        assert not client.find("tvdb", 1, kind="show")
        assert not client.titles(1)
        assert client.show(1) is None


def test_text_is_cut_to_its_column_and_made_fit_for_both_databases(client, server):
    server.shows[5] = {"name": "x\0\ud800" + "y" * 400, "overview": "z" * 20_000, "poster_path": "/" + "p" * 400, "networks": [{"name": "n" * 200}]}
    show = client.show(5)
    assert show.title.startswith("x\u2400\ufffdy")
    assert (len(show.title), len(show.overview), show.poster, len(show.network)) == (255, 10_000, "", 100)
    catalogue.add_show(show, now=NOON)


def test_a_v3_key_is_a_parameter_and_a_v4_token_a_header(client, server):
    client.check_key()
    replace(client, key=fake.TOKEN).check_key()
    assert [(asked.query, asked.headers.get("authorization")) for asked in server.asked] == [
        ({"api_key": fake.KEY}, None), ({}, f"Bearer {fake.TOKEN}"),
    ]


def test_a_wrong_key_is_told_with_what_to_do(client):
    wrong = replace(client, key="canary")
    for ask in (wrong.check_key, lambda: wrong.show(95396), lambda: wrong.find("tvdb", 1, kind="show"), lambda: wrong.search("x")):
        with pytest.raises(ServiceRefused, match=r"TMDB_API_KEY.+https://www\.themoviedb\.org/settings/api") as caught:
            ask()
        assert caught.value.status == 401
        assert "canary" not in str(caught.value) + repr(wrong)


def test_at_most_forty_requests_go_out_in_ten_seconds_whatever_they_are(client, server):
    server.fault = fake.status(503)
    with pytest.raises(ServiceDown):
        client.check_key()
    server.fault = None
    for _ in range(37):
        client.check_key()
    assert len(server.asked) == 40
    with pytest.raises(OverBudget):
        client.check_key()
    assert len(server.asked) == 40
    later(client, seconds=10).check_key()
    assert RequestSlot.objects.count() == 40


def test_no_request_goes_out_before_the_time_that_tmdb_asks_for(client, server):
    server.faults = [fake.status(429, Retry_After="30")]
    with pytest.raises(ServiceDown) as caught:
        client.show(95396)
    assert caught.value.retry_after == timedelta(seconds=30)
    for second in range(0, 30, 5):
        with pytest.raises(ServiceDown):
            later(client, seconds=second).search("severance")
    assert len(server.asked) == 1
    assert later(client, seconds=32).show(95396).title == "Severance"


def test_a_dead_tmdb_is_asked_no_more_and_one_that_is_back_at_once(client, server):
    server.fault = fake.status(500)
    for number in range(8):
        with pytest.raises(ServiceDown):
            later(client, seconds=number).show(95396)
    assert len(server.asked) == services.FAILURES
    server.fault = None
    assert later(client, seconds=70).show(95396) is not None
    assert later(client, seconds=70).show(95396) is not None


@pytest.mark.parametrize("fault", [fake.page, fake.drip_body, fake.bomb(2, chunked=True), fake.body(b"[]x")])
def test_an_answer_that_cannot_be_used_is_down_and_not_remembered(fault, client, server, monkeypatch):
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(outbound, "MOST_BYTES", 100_000)
    server.fault = fault
    with pytest.raises(ServiceDown):
        client.find("tvdb", 371980, kind="show")
    server.fault = None
    assert client.find("tvdb", 371980, kind="show") == (tmdb.FoundShow(95396),)


@pytest.mark.parametrize("key", [fake.KEY, fake.TOKEN])
def test_the_key_is_in_no_log_and_no_exception(key, client, server, caplog):
    caplog.set_level(logging.DEBUG)
    said = ""
    server.faults = [fake.page, fake.break_off, fake.bad_headers, fake.status(500), fake.status(429), fake.status(404), fake.status(401)]
    for number in range(8):
        try:
            replace(client, key=key, clock=lambda number=number: NOON + timedelta(hours=number)).search("canary")
        except ServiceError as error:
            said += "".join(traceback.format_exception(error)) + repr(error)
    said += caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert server.faults == []
    assert key not in said
    assert "canary-of" not in said

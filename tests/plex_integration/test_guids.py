"""Plex GUIDs: what each agent writes, and what it does not say."""

import pytest

from plex_integration.guids import external_ids, imdb_id, parse_guid, positive, show_guid
from tvshows.described import Ids


@pytest.mark.parametrize(("text", "source", "kind", "value", "season", "episode"), [
    ("plex://show/5d9c090e705e7a001e6e94d8", "plex", "show", "5d9c090e705e7a001e6e94d8", None, None),
    ("plex://season/602e754e67f4c8002ce54b48", "plex", "season", "602e754e67f4c8002ce54b48", None, None),
    ("plex://episode/5fbdc9a1bd6a1c002deb79cc", "plex", "episode", "5fbdc9a1bd6a1c002deb79cc", None, None),
    ("plex://movie/5d776", "plex", "other", "5d776", None, None),
    ("com.plexapp.agents.thetvdb://121361?lang=en", "tvdb", "show", "121361", None, None),
    ("com.plexapp.agents.thetvdb://121361/2?lang=en", "tvdb", "season", "121361", 2, None),
    ("com.plexapp.agents.thetvdb://121361/2/3?lang=en", "tvdb", "episode", "121361", 2, 3),
    ("com.plexapp.agents.thetvdb://121361/0/3?lang=en", "tvdb", "episode", "121361", 0, 3),
    ("com.plexapp.agents.themoviedb://1396/1/2?lang=de", "tmdb", "episode", "1396", 1, 2),
    ("com.plexapp.agents.imdb://tt0944947/1/2?lang=en", "imdb", "episode", "tt0944947", 1, 2),
    ("hama://tvdb-81797/22/70", "tvdb", "episode", "81797", 22, 70),
    ("com.plexapp.agents.hama://tvdb4-81797/22/70?lang=en", "tvdb", "episode", "81797", 22, 70),
    ("hama://anidb-12834/1/2", "anidb", "episode", "12834", 1, 2),
    ("com.plexapp.agents.hama://tsdb-1429/1/2?lang=en", "tmdb", "episode", "1429", 1, 2),
    ("imdb://tt14765720", "imdb", "show", "tt14765720", None, None),
    ("local://239918", "local", "other", "239918", None, None),
    ("com.plexapp.agents.none://5a3f/1/2?lang=xn", "none", "other", "5a3f/1/2", None, None),
    ("com.gracenote.onconnect://show/EP990108", "com.gracenote.onconnect", "other", "show/EP990108", None, None),
])
def test_each_agents_guid_is_read_by_its_own_rule(text, source, kind, value, season, episode):
    guid = parse_guid(text)
    assert (guid.source, guid.kind, guid.value, guid.season, guid.episode) == (source, kind, value, season, episode)


@pytest.mark.parametrize("text", [
    "", " ", "5205", "plex:", "//show/1", "://x", "plex://", "plex://show", "plex://show/", "imdb://", "none://",
    "none://7",
    "com.plexapp.agents.thetvdb://?lang=en", "com.plexapp.agents.thetvdb:///", "9plex://show/1",
])
def test_a_text_that_names_nothing_is_no_guid(text):
    """Else all shows that bear it would be one show."""
    assert parse_guid(text) is None


def test_a_guid_is_known_without_its_query_its_case_of_scheme_and_its_last_slash():
    assert parse_guid("PLEX://show/5d9c/?lang=en#x").text == "plex://show/5d9c"
    assert parse_guid("LOCAL://7").text == "local://7"


@pytest.mark.parametrize(("text", "is_global"), [
    ("plex://show/5d9c", True), ("com.plexapp.agents.thetvdb://121361", True), ("hama://anidb-1", True),
    ("com.example.agent://anything", True), ("local://239918", False), ("LOCAL://239918", False),
    ("com.plexapp.agents.none://5a3f", False), ("tv.plex.agents.none://5a3f", False),
])
def test_local_and_unmatched_guids_mean_nothing_outside_their_server(text, is_global):
    assert parse_guid(text).is_global is is_global


@pytest.mark.parametrize(("text", "show"), [
    ("com.plexapp.agents.thetvdb://121361/2/3?lang=en", "com.plexapp.agents.thetvdb://121361"),
    ("com.plexapp.agents.thetvdb://121361/2?lang=en", "com.plexapp.agents.thetvdb://121361"),
    ("com.plexapp.agents.themoviedb://1396?lang=en", "com.plexapp.agents.themoviedb://1396"),
    ("hama://anidb-12834/1/2", "hama://anidb-12834"),
])
def test_a_legacy_agents_guid_of_an_episode_names_its_show(text, show):
    assert show_guid(text).text == show
    assert show_guid(text).kind == "show"


@pytest.mark.parametrize("text", [
    "tvdb://8530933", "tmdb://2499236", "imdb://tt13429908", "plex://episode/5fbd", "local://7", "x",
])
def test_an_id_of_the_guid_array_is_never_taken_for_the_shows(text):
    assert show_guid(text) is None


@pytest.mark.parametrize(("text", "ids"), [
    ("tvdb://8031280", Ids(tvdb=8031280)),
    ("tmdb://2499236", Ids(tmdb=2499236)),
    ("imdb://tt13429908", Ids(imdb="tt13429908")),
    ("hama://tvdb-81797/22/70", Ids(tvdb=81797)),
    ("hama://anidb-12834/1/2", Ids()),
    ("plex://show/123", Ids()),
    ("tvdb://0", Ids()), ("tvdb://-5", Ids()), ("tvdb://2147483648", Ids()),
    ("tvdb://99999999999999999999", Ids()), ("tvdb://1e3", Ids()), ("tvdb://١٢", Ids()),
    ("imdb://nm0000001", Ids()), ("imdb://tt1", Ids()),
])
def test_only_an_id_that_can_be_compared_and_stored_counts(text, ids):
    assert parse_guid(text).ids == ids


def test_a_guid_array_gives_the_first_id_of_each_source():
    texts = ("imdb://tt13429908", "tmdb://2499236", "tvdb://8031280", "tvdb://1", "rubbish", "")
    assert external_ids(texts) == Ids(tmdb=2499236, tvdb=8031280, imdb="tt13429908")


def test_numbers_and_imdb_ids_beyond_their_columns_are_none():
    assert positive("2147483647") == 2**31 - 1
    assert positive("2147483648") is None
    assert positive("²") is None
    assert imdb_id("tt" + "1" * 12)
    assert imdb_id("tt" + "1" * 13) == ""

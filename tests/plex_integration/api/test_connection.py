"""Connecting to Plex by the API."""

from urllib.parse import quote

import pytest

from plex_integration.config import get_token
from plex_integration.models import PlexConfig
from tests.plex_integration.api.conftest import Caller
from tests.plex_integration.fake_plex import TOKEN

NOWHERE = "http://127.0.0.1:9"  # nobody listens on discard


def config_of(world):
    return PlexConfig.objects.get(user=world.owner)


def leaks(answer):
    """Whether more than the last four characters of the token are in an answer."""
    text = answer.content.decode() + str(answer.headers)
    return any(TOKEN[start:start + 5] in text for start in range(len(TOKEN) - 4))


def test_a_token_is_enough_and_never_comes_back(owner, world, plex):
    answer = owner.post("config", {"plexToken": TOKEN})
    assert (answer["serverName"], get_token(config_of(world))) == ("Shelf", TOKEN)
    assert not leaks(owner.answer)
    config = owner.get("config")
    assert not leaks(owner.answer)
    assert [config[key] for key in ("tokenSaved", "serverName", "serverUrl", "plexUsername", "hasPlexPass")] == [
        True, "Shelf", plex.url, "robin", True,
    ]


def test_the_token_may_be_left_out_once_one_is_saved(owner, world, plex):
    owner.post("config", {"plexToken": TOKEN})
    owner.post("config", {"autoAddShows": False})
    config = config_of(world)
    assert (config.auto_add_shows, config.auto_mark_watched, get_token(config)) == (False, True, TOKEN)


def test_the_webhook_url_of_the_answer_takes_events(owner, world, plex):
    path = owner.post("config", {"plexToken": TOKEN})["webhookUrl"].removeprefix("http://testserver")
    assert world.client.post(path, {"payload": '{"event": "media.play"}'}).status_code == 200


def test_the_webhook_url_is_built_from_the_public_one_where_there_is_one(owner, settings):
    settings.PUBLIC_WEBHOOK_URL = "https://tracker.example"
    assert owner.get("config")["webhookUrl"].startswith("https://tracker.example/api/plex/webhook?secret=")


@pytest.mark.parametrize(("behave", "body", "status", "words"), [
    ({}, {}, 400, "sign in with Plex, or enter a token"),
    ({}, {"plexToken": "wrong"}, 400, "Plex does not know this token"),
    ({}, {"plexToken": TOKEN, "plexServerUrl": NOWHERE}, 400, "No Plex server answers"),
    ({}, {"plexToken": TOKEN, "plexServerUrl": "http://169.254.169.254"}, 400, ""),
    ({}, {"plexToken": TOKEN, "plexServerUrl": "ftp://a"}, 400, ""),
    ({"owned": False}, {"plexToken": TOKEN}, 400, "no server of its own"),
    ({"plex_tv_status": 500}, {"plexToken": TOKEN}, 503, "Try again"),
])
def test_what_fails_is_told_and_changes_nothing(owner, world, plex, behave, body, status, words):
    for name, value in behave.items():
        setattr(plex, name, value)
    before = PlexConfig.objects.values().get()
    answer = owner.post("config", body, status)
    assert words in answer["error"]
    assert not leaks(owner.answer)
    assert ("Retry-After" in owner.answer.headers) == (status == 503)
    assert PlexConfig.objects.values().get() == before


SENSELESS = [
    {"plexToken": ""}, {"plexToken": None}, {"plexToken": ["a"]}, {"plexToken": "a b"},
    {"plexToken": "a\r\nHost: b"}, {"plexToken": "ü"}, {"plexToken": "x" * 201}, {"plexToken": "\0"}, {"plexServerUrl": {}},
    {"enabled": "perhaps"}, {"enabled": None}, {"enabled": 1}, {"enabled": "true"}, {"plexTokn": TOKEN}, {"plex_token": TOKEN},
]


def test_a_body_that_makes_no_sense_asks_nobody(owner, plex, monkeypatch):
    monkeypatch.setattr("plex_integration.api.access.OutsideRequests.most", 0)
    for body in SENSELESS:
        owner.post("config", body, 400)
        assert not leaks(owner.answer)
    assert plex.requests == []


def test_an_unknown_key_is_named_beside_the_known_ones(owner):
    assert owner.post("config", {"autoAddShow": False}, 400)["error"] == (
        "autoAddShow: There is no such key. Known are: plexToken, plexServerUrl, autoAddShows, autoMarkWatched, enabled."
    )


def test_an_eleventh_try_within_a_minute_is_refused_with_the_time_to_come_again(owner, clerk, plex):
    for _ in range(10):
        owner.post("config", {"plexToken": "wrong"}, 400)
    asked = len(plex.requests)
    owner.post("config", {"plexToken": TOKEN}, 429)
    assert 1 <= int(owner.answer["Retry-After"]) <= 60
    owner.post("libraries/refresh", None, 429)
    assert len(plex.requests) == asked
    owner.get("config")
    clerk.post("config", {"plexToken": TOKEN})


def test_a_cache_that_is_away_keeps_nobody_from_connecting(owner, plex, settings):
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": redis, "queue": settings.CACHES["queue"]}
    owner.post("config", {"plexToken": TOKEN})


def sign_in(caller):
    return caller.post("config/sign-in", expected=201)


def test_signing_in_connects_once_the_person_has_agreed(owner, world, plex):
    started = sign_in(owner)
    assert (started["code"], started["url"].startswith("https://app.plex.tv/auth")) == ("c0de", True)
    path = f"config/sign-in/{quote(started['id'], safe='')}"
    assert owner.get(path) == {"status": "waiting", "webhookUrl": None, "serverName": None}
    assert not config_of(world).plex_token
    plex.granted.add(7001)
    answer = owner.get(path)
    assert (answer["status"], answer["serverName"]) == ("done", "Shelf")
    assert answer["webhookUrl"] == owner.get("config")["webhookUrl"]
    assert not leaks(owner.answer)
    assert get_token(config_of(world)) == TOKEN


def test_who_signs_in_may_say_with_which_server(owner, plex):
    plex.connections = []
    plex.granted.add(7001)
    path = f"config/sign-in/{sign_in(owner)['id']}"
    assert "does not answer" in owner.get(path, 400)["error"]
    assert owner.get(path, plexServerUrl=plex.url)["status"] == "done"


def test_a_sign_in_is_only_for_whoever_began_it_and_ends_after_half_an_hour(owner, clerk, plex, monkeypatch):
    plex.granted.add(7001)
    path = f"config/sign-in/{sign_in(owner)['id']}"
    asked = len(plex.requests)
    clerk.get(path, 404)
    owner.get("config/sign-in/7001", 404)
    owner.get(f"{path}x", 404)
    monkeypatch.setattr("plex_integration.api.connection.SIGN_IN_SECONDS", -1)
    owner.get(path, 404)
    assert len(plex.requests) == asked


def test_registering_the_webhook_keeps_the_accounts_others(owner, world, plex):
    plex.webhooks = ["https://elsewhere.example/hook"]
    owner.post("config", {"plexToken": TOKEN})
    answer = owner.post("config/webhook")
    assert plex.webhooks == ["https://elsewhere.example/hook", answer["webhookUrl"]]


def test_without_a_plex_pass_registering_says_so(owner, plex):
    plex.has_pass = False
    owner.post("config", {"plexToken": TOKEN})
    assert "no Plex Pass" in owner.post("config/webhook", None, 400)["error"]


def test_a_saved_token_that_no_key_opens_is_told(owner, world, plex, settings):
    owner.post("config", {"plexToken": TOKEN})
    settings.ENCRYPTION_KEYS = [bytes(32)[:-1] + b"x"]
    owner.post("config", {}, 400)
    owner.post("config/webhook", None, 400)
    assert owner.get("config")["tokenSaved"] is True
    owner.post("config", {"plexToken": TOKEN})


def test_each_of_the_staff_has_a_connection_of_their_own(owner, clerk, world, plex):
    clerk.post("config", {"plexToken": TOKEN})
    assert not config_of(world).plex_token
    assert owner.get("config")["webhookUrl"] != clerk.get("config")["webhookUrl"]


def test_the_library_sections_are_read_listed_and_chosen(owner, clerk, plex):
    plex.libraries = [{"key": "2", "title": "TV", "type": "show"}, {"key": "1", "title": "Films", "type": "movie"}]
    owner.post("config", {"plexToken": TOKEN})
    assert [one["title"] for one in owner.get("libraries")["libraries"]] == ["Films", "TV"]
    films, shows = owner.post("libraries/refresh")["libraries"]
    assert films == {"id": films["id"], "sectionKey": "1", "title": "Films", "kind": "movie", "enabled": True}
    changed = owner.patch(f"libraries/{shows['id']}", {"enabled": False})
    assert changed == {"success": True, "library": {**shows, "enabled": False}}
    assert [row["enabled"] for row in owner.get("libraries")["libraries"]] == [True, False]
    assert clerk.get("libraries")["total"] == 0
    clerk.patch(f"libraries/{shows['id']}", {"enabled": True}, 404)


@pytest.mark.parametrize(("status", "expected"), [(500, 503), (403, 502)])
def test_a_server_that_does_not_answer_or_refuses_is_told(owner, plex, status, expected):
    owner.post("config", {"plexToken": TOKEN})
    plex.status = status
    owner.post("libraries/refresh", None, expected)
    assert not leaks(owner.answer)


def test_a_stranger_is_not_counted(world, plex):
    for _ in range(12):
        Caller().post("config", {"plexToken": TOKEN}, 401)

"""Who is counted, who is limited, and that a limit never costs an event with a valid secret."""

import ast
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import caches

import plex_integration
from plex_integration import config as plex_config
from plex_integration.api import limits
from plex_integration.models import PlexWebhookLog
from tests.world import OWNER, scrobble
from tracker import environment

PATH = "/api/plex/webhook"
PLAY = {"event": "media.play", "Account": OWNER}
NO_CACHE = {
    "Redis away": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"},
    "nothing kept": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    "no such backend": {"BACKEND": "tests.no.such.Cache"},
}


def statuses(world, count: int, *, secret=None, payload=PLAY, **extra) -> list[int]:
    return [world.post(payload, secret=secret, **extra).status_code for _ in range(count)]


def test_wrong_secrets_over_the_limit_are_answered_429_with_the_time_to_come_again(world, settings):
    settings.PLEX_RATE_LIMIT = 3
    assert statuses(world, 5, secret="wrong") == [401, 401, 401, 429, 429]
    response = world.post(PLAY, secret="wrong")
    assert response.json()["status"] == "error"
    assert 1 <= int(response["Retry-After"]) <= 60
    assert not PlexWebhookLog.objects.exists()


def test_a_flood_of_wrong_secrets_from_one_address_refuses_no_valid_one(world, settings):
    settings.PLEX_RATE_LIMIT = 5
    assert 429 in statuses(world, 50, secret="wrong")
    assert statuses(world, 5) == [200] * 5


def test_valid_events_over_the_limit_still_let_wrong_secrets_be_told(world, settings):
    settings.PLEX_RATE_LIMIT = 2
    assert statuses(world, 3) == [200, 200, 429]
    assert statuses(world, 1, secret="wrong") == [401]


def test_addresses_are_counted_apart(world, settings):
    settings.PLEX_RATE_LIMIT = 2
    assert statuses(world, 3, secret="wrong", REMOTE_ADDR="192.0.2.1") == [401, 401, 429]
    assert statuses(world, 3, secret="wrong", REMOTE_ADDR="2001:db8::1") == [401, 401, 429]


def test_an_address_that_the_sender_claims_does_not_count(world, settings):
    settings.PLEX_RATE_LIMIT = 2
    claimed = [world.post(PLAY, secret="wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code for n in range(4)]
    assert claimed == [401, 401, 429, 429]


@pytest.mark.parametrize("forwarded", [
    "192.0.2.1, 10.0.0.9", "rubbish", "", ",", "\xff", "192.0.2.1:99, [2001:db8::1]:5",
])
def test_a_list_of_proxies_is_no_server_error(world, settings, forwarded):
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("127.0.0.0/8"),)
    assert world.post(PLAY, HTTP_X_FORWARDED_FOR=forwarded).status_code == 200


def test_a_valid_event_over_the_limit_is_stored_answered_429_and_worked_on_later(world, settings):
    world.send(scrobble("Severance (2022)", number=9))
    settings.PLEX_RATE_LIMIT = 2
    for number in (1, 2, 3):
        response = world.post(scrobble("Severance (2022)", number=number))
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    row = world.last()
    assert (row.status, row.done_at, row.plex_episode) == ("received", None, 3)
    received_at = row.created_at
    world.work()
    row.refresh_from_db()
    assert (row.status, row.action_taken) == ("success", "marked_watched")
    assert "Severance (2022) S01E03" in world.watched()
    assert world.owner.watches.get(episode__episode_number=3).watched_at == received_at


def test_a_bad_payload_over_the_limit_is_still_told_what_is_wrong(world, settings):
    settings.PLEX_RATE_LIMIT = 1
    assert statuses(world, 3, payload="no JSON") == [400] * 3


def test_a_copy_over_the_limit_is_a_copy_all_the_same(world, settings):
    settings.PLEX_RATE_LIMIT = 1
    assert statuses(world, 2, payload=scrobble()) == [202, 429]
    assert world.last().status == "duplicate"


def test_the_limit_can_be_switched_off_and_wrong_secrets_are_counted_even_then(world, settings, monkeypatch):
    assert limits.WRONG_SECRETS == 100
    monkeypatch.setattr(limits, "WRONG_SECRETS", 10)
    settings.PLEX_RATE_LIMIT = 0
    assert set(statuses(world, 15)) == {200}
    assert statuses(world, 11, secret="wrong")[-2:] == [401, 429]


@pytest.mark.parametrize("name", NO_CACHE)
def test_a_cache_that_is_away_refuses_nobody_with_a_valid_secret(world, settings, name):
    settings.CACHES = {"default": NO_CACHE[name], "queue": settings.CACHES["queue"]}
    settings.PLEX_RATE_LIMIT = 1
    assert statuses(world, 3) == [200] * 3
    assert statuses(world, 3, secret="wrong") == [401] * 3


def test_a_count_that_the_cache_lost_between_two_steps_limits_nobody(world, settings, monkeypatch):
    settings.PLEX_RATE_LIMIT = 1

    def lost(*args, **kwargs):
        raise ValueError("Key not found")

    monkeypatch.setattr(caches["default"], "add", lambda *args, **kwargs: False)
    monkeypatch.setattr(caches["default"], "incr", lost)
    assert statuses(world, 3) == [200] * 3


def test_the_time_to_come_again_is_never_nothing(rf, settings):
    for _ in range(3):
        usage = limits.count(rf.post(PATH), "group", 1)
    assert usage.exceeded
    assert usage.retry_after >= 1


ALLOWED = "192.168.1.0/24, 10.0.0.5, 2001:db8::/32"


@pytest.mark.parametrize(("address", "status"), [
    ("192.168.1.77", 200), ("10.0.0.5", 200), ("2001:db8::1", 200), ("::ffff:192.168.1.77", 200),
    ("::ffff:10.0.0.5", 200),
    ("192.168.2.1", 403), ("10.0.0.6", 403), ("2001:db9::1", 403), ("::ffff:10.0.0.6", 403), ("127.0.0.1", 403),
    ("", 403), ("unix:", 403), ("0.0.0.0", 403),
])
def test_the_allow_list_takes_addresses_and_networks_and_ipv4_in_ipv6(world, settings, monkeypatch, address, status):
    monkeypatch.setenv("PLEX_ALLOWED_IPS", ALLOWED)
    settings.PLEX_ALLOWED_IPS = environment.networks("PLEX_ALLOWED_IPS")
    assert statuses(world, 1, REMOTE_ADDR=address) == [status]
    assert PlexWebhookLog.objects.exists() is (status == 200)


def test_the_allow_list_does_not_stand_in_for_the_secret(world, settings):
    settings.PLEX_ALLOWED_IPS = (ipaddress.ip_network("127.0.0.1"),)
    assert statuses(world, 1, secret="wrong") == [401]


def test_the_allow_list_believes_a_trusted_proxy_and_nobody_else(world, settings):
    settings.PLEX_ALLOWED_IPS = (ipaddress.ip_network("192.168.1.0/24"),)
    behind = {"HTTP_X_FORWARDED_FOR": "192.168.1.7", "REMOTE_ADDR": "172.18.0.2"}
    assert statuses(world, 1, **behind) == [403]
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("172.18.0.2"),)
    assert statuses(world, 1, **behind) == [200]


def test_the_secret_before_a_rotation_works_until_its_grace_ends(world):
    before = world.config.webhook_secret
    now = datetime.now(UTC)
    world.config = plex_config.rotate_secret(world.config.pk, grace=timedelta(hours=24), now=now)
    assert statuses(world, 1) == [200]
    assert statuses(world, 1, secret=before) == [200]
    assert plex_config.match_secret(before, now + timedelta(hours=23, minutes=59)) == world.config
    assert plex_config.match_secret(before, now + timedelta(hours=24)) is None
    assert plex_config.match_secret(world.config.webhook_secret, now + timedelta(days=99)) == world.config


def test_without_a_grace_the_secret_before_ends_at_once(world):
    before = world.config.webhook_secret
    world.config = plex_config.rotate_secret(world.config.pk, grace=timedelta(0), now=datetime.now(UTC))
    assert statuses(world, 1, secret=before) == [401]


def test_a_rotation_by_sql_acts_at_once(world):
    before = world.config.webhook_secret
    type(world.config).objects.update(webhook_secret="by-sql", previous_webhook_secret="")
    assert statuses(world, 1, secret=before) == [401]
    assert statuses(world, 1, secret="by-sql") == [200]


@pytest.mark.parametrize("given", ["", "\0", "\ud800", "ü", "😀" * 1000, " ", "None"])
def test_no_text_is_too_odd_to_be_compared_and_an_empty_one_never_matches(world, given):
    assert plex_config.match_secret(given, datetime.now(UTC)) is None


def test_every_secret_is_compared_also_after_one_has_matched(world, django_user_model, monkeypatch):
    """So that the time says nothing about how many there are before the one that matched."""
    plex_config.create_config(user=django_user_model.objects.create_user("sam"))
    compared = []
    compare = plex_config.hmac.compare_digest
    monkeypatch.setattr(plex_config.hmac, "compare_digest", lambda *pair: compared.append(pair) or compare(*pair))
    assert plex_config.match_secret(world.config.webhook_secret, datetime.now(UTC)) == world.config
    assert len(compared) == 2


SOURCES = sorted(Path(plex_integration.__file__).parent.rglob("*.py"))
EARLY = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
SECRET_WORDS = ("secret", "token", "password", "signature")


def secret_comparisons(source: str) -> list[int]:
    """The lines on which something called a secret is compared by what stops at the first difference."""

    def is_secret(node: ast.AST) -> bool:
        name = getattr(node, "attr", getattr(node, "id", ""))
        return any(word in name.lower() for word in SECRET_WORDS)

    if not any(word in source.lower() for word in SECRET_WORDS):
        return []
    lines = []
    for node in ast.walk(ast.parse(source)):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare) and any(isinstance(op, EARLY) for op in node.ops):
            sides = [node.left, *node.comparators]
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"startswith", "endswith"}:
            sides = [node.func.value, *node.args]
        lines += [node.lineno for side in sides if is_secret(side)]
    return lines


def test_no_secret_is_compared_by_an_operator_that_stops_at_the_first_difference():
    found = {str(path): secret_comparisons(path.read_text()) for path in SOURCES}
    assert len(found) > 100
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize("line", [
    "a.webhook_secret == given", "given != secret", "token in known", "secret.startswith(x)",
])
def test_that_check_finds_such_a_comparison(line):
    assert secret_comparisons(line) == [1]



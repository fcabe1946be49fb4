"""Settings that every start refuses."""

import copy

import pytest

from tracker import checks, first_start


def ids(found):
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_the_settings_as_they_are_pass(settings):
    for check in (checks.check_queue, checks.check_processes, checks.check_transactions):
        assert check() == []


@pytest.mark.parametrize(("change", "expected"), [
    ({"retry": 60}, "tracker.E001"), ({"retry": 180}, "tracker.E001"), ({"timeout": None}, "tracker.E001"),
    ({"queue_limit": 50}, "tracker.E001"), ({"bulk": 10}, "tracker.E002"), ({"max_attempts": 0}, "tracker.E003"),
    ({"ack_failures": False}, "tracker.E004"), ({"catch_up": True}, "tracker.E005"),
])
def test_an_unsafe_queue_is_refused(settings, change, expected):
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, **change}
    assert ids(checks.check_queue()) == [expected]


def test_what_is_left_out_counts_as_the_library_s_unsafe_default(settings):
    named = ("timeout", "retry", "workers", "queue_limit", "bulk")
    settings.Q_CLUSTER = {name: settings.Q_CLUSTER[name] for name in named}
    assert ids(checks.check_queue()) == ["tracker.E003", "tracker.E004", "tracker.E005"]


@pytest.mark.parametrize(("processes", "redis", "sqlite", "expected"), [
    (1, "", True, []), (2, "", False, ["tracker.E006"]), (2, "redis://127.0.0.1", True, ["tracker.E006"]),
    (2, "redis://127.0.0.1", False, []),
])
def test_several_web_processes_need_redis_and_postgresql(settings, processes, redis, sqlite, expected):
    settings.WEB_PROCESSES, settings.REDIS_URL, settings.SQLITE = processes, redis, sqlite
    assert ids(checks.check_processes()) == expected


@pytest.mark.parametrize("mode", [None, "DEFERRED", "EXCLUSIVE"])
def test_sqlite_transactions_that_begin_as_readers_are_refused(settings, monkeypatch, mode):
    databases = copy.deepcopy(settings.DATABASES)
    databases["default"]["OPTIONS"] = {"transaction_mode": mode} if mode else {}
    monkeypatch.setattr(checks.settings, "SQLITE", True)
    monkeypatch.setattr(checks.settings, "DATABASES", databases)
    assert ids(checks.check_transactions()) == ["tracker.E007"]
    monkeypatch.setattr(checks.settings, "SQLITE", False)
    assert checks.check_transactions() == []


def test_keys_that_others_can_read_are_refused(tmp_path, monkeypatch):
    path = tmp_path / ".env"
    monkeypatch.setattr(first_start, "DOTENV", path)
    assert checks.check_dotenv() == []
    path.write_text("")
    path.chmod(0o644)
    assert ids(checks.check_dotenv()) == ["tracker.E008"]
    path.chmod(0o600)
    assert checks.check_dotenv() == []

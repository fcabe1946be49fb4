import hmac
import re
import time
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test import RequestFactory

from plex_integration import config, encryption
from plex_integration.exceptions import DecryptionError, EncryptionError
from plex_integration.models import PlexConfig

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 20, 52, tzinfo=UTC)
DAY = timedelta(days=1)
NEW, OLD, WRONG = (bytes([number]) * 32 for number in (1, 2, 3))


def connect(name="owner", **values) -> PlexConfig:
    made = config.create_config(user=User.objects.create(username=name))
    PlexConfig.objects.filter(pk=made.pk).update(**values)
    made.refresh_from_db()
    return made


class TestCreating:
    def test_a_new_connection_has_a_secret_of_its_own_and_the_defaults(self):
        first, second = connect("first"), connect("second")
        assert re.fullmatch(r"[0-9a-f]{64}", first.webhook_secret)
        assert first.webhook_secret != second.webhook_secret
        assert (first.enabled, first.auto_add_shows, first.auto_mark_watched) == (True, True, True)
        assert first.plex_token == ""

    def test_what_it_returns_is_complete_without_reading_it_again(self, django_assert_num_queries):
        user = User.objects.create(username="owner")
        with django_assert_num_queries(1):
            made = config.create_config(user=user)
            assert isinstance(made.created_at, datetime)
            assert made.secrets(NOW) == [made.webhook_secret]

    def test_a_person_has_one_connection(self):
        user = connect().user
        with pytest.raises(IntegrityError):
            config.create_config(user=user)


class TestMatching:
    def test_the_secret_says_whose_event_it_is_in_one_query(self, django_assert_num_queries):
        first, second = connect("first"), connect("second")
        with django_assert_num_queries(1):
            assert config.match_secret(first.webhook_secret, NOW).user_id == first.user_id
        with django_assert_num_queries(1):
            assert config.match_secret(second.webhook_secret, NOW).user_id == second.user_id

    def test_a_disabled_connection_is_found_too(self):
        off = connect(enabled=False)
        assert config.match_secret(off.webhook_secret, NOW) == off

    @pytest.mark.parametrize("given", [
        "", " ", "wrong", "\0", "pässwörd", "名", "👀", "\udc80", "a" * 100_000, "None",
    ])
    def test_a_wrong_secret_matches_nothing_and_never_raises(self, given):
        connect("first")
        connect("second", webhook_secret="")
        assert config.match_secret(given, NOW) is None

    def test_a_secret_that_differs_in_its_last_character_or_in_case_does_not_match(self):
        secret = "abcdef" * 10
        connect(webhook_secret=secret)
        assert config.match_secret(secret, NOW)
        assert config.match_secret(secret[:-1], NOW) is None
        assert config.match_secret(f"{secret[:-1]}0", NOW) is None
        assert config.match_secret(secret.upper(), NOW) is None

    def test_a_secret_written_by_sql_may_hold_any_letters(self):
        connect(webhook_secret="schlüssel 名")
        assert config.match_secret("schlüssel 名", NOW)

    def test_nothing_matches_where_no_secret_is_set(self):
        connect(webhook_secret="", previous_webhook_secret="", previous_secret_expires_at=NOW + DAY)
        assert config.match_secret("", NOW) is None

    def test_nothing_matches_where_there_is_no_connection(self):
        assert config.match_secret("anything", NOW) is None

    def test_every_secret_is_compared_in_constant_time_whichever_matches(self, monkeypatch):
        first = connect("first", previous_webhook_secret="before", previous_secret_expires_at=NOW + DAY)
        last = connect("last")
        compared = []

        def spy(one, other):
            compared.append(one)
            return compare(one, other)

        compare = hmac.compare_digest
        monkeypatch.setattr(config.hmac, "compare_digest", spy)
        everything = [first.webhook_secret.encode(), b"before", last.webhook_secret.encode()]
        for given in (first.webhook_secret, last.webhook_secret, "wrong"):
            compared.clear()
            config.match_secret(given, NOW)
            assert compared == everything

    def test_a_change_by_sql_acts_at_once(self):
        before = connect()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE plex_config SET webhook_secret = 'by hand' WHERE user_id = %s", [before.user_id])
        assert config.match_secret("by hand", NOW) == before
        assert config.match_secret(before.webhook_secret, NOW) is None


class TestRotating:
    def test_both_secrets_work_until_the_grace_ends(self):
        before = connect()
        after = config.rotate_secret(before.pk, grace=DAY, now=NOW)
        assert after.webhook_secret != before.webhook_secret
        assert after.secret_rotated_at == NOW
        assert config.match_secret(after.webhook_secret, NOW)
        assert config.match_secret(before.webhook_secret, NOW + DAY - timedelta(seconds=1))
        assert config.match_secret(before.webhook_secret, NOW + DAY) is None
        assert config.match_secret(after.webhook_secret, NOW + DAY)

    def test_without_grace_the_old_one_ends_at_once(self):
        before = connect(previous_webhook_secret="older", previous_secret_expires_at=NOW + DAY)
        after = config.rotate_secret(before.pk, grace=timedelta(0), now=NOW)
        assert after.secrets(NOW) == [after.webhook_secret]
        assert PlexConfig.objects.get().previous_webhook_secret == ""

    def test_rotating_twice_keeps_the_newest_two(self):
        first = connect().webhook_secret
        second = config.rotate_secret(PlexConfig.objects.get().pk, grace=DAY, now=NOW).webhook_secret
        third = config.rotate_secret(PlexConfig.objects.get().pk, grace=DAY, now=NOW).webhook_secret
        assert [bool(config.match_secret(each, NOW)) for each in (first, second, third)] == [False, True, True]

    def test_the_grace_can_be_ended_before_its_time(self):
        before = connect()
        after = config.rotate_secret(before.pk, grace=DAY, now=NOW)
        assert after.grace_until(NOW) == NOW + DAY
        assert after.grace_until(NOW + DAY) is None
        config.end_previous_secret(before.pk, now=NOW)
        ended = PlexConfig.objects.get()
        assert (ended.secrets(NOW), ended.grace_until(NOW)) == ([after.webhook_secret], None)

    def test_an_empty_secret_gets_no_grace(self):
        rotated = config.rotate_secret(connect(webhook_secret="").pk, grace=DAY, now=NOW)
        assert (rotated.previous_webhook_secret, rotated.previous_secret_expires_at) == ("", None)

    def test_other_columns_are_left_alone(self):
        before = connect(plex_server_name="Attic")
        stale = PlexConfig.objects.get(pk=before.pk)
        PlexConfig.objects.update(plex_server_name="Cellar", enabled=False)
        config.rotate_secret(stale.pk, grace=DAY, now=NOW)
        after = PlexConfig.objects.get()
        assert (after.plex_server_name, after.enabled) == ("Cellar", False)

    def test_a_negative_grace_and_an_unknown_connection_are_refused(self):
        made = connect()
        with pytest.raises(ValueError, match="negative"):
            config.rotate_secret(made.pk, grace=-DAY, now=NOW)
        with pytest.raises(PlexConfig.DoesNotExist):
            config.rotate_secret(made.pk + 1, grace=DAY, now=NOW)

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="it has one writer")
    @pytest.mark.django_db(transaction=True)
    def test_of_rotations_at_the_same_time_the_newest_two_work(self, monkeypatch):
        made = connect()
        barrier, secrets = Barrier(4), []
        fresh = config.new_secret

        def slow():
            time.sleep(0.05)  # seconds in which, without a lock, the others would read the same row
            return fresh()

        monkeypatch.setattr(config, "new_secret", slow)

        def rotate():
            try:
                barrier.wait(10)
                secrets.append(config.rotate_secret(made.pk, grace=DAY, now=NOW).webhook_secret)
            finally:
                connection.close()

        threads = [Thread(target=rotate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(set(secrets)) == 4
        end = PlexConfig.objects.get()
        assert {end.webhook_secret, end.previous_webhook_secret} < set(secrets)
        assert end.webhook_secret != end.previous_webhook_secret


class TestUrl:
    def test_the_public_address_comes_first(self, settings):
        made = connect(webhook_secret="s")
        request = RequestFactory().get("/", headers={"host": "192.168.1.5:8000"})
        settings.PUBLIC_WEBHOOK_URL = "https://tracker.example.com"
        assert config.webhook_url(made, request) == "https://tracker.example.com/api/plex/webhook?secret=s"
        settings.PUBLIC_WEBHOOK_URL = ""
        assert config.webhook_url(made, request) == "http://192.168.1.5:8000/api/plex/webhook?secret=s"
        assert config.webhook_url(made) == "http://localhost:8000/api/plex/webhook?secret=s"

    def test_the_scheme_is_the_requests(self, settings):
        settings.PUBLIC_WEBHOOK_URL = ""
        request = RequestFactory().get("/", secure=True, headers={"host": "tracker.lan"})
        assert config.webhook_url(connect(webhook_secret="s"), request).startswith("https://tracker.lan/api/")

    def test_a_secret_written_by_hand_is_escaped(self, settings):
        settings.PUBLIC_WEBHOOK_URL = ""
        assert config.webhook_url(connect(webhook_secret="a&b=ü")).endswith("?secret=a%26b%3D%C3%BC")

    def test_without_a_secret_there_is_no_url(self):
        assert config.webhook_url(connect(webhook_secret="")) == ""


class TestToken:
    @pytest.fixture(autouse=True)
    def _keys(self, settings):
        settings.ENCRYPTION_KEYS = (NEW, OLD)

    def test_it_is_stored_encrypted(self):
        made = connect()
        config.set_token(made, "plain-token")
        made.save()
        assert "plain-token" not in PlexConfig.objects.get().plex_token
        assert config.get_token(PlexConfig.objects.get()) == "plain-token"

    def test_none_keeps_it_and_nothing_clears_it(self):
        made = connect()
        config.set_token(made, None)
        assert made.plex_token == ""
        config.set_token(made, "token")
        value = made.plex_token
        config.set_token(made, None)
        assert made.plex_token == value
        config.set_token(made, "")
        assert (made.plex_token, config.get_token(made)) == ("", "")

    def test_one_of_an_older_key_is_encrypted_anew_when_it_is_kept(self):
        made = connect(plex_token=encryption.encrypt("token", field=encryption.PLEX_TOKEN, keys=(OLD,)))
        config.set_token(made, None)
        assert encryption.decrypt(made.plex_token, field=encryption.PLEX_TOKEN, keys=(NEW,)).text == "token"

    def test_one_that_no_key_opens_is_said_to_be_so_and_can_be_replaced(self):
        made = connect(plex_token=encryption.encrypt("token", field=encryption.PLEX_TOKEN, keys=(WRONG,)))
        with pytest.raises(DecryptionError):
            config.get_token(made)
        with pytest.raises(DecryptionError):
            config.set_token(made, None)
        config.set_token(made, "another")
        assert config.get_token(made) == "another"

    def test_one_that_is_no_text_is_refused(self):
        with pytest.raises(EncryptionError):
            config.set_token(connect(), "\udc80")

import re
import traceback
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from plex_integration import config, encryption
from plex_integration.encryption import PLEX_TOKEN, decrypt, encrypt
from plex_integration.exceptions import DecryptionError, EncryptionError
from plex_integration.models import InstallationValue, PlexConfig
from tvshows.models import TVShow

NEW, OLD, WRONG = (bytes([number]) * 32 for number in (1, 2, 3))
NOW = datetime(2026, 11, 20, 20, 52, tzinfo=UTC)
FIELD = "app.Model.field"
TOKEN = "xyzzy-Plex-Token"

# Made with Node's crypto module, as the older tracker did, and with the key below.
NODE_KEY = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
NODE_TEXT = "a Plex token, ünïcode"
NODE_OLDER = (
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0:8b50570ed13f309fa7e7e977360b5dd6:9efda784aeefd41ce6d4f6fbdda5f9bd1dedc989a90b29"
)
NODE_BOUND = "0f1e2d3c4b5a697887960001:7c2e57fc48cce3732622de42f96a319d:624d1d3692dcfde20e69b22b27a7d3caf809e7dd288c9d"


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.ENCRYPTION_KEYS = (NEW, OLD)


def save_token(name="owner", *, keys=(NEW,), token=TOKEN) -> PlexConfig:
    owned = config.create_config(user=User.objects.create(username=name))
    owned.plex_token = encrypt(token, field=PLEX_TOKEN, keys=keys)
    owned.save()
    return owned


def canary() -> str:
    return InstallationValue.objects.get(name=InstallationValue.KEY_CANARY).value


@pytest.mark.parametrize("text", ["", "a", TOKEN, "ünïcode 名探偵 👀", "nul \0 inside", "x" * 100_000])
def test_a_text_comes_back(text):
    assert decrypt(encrypt(text, field=FIELD), field=FIELD) == encryption.Decrypted(text, is_current=True)


def test_a_value_is_iv_tag_and_ciphertext_in_lower_case_hex():
    assert re.fullmatch(r"[0-9a-f]{24}:[0-9a-f]{32}:[0-9a-f]{10}", encrypt("five!", field=FIELD))


def test_the_same_text_never_encrypts_to_the_same_value():
    assert len({encrypt("x", field=FIELD) for _ in range(100)}) == 100


def test_a_value_of_the_older_format_is_read_and_asks_to_be_renewed():
    assert decrypt(NODE_OLDER, field=PLEX_TOKEN, keys=(NODE_KEY,)) == encryption.Decrypted(NODE_TEXT, is_current=False)


def test_a_value_that_another_program_made_to_the_format_is_read():
    assert decrypt(NODE_BOUND, field=PLEX_TOKEN, keys=(NODE_KEY,)) == encryption.Decrypted(NODE_TEXT, is_current=True)


def test_the_first_key_encrypts():
    value = encrypt(TOKEN, field=FIELD)
    assert decrypt(value, field=FIELD, keys=(NEW,)).text == TOKEN
    with pytest.raises(DecryptionError):
        decrypt(value, field=FIELD, keys=(OLD,))


def test_an_older_key_still_decrypts_and_the_value_asks_to_be_renewed():
    value = encrypt(TOKEN, field=FIELD, keys=(OLD,))
    assert decrypt(value, field=FIELD) == encryption.Decrypted(TOKEN, is_current=False)


def test_a_value_does_not_decrypt_in_another_field():
    with pytest.raises(DecryptionError):
        decrypt(encrypt(TOKEN, field=FIELD), field="app.Model.other")


@pytest.mark.parametrize("place", range(3))
def test_a_changed_bit_anywhere_is_refused(place):
    parts = encrypt(TOKEN, field=FIELD).split(":")
    parts[place] = f"{int(parts[place], 16) ^ 1:0{len(parts[place])}x}"
    with pytest.raises(DecryptionError):
        decrypt(":".join(parts), field=FIELD)


@pytest.mark.parametrize("value", [
    "", "plain token", "::", "a:b:c", f"{'0' * 24}:{'0' * 32}", f"{'0' * 24}:{'0' * 32}:", f"{'0' * 26}:{'0' * 32}:00",
    f"{'0' * 24}:{'0' * 30}:00", f"{'0' * 24}:{'0' * 32}:0", f"{'0' * 24}:{'0' * 32}:zz",
    f"{'0' * 24}:{'0' * 32}:00:00", f"{'0' * 24}:{'0' * 32}:00\n", f"{'0' * 23}\u0660:{'0' * 32}:00",
    f"{'A' * 24}:{'0' * 32}:00", "\udc80", "\0",
])
def test_what_is_no_encrypted_value_is_refused_by_its_field_and_not_shown(value):
    with pytest.raises(DecryptionError) as refusal:
        decrypt(value, field=FIELD)
    assert FIELD in str(refusal.value)
    assert len(value) < 3 or value not in str(refusal.value)


def test_the_cipher_is_not_asked_about_malformed_values(monkeypatch):
    monkeypatch.setattr(encryption, "AESGCM", None)
    with pytest.raises(DecryptionError):
        decrypt("00:11:22", field=FIELD)


def test_a_traceback_of_a_refusal_shows_neither_value_nor_key():
    value = encrypt(TOKEN, field=FIELD, keys=(WRONG,))
    with pytest.raises(DecryptionError) as refusal:
        decrypt(value, field=FIELD)
    shown = "".join(traceback.format_exception(refusal.value))
    assert value not in shown
    assert all(key.hex() not in shown for key in (NEW, OLD, WRONG))


def test_a_text_that_is_no_unicode_is_refused_without_being_shown():
    text = f"{TOKEN}\udc80"
    with pytest.raises(EncryptionError) as refusal:
        encrypt(text, field=FIELD)
    assert TOKEN not in "".join(traceback.format_exception(refusal.value))


def test_decrypted_bytes_that_are_no_text_are_refused():
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = AESGCM(NEW).encrypt(b"\0" * 12, b"\xff\xfe", FIELD.encode())
    with pytest.raises(DecryptionError):
        decrypt(f"{'00' * 12}:{sealed[-16:].hex()}:{sealed[:-16].hex()}", field=FIELD)


@pytest.mark.django_db
class TestCanary:
    def test_it_is_made_when_there_is_none_and_kept_after_that(self):
        encryption.check_canary()
        first = canary()
        encryption.check_canary()
        assert canary() == first
        assert decrypt(first, field=encryption.CANARY).is_current

    def test_it_opens_with_an_older_key_too(self, settings):
        settings.ENCRYPTION_KEYS = (OLD,)
        encryption.check_canary()
        settings.ENCRYPTION_KEYS = (NEW, OLD)
        encryption.check_canary()

    def test_a_wrong_key_is_one_clear_line_and_changes_nothing(self, settings):
        encryption.check_canary()
        before = canary()
        settings.ENCRYPTION_KEYS = (WRONG,)
        with pytest.raises(ImproperlyConfigured) as refusal:
            encryption.check_canary()
        message = str(refusal.value)
        assert message.startswith("ENCRYPTION_KEY ")
        assert "\n" not in message
        assert "nothing was changed" in message
        assert "manage.py rotate_encryption_key --discard" in message
        assert canary() == before

    def test_a_wrong_key_is_not_blessed_where_tokens_are_older_than_the_canary(self, settings):
        save_token()
        settings.ENCRYPTION_KEYS = (WRONG,)
        with pytest.raises(ImproperlyConfigured):
            encryption.check_canary()
        assert not InstallationValue.objects.exists()

    @pytest.mark.parametrize(("theirs", "fits"), [(NEW, True), (WRONG, False)])
    def test_of_two_processes_that_make_it_the_first_wins_and_the_second_checks(self, monkeypatch, theirs, fits):
        ours = encryption._new_canary

        def beaten():
            value = encrypt("The key fits.", field=encryption.CANARY, keys=(theirs,))
            InstallationValue.objects.create(name=InstallationValue.KEY_CANARY, value=value)
            return ours()

        monkeypatch.setattr(encryption, "_new_canary", beaten)
        if fits:
            encryption.check_canary()
        else:
            with pytest.raises(ImproperlyConfigured):
                encryption.check_canary()
        assert decrypt(canary(), field=encryption.CANARY, keys=(theirs,)).is_current

    def test_before_the_first_migration_there_is_nothing_to_check(self, monkeypatch):
        monkeypatch.setattr(connection.introspection, "table_names", list)
        encryption.check_canary()
        assert not InstallationValue.objects.exists()


@pytest.mark.django_db
class TestStoredValues:
    def test_they_are_all_renewed_with_the_first_key(self):
        first, second = save_token("first", keys=(OLD,)), save_token("second", keys=(NEW,), token="other")
        without = config.create_config(user=User.objects.create(username="without"))
        InstallationValue.objects.create(
            name=InstallationValue.KEY_CANARY, value=encrypt("The key fits.", field=encryption.CANARY, keys=(OLD,)),
        )
        untouched = second.plex_token
        assert encryption.count_stale() == 2
        assert encryption.reencrypt(now=NOW) == 2
        assert encryption.count_stale((NEW,)) == 0
        for each in (first, second, without):
            each.refresh_from_db()
        assert [config.get_token(each) for each in (first, second, without)] == [TOKEN, "other", ""]
        assert second.plex_token == untouched
        assert first.updated_at == NOW

    def test_one_that_no_key_opens_stops_the_renewal_of_all(self):
        fine, lost = save_token("fine", keys=(OLD,)), save_token("lost", keys=(WRONG,))
        with pytest.raises(DecryptionError):
            encryption.reencrypt(now=NOW)
        before = fine.plex_token, lost.plex_token
        fine.refresh_from_db()
        lost.refresh_from_db()
        assert (fine.plex_token, lost.plex_token) == before

    def test_discarding_clears_only_what_no_key_opens(self):
        fine, lost = save_token("fine", keys=(OLD,)), save_token("lost", keys=(WRONG,))
        TVShow.objects.create(title="The Office")
        secret = lost.webhook_secret
        assert encryption.count_lost() == 1
        assert encryption.discard_lost(now=NOW) == 1
        fine.refresh_from_db()
        lost.refresh_from_db()
        assert config.get_token(fine) == TOKEN
        assert (lost.plex_token, lost.webhook_secret) == ("", secret)
        assert TVShow.objects.count() == 1
        encryption.check_canary()

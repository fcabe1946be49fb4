import re
import shutil
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command, load_command_class
from django.db import OperationalError
from django.utils import timezone

from plex_integration import config, dotenv, encryption
from plex_integration.models import InstallationValue, PlexConfig
from tests.once import both_before_release
from tests.plex_integration.throwaway import ROOT, throwaway_database

OLD, OLDER, WRONG = (bytes([number]) * 32 for number in (1, 2, 3))


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def connect(name: str, token: str = "") -> PlexConfig:
    owned = config.create_config(user=User.objects.create(username=name))
    config.set_token(owned, token)
    owned.save()
    return owned


@pytest.mark.django_db
class TestWebhookSecret:
    def test_it_prints_the_new_url_and_until_when_the_old_one_works(self, settings):
        settings.PUBLIC_WEBHOOK_URL = "https://tracker.example.com"
        before = connect("owner")
        said = run("rotate_webhook_secret", "--grace", "30m")
        after = PlexConfig.objects.get()
        assert after.webhook_secret != before.webhook_secret
        assert f"https://tracker.example.com/api/plex/webhook?secret={after.webhook_secret}\n" in said
        until = timezone.localtime(after.previous_secret_expires_at)
        assert f"works until {until:%Y-%m-%d %H:%M}" in said
        assert timedelta(minutes=29) < after.previous_secret_expires_at - timezone.now() < timedelta(minutes=30)
        assert before.webhook_secret not in said

    def test_the_old_one_works_for_a_day_when_nothing_is_said(self):
        before = connect("owner")
        run("rotate_webhook_secret")
        hours = [timezone.now() + timedelta(hours=number) for number in (23, 25)]
        assert [bool(config.match_secret(before.webhook_secret, hour)) for hour in hours] == [True, False]

    def test_without_grace_the_old_one_ends_at_once_and_this_is_said(self):
        before = connect("owner")
        assert "stops working at once" in run("rotate_webhook_secret", "--grace", "0")
        assert config.match_secret(before.webhook_secret, timezone.now()) is None

    def test_every_connection_is_rotated_or_the_one_that_is_named(self):
        first, second = connect("first"), connect("second")
        said = run("rotate_webhook_secret", "--user", "second")
        assert "second" in said
        assert "first" not in said
        assert PlexConfig.objects.get(pk=first.pk).webhook_secret == first.webhook_secret
        changed = PlexConfig.objects.get(pk=second.pk).webhook_secret
        assert changed != second.webhook_secret
        assert run("rotate_webhook_secret").count("/api/plex/webhook?secret=") == 2
        assert not PlexConfig.objects.filter(webhook_secret__in=[first.webhook_secret, changed]).exists()

    def test_a_dry_run_says_so_and_changes_nothing(self):
        before = connect("owner")
        assert "would" in run("rotate_webhook_secret", "--dry-run")
        assert PlexConfig.objects.get().webhook_secret == before.webhook_secret

    @pytest.mark.parametrize("arguments", [[], ["--user", "nobody"]])
    def test_no_connection_is_status_1_and_a_sentence(self, arguments):
        with pytest.raises(CommandError, match="There is no Plex connection") as refusal:
            run("rotate_webhook_secret", *arguments)
        assert refusal.value.returncode == 1

    @pytest.mark.parametrize("grace", ["", "24", "1w", "-1h", "h", "1.5h", "99999d", "٣h", "1h "])
    def test_a_malformed_grace_is_refused(self, grace):
        with pytest.raises(CommandError, match="24h"):
            run("rotate_webhook_secret", f"--grace={grace}")

    def test_the_longest_grace_works(self):
        connect("owner")
        run("rotate_webhook_secret", "--grace", "9999d")


@pytest.mark.parametrize(("command", "arguments"), [
    ("rotate_webhook_secret", ["--grace", "soon"]), ("rotate_encryption_key", ["--drop-old", "--discard"]),
])
def test_misuse_is_status_2(command, arguments, capsys):
    with pytest.raises(SystemExit) as ended:  # as manage.py calls it, which costs half a second to start
        load_command_class("plex_integration", command).run_from_argv(["manage.py", command, *arguments])
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.django_db
class TestEncryptionKey:
    @pytest.fixture(autouse=True)
    def _one_key_in_dotenv(self, settings, tmp_path, monkeypatch):
        settings.BASE_DIR = tmp_path
        settings.ENCRYPTION_KEYS = (OLD,)
        self.settings, self.dotenv = settings, tmp_path / ".env"
        self.dotenv.write_text(f"# keys\nENCRYPTION_KEY={OLD.hex()}\nDEBUG=off\n")
        monkeypatch.setattr(dotenv, "is_set_outside", lambda _: False)

    def restart(self) -> tuple[bytes, ...]:
        """Read the keys as a new process does."""
        words = dotenv.get(self.dotenv, "ENCRYPTION_KEY").split(",")
        self.settings.ENCRYPTION_KEYS = tuple(bytes.fromhex(word) for word in words)
        return self.settings.ENCRYPTION_KEYS

    def test_the_new_key_stands_first_and_everything_opens_with_it(self):
        connect("owner", "token")
        encryption.check_canary()
        said = run("rotate_encryption_key")
        new, old = self.restart()
        assert (len(new), old) == (32, OLD)
        assert new != OLD
        self.settings.ENCRYPTION_KEYS = (new,)
        encryption.check_canary()
        assert config.get_token(PlexConfig.objects.get()) == "token"
        assert "Restart the tracker now" in said
        assert new.hex() not in said
        assert self.dotenv.stat().st_mode & 0o777 == 0o600
        assert self.dotenv.read_text().splitlines()[::2] == ["# keys", "DEBUG=off"]

    def test_it_works_where_nothing_is_encrypted_yet(self):
        assert "Encrypted 0 stored values" in run("rotate_encryption_key")
        assert len(self.restart()) == 2

    def test_a_dry_run_changes_nothing(self):
        connect("owner", "token")
        before = self.dotenv.read_text(), PlexConfig.objects.get().plex_token
        for arguments in ([], ["--drop-old"], ["--discard"]):
            run("rotate_encryption_key", "--dry-run", *arguments)
        self.settings.ENCRYPTION_KEYS = (WRONG, OLD)
        assert "Would encrypt 1 stored value " in run("rotate_encryption_key", "--dry-run")
        assert (self.dotenv.read_text(), PlexConfig.objects.get().plex_token) == before

    def test_a_rotation_that_was_stopped_is_finished_with_the_key_that_it_made(self, monkeypatch):
        connect("owner", "token")

        def stopped(**_):
            raise OperationalError("gone away")

        with monkeypatch.context() as patched:
            patched.setattr(encryption, "reencrypt", stopped)
            with pytest.raises(CommandError, match="gone away"):
                run("rotate_encryption_key")
        keys = self.restart()
        assert config.get_token(PlexConfig.objects.get()) == "token"
        assert "Encrypted 1 stored value " in run("rotate_encryption_key")
        assert self.restart() == keys
        self.settings.ENCRYPTION_KEYS = keys[:1]
        assert config.get_token(PlexConfig.objects.get()) == "token"

    def test_the_old_key_is_dropped_only_when_nothing_needs_it(self):
        connect("owner", "token")
        run("rotate_encryption_key")
        new, _ = self.restart()
        later = connect("later")
        later.plex_token = encryption.encrypt("other", field=encryption.PLEX_TOKEN, keys=(OLD,))
        later.save()
        with pytest.raises(CommandError, match="Nothing was changed"):
            run("rotate_encryption_key", "--drop-old")
        assert self.restart() == (new, OLD)
        run("rotate_encryption_key")
        run("rotate_encryption_key", "--drop-old")
        assert self.restart() == (new,)
        assert {config.get_token(each) for each in PlexConfig.objects.all()} == {"token", "other"}
        assert "none to remove" in run("rotate_encryption_key", "--drop-old")

    def test_with_a_token_that_no_key_opens_it_stops_before_it_changes_anything(self):
        connect("owner", "token")
        before = self.dotenv.read_text().replace(OLD.hex(), WRONG.hex())
        self.dotenv.write_text(before)
        self.restart()
        with pytest.raises(CommandError, match="--discard"):
            run("rotate_encryption_key")
        assert self.dotenv.read_text() == before

    def test_a_change_of_dotenv_by_somebody_else_meanwhile_stops_it(self, monkeypatch):
        owned = connect("owner", "token")
        change = dotenv.change

        def beaten(path, name, value, *, was):
            change(path, name, f"{OLDER.hex()},{was}", was=was)
            change(path, name, value, was=was)

        monkeypatch.setattr(dotenv, "change", beaten)
        with pytest.raises(CommandError, match="changed meanwhile"):
            run("rotate_encryption_key")
        assert self.restart() == (OLDER, OLD)
        assert PlexConfig.objects.get().plex_token == owned.plex_token

    @pytest.mark.parametrize("how", ["set outside", "not in .env", "other in .env"])
    def test_a_key_of_the_environment_is_left_there_and_the_line_to_set_is_said(self, how, monkeypatch):
        owned = connect("owner", "token")
        if how == "set outside":
            monkeypatch.setattr(dotenv, "is_set_outside", lambda name: name == "ENCRYPTION_KEY")
        else:
            self.dotenv.write_text("" if how == "not in .env" else f"ENCRYPTION_KEY={OLDER.hex()}\n")
        before = self.dotenv.read_text()
        out = StringIO()
        with pytest.raises(CommandError, match="set in the environment"):
            call_command("rotate_encryption_key", stdout=out)
        line = re.fullmatch(rf"ENCRYPTION_KEY=([0-9a-f]{{64}}),{OLD.hex()}\n", out.getvalue())
        assert self.dotenv.read_text() == before
        assert PlexConfig.objects.get().plex_token == owned.plex_token

        new = bytes.fromhex(line[1])
        self.settings.ENCRYPTION_KEYS = (new, OLD)
        run("rotate_encryption_key")
        assert encryption.count_stale((new,)) == 0
        out = StringIO()
        with pytest.raises(CommandError, match="set in the environment"):
            call_command("rotate_encryption_key", "--drop-old", stdout=out)
        assert out.getvalue() == f"ENCRYPTION_KEY={new.hex()}\n"
        assert self.dotenv.read_text() == before

    def lose_the_key(self):
        owner = connect("owner", "token")
        encryption.check_canary()
        self.dotenv.write_text(f"ENCRYPTION_KEY={WRONG.hex()}\n")
        self.restart()
        with pytest.raises(ImproperlyConfigured):
            encryption.check_canary()
        return owner

    def test_with_a_lost_key_the_reset_clears_the_token_alone(self):
        owner = self.lose_the_key()
        assert "1 Plex token " in run("rotate_encryption_key", "--discard", "--dry-run")
        run("rotate_encryption_key", "--discard", "--yes")
        encryption.check_canary()
        after = PlexConfig.objects.get()
        assert (after.plex_token, after.webhook_secret, after.user_id) == ("", owner.webhook_secret, owner.user_id)
        config.set_token(after, "again")
        assert config.get_token(after) == "again"

    @pytest.mark.parametrize(
        ("answer", "cleared"), [("y", True), ("YES ", True), ("n", False), ("", False), (None, False)],
    )
    def test_the_reset_asks_first(self, answer, cleared, monkeypatch):
        self.lose_the_key()

        def answered(question):
            assert "clear 1 Plex token" in question
            if answer is None:
                raise EOFError
            return answer

        monkeypatch.setattr("builtins.input", answered)
        if cleared:
            run("rotate_encryption_key", "--discard")
        else:
            with pytest.raises(CommandError, match="Nothing was changed"):
                run("rotate_encryption_key", "--discard")
        assert (PlexConfig.objects.get().plex_token == "") == cleared

    def test_a_reset_without_need_changes_nothing(self):
        owner = connect("owner", "token")
        encryption.check_canary()
        assert "nothing to clear" in run("rotate_encryption_key", "--discard", "--yes")
        assert config.get_token(PlexConfig.objects.get(pk=owner.pk)) == "token"

    def test_a_reset_mends_a_canary_that_alone_is_lost(self):
        encryption.check_canary()
        InstallationValue.objects.update(value="damaged")
        run("rotate_encryption_key", "--discard", "--yes")
        encryption.check_canary()

    def test_nothing_that_it_prints_holds_a_token(self):
        connect("owner", "xyzzy-token")
        said = run("rotate_encryption_key")
        self.restart()
        said += run("rotate_encryption_key", "--drop-old")
        assert "xyzzy" not in said


@pytest.mark.django_db(transaction=True)
@both_before_release
def test_killed_at_any_step_a_rotation_leaves_every_token_readable(tmp_path):
    for name in ("tracker", "plex_integration", "tvshows"):
        shutil.copytree(ROOT / name, tmp_path / name)  # with what Python has compiled
    (tmp_path / ".env").write_text(f"ENCRYPTION_KEY={'0' * 64}\n")
    script = Path(__file__).with_name("killed_rotation.py")
    with throwaway_database() as environment:
        del environment["ENCRYPTION_KEY"]
        done = subprocess.run(
            [sys.executable, str(script)], cwd=tmp_path, env=environment | {"PYTHONPATH": str(tmp_path)},
            capture_output=True, text=True, check=False, timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20  # steps, a kill at each

"""The keys of a new installation."""

import os
import re
import stat

import pytest

from plex_integration import dotenv
from tracker import first_start


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where `.env` would be, in an environment without keys."""
    monkeypatch.setattr(dotenv, "is_set_outside", lambda name: False)
    return tmp_path / ".env"


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_both_keys_are_made_for_the_owner_only_whatever_the_umask(path, open_umask):
    assert first_start.ensure_keys(path) == ["SECRET_KEY", "ENCRYPTION_KEY"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(dotenv.get(path, "SECRET_KEY")) >= 50
    assert re.fullmatch("[0-9a-f]{64}", dotenv.get(path, "ENCRYPTION_KEY"))


def test_keys_that_are_there_stay_and_so_do_the_other_lines(path):
    path.write_text("# mine\nSECRET_KEY=kept\nTIME_ZONE=Europe/Berlin\n")
    path.chmod(0o600)
    assert first_start.ensure_keys(path) == ["ENCRYPTION_KEY"]
    lines = path.read_text().splitlines()
    assert lines[:3] == ["# mine", "SECRET_KEY=kept", "TIME_ZONE=Europe/Berlin"]
    assert first_start.ensure_keys(path) == []


def test_an_empty_key_is_filled_in_its_place(path):
    path.write_text("SECRET_KEY=\nTIME_ZONE=UTC\n")
    path.chmod(0o600)
    first_start.ensure_keys(path)
    assert re.match(r"SECRET_KEY=\S{50}", path.read_text())
    assert path.read_text().count("SECRET_KEY=") == 1


def test_no_file_is_made_where_the_environment_has_the_keys(path, monkeypatch):
    monkeypatch.setattr(dotenv, "is_set_outside", lambda name: True)
    assert first_start.ensure_keys(path) == []
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_mend(path, mode):
    path.write_text("SECRET_KEY=kept\n")
    path.chmod(mode)
    with pytest.raises(SystemExit, match=f"chmod 600 {path}"):
        first_start.ensure_keys(path)
    assert path.read_text() == "SECRET_KEY=kept\n"


def test_a_folder_that_cannot_be_written_is_said_in_one_line(path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(dotenv, "change", refuse)
    with pytest.raises(SystemExit, match="cannot be written") as caught:
        first_start.ensure_keys(path)
    assert "\n" not in str(caught.value)

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from plex_integration import dotenv

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / ".env"


def in_a_process_of_its_own(script: str, environment: dict[str, str] | None = None) -> str:
    command = [sys.executable, "-c", f"import os, sys; from plex_integration import dotenv; {script}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_one_variable_changes_and_every_other_line_stays(path):
    path.write_bytes(b"# mine\r\nA=1\n\nexport KEY='old'\nB=\xff \"x\" # odd\nKEYS=2")
    dotenv.change(path, "KEY", "new", was="old")
    assert path.read_bytes() == b"# mine\r\nA=1\n\nKEY=new\nB=\xff \"x\" # odd\nKEYS=2\n"


def test_a_missing_variable_and_a_missing_file_are_made(path):
    dotenv.change(path, "A", "1", was=None)
    dotenv.change(path, "B", "2", was=None)
    assert path.read_text() == "A=1\nB=2\n"


@pytest.mark.parametrize(("line", "value"), [
    ("KEY=a,b", "a,b"), ("KEY='a b'", "a b"), ('KEY="a"', "a"), ("export KEY=a", "a"), ("KEY=", ""),
    ("KEY=a\nKEY=b", "b"), ("#KEY=a", None), (" KEY=a", None), ("XKEY=a", None),
])
def test_a_value_is_read_as_django_environ_reads_it(path, line, value, monkeypatch):
    import environ

    path.write_text(f"{line}\n")
    assert dotenv.get(path, "KEY") == value
    monkeypatch.setattr(environ.Env, "ENVIRON", found := {})
    environ.Env.read_env(str(path))
    assert found.get("KEY") == value


def test_of_two_lines_the_one_that_counted_is_replaced_and_the_other_goes(path):
    path.write_text("KEY=first\nA=1\nKEY=last\n")
    dotenv.change(path, "KEY", "new", was="last")
    assert path.read_text() == "A=1\nKEY=new\n"


def test_a_change_on_top_of_another_change_is_refused(path):
    path.write_text("KEY=theirs\n")
    for was in ("mine", None):
        with pytest.raises(dotenv.ChangedMeanwhileError):
            dotenv.change(path, "KEY", "new", was=was)
    assert path.read_text() == "KEY=theirs\n"


@pytest.mark.parametrize("value", ["two\nlines", "quo'te", "blank s", "$OTHER", "#", "ü"])
def test_a_value_that_would_need_quotes_is_refused(path, value):
    with pytest.raises(ValueError, match="KEY"):
        dotenv.change(path, "KEY", value, was=None)
    assert not path.exists()


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_only_the_owner_can_read_it_whatever_the_umask_and_its_mode_before(path, umask):
    path.write_text("A=1\n")
    path.chmod(0o666)
    before = os.umask(umask)
    try:
        dotenv.change(path, "KEY", "secret", was=None)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_run_by_root_it_still_belongs_to_the_user_of_the_tracker(path):
    path.write_text("A=1\n")
    os.chown(path, 12345, 54321)
    dotenv.change(path, "KEY", "secret", was=None)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_link_to_it_stays_a_link(path, tmp_path):
    real = tmp_path / "elsewhere.env"
    real.write_text("A=1\n")
    path.symlink_to(real)
    dotenv.change(path, "A", "2", was="1")
    assert path.is_symlink()
    assert real.read_text() == "A=2\n"


def test_what_a_killed_change_left_beside_it_is_neither_read_nor_in_the_way(path):
    path.write_text("A=1\n")
    path.with_name(".env.new").write_text("half")
    dotenv.change(path, "A", "2", was="1")
    assert path.read_text() == "A=2\n"
    assert [each.name for each in path.parent.iterdir()] == [".env"]


def test_a_failure_in_the_middle_leaves_it_whole(path, monkeypatch):
    path.write_text("A=1\n")

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        dotenv.change(path, "A", "2", was="1")
    assert path.read_text() == "A=1\n"


def test_of_two_changes_at_once_none_is_lost(path):
    def change(name):
        for number in range(20):
            dotenv.change(path, name, str(number), was=str(number - 1) if number else None)

    threads = [Thread(target=change, args=(name,)) for name in "ABCD"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [dotenv.get(path, name) for name in "ABCD"] == ["19"] * 4


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells")
@pytest.mark.parametrize(("outside", "known"), [("KEY=x", "True"), ("KEY=", "True"), ("KEY2=x", "False")])
def test_a_variable_that_was_there_from_the_start_is_told_from_one_that_was_read_later(outside, known):
    script = "os.environ.setdefault('KEY', 'later'); print(dotenv.is_set_outside('KEY'))"
    assert in_a_process_of_its_own(script, environment=dict([outside.split("=")])) == known


def test_it_works_without_django():
    assert in_a_process_of_its_own("print('django' in sys.modules)") == "False"

"""What has to be right with the database before anything is served."""

import hashlib
import secrets
import sqlite3
import stat

import pytest

from tests.product import product, server_url

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(server_url()), reason="about the SQLite file"),
]
KEY_LINE = "ENCRYPTION_KEY does not fit"


@pytest.fixture(scope="module")
def used():
    """An installation that was used once."""
    with product() as made:
        made.up()
        made.stop()
        yield made


@pytest.fixture
def installed(used):
    """A copy of it."""
    with product(like=used) as made:
        yield made


def start(made, **extra):
    """`manage.py up` that is expected to refuse; what it printed."""
    made.environment |= extra
    done = made.run("manage.py", "up", "--port", str(made.port), check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wrong_key_stops_the_start_and_leaves_the_database_alone(installed):
    with sqlite3.connect(installed.file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = digest(installed.file)
    assert KEY_LINE in start(installed, ENCRYPTION_KEY=secrets.token_hex(32))
    assert digest(installed.file) == before


def test_a_lost_database_is_not_replaced_by_an_empty_one(installed):
    installed.file.unlink()
    assert "is gone" in start(installed)
    assert not installed.file.exists()


def test_a_damaged_database_stops_the_start(installed):
    with installed.file.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(secrets.token_bytes(4096 * 4))
    assert "cannot be used" in start(installed)


def test_a_file_that_is_no_database_stops_the_start(installed):
    installed.file.write_bytes(b"no database" * 1000)
    assert "cannot be used" in start(installed)


def test_the_database_is_copied_before_it_is_changed(installed):
    for number in range(6):
        stale = installed.folder / "backups" / f"tracker-2020010{number + 1}-000000.sqlite3"
        stale.parent.mkdir(exist_ok=True)
        stale.touch()
    with sqlite3.connect(installed.file) as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
        database.execute("DROP TABLE django_session")
    installed.up()
    copies = sorted((installed.folder / "backups").glob("*.sqlite3"))
    assert len(copies) == 5
    assert "Copied the database to" in installed.log
    assert stat.S_IMODE(copies[-1].stat().st_mode) == 0o600
    with sqlite3.connect(copies[-1]) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT COUNT(*) FROM django_migrations WHERE app = 'sessions'").fetchone() == (0,)


def test_what_is_made_is_for_the_owner_only(installed):
    assert stat.S_IMODE(installed.file.stat().st_mode) == 0o600

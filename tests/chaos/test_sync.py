"""The library sync is killed, cut off and held back: it ends right all the same."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
import requests

from tests.bench import sync as bench
from tests.chaos.conftest import size
from tests.once import both_before_release
from tests.product import ROOT, free_port, product, wait_for

pytestmark = [pytest.mark.slow, both_before_release]

SHOWS, EPISODES = 12, 500
_STATE = {
    "shows": "SELECT title, tmdb_id FROM tvshows ORDER BY title",
    "episodes": "SELECT s.title, e.season_number, e.episode_number, e.title FROM tvshow_episodes e "
                "JOIN tvshows s ON s.id = e.show_id ORDER BY 1, 2, 3",
    "watches": "SELECT s.title, e.season_number, e.episode_number, w.play, w.watched_at FROM watches w JOIN tvshow_episodes e "
               "ON e.id = w.episode_id JOIN tvshows s ON s.id = e.show_id ORDER BY 1, 2, 3, 4",
    "totals": "SELECT s.title, t.watched_episodes, t.total_minutes FROM tracked_shows t JOIN tvshows s ON s.id = t.show_id ORDER BY 1",
    "items": "SELECT rating_key, plex_updated_at, view_count, title FROM plex_episodes ORDER BY 1",
}


@contextmanager
def library(port, **options):
    """A Plex server in a process of its own, that may misbehave."""
    settings = SimpleNamespace(**{"latency": 0.0, "drop_every": 0, "limit_every": 0, **options})
    server = multiprocessing.Process(target=_serve, args=(port, settings), daemon=True)
    server.start()
    try:
        wait_for(lambda: bench._answers(address(port)), "the Plex server answers")
        yield
    finally:
        server.terminate()
        server.join()


def address(port):
    return f"http://127.0.0.1:{port}"


def _serve(port, settings):
    answered = {"requests": 0}
    usual = bench.Handler.do_GET

    def rude(self):
        answered["requests"] += 1
        if settings.drop_every and answered["requests"] % settings.drop_every == 0:
            self.close_connection = True
            return
        if settings.limit_every and answered["requests"] % settings.limit_every == 0:
            self.send_response(429)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        usual(self)

    bench.Handler.do_GET = rude
    bench.serve(port, SHOWS, EPISODES, settings.latency)


@pytest.fixture(scope="module")
def port():
    """Where the Plex server is, whichever it is."""
    return free_port()


@pytest.fixture(scope="module")
def connected(migrated, port):
    """A product that is connected to it and has read nothing, to be copied."""
    with product(like=migrated) as made:
        made.run("-c", bench._CONNECT, address(port), bench.MACHINE, bench.TOKEN, str(bench.BEGAN))
        yield made


def state(made):
    return {name: [tuple(map(str, row)) for row in made.rows(query)] for name, query in _STATE.items()}


def sync(made, *options, check=True):
    return made.run("manage.py", "plex_sync_all", "--page-size", "50", *options, check=check)


def has_read(made, episodes):
    return made.value("SELECT COUNT(*) FROM plex_episodes") >= episodes


def test_a_first_run_that_is_killed_on_its_way_ends_as_an_undisturbed_one(connected, port):
    with library(port, latency=0.03), product(like=connected) as undisturbed, product(like=connected) as victim:
        sync(undisturbed)
        kills = size("SYNC_KILLS", 1)
        for number in range(1, kills + 1):
            command = [sys.executable, "manage.py", "plex_sync_all", "--page-size", "50"]
            process = subprocess.Popen(command, cwd=ROOT, env=victim.environment, stdout=subprocess.DEVNULL)
            wait_for(partial(has_read, victim, 100 * number), "it is on its way", step=0.005)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert victim.value("SELECT COUNT(*) FROM plex_episodes") < EPISODES
            assert "Another sync is under way" in sync(victim, check=False).stderr
            victim.change("UPDATE plex_sync_runs SET lease_until = '2020-01-01 00:00:00+00' WHERE status = 'running'")
        done = sync(victim)
        assert "Added:" in done.stdout
        assert state(victim) == state(undisturbed)
        assert victim.value("SELECT COUNT(*) FROM plex_episodes") == EPISODES
        kinds = dict(victim.rows("SELECT status, COUNT(*) FROM plex_sync_runs GROUP BY status"))
        assert kinds == {"lost": kills, "done": 1}


@pytest.mark.parametrize("rudeness", [{"drop_every": 10}, {"limit_every": 10}])
def test_a_server_that_drops_or_holds_back_every_tenth_request_is_read_all_the_same(connected, port, rudeness):
    with library(port, **rudeness), product(like=connected) as made:
        started = time.monotonic()
        done = sync(made)
        print(f"{rudeness}: {time.monotonic() - started:.1f} s; {json.dumps(done.stdout.splitlines()[-13:])}")
        assert made.value("SELECT COUNT(*) FROM plex_episodes") == EPISODES
        assert requests.get(f"{address(port)}/identity", timeout=5).status_code in {200, 429}

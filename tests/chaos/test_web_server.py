"""The web server dies, and what it acknowledged is there."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from tests import sender
from tests.chaos.conftest import size
from tests.product import Product, descendants, wait_for

pytestmark = pytest.mark.slow

CLIENTS = 12


class Clients:
    """Send events, each until it is acknowledged, from several threads. `acked` are the numbers of those that were."""

    def __init__(self, made: Product, events: int) -> None:
        self.made, self.events = made, events
        self.numbers, self.acked, self.statuses = count(), set[int](), Counter[int]()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._send_all) for _ in range(CLIENTS)]

    def _send_all(self) -> None:
        while (number := next(self.numbers)) < self.events:
            # Many more events than episodes: each has a rating key of its own, and so is an event of its own.
            show, index = number % 30 + 1, number // 30 % 60
            event = sender.scrobble(show, index // 20 + 1, index % 20 + 1, ratingKey=f"event-{number}")
            data = self.made.request(event)
            while True:
                answer = sender.send(self.made.port, data)
                with self.lock:
                    self.statuses[answer.status] += 1
                if answer.is_acknowledged:
                    self.acked.add(number)
                    break
                time.sleep(0.2)

    def run(self, kills: int) -> None:
        for thread in self.threads:
            thread.start()
        for kill in range(1, kills + 1):
            due = self.events * kill // (kills + 1)
            wait_for(lambda due=due: len(self.acked) >= due, f"{due} acknowledged", seconds=120, step=0.005)
            os.killpg(self.made.web_leader(), signal.SIGKILL)
            self.made.wait_until_it_answers()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive()


def test_what_was_acknowledged_is_stored_exactly_once_though_the_web_server_is_killed_under_load(victim):
    events, kills = size("CHAOS_ACKED", 200), size("CHAOS_KILLS", 3)
    victim.up()
    clients = Clients(victim, events)
    clients.run(kills)
    assert len(clients.acked) == events
    stored = victim.rows("SELECT plex_rating_key FROM plex_webhook_logs WHERE status = 'success'")
    found = Counter(key for (key,) in stored)
    lost = {number for number in clients.acked if not found[f"event-{number}"]}
    double = {key for key, times in found.items() if times > 1}
    print(f"acknowledged {events}, killed {kills}, lost {len(lost)}, double {len(double)}, {dict(clients.statuses)}")
    assert not lost
    assert not double
    statuses = {status for (status,) in victim.rows("SELECT DISTINCT status FROM plex_webhook_logs")}
    assert statuses <= {"success", "duplicate"}
    assert victim.value("SELECT COUNT(*) FROM watches") == min(events, 1800)
    assert set(clients.statuses) <= {0, 200}, clients.statuses
    victim.stop()
    if not victim.url:
        assert victim.rows("PRAGMA integrity_check") == [("ok",)]
        assert victim.rows("PRAGMA foreign_key_check") == []


def test_each_acknowledgement_is_behind_a_flush_to_the_disk(victim):
    """SQLite: counted. PostgreSQL does the flushing: nothing of ours may switch it off."""
    if victim.url:
        _check_postgres(victim)
        return
    if not shutil.which("strace"):
        pytest.skip("strace is not installed, so the flushes cannot be counted")
    acks = size("CHAOS_FLUSHED", 50)
    victim.web()
    assert victim.process
    counts = Path(victim.folder) / "strace"
    [worker] = descendants(victim.process.pid)
    command = ["strace", "-f", "-c", "-e", "trace=fdatasync,fsync", "-o", str(counts), "-p", str(worker)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        said = tracer.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace may not attach here: {said.strip()}")
        for number in range(acks):
            index = number // 30
            assert victim.send(sender.scrobble(number % 30 + 1, index // 20 + 1, index % 20 + 1)).status == 200
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=20)
    # % time, seconds, microseconds a call, calls, errors, name
    lines = [line.split() for line in counts.read_text().splitlines() if line.endswith(("fdatasync", "fsync"))]
    flushes = sum(int(line[3]) for line in lines)
    print(f"{flushes} flushes for {acks} acknowledgements")
    assert flushes >= acks


def _check_postgres(victim):
    script = (
        "import json, django; django.setup()\n"
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute(\"SELECT name, source FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')\")\n"
        "    print(json.dumps(cursor.fetchall()))"
    )
    found = json.loads(victim.run("-c", script).stdout)
    assert len(found) == 2
    ours = [row for row in found if row[1] in {"client", "session", "database", "user", "database user"}]
    assert not ours, f"the product changes how durable PostgreSQL is: {ours}"

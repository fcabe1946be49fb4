"""How long the library sync takes, and what it asks, beside plain paging of the same library.

    python -m tests.bench.sync [--engine sqlite|postgres] [--shows 300] [--episodes 17000] [--changed 50] [--latency-ms 0]

A Plex server in a process of its own serves the library. The commands' engine reads it, each time in a fresh process:
a first run, one that ticks off all that was watched before (four episodes in ten), an unchanged one, and one after K
episodes were retitled and K more watched.
The floor pages through the same episodes with plain requests and parses the JSON. Prints one JSON object.
"""

import argparse
import json
import multiprocessing
import random
import sys
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.postgres import postgres_url
from tests.product import Product, free_port, product, wait_for

TOKEN, MACHINE = "bench-token", "be" * 20
BEGAN = 1_700_000_000
PAGE = 200
SEED = 1
COLUMNS = ("requests", "queries", "added", "updated", "marked")

_RUN = """
import gc, json, resource, sys, time
import django; django.setup()
from django.utils import timezone
from plex_integration.models import PlexConfig
from plex_integration.sync.engine import Wanted, sync
gc.freeze()  # as the command does
started = time.perf_counter()
run = sync(PlexConfig.objects.get(), Wanted(older=json.loads(sys.argv[1])), now=timezone.now())
seconds = time.perf_counter() - started
assert run.status == "done", run.message
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
found = {name: getattr(run, name) for name in json.loads(sys.argv[2])}
print(json.dumps({"seconds": round(seconds, 2), "cpu": round(time.process_time(), 2), "peak_mib": round(peak, 1), **found}))
"""
_CONNECT = """
import sys
from datetime import UTC, datetime
import django; django.setup()
from django.contrib.auth.models import User
from plex_integration import config
made = config.create_config(user=User.objects.create_superuser("robin", password="a long enough password"))
made.sync_started_date = datetime.fromtimestamp(int(sys.argv[4]), UTC)
made.plex_server_url, made.plex_server_uuid, made.plex_account_id = sys.argv[1], sys.argv[2], 1
config.set_token(made, sys.argv[3])
made.save()
"""


class Library:
    """Shows of uneven length, four episodes in ten watched by the owner."""

    def __init__(self, shows: int, episodes: int) -> None:
        draw = random.Random(SEED)
        weights = [draw.paretovariate(1.3) for _ in range(shows)]
        counts = [1 + int(weight / sum(weights) * (episodes - shows)) for weight in weights]
        counts[0] += episodes - sum(counts)
        self.clock = BEGAN + 1_000_000
        self.shows = [self._show(number, count) for number, count in enumerate(counts)]
        self.episodes = [self._episode(show, index) for show, count in enumerate(counts) for index in range(count)]
        self.history: list[dict[str, Any]] = []
        for episode in self.episodes:
            if draw.random() < 0.4:
                self.watch(episode, BEGAN + draw.randrange(900_000))
        self.history.sort(key=lambda row: row["viewedAt"])

    def _show(self, number: int, count: int) -> dict[str, Any]:
        ids = [f"tmdb://{100_000 + number}", f"tvdb://{400_000 + number}", f"imdb://tt{7_000_000 + number}"]
        return {
            "ratingKey": f"s{number}", "type": "show", "guid": f"plex://show/{number:024x}", "year": 1990 + number % 34,
            "title": f"Made-up Show {number}", "summary": "Of something. " * 20, "leafCount": count, "viewedLeafCount": 0,
            "updatedAt": BEGAN + number, "Guid": [{"id": each} for each in ids], "librarySectionID": "1",
        }

    def _episode(self, show: int, index: int) -> dict[str, Any]:
        season, number, key = index // 20 + 1, index % 20 + 1, show * 100_000 + index
        ids = [f"tmdb://{20_000_000 + key}", f"tvdb://{60_000_000 + key}", f"imdb://tt{50_000_000 + key}"]
        path = f"/tv/Made-up Show {show}/Season {season:02}/s{season:02}e{number:02}.mkv"
        return {
            "ratingKey": f"e{key}", "grandparentRatingKey": f"s{show}", "parentRatingKey": f"n{show}-{season}",
            "type": "episode", "guid": f"plex://episode/{key:024x}", "grandparentGuid": f"plex://show/{show:024x}",
            "title": f"Episode number {index}", "grandparentTitle": f"Made-up Show {show}", "parentIndex": season,
            "index": number, "duration": 2_400_000, "originallyAvailableAt": f"20{season % 24:02}-{number % 12 + 1:02}-15",
            "addedAt": BEGAN, "updatedAt": BEGAN + key % 900_000, "contentRating": "TV-14", "librarySectionID": "1",
            "Guid": [{"id": each} for each in ids],
            "Media": [{"id": key, "videoCodec": "h264", "Part": [{"id": key, "file": path, "size": 1_300_000_000}]}],
        }

    def watch(self, episode: dict[str, Any], at: int) -> None:
        """The owner watches an episode."""
        episode["viewCount"], episode["lastViewedAt"] = episode.get("viewCount", 0) + 1, at
        show = self.shows[int(episode["grandparentRatingKey"][1:])]
        show["viewedLeafCount"] += episode["viewCount"] == 1
        self.history.append({
            "ratingKey": episode["ratingKey"], "type": "episode", "accountID": 1, "viewedAt": at, "librarySectionID": "1",
            "grandparentKey": f"/library/metadata/{show['ratingKey']}", "title": episode["title"],
            "parentIndex": episode["parentIndex"], "index": episode["index"],
        })

    def change(self, count: int) -> None:
        """Retitle episodes, and watch others."""
        draw = random.Random(SEED + self.clock)
        for episode in draw.sample(self.episodes, count):
            self.clock += 1
            episode["title"], episode["updatedAt"] = f"{episode['title']} revised", self.clock
        for episode in draw.sample([one for one in self.episodes if "viewCount" not in one], count):
            self.clock += 1
            self.watch(episode, self.clock)

    def select(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The items of the section that a query is about."""
        items = self.episodes if query.get("type") == "4" else self.shows
        for name in ("updatedAt", "lastViewedAt"):
            if f"{name}>>" in query:
                items = [one for one in items if one.get(name, -1) >= int(query[f"{name}>>"])]
            if query.get("sort") == f"{name}:asc":
                items = sorted(items, key=lambda one: one[name])
        return items


class Handler(BaseHTTPRequestHandler):
    """The few paths that a sync asks."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    library: Library
    latency = 0.0

    def log_message(self, *_: object) -> None:
        """Not to the terminal."""

    def do_POST(self) -> None:
        """So many changes."""
        self.library.change(int(self.path.rpartition("/")[2]))
        self._send({})

    def do_GET(self) -> None:
        """What Plex would say."""
        time.sleep(self.latency)
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/identity":
            self._send({"machineIdentifier": MACHINE})
        elif parts.path == "/library/sections":
            section = {"key": "1", "title": "TV Shows", "type": "show", "contentChangedAt": self.library.clock}
            self._send({"Directory": [section]})
        elif parts.path == "/library/sections/1/all":
            self._page(self.library.select(query), query)
        elif parts.path == "/status/sessions/history/all":
            since = int(query.get("viewedAt>", 0))
            self._page([row for row in self.library.history if row["viewedAt"] >= since], query)
        else:
            self.send_error(404)

    def _page(self, items: list[dict[str, Any]], query: dict[str, str]) -> None:
        start, size = (int(query[f"X-Plex-Container-{word}"]) for word in ("Start", "Size"))
        self._send({"totalSize": len(items), "Metadata": items[start:start + size]})

    def _send(self, container: dict[str, Any]) -> None:
        body = json.dumps({"MediaContainer": container}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Quiet about clients that are killed."""

    def handle_error(self, *_: object) -> None:
        """Nothing."""


def serve(port: int, shows: int, episodes: int, latency: float) -> None:
    """The server's process."""
    Handler.library, Handler.latency = Library(shows, episodes), latency
    Server(("127.0.0.1", port), Handler).serve_forever()


def floor(url: str) -> dict[str, Any]:
    """The least: page through all episodes, parse, keep nothing. A connection each, as ours are."""
    started, cpu, start, total, asked = time.perf_counter(), time.process_time(), 0, 1, 0
    while start < total:
        query = {"type": 4, "X-Plex-Container-Start": start, "X-Plex-Container-Size": PAGE}
        container = requests.get(f"{url}/library/sections/1/all", params=query, timeout=30).json()["MediaContainer"]
        start, total, asked = start + len(container["Metadata"]), container["totalSize"], asked + 1
    return {
        "seconds": round(time.perf_counter() - started, 2), "cpu": round(time.process_time() - cpu, 2), "requests": asked,
    }


def measure(engine: str, *, shows: int, episodes: int, changed: int, latency_ms: float) -> dict[str, Any]:
    """The floor, a first run, one for what is older, an unchanged one and a changed one."""
    port = free_port()
    server = multiprocessing.Process(target=serve, args=(port, shows, episodes, latency_ms / 1000), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(url), "the Plex server answers")
        with ExitStack() as stack:
            database = stack.enter_context(postgres_url()) if engine == "postgres" else ""
            made = stack.enter_context(product(server=database))
            made.run("manage.py", "migrate", "--verbosity", "0")
            made.run("-c", _CONNECT, url, MACHINE, TOKEN, str(BEGAN + 950_000))
            found = {"floor": floor(url), "first": _run(made), "older": _run(made, older=True)}
            _run(made)  # settles what the first one saw in its last two minutes
            found["unchanged"] = _run(made)
            requests.post(f"{url}/change/{changed}", timeout=30)
            found["changed"] = _run(made)
    finally:
        server.terminate()
        server.join()
    return {
        "engine": engine, "shows": shows, "episodes": episodes, "changes": changed, "latency_ms": latency_ms, **found,
    }


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/identity", timeout=2).ok
    except requests.ConnectionError:
        return False


def _run(made: Product, *, older: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.run("-c", _RUN, json.dumps(older), json.dumps(COLUMNS)).stdout)
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--shows", type=int, default=300)
    parser.add_argument("--episodes", type=int, default=17_000)
    parser.add_argument("--changed", type=int, default=50, help="episodes retitled, and as many more watched")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="before each answer of the Plex server")
    given = parser.parse_args()
    print(json.dumps(measure(
        given.engine, shows=given.shows, episodes=given.episodes, changed=given.changed, latency_ms=given.latency_ms,
    )))


if __name__ == "__main__":
    sys.exit(main())

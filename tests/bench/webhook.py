"""How many scrobbles of known shows a second, and how that compares with the least that any Django view would do.

    python -m tests.bench.webhook [--engine sqlite|postgres] [--n 2000] [--concurrency 8]

Starts the whole product (`manage.py up`) in a temporary folder with 300 mapped shows of 60 episodes, sends events as
Plex does (multipart, a connection each), then measures the floor with the same web server, database and load. Prints
one JSON object: requests a second, milliseconds, MiB (the whole process tree of `up`), seconds. PostgreSQL is the
server of DATABASE_URL, or else a throw-away one whose fsync is off.
"""

import argparse
import json
import random
import time
from contextlib import ExitStack
from typing import Any

from tests import sender
from tests.postgres import postgres_url
from tests.product import Product, descendants, product, pss_mib, wait_for
from tests.seeds import SEASON

SHOWS, EPISODES = 300, 60
WARM_UP = 100  # events that are not counted
SEED = 1


def measure(engine: str, *, n: int, concurrency: int) -> dict[str, Any]:
    """One run of the product and one of the floor."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres_url()) if engine == "postgres" else ""
        fresh = _first_200(stack.enter_context(product(server=server)))
        made = stack.enter_context(product(server=server)).migrate().seed(shows=SHOWS, episodes=EPISODES)
        floor = stack.enter_context(product(like=made, server=server))
        found = _of_the_product(made, n, concurrency)
        least = _of_the_floor(floor, n, concurrency)
    return {
        "engine": engine, "n": n, "concurrency": concurrency, **found, "first_200_fresh_s": fresh,
        **{f"floor_{name}": value for name, value in least.items()}, "ratio": round(found["rps"] / least["rps"], 3),
    }


def _first_200(made: Product) -> float:
    """Seconds from `manage.py up` to the first page."""
    started = time.perf_counter()
    made.up()
    wait_for(lambda: made.get("/login").status == 200 or made.get("/setup").status in {200, 403}, "a page", step=0.02)
    seconds = time.perf_counter() - started
    made.stop()
    return round(seconds, 2)


def _of_the_product(made: Product, n: int, concurrency: int) -> dict[str, Any]:
    first = _first_200(made)
    queries = int(made.run("-m", "tests.bench.queries", made.seeded["secret"]).stdout)
    before = made.value("SELECT COUNT(*) FROM watches")
    made.up()
    found = _load(made, n, concurrency)
    assert made.process is not None
    found["pss_mib"] = round(pss_mib([made.process.pid, *descendants(made.process.pid)]), 1)
    made.stop()
    marked = made.value("SELECT COUNT(*) FROM watches") - before
    assert marked == n + WARM_UP, f"{n + WARM_UP} events marked {marked} episodes"
    return {**found, "first_200_s": first, "queries_per_event": queries}


def _of_the_floor(made: Product, n: int, concurrency: int) -> dict[str, Any]:
    key = "bigserial PRIMARY KEY" if made.url else "integer PRIMARY KEY"
    made.change(f"CREATE TABLE bench_floor (id {key}, payload text NOT NULL, status varchar(16) NOT NULL)")
    made.web(application="tests.bench.floor:application", DJANGO_SETTINGS_MODULE="tests.bench.floor_settings")
    found = _load(made, n, concurrency)
    made.stop()
    return found


def _load(made: Product, n: int, concurrency: int) -> dict[str, Any]:
    """Send `n` events, each of another episode, in a random order."""
    episodes = [(show, index // SEASON + 1, index % SEASON + 1) for show in range(1, SHOWS + 1) for index in range(50)]
    random.Random(SEED).shuffle(episodes)
    requests = [made.request(sender.scrobble(*episode)) for episode in episodes[: n + WARM_UP]]
    sender.Load(made.port, requests[:WARM_UP], concurrency=concurrency).run()
    load = sender.Load(made.port, requests[WARM_UP:], concurrency=concurrency)
    answers = load.run()
    wrong = [answer for answer in answers if answer.status != 200]
    assert not wrong, f"{len(wrong)} of {n} were not answered 200: {wrong[:3]}"
    times = sorted(answer.seconds * 1000 for answer in answers)
    return {
        "rps": round(n / load.seconds, 1), "p50": round(times[len(times) // 2], 1),
        "p99": round(times[min(int(len(times) * 0.99), len(times) - 1)], 1),
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--n", type=int, default=2000, help="events; at most 14000")
    parser.add_argument("--concurrency", type=int, default=8, help="requests under way at once")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.engine, n=min(arguments.n, 14_000), concurrency=arguments.concurrency)))


if __name__ == "__main__":
    main()

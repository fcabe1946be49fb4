"""How long each page takes in a household of years, and how many queries it asks.

    python -m tests.bench.pages [--requests 20] [--scale 1] [--only TEXT] [--engine sqlite|postgres]

Fills a database of its own with 2,000 shows, 100,000 episodes, 100,000 watches and 200,000 events, then asks for every
page through Django's test client and the product's own middleware. Prints a line for each: queries, median and worst
milliseconds, those in which the process itself was at work (which a busy machine changes least), KiB. The floor,
/healthz, is measured in the same run; `--json` prints one JSON object instead. PostgreSQL is the server of DATABASE_URL,
or else a throw-away one.
"""

import argparse
import json
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Any

import django

from tests.postgres import postgres_url
from tests.product import product

FLOOR = "/healthz"
# A name of the page, its route, and what it needs in its address: values of what was filled in, or a query.
_PAGES: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("home", "home", {}, ""),
    ("home's connection", "home-connection", {}, ""),
    ("statistics, a year", "statistics", {}, ""),
    ("statistics, 30 days", "statistics", {}, "?period=month"),
    ("statistics, all", "statistics", {}, "?period=all"),
    ("shows", "shows", {}, ""),
    ("shows, searched", "shows", {}, "?q=river"),
    ("shows, page 20", "shows", {}, "?page=20"),
    ("a show", "show", {"pk": "show"}, ""),
    ("add a show", "show-add", {}, ""),
    ("conflicts", "conflicts", {}, ""),
    ("a conflict", "conflict", {"pk": "conflict"}, ""),
    ("activity", "activity", {}, ""),
    ("activity, failed", "activity", {}, "?status=failed"),
    ("activity, of a show", "activity", {}, "?q=river"),
    ("activity, page 1000", "activity", {}, "?page=1000"),
    ("an event", "event", {"pk": "event"}, ""),
    ("mappings", "mappings", {}, ""),
    ("mappings, searched", "mappings", {}, "?q=river"),
    ("settings", "settings-plex", {}, ""),
    ("people", "people", {}, ""),
    ("profile", "profile", {}, ""),
    ("admin", "admin:index", {}, ""),
    ("admin, shows", "admin:tvshows_tvshow_changelist", {}, ""),
    ("admin, episodes", "admin:tvshows_episode_changelist", {}, ""),
    ("admin, watches", "admin:tvshows_watch_changelist", {}, ""),
    ("admin, conflicts", "admin:plex_integration_plexconflict_changelist", {}, ""),
    ("admin, mappings", "admin:plex_integration_plexshowmapping_changelist", {}, ""),
    ("admin, events", "admin:plex_integration_plexwebhooklog_changelist", {}, ""),
    ("admin, accounts", "admin:plex_integration_plexaccount_changelist", {}, ""),
)


def addresses(made: dict[str, Any]) -> dict[str, str]:
    """Every page that there is, by its name."""
    from django.urls import NoReverseMatch, reverse

    found = {"floor": FLOOR}
    for name, route, wanted, query in _PAGES:
        try:
            address = reverse(route, kwargs={key: made[value] for key, value in wanted.items()})
        except NoReverseMatch:
            continue  # this installation has no such page
        found[name] = address + query
    return found


def measure(user_id: int, address: str, *, requests: int) -> dict[str, Any]:
    """Ask for a page as a person who is signed in, while the worker seems to run."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from plex_integration import heartbeat

    heartbeat.beat(timezone.now())
    client, times, busy = Client(headers={"host": "localhost"}), [], []
    client.force_login(User.objects.get(pk=user_id))
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    queries = len(captured)  # the next request forgets them
    for _ in range(requests):
        began, worked = time.perf_counter(), time.process_time()
        answer = client.get(address)
        times.append((time.perf_counter() - began) * 1000)
        busy.append((time.process_time() - worked) * 1000)
    return {
        "status": answer.status_code, "queries": queries, "median_ms": round(statistics.median(times), 1),
        "worst_ms": round(max(times), 1), "cpu_ms": round(statistics.median(busy), 1), "kib": round(len(answer.content) / 1024, 1),
    }


def measure_all(made: dict[str, Any], *, requests: int, only: str) -> dict[str, Any]:
    """Every page whose name holds `only`, and the floor."""
    from plex_integration.models import PlexWebhookLog

    event = PlexWebhookLog.objects.filter(status="failed").values_list("pk", flat=True).first()
    pages = addresses(made | {"event": event})
    return {
        name: measure(made["user"], address, requests=requests)
        for name, address in pages.items() if only in name or name == "floor"
    }


def _inside(arguments: argparse.Namespace) -> dict[str, Any]:
    """In the process whose environment is the product's."""
    django.setup()
    from django.test.utils import setup_test_environment

    from tests.bench import household

    setup_test_environment()  # hosts and mail as in tests; DEBUG stays off
    began = time.perf_counter()
    made = household.fill(arguments.scale)
    filled = round(time.perf_counter() - began, 1)
    return {"filled_s": filled, "pages": measure_all(made, requests=arguments.requests, only=arguments.only)}


def _as_table(found: dict[str, Any]) -> str:
    lines = [f"{'page':28}{'status':>8}{'queries':>9}{'median':>9}{'worst':>9}{'CPU':>8}{'KiB':>8}"]
    lines += (
        f"{name:28}{row['status']:>8}{row['queries']:>9}{row['median_ms']:>9}{row['worst_ms']:>9}{row['cpu_ms']:>8}{row['kib']:>8}"
        for name, row in found["pages"].items()
    )
    return "\n".join([*lines, f"filled in {found['filled_s']} s"])


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=20, help="for each page")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 fills a tenth")
    parser.add_argument("--only", default="", help="the pages whose name holds this")
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(_inside(arguments)))
        return
    with ExitStack() as stack:
        server = stack.enter_context(postgres_url()) if arguments.engine == "postgres" else ""
        made = stack.enter_context(product(server=server))
        made.run("manage.py", "migrate", "--verbosity", "0")
        found = json.loads(made.run("-m", "tests.bench.pages", "--inside", *sys.argv[1:]).stdout.splitlines()[-1])
    print(json.dumps(found) if arguments.json else _as_table(found))


if __name__ == "__main__":
    main()

"""How many titles of a library are recognised, how many wrongly, and how fast.

    python -m tests.bench.matching --catalogue shows.jsonl.gz --titles titles.jsonl.gz [--aliases aliases.jsonl.gz]
        [--ambiguous ambiguous.jsonl.gz] [--size 300|full] [--year given|none] [--absent] [--limit N] [--misses]
    python -m tests.bench.matching --speed [--catalogue shows.jsonl.gz] [--shows 100000]

The product's own match() on a real database that is made for the run and removed after it: SQLite in a temporary
folder, or beside the one that DATABASE_URL names. Prints one JSON object. Its counts: `n` titles; `auto` were mapped
without asking, `wrong` of them to another show; of `top1` the right show was listed first, of `top5` at all.

--size 300 asks a tracker of 300 shows for each title: the true show, all with one of its normalised titles, and others
by a seeded choice. --absent takes the true show out: then every map is wrong. --limit keeps N titles of each group, by
a seeded choice. --misses tells on stderr which titles were not mapped, or wrongly. --speed: milliseconds of a lookup.
"""

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import django
from django.db import connection, transaction

SEED = 1
TRACKER = 300  # shows
SAME_OTHERS = 20  # titles whose trackers hold the same others
TITLES_A_SHOW = 1.5
LOOKUPS = 200  # of each kind
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A title as a library writes it, with the show that it is."""

    title: str
    year: int | None
    show_id: int
    group: str
    family: str
    plex_like: bool


def main() -> None:
    """Run what the command line asks for."""
    asked = _arguments()
    _configure()
    with _database():
        print(json.dumps(_speed(asked) if asked.speed else _accuracy(asked)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.matching")
    for name in ("catalogue", "titles", "aliases", "ambiguous"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--size", choices=["300", "full"], default="300")
    parser.add_argument("--year", choices=["given", "none"], default="given")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--shows", type=int, default=100_000)
    for name in ("absent", "misses", "speed"):
        parser.add_argument(f"--{name}", action="store_true")
    asked = parser.parse_args()
    if not asked.speed and not (asked.catalogue and (asked.titles or asked.ambiguous)):
        parser.error("--catalogue with --titles or --ambiguous, or --speed")
    return asked


def _configure() -> None:
    """The settings need these; nothing here signs or encrypts."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    os.environ.setdefault("SECRET_KEY", "bench" * 12)
    os.environ.setdefault("ENCRYPTION_KEY", "0" * 64)
    os.environ.setdefault("DATABASE_URL", "")


@contextmanager
def _database() -> Iterator[None]:
    """An empty database with the product's tables, as the tests have it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        django.setup()
        name = connection.settings_dict["NAME"]
        if connection.vendor == "postgresql":
            connection.settings_dict["TEST"]["NAME"] = f"bench_{os.getpid()}"
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


@contextmanager
def _undone() -> Iterator[None]:
    """What is written inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _read(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def _fill(shows: Iterable[dict[str, Any]], aliases: Iterable[dict[str, Any]] = ()) -> dict[int, str]:
    """Write the catalogue. Returns, of titles that one source alone gave, that source by the title's key."""
    from tvshows import catalogue
    from tvshows.models import ShowTitle, TVShow
    from tvshows.titles import normalise

    rows = [
        TVShow(pk=show["show_id"], title=show["title"], original_title=show.get("original_title", ""),
               show_start_date=_first_day(show))
        for show in shows
    ]
    with transaction.atomic():
        TVShow.objects.bulk_create(rows, batch_size=BATCH)
        catalogue.index_titles(rows)
        own = {(row.pk, title) for row in rows for title in (row.title, row.original_title)}
        families: dict[tuple[int, str], set[str]] = defaultdict(set)
        for alias in aliases:
            families[alias["show_id"], alias["title"][:255]].add(alias["family"])
        others = [
            ShowTitle(show_id=show_id, title=title, kind=ShowTitle.Kind.ALTERNATIVE, normalised=normalise(title).text)
            for show_id, title in families if (show_id, title) not in own
        ]
        made = ShowTitle.objects.bulk_create(others, batch_size=BATCH)
    # As the autovacuum does; until then PostgreSQL keeps new entries of the index in a list.
    _execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return {title.pk: min(sole) for title in made if len(sole := families[title.show_id, title.title]) == 1}


def _first_day(show: dict[str, Any]) -> date | None:
    """The first day where it is known, else one in the show's year."""
    year, day = show.get("year"), str(show.get("first_air_date", ""))
    if not year:
        return None
    return date.fromisoformat(day) if day.startswith(f"{year}-") and len(day) == 10 else date(year, 1, 1)


def _execute(sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _stock() -> None:
    """Put the whole catalogue aside, so that each tracker can take its shows from it."""
    for table in ("tvshow_titles", "tvshows"):
        _execute(f"CREATE TABLE stock_{table} AS SELECT * FROM {table}")
        _execute(f"DELETE FROM {table}")
    _execute("CREATE INDEX stock_shows_pk ON stock_tvshows (id)")
    _execute("CREATE INDEX stock_titles_show ON stock_tvshow_titles (show_id)")
    _execute("CREATE INDEX stock_titles_normalised ON stock_tvshow_titles (normalised)")


def _take(wanted: Iterable[int]) -> None:
    """Put shows of the stock into the tracker, unless they are there."""
    new = f"id IN ({', '.join(map(str, wanted))}) AND id NOT IN (SELECT id FROM tvshows)"
    _execute(f"CREATE TEMPORARY TABLE taken AS SELECT id FROM stock_tvshows WHERE {new}")
    _execute("INSERT INTO tvshows SELECT * FROM stock_tvshows WHERE id IN (SELECT id FROM taken)")
    _execute("INSERT INTO tvshow_titles SELECT * FROM stock_tvshow_titles WHERE show_id IN (SELECT id FROM taken)")
    _execute("DROP TABLE taken")


def _namesakes(row: Row) -> list[int]:
    """The true show and all with one of its normalised titles, or with the row's."""
    from tvshows.titles import normalise

    own = "(SELECT normalised FROM stock_tvshow_titles WHERE show_id = %s)"
    same = f"SELECT show_id FROM stock_tvshow_titles WHERE normalised = %s OR normalised IN {own}"
    return [row.show_id, *(found for (found,) in _execute(same, [normalise(row.title).text, row.show_id]))]


def _accuracy(asked: argparse.Namespace) -> dict[str, Any]:
    started = time.monotonic()
    shows = _read(asked.catalogue)
    sole = _fill(shows, _read(asked.aliases))
    rows = _rows(asked)
    if asked.size == "300":
        _stock()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    # A title's own source may not help with it: so the titles go source by source.
    for family, of_family in groupby(sorted(rows, key=lambda row: row.family), key=lambda row: row.family):
        with _undone():
            _forget_titles("stock_" if asked.size == "300" else "", [pk for pk, one in sole.items() if one == family])
            for row in _with_trackers(list(of_family), asked, [show["show_id"] for show in shows]):
                _count(counts, row, _ask(row, asked), misses=asked.misses)
    found = {name: {key: counts[name][key] for key in ("n", "auto", "wrong", "top1", "top5")} for name in sorted(counts)}
    return {
        "plex_like": found.pop("plex_like", {}), "groups": found, "engine": connection.vendor,
        "size": asked.size, "year": asked.year, "absent": asked.absent, "aliases": bool(asked.aliases),
        "limit": asked.limit, "shows": len(shows), "seconds": round(time.monotonic() - started, 1),
    }


def _rows(asked: argparse.Namespace) -> list[Row]:
    """The titles to be recognised; those of shows that share a title are a group of their own."""
    years = asked.year == "given"
    rows = [
        Row(row["plex_title"], (row["plex_year"] or row["catalog_year"]) if years else None, row["show_id"],
            row["group"], row["family"], row["plex_like"])
        for row in _read(asked.titles)
    ]
    rows += [
        Row(show["title"], show["year"] if years else None, show["show_id"], "ambiguous", "", plex_like=False)
        for group in _read(asked.ambiguous) for show in group["shows"]
    ]
    if asked.limit is None:
        return rows
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    return [row for all_of in groups.values()
            for row in random.Random(SEED).sample(all_of, min(asked.limit, len(all_of)))]


def _with_trackers(rows: Sequence[Row], asked: argparse.Namespace, everything: Sequence[int]) -> Iterator[Row]:
    """Each title, while its tracker holds the other shows; a few titles have those in common."""
    if asked.size == "full":
        yield from rows
        return
    for at in range(0, len(rows), SAME_OTHERS):
        with _undone():
            _take(random.Random(f"{SEED} {rows[at]}").sample(everything, TRACKER - 1))
            for row in rows[at : at + SAME_OTHERS]:
                with _undone():
                    _take(_namesakes(row))
                    yield row


def _forget_titles(prefix: str, title_ids: Sequence[int]) -> None:
    for at in range(0, len(title_ids), BATCH):
        wanted = ", ".join(map(str, title_ids[at : at + BATCH]))
        _execute(f"DELETE FROM {prefix}tvshow_titles WHERE id IN ({wanted})")


def _ask(row: Row, asked: argparse.Namespace) -> Any:
    """What the product makes of a title, described as it describes a library's show."""
    from tvshows.described import DescribedShow
    from tvshows.matching import match
    from tvshows.titles import normalise

    written = normalise(row.title)
    years = frozenset(year for year in (row.year, written.year) if year)
    with _undone():
        if asked.absent:
            _execute("DELETE FROM tvshow_titles WHERE show_id = %s", [row.show_id])
            _execute("DELETE FROM tvshows WHERE id = %s", [row.show_id])
        return match(DescribedShow(titles=(row.title,), years=years, country=written.country))


def _count(counts: dict[str, Counter[str]], row: Row, found: Any, *, misses: bool) -> None:
    listed = [candidate.show.pk for candidate in found.candidates]
    chosen = found.chosen.show.pk if found.chosen else None
    verdict = {
        "n": 1, "auto": chosen is not None, "wrong": chosen not in (None, row.show_id),
        "top1": listed[:1] == [row.show_id], "top5": row.show_id in listed,
    }
    for name in (row.group, "plex_like") if row.plex_like else (row.group,):
        counts[name].update({key: int(value) for key, value in verdict.items()})
    if misses and chosen != row.show_id:
        kind = next((name for name in ("wrong", "top1", "top5") if verdict[name]), "lost")
        best = [f"{candidate.show} {candidate.score}" for candidate in found.candidates[:3]]
        print(kind, row.group, row.title, row.year, row.show_id, best, sep="\t", file=sys.stderr)


def _speed(asked: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of match() for titles that the catalogue has, that are alike, and that it does not have."""
    from tvshows.described import DescribedShow
    from tvshows.matching import match

    dice = random.Random(SEED)
    shows, aliases = _varied(_read(asked.catalogue) or _made_up(dice), asked.shows, dice)
    _fill(shows, aliases)
    figures = {}
    for kind, change in (("same", str), ("alike", _misspelt), ("unknown", lambda title: _shuffled(title, dice))):
        spent = []
        for show in dice.sample(shows, LOOKUPS):
            wanted = DescribedShow(titles=(change(show["title"]),), years=frozenset({show["year"]}))
            started = time.perf_counter()
            match(wanted)
            spent.append((time.perf_counter() - started) * 1000)
        spent.sort()
        figures[kind] = {name: round(spent[at], 1) for name, at in (("p50", LOOKUPS // 2), ("p95", LOOKUPS * 95 // 100), ("max", -1))}
    return {"speed_ms": figures, "engine": connection.vendor, "shows": len(shows), "titles": len(shows) + len(aliases),
            "lookups": LOOKUPS * len(figures)}


def _varied(known: Sequence[dict[str, Any]], count: int, dice: random.Random) -> tuple[list[Any], list[Any]]:
    """So many shows, by exchanging words between the titles of known ones; and as many other titles as are usual."""
    words = [word for show in known for word in show["title"].split()]

    def another(title: str) -> str:
        parts = title.split()
        parts[dice.randrange(len(parts)) if len(parts) > 1 else len(parts) :][:1] = [dice.choice(words)]
        return " ".join(parts)[:255]

    shows = [{"show_id": number, "title": show["title"], "year": show["year"]} for number, show in enumerate(known[:count], 1)]
    while len(shows) < count:
        like = dice.choice(known)
        shows.append({"show_id": len(shows) + 1, "title": another(like["title"]), "year": dice.randint(1960, 2026)})
    aliases = [{"show_id": show["show_id"], "title": another(show["title"]), "family": ""}
               for show in dice.sample(shows, int(count * (TITLES_A_SHOW - 1)))]
    return shows, aliases


def _made_up(dice: random.Random) -> list[dict[str, Any]]:
    """Shows with titles of made-up words, the first ones of which are the most frequent."""
    syllables = [a + b + c for a in "bcdfglmnprstvw" for b in "aeiou" for c in ("", "n", "r", "st")]
    words = ["".join(dice.choices(syllables, k=dice.choice((1, 2, 2, 3)))) for _ in range(8_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    return [{"title": " ".join(dice.choices(words, weights, k=dice.choice((1, 2, 2, 3, 4)))).title(),
             "year": dice.randint(1960, 2026)} for _ in range(20_000)]


def _misspelt(title: str) -> str:
    middle = len(title) // 2
    return title[:middle] + title[middle + 1 :] if len(title) > 3 else f"{title} s"


def _shuffled(title: str, dice: random.Random) -> str:
    """Words of the same letters in another order: nothing is quite alike, much is a little."""
    return " ".join("".join(dice.sample(word, len(word))) for word in title.split())


if __name__ == "__main__":
    main()

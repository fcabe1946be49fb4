"""Shows that have a title like one that is named, by the index of trigrams that each engine has. Reads only.

PostgreSQL: the GIN index of pg_trgm on the normalised title. SQLite: a full-text index of the same trigrams, which
says how many titles have one, so that a search reads the rare ones: a title that is alike shares some of those too.
"""

from collections.abc import Iterable

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Length

from tvshows.models import ShowTitle
from tvshows.similarity import similarity

MOST_FOUND = 20
SHORTEST_CONTAINED = 4  # letters; a shorter title stands in too many others

# SQLite: how much of the index one search reads.
_MOST_TRIGRAMS = 60
_MOST_READ = 4000  # entries of the index
_MOST_COMPARED = 150  # titles, those that share the most trigrams
_MATCH = "SELECT rowid FROM tvshow_title_trigrams WHERE tvshow_title_trigrams MATCH %s"


def with_title_like(title: str, *, least: float) -> list[int]:
    """Ids of shows with a normalised title that is alike, closest first; `least` is the least similarity, 0 to 1."""
    if connection.vendor == "postgresql":
        return _like_on_postgresql(title, least)
    found = ((similarity(title, held) or 0.0, show_id) for show_id, held in _like_on_sqlite(title))
    closest = sorted((-alike, show_id) for alike, show_id in found if alike >= least)
    return [show_id for _, show_id in closest[:MOST_FOUND]]


def with_title_around(title: str, years: Iterable[int]) -> list[int]:
    """Ids of shows with a normalised title that begins or ends with this one and has more, shortest first.

    Of many, those that began in one of the years, or nobody knows when.
    """
    if len(title) < SHORTEST_CONTAINED:
        return []
    rows = ShowTitle.objects.filter(Q(normalised__startswith=f"{title} ") | Q(normalised__endswith=f" {title}"))
    if connection.vendor == "sqlite":
        trigrams = sorted(_trigrams(title))
        having = RawSQL(_MATCH, [" AND ".join(map(_quoted, trigrams))])  # noqa: S611 (no text from outside)
        rows = rows.filter(pk__in=having) if trigrams else rows.none()
    wanted = Q(show__show_start_date__isnull=True)
    for year in years:
        wanted |= Q(show__show_start_date__year=year)
    rows = rows.filter(wanted) if len(wanted) > 1 else rows
    return list(rows.order_by(Length("normalised"), "show").values_list("show", flat=True)[:MOST_FOUND])


def _like_on_postgresql(title: str, least: float) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', %s, false)", [str(least)])
    rows = ShowTitle.objects.filter(normalised__trigram_similar=title)
    closest = rows.annotate(similar=TrigramSimilarity("normalised", title)).order_by("-similar", "show")
    return list(closest.values_list("show", flat=True)[:MOST_FOUND])


def _like_on_sqlite(title: str) -> list[tuple[int, str]]:
    """Shows and titles that share the most of the rare trigrams."""
    rare = _rare(_trigrams(title))
    if not rare:
        return []
    sql = (
        f"SELECT show_id, normalised FROM ("  # noqa: S608 (no text from outside)
        f"SELECT rowid AS id FROM ({' UNION ALL '.join([_MATCH] * len(rare))}) "
        f"GROUP BY rowid ORDER BY COUNT(*) DESC LIMIT {_MOST_COMPARED}) JOIN tvshow_titles USING (id)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_quoted(trigram) for trigram in rare])
        return list(cursor.fetchall())


def _rare(trigrams: set[str]) -> list[str]:
    """The rarest that the index has, as many as one search may read and no fewer than two in five of all.

    A title whose similarity is at least 0.6 shares three in five, and so one of them.
    """
    asked = sorted(trigrams)[:_MOST_TRIGRAMS]
    sql = "SELECT doc, term FROM tvshow_title_trigram_counts WHERE term IN "
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ({', '.join(['%s'] * len(asked))})", asked)
        counted = sorted(cursor.fetchall())
    chosen: list[str] = []
    read = 0
    for titles, trigram in counted:
        if read + titles > _MOST_READ and len(chosen) * 5 > len(asked) * 2:
            break
        chosen.append(trigram)
        read += titles
    return chosen


def _trigrams(title: str) -> set[str]:
    """Runs of three characters of each word, with two blanks before it and one behind."""
    words = (f"  {word} " for word in title.split())
    return {word[at : at + 3] for word in words for at in range(len(word) - 2)}


def _quoted(trigram: str) -> str:
    doubled = trigram.replace('"', '""')
    return f'"{doubled}"'

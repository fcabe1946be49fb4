"""What SQLite needs to find similar titles, as PostgreSQL has its index of trigrams: the titles that have each trigram.

A full-text index without content of its own, kept by triggers, so that it follows titles written by SQL too. Words are
padded as pg_trgm pads them. SQLite forgets a table's triggers when Django makes the table anew: a migration that alters
tvshow_titles runs `create` again.
"""

from django.db import migrations

_PADDED = "'  ' || replace({row}.normalised, ' ', '   ') || ' '"
_ADD = f"INSERT INTO tvshow_title_trigrams (rowid, title) VALUES (new.id, {_PADDED.format(row='new')});"
_REMOVE = (
    "INSERT INTO tvshow_title_trigrams (tvshow_title_trigrams, rowid, title) "
    f"VALUES ('delete', old.id, {_PADDED.format(row='old')});"
)
CREATE = (
    "CREATE VIRTUAL TABLE tvshow_title_trigrams USING fts5("
    "title, content='', tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
    "CREATE VIRTUAL TABLE tvshow_title_trigram_counts USING fts5vocab(tvshow_title_trigrams, row)",
    "INSERT INTO tvshow_title_trigrams (rowid, title) "
    f"SELECT id, {_PADDED.format(row='tvshow_titles')} FROM tvshow_titles",
    f"CREATE TRIGGER tvshow_titles_added AFTER INSERT ON tvshow_titles BEGIN {_ADD} END",
    f"CREATE TRIGGER tvshow_titles_removed AFTER DELETE ON tvshow_titles BEGIN {_REMOVE} END",
    "CREATE TRIGGER tvshow_titles_changed AFTER UPDATE OF id, normalised ON tvshow_titles "
    f"BEGIN {_REMOVE} {_ADD} END",
)
DROP = (
    *(f"DROP TRIGGER IF EXISTS tvshow_titles_{done}" for done in ("added", "removed", "changed")),
    "DROP TABLE IF EXISTS tvshow_title_trigram_counts",
    "DROP TABLE IF EXISTS tvshow_title_trigrams",
)


def create(apps, editor):
    if editor.connection.vendor == "sqlite":
        for sql in (*DROP, *CREATE):
            editor.execute(sql)


def drop(apps, editor):
    if editor.connection.vendor == "sqlite":
        for sql in DROP:
            editor.execute(sql)


class Migration(migrations.Migration):
    dependencies = [("tvshows", "0003_services")]
    operations = [migrations.RunPython(create, drop)]

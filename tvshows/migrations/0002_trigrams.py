"""What PostgreSQL needs to find similar titles; SQLite gets SIMILARITY with each connection."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

INDEXES = {
    "idx_tvshows_title_trgm": "tvshows USING gin (title gin_trgm_ops)",
    "idx_tvshow_titles_trgm": "tvshow_titles USING gin (normalised gin_trgm_ops)",
}


def create(apps, editor):
    if editor.connection.vendor == "postgresql":
        for name, on in INDEXES.items():
            editor.execute(f"CREATE INDEX {name} ON {on}")


def drop(apps, editor):
    if editor.connection.vendor == "postgresql":
        for name in INDEXES:
            editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("tvshows", "0001_initial")]
    operations = [TrigramExtension(), migrations.RunPython(create, drop)]

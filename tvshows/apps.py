"""The app of shows and watches."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def add_similarity(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give SQLite the SIMILARITY function that PostgreSQL has from pg_trgm."""
    if connection.vendor == "sqlite":
        from tvshows.similarity import register

        register(connection.connection)


class TVShowsConfig(AppConfig):
    """Gives SQLite what PostgreSQL has, on each connection."""

    name = "tvshows"
    verbose_name = "Shows"

    def ready(self) -> None:
        """Register the similarity function and its lookup."""
        from django.contrib.postgres.lookups import TrigramSimilar
        from django.db.models import CharField

        CharField.register_lookup(TrigramSimilar)  # all of django.contrib.postgres that we need
        connection_created.connect(add_similarity, dispatch_uid="tvshows.similarity")

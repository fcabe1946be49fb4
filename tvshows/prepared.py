"""Querysets that are written as SQL once, for the few that run with every event.

Django takes 0.2 to 0.5 ms to turn a queryset into SQL, several times what the database takes to answer it. A prepared
one keeps the SQL and fills the values in; everything after that (rows, converters, related objects) is Django's own.
"""

from collections.abc import Callable
from copy import copy
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)


class Given(Expression):
    """A value of a prepared queryset that each run brings, as a field of this kind takes it."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        """A placeholder, and ourselves as what is to be put there."""
        del compiler, connection
        return "%s", [self]

    def bind(self, given: dict[str, Any], connection: Any) -> Any:
        """What the database takes in our place."""
        return self.output_field.get_db_prep_value(given[self.name], connection)


class Prepared(Generic[M]):
    """A queryset with Given values: `Prepared(lambda: Show.objects.filter(pk=Given("pk", Show._meta.pk)))(pk=1)`."""

    def __init__(self, build: Callable[[], QuerySet[M]]) -> None:
        self._build = build
        self._written: dict[str, tuple[QuerySet[M], SQLCompiler, str, tuple[Any, ...]]] = {}

    def __call__(self, **given: Any) -> list[M]:
        """Its rows with these values."""
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.vendor not in self._written:
            self._written[connection.vendor] = self._write(connection)
        queryset, written, sql, values = self._written[connection.vendor]
        bound = tuple(value.bind(given, connection) if isinstance(value, Given) else value for value in values)
        # Copies, because other threads run it too, each with its own connection and values.
        compiler, query = copy(written), copy(queryset.query)
        compiler.connection = connection
        compiler.as_sql = lambda *_, **__: (sql, bound)  # type: ignore[method-assign]
        query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return list(queryset.__class__(queryset.model, query, DEFAULT_DB_ALIAS))

    def _write(self, connection: Any) -> tuple[QuerySet[M], SQLCompiler, str, tuple[Any, ...]]:
        queryset = self._build()
        compiler = queryset.query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        return queryset, compiler, sql, tuple(values)

"""Querysets that are written as SQL once, for the few that run with every event.

Django takes 0.2 to 0.5 ms to turn a queryset into SQL, several times what the database takes to answer it. A prepared
one keeps the SQL and fills the values in; everything after that (rows, converters, related objects) is Django's own.
"""

import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

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


@dataclass(frozen=True, slots=True)
class _Written:
    """A queryset as SQL for one kind of database, its values, and what turns columns into Python's types."""

    compiler: SQLCompiler
    sql: str
    values: tuple[Any, ...]
    converters: dict[int, Any]


class Prepared(Generic[M]):
    """A queryset with Given values: `Prepared(lambda: Show.objects.filter(id=Given("id", AutoField())))(id=1)`."""

    def __init__(self, build: Callable[[], QuerySet[M]]) -> None:
        self._build = build
        self._written: dict[str, _Written] = {}

    def __call__(self, **given: Any) -> list[M]:
        """Its rows with these values."""
        connection = connections[DEFAULT_DB_ALIAS]
        written = self._written.get(connection.vendor) or self._write(connection)
        bound = tuple(value.bind(given, connection) if isinstance(value, Given) else value for value in written.values)
        # Copies, because other threads run it too, each with its own connection and values.
        compiler = copy(written.compiler)
        compiler.connection = connection
        compiler.as_sql = lambda *_, **__: (written.sql, bound)  # type: ignore[method-assign]
        compiler.get_converters = lambda _: written.converters  # type: ignore[method-assign,assignment]
        query = copy(compiler.query)
        query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return list(QuerySet(cast("type[M]", query.model), query, DEFAULT_DB_ALIAS))

    def _write(self, connection: Any) -> _Written:
        compiler = self._build().query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        # An empty text stands in the SQL itself, where the database can see that a partial index fits.
        placeholders = iter(["''" if value == "" else "%s" for value in values])
        sql = re.sub("%s", lambda _: next(placeholders), sql)
        columns = [column for column, *_ in compiler.select or ()][: compiler.col_count]
        converters = compiler.get_converters(columns)
        written = _Written(compiler, sql, tuple(value for value in values if value != ""), dict(converters))
        self._written[connection.vendor] = written
        return written

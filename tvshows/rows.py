"""Model instances from plain SQL, for the few queries that every event costs."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

M = TypeVar("M", bound=models.Model)


class _Plan(NamedTuple):
    """How a row of one query becomes an instance."""

    names: list[str]  # of the model's fields, in the order that `from_db` wants
    places: list[int]  # where their values stand in the row
    others: list[tuple[str, int]]  # columns that are no field of the model
    converters: list[tuple[int, Callable[[Any], Any]]]
    width: int


def read(model: type[M], sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[M]:
    """What `model.objects.raw(sql, values)` gives, without finding out anew each time which column is which field: a
    tenth of what an event took. Columns that are no field become attributes.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
        if not rows:
            return []
        # What a converter does may depend on the connection, so each has its own; kept in it, they go with it.
        plans: dict[tuple[type[models.Model], str], _Plan] = vars(connection).setdefault("plans_of_rows", {})
        plan = plans.get((model, sql))
        if plan is None or plan.width != len(rows[0]):  # somebody may add a column meanwhile
            plan = plans[model, sql] = _plan(model, [column[0] for column in cursor.description or ()], connection)
    return [_instance(model, plan, row) for row in rows]


def _plan(model: type[models.Model], columns: list[str], connection: BaseDatabaseWrapper) -> _Plan:
    at = {name: place for place, name in enumerate(columns)}
    fields = [field for field in model._meta.concrete_fields if field.column in at]
    places = [at[str(field.column)] for field in fields]
    converters = [
        (place, each) for field, place in zip(fields, places, strict=True) for each in _converters(field, connection)
    ]
    others = [(name, place) for name, place in at.items() if place not in places]
    return _Plan([field.attname for field in fields], places, others, converters, len(columns))


def _converters(field: "models.Field[Any, Any]", connection: BaseDatabaseWrapper) -> list[Callable[[Any], Any]]:
    """What turns the database's value into the field's."""
    column = field.get_col(field.model._meta.db_table)
    found = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
    return [partial(_convert, each, column, connection) for each in found]


def _convert(converter: Callable[..., Any], column: Any, connection: BaseDatabaseWrapper, value: Any) -> Any:
    return converter(value, column, connection)


def _instance(model: type[M], plan: _Plan, row: Sequence[Any]) -> M:
    values = list(row)
    for place, convert in plan.converters:
        values[place] = convert(values[place])
    made = model.from_db(DEFAULT_DB_ALIAS, plan.names, [values[place] for place in plan.places])
    for name, place in plan.others:
        setattr(made, name, values[place])
    return made


def insert(made: models.Model) -> None:
    """What `made.save(force_insert=True)` does, but for signals; nothing may be left to a default of the database."""
    connection = connections[DEFAULT_DB_ALIAS]
    returning = connection.features.can_return_columns_from_insert  # SQLite before 3.35 cannot
    fields, sql = _insert(type(made))
    values = [field.get_db_prep_save(field.pre_save(made, add=True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {made._meta.pk.column}" if returning else sql, values)
        made.pk = cursor.fetchone()[0] if returning else cursor.lastrowid
    made._state.adding, made._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insert(model: type[models.Model]) -> "tuple[list[models.Field[Any, Any]], str]":
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    columns, values = ", ".join(str(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    return fields, f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({values})"  # noqa: S608  (of the model alone)

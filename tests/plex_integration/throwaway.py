"""A database of its own for what must not happen to the tests' database, on the engine of the tests."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def throwaway_database() -> Iterator[dict[str, str]]:
    """Copy the tests' database as it stands; the environment of a process that uses the copy.

    Only for a test with real transactions. A copy, because to migrate an empty one takes longer than all that is
    done with it.
    """
    with tempfile.TemporaryDirectory(prefix="throwaway-") as folder:
        keys = {"SECRET_KEY": "x" * 50, "ENCRYPTION_KEY": "0" * 64}
        environment = os.environ | keys | {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "tracker.settings"}
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [f"{folder}/copy.sqlite3"])
            yield environment | {"DATABASE_URL": f"sqlite:///{folder}/copy.sqlite3"}
            return
        name = f"throwaway_{os.getpid()}"
        connection.close()  # PostgreSQL copies a database only while nobody is in it
        try:
            _maintain(f'CREATE DATABASE "{name}" TEMPLATE "{connection.settings_dict["NAME"]}"')
            yield environment | {"DATABASE_URL": _url(name)}
        finally:
            _maintain(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def open_postgres(environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """A plain connection to a throw-away PostgreSQL database; every statement is its own transaction."""
    names = {"USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    where = {theirs: str(connection.settings_dict[ours]) for ours, theirs in names.items()}
    where = {key: value for key, value in where.items() if value}
    name = environment["DATABASE_URL"].rpartition("/")[2]
    with psycopg.connect(dbname=name, autocommit=True, **where) as opened:
        yield opened


def _maintain(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


def _url(name: str) -> str:
    """The tests' URL with another name; a socket's folder stands in the path, as django-environ has it."""
    parts = {key: quote(str(connection.settings_dict[key]), safe="/") for key in ("USER", "PASSWORD", "HOST", "PORT")}
    socket = parts["HOST"].startswith("/")
    where = ":{PORT}/{HOST}" if socket else "{HOST}:{PORT}"
    return ("postgres://{USER}:{PASSWORD}@" + where + "/").format(**parts) + name

"""Counts what an event asks of the database.

`python -m tests.bench.queries SECRET` prints the number of queries for an event of a known show.
"""

import sys
from collections.abc import Iterable

import django

_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


def counted(statements: Iterable[str]) -> list[str]:
    """Without those that only begin and end transactions."""
    return [text for text in statements if not text.lstrip().upper().startswith(_NOT_COUNTED)]


def main(secret: str) -> None:
    """Send two events of one show through Django's own test client; the second one counts."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tests import sender

    for number in (18, 19):
        kind, body = sender.form(sender.scrobble(1, 3, number))
        with CaptureQueriesContext(connection) as captured:
            answer = Client().generic("POST", f"/api/plex/webhook?secret={secret}", body, content_type=kind)
        assert answer.status_code == 200, answer.content
    print(len(counted(query["sql"] for query in captured.captured_queries)))


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1])

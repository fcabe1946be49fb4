"""What the server and the database allow at best: a bare view with one INSERT and one UPDATE in a transaction.

Run by the product's own web server with the product's own settings of the database; DRF, middleware and everything else
that is ours is left out.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.floor_settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

TABLE = "CREATE TABLE bench_floor (id {serial} PRIMARY KEY, payload text NOT NULL, status varchar(16) NOT NULL)"


def webhook(request: HttpRequest) -> JsonResponse:
    """Store the body, then say that it is done, before answering."""
    from plex_integration.locks import writing

    body = request.read().decode()
    with writing(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_floor (payload, status) VALUES (%s, 'received') RETURNING id", [body])
        key = cursor.fetchone()[0]
        cursor.execute("UPDATE bench_floor SET status = 'success' WHERE id = %s", [key])
    return JsonResponse({"status": "success"})


urlpatterns = [path("api/plex/webhook", webhook)]
application = get_wsgi_application()

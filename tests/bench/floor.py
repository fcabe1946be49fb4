"""What the server and Django allow at best: a bare view with one INSERT and one UPDATE in a transaction.

Run by the product's own web server with the product's own settings of the database; DRF, middleware and everything else
that is ours is left out.
"""

from django.core.wsgi import get_wsgi_application
from django.db import models, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

application = get_wsgi_application()

from plex_integration.locks import writing  # noqa: E402  (needs the settings)


class Stored(models.Model):
    """A body, and whether it is done."""

    payload = models.TextField()
    status = models.CharField(max_length=16)

    class Meta:
        app_label = "bench"
        db_table = "bench_floor"
        managed = False

    def __str__(self) -> str:
        return self.status


def webhook(request: HttpRequest) -> JsonResponse:
    """Store the body, then say that it is done, before answering."""
    with writing(), transaction.atomic():
        stored = Stored.objects.create(payload=request.read().decode(), status="received")
        Stored.objects.filter(pk=stored.pk).update(status="success")
    return JsonResponse({"status": "success"})


urlpatterns = [path("api/plex/webhook", webhook)]

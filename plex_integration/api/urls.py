"""Routes under /api/plex/."""

from django.urls import path

from plex_integration.api.webhook import WebhookView

urlpatterns = [path("webhook", WebhookView.as_view(), name="plex-webhook")]

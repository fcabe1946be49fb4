"""Routes of the pages under /settings/."""

from django.urls import path

from plex_integration.views import settings

urlpatterns = [
    path("plex", settings.plex, name="settings-plex"),
    path("plex/connect", settings.connect, name="settings-plex-connect"),
    path("plex/sign-in", settings.sign_in, name="settings-plex-sign-in"),
    path("plex/options", settings.options, name="settings-plex-options"),
    path("plex/libraries", settings.libraries, name="settings-plex-libraries"),
    path("plex/webhook", settings.webhook, name="settings-plex-webhook"),
]

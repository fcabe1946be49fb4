"""Routes of the pages under /settings/."""

from django.urls import path

from plex_integration import views

urlpatterns = [
    path("plex", views.plex, name="settings-plex"),
    path("plex/connect", views.connect, name="settings-plex-connect"),
    path("plex/sign-in", views.sign_in, name="settings-plex-sign-in"),
    path("plex/options", views.options, name="settings-plex-options"),
    path("plex/libraries", views.libraries, name="settings-plex-libraries"),
    path("plex/webhook", views.webhook, name="settings-plex-webhook"),
]

"""Routes under /api/plex/."""

from django.urls import path

from plex_integration.api import accounts, conflicts, connection, events, libraries, mappings, shows, tokens
from plex_integration.api.webhook import WebhookView

urlpatterns = [
    path("webhook", WebhookView.as_view(), name="plex-webhook"),
    path("config", connection.ConfigView.as_view(), name="plex-config"),
    path("config/sign-in", connection.SignInView.as_view(), name="plex-sign-in"),
    path("config/sign-in/<str:signed>", connection.SignInStateView.as_view(), name="plex-sign-in-state"),
    path("config/webhook", connection.WebhookRegistrationView.as_view(), name="plex-register-webhook"),
    path("libraries", libraries.LibrariesView.as_view(), name="plex-libraries"),
    path("libraries/refresh", libraries.LibraryRefreshView.as_view(), name="plex-refresh-libraries"),
    path("libraries/<int:pk>", libraries.LibraryView.as_view(), name="plex-library"),
    path("accounts", accounts.AccountsView.as_view(), name="plex-accounts"),
    path("accounts/<int:pk>", accounts.AccountView.as_view(), name="plex-account"),
    path("accounts/<int:pk>/replay", accounts.AccountReplayView.as_view(), name="plex-replay-account"),
    path("mappings", mappings.MappingsView.as_view(), name="plex-mappings"),
    path("mappings/<int:pk>", mappings.MappingView.as_view(), name="plex-mapping"),
    path("mappings/<int:pk>/confirm", mappings.ConfirmView.as_view(), name="plex-confirm-mapping"),
    path("conflicts", conflicts.ConflictsView.as_view(), name="plex-conflicts"),
    path("conflicts/<int:pk>/resolve", conflicts.ResolveView.as_view(), name="plex-resolve-conflict"),
    path("logs", events.EventsView.as_view(), name="plex-logs"),
    path("logs/<int:pk>", events.EventView.as_view(), name="plex-log"),
    path("logs/<int:pk>/replay", events.ReplayView.as_view(), name="plex-replay-log"),
    path("shows", shows.ShowsView.as_view(), name="plex-shows"),
    path("token", tokens.TokenView.as_view(), name="plex-token"),
]

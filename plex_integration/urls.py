"""Routes of the pages under /settings/."""

from django.urls import path

from plex_integration.views import activity, conflicts, connection, mappings, settings, sync, webhook

urlpatterns = [
    path("plex", settings.plex, name="settings-plex"),
    path("plex/connect", connection.connect, name="settings-plex-connect"),
    path("plex/sign-in", connection.sign_in, name="settings-plex-sign-in"),
    path("plex/servers", connection.servers, name="settings-plex-servers"),
    path("plex/servers/found", connection.servers_found, name="settings-plex-servers-found"),
    path("plex/check", settings.check, name="settings-plex-check"),
    path("plex/first-event", settings.first_event, name="settings-plex-first-event"),
    path("plex/options", settings.options, name="settings-plex-options"),
    path("plex/libraries", settings.libraries, name="settings-plex-libraries"),
    path("plex/accounts", settings.accounts, name="settings-plex-accounts"),
    path("plex/disconnect", settings.disconnect, name="settings-plex-disconnect"),
    path("plex/switch-on", settings.switch_on, name="settings-plex-switch-on"),
    path("plex/webhook", webhook.register, name="settings-plex-webhook"),
    path("plex/webhook/secret", webhook.rotate, name="settings-plex-secret"),
    path("plex/webhook/old", webhook.end_old, name="settings-plex-end-old"),
    path("plex/sample", webhook.send_sample, name="settings-plex-sample"),
    path("plex/sample/state", webhook.sample_state, name="settings-plex-sample-state"),
    path("plex/conflicts", conflicts.conflicts, name="conflicts"),
    path("plex/conflicts/several", conflicts.several, name="conflicts-several"),
    path("plex/conflicts/<int:pk>", conflicts.conflict, name="conflict"),
    path("plex/conflicts/<int:pk>/take-back", conflicts.take_back, name="conflict-take-back"),
    path("plex/conflicts/<int:pk>/look-again", conflicts.look_again, name="conflict-look-again"),
    path("plex/mappings", mappings.mappings, name="mappings"),
    path("plex/mappings/several", mappings.several, name="mappings-several"),
    path("plex/mappings/<int:pk>", mappings.one, name="mapping"),
    path("plex/mappings/<int:pk>/sync", mappings.sync, name="mapping-sync"),
    path("plex/mappings/<int:pk>/remove", mappings.remove, name="mapping-remove"),
    path("plex/activity", activity.activity, name="activity"),
    path("plex/activity/run-failed-again", activity.run_failed_again, name="activity-run-failed-again"),
    path("plex/activity/<int:pk>", activity.event, name="event"),
    path("plex/activity/<int:pk>/replay", activity.replay, name="event-replay"),
    path("plex/sync", sync.sync, name="sync"),
    path("plex/sync/start", sync.start, name="sync-start"),
    path("plex/sync/cancel", sync.cancel, name="sync-cancel"),
]

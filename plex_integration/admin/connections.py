"""Connections to Plex in the admin: switches and the webhook's URL. Neither token nor secret is a field of the form."""

# ruff: noqa: ARG002, FBT001  (Django hands its hooks more than each needs)

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from plex_integration.config import create_config, webhook_url
from plex_integration.models import PlexConfig
from tvshows.columns import moment


@admin.register(PlexConfig)
class ConnectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A person's connection. Switching it off keeps all mappings."""

    list_display = [
        "user", "server", "enabled", "auto_mark_watched", "auto_add_shows", "has_token", "last_event",
    ]
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ["user"]
    search_fields = ["user__username", "plex_server_name"]
    fieldsets = [
        (None, {"fields": ["user", "url", "enabled", "auto_mark_watched", "auto_add_shows"]}),
        ("Plex server", {"fields": ["plex_server_name", "plex_server_url", "plex_server_uuid", "has_token"]}),
        ("Events", {"fields": ["last_event", "secret_since", "synced_from"]}),
    ]
    readonly_fields = [
        "user", "url", "plex_server_name", "plex_server_url", "plex_server_uuid", "has_token", "last_event",
        "secret_since", "synced_from",
    ]

    def has_delete_permission(self, request: HttpRequest, obj: PlexConfig | None = None) -> bool:
        """It is switched off, not deleted: its events and accounts would go with it."""
        del request, obj
        return False

    def get_fieldsets(self, request: HttpRequest, obj: PlexConfig | None = None) -> Any:
        """A new one only needs its person. The URL holds the secret: it is for those who may change the connection."""
        if obj is None:
            return [(None, {"fields": ["user"]})]
        if self.has_change_permission(request, obj):
            return self.fieldsets
        return [(name, {"fields": [f for f in options["fields"] if f != "url"]}) for name, options in self.fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: PlexConfig | None = None) -> Any:
        """Whose it is never changes."""
        return [] if obj is None else self.readonly_fields

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> PlexConfig | None:
        """With the URL as this request's host has it."""
        found = super().get_object(request, object_id, from_field)
        if found:
            found.shown_url = webhook_url(found, request)
        return found

    def save_model(self, request: HttpRequest, obj: PlexConfig, form: Any, change: bool) -> None:
        """A new one gets a fresh secret; of an old one only the switches are written."""
        if change:
            obj.save(update_fields=["enabled", "auto_mark_watched", "auto_add_shows"])
        else:
            obj.pk = create_config(user=form.cleaned_data["user"]).pk

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any,
    ) -> HttpResponse:
        """Without the buttons that make no sense where there is one connection a person."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="server", ordering="plex_server_name", empty_value="not known yet")
    def server(self, config: PlexConfig) -> str | None:
        """Its name in Plex."""
        return config.plex_server_name or config.plex_server_url or None

    @admin.display(description="Plex token saved")
    def has_token(self, config: PlexConfig) -> str:
        """Whether one is saved; it never leaves the server."""
        return "yes" if config.plex_token else "no"

    @admin.display(description="last event", ordering="last_webhook_received", empty_value="none yet")
    def last_event(self, config: PlexConfig) -> str | None:
        """When Plex was heard from last, to the minute."""
        return moment(config.last_webhook_received)

    @admin.display(description="webhook secret since")
    def secret_since(self, config: PlexConfig) -> str | None:
        """When the secret was made."""
        return moment(config.secret_rotated_at)

    @admin.display(description="in use since")
    def synced_from(self, config: PlexConfig) -> str | None:
        """From when on viewings are taken over."""
        return moment(config.sync_started_date)

    @admin.display(description="webhook URL")
    def url(self, config: PlexConfig) -> str:
        """The URL to enter in Plex, in a field that can be copied."""
        shown = getattr(config, "shown_url", "")
        if not shown:
            return "There is no secret yet. manage.py rotate_webhook_secret makes one."
        return format_html(
            '<span class="input-join input-join-long"><input class="input" id="webhook-url" value="{}" readonly '
            'aria-label="Webhook URL"><button class="btn" type="button" data-copies="webhook-url" '
            'data-tells="webhook-told">Copy</button></span> <span class="hint" id="webhook-told" role="status">'
            "Enter it in Plex under Settings, Webhooks. Who knows it can send events.</span>", shown,
        )

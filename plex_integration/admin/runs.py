"""Runs of the library sync in the admin: what each did. They are looked at and never changed."""

from django.contrib import admin
from django.http import HttpRequest

from plex_integration.models import SyncRun


@admin.register(SyncRun)
class SyncRunAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What was read, when, and what came of it."""

    list_display = ["started_at", "scope", "status", "added", "updated", "removed", "marked", "asked", "message"]
    list_filter = ["status", "scope"]
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A run is begun on its page or by a command."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: SyncRun | None = None) -> bool:
        """It says what happened."""
        del request, obj
        return False

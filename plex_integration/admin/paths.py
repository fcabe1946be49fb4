"""Path mappings in the admin: where the server's folders are on this machine."""

from django.contrib import admin

from plex_integration.models import PlexPathMapping


@admin.register(PlexPathMapping)
class PathMappingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A folder of the server and where it is here. The longest one wins."""

    list_display = ["plex_path", "local_path", "config"]
    list_select_related = ["config__user"]
    search_fields = ["plex_path", "local_path"]
    fields = ["config", "plex_path", "local_path"]
    show_facets = admin.ShowFacets.NEVER

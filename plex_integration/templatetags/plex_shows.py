"""What Plex has to do with a show, for the page of the show, which itself knows nothing of Plex."""

from typing import Any

from django import template
from django.template.context import Context

from plex_integration.models import PlexConfig, PlexShowMapping, PlexWebhookLog
from tvshows.models import TVShow

register = template.Library()

EVENTS = 10
MAPPINGS = 20  # more than a show has on all servers of a household


@register.inclusion_tag("plex_integration/_of_a_show.html", takes_context=True)
def plex_of_a_show(context: Context, show: TVShow) -> dict[str, Any]:
    """The mappings of a show, its latest events, and a button that syncs it; nothing for those who are not staff."""
    viewer = context["request"].user
    if not viewer.is_staff:
        return {"visible": False}
    mappings = PlexShowMapping.objects.filter(tvshow=show).order_by("-updated_at", "-pk")[:MAPPINGS]
    events = PlexWebhookLog.objects.filter(tvshow=show).select_related("account").defer("payload")[:EVENTS]
    connected = PlexConfig.objects.filter(user=viewer).exclude(plex_token="").exists()
    return {
        "visible": True, "show": show, "mappings": mappings, "events": events, "may_sync": connected,
        "csrf_token": context.get("csrf_token"),
    }

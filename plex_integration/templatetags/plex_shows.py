"""What Plex has to do with a show, for the page of the show, which itself knows nothing of Plex."""

from typing import Any

from django import template
from django.template.context import Context

from plex_integration.models import PlexShowMapping, PlexWebhookLog
from tvshows.models import TVShow

register = template.Library()

EVENTS = 10
MAPPINGS = 20  # more than a show has on all servers of a household


@register.inclusion_tag("plex_integration/_of_a_show.html", takes_context=True)
def plex_of_a_show(context: Context, show: TVShow) -> dict[str, Any]:
    """The mappings of a show and its latest events; nothing for those who are not staff."""
    if not context["request"].user.is_staff:
        return {"visible": False}
    mappings = PlexShowMapping.objects.filter(tvshow=show).order_by("-updated_at", "-pk")[:MAPPINGS]
    events = PlexWebhookLog.objects.filter(tvshow=show).select_related("account").defer("payload")[:EVENTS]
    return {"visible": True, "show": show, "mappings": mappings, "events": events}

"""Addresses of the admin, and what a page says."""

from django.contrib.messages import get_messages
from django.urls import reverse


def url(model, page, *args):
    app = "tvshows" if model in {"tvshow", "episode", "watch", "trackedshow", "viewer"} else "plex_integration"
    return reverse(f"admin:{app}_{model}_{page}", args=args)


def said(response) -> list[str]:
    """The messages that this request added; those of earlier ones may still wait to be read."""
    return [str(message) for message in get_messages(response.wsgi_request)._queued_messages]


def run(client, model, action, pks, **extra):
    """Run an action of a list on these rows."""
    return client.post(url(model, "changelist"), {"action": action, "_selected_action": list(pks), **extra})

"""What the pages about the webhook say of its address."""

from django import template

from plex_integration import guide

register = template.Library()


@register.filter
def loopback_warning(url: str) -> str:
    """What to know where only this machine reaches a URL; nothing where others do."""
    return guide.LOOPBACK if guide.is_loopback(url) else ""

"""Times as people say them."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone

register = template.Library()


@register.filter
def when(moment: datetime) -> str:
    """Today 20:52, Yesterday 22:10, Tue 21:40 within a week, then 17 Nov, and 17 Nov 2025 in other years."""
    local, today = timezone.localtime(moment), timezone.localdate()
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return f"Today {clock}"
    if local.date() == today - timedelta(days=1):
        return f"Yesterday {clock}"
    if today - timedelta(days=7) < local.date() < today:
        return f"{local:%a} {clock}"
    return f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b} {local.year}"

"""How the admin's lists show things: times as people read them, filters with names."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html


def moment(value: datetime | None) -> str | None:
    """20 Nov 2026 14:02, in the tracker's zone; nothing for nothing."""
    if value is None:
        return None
    local = timezone.localtime(value)
    words = f"{local.day} {local:%b %Y %H:%M}"
    return format_html('<time class="nowrap" datetime="{}">{}</time>', local.isoformat(), words)


def titled(title: str, base: type[admin.FieldListFilter] = admin.ChoicesFieldListFilter) -> type[admin.FieldListFilter]:
    """A filter of a field under a name for people."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        super(named, self).__init__(*args, **kwargs)
        self.title = title

    named: Any = type("Titled", (base,), {"__init__": __init__})
    return named  # type: ignore[no-any-return]

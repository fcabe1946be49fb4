"""What the pages of this admin share in answering: who asks, messages, confirmations."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse


def person(request: HttpRequest) -> User:
    """Who is signed in."""
    assert isinstance(request.user, User)  # noqa: S101  (the admin saw to it; this tells mypy)
    return request.user


def tell_problems(request: HttpRequest, problems: Iterable[str]) -> None:
    """A message for each thing that could not be done."""
    for problem in problems:
        messages.warning(request, problem)


def is_confirmed(request: HttpRequest) -> bool:
    """Whether this comes from the confirmation page."""
    return request.POST.get("confirmed") == "yes"


def confirmation(
    model_admin: Any, request: HttpRequest, rows: QuerySet[Any], *,
    title: str, explanation: str, lines: Sequence[tuple[str, str]], action: str, button: str, shown: Sequence[str] = (),
) -> TemplateResponse:
    """The page that lists what an action will do, row by row, before it is done; `shown` comes back with the answer."""
    context = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "title": title, "lines": lines,
        "explanation": explanation, "action": action, "button": button, "shown": shown, "pks": [row.pk for row in rows],
        "checkbox_name": helpers.ACTION_CHECKBOX_NAME, "back": request.get_full_path(), "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)

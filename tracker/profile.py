"""A person's own page: their API token."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plex_integration.api.tokens import make_token, revoke_token, token_of


@require_http_methods(["GET", "POST"])
@never_cache
def profile(request: HttpRequest) -> HttpResponse:
    """Whether there is a token, and the buttons that make and revoke one. A new one is shown in that answer alone."""
    assert isinstance(request.user, User)  # noqa: S101  (LoginRequiredMiddleware saw to it; this tells mypy)
    if request.method == "POST":
        return _revoke(request, request.user) if request.POST.get("do") == "revoke" else _make(request, request.user)
    return _page(request, request.user)


def _make(request: HttpRequest, user: User) -> HttpResponse:
    made = make_token(user)
    if made is None:
        messages.warning(request, "You have a token already. Revoke it first to make another.")
        return redirect("profile")
    return _page(request, user, shown=made.key)


def _revoke(request: HttpRequest, user: User) -> HttpResponse:
    if revoke_token(user):
        messages.success(request, "Your token is revoked. Whatever used it is refused from now on.")
    return redirect("profile")


def _page(request: HttpRequest, user: User, *, shown: str = "") -> HttpResponse:
    return render(request, "profile.html", {"token": token_of(user), "shown": shown})

"""A person's own page: their API token, their password, and what they chose about their list and their pages."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from plex_integration.api.tokens import make_token, revoke_token, token_of
from tracker import lockout
from tracker.forms import ChoicesForm, OwnPasswordForm
from tvshows.models import Viewer
from tvshows.visitors import person


@require_http_methods(["GET", "POST"])
@never_cache
def profile(request: HttpRequest) -> HttpResponse:
    """Whether there is a token, and what was chosen. A new token is shown in the answer that makes it alone."""
    if request.method == "POST":
        return _BUTTONS.get(request.POST.get("do", ""), _make)(request, person(request))
    return _page(request, person(request))


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


def _save(request: HttpRequest, user: User) -> HttpResponse:
    form = ChoicesForm(request.POST, instance=_choices(user), label_suffix="")
    if not form.is_valid():
        return _page(request, user, form=form)
    form.save()
    messages.success(request, "Saved.")
    return redirect("profile")


_BUTTONS: dict[str, Callable[[HttpRequest, User], HttpResponse]] = {"make": _make, "revoke": _revoke, "save": _save}


def _choices(user: User) -> Viewer:
    return Viewer.objects.filter(user=user).first() or Viewer(user=user)


def _page(request: HttpRequest, user: User, **more: Any) -> HttpResponse:
    context = {"token": token_of(user), "form": ChoicesForm(instance=_choices(user), label_suffix="")}
    return render(request, "profile.html", context | more)


class ChangePassword(PasswordChangeView):
    """A new password, for whoever knows the old one; wrong ones count as at signing in."""

    template_name = "password_change.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("profile")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Change it, unless too many were wrong."""
        if lockout.is_locked(request, person(request).username):
            minutes = lockout.LOCK_SECONDS // 60
            messages.error(request, f"Too many wrong passwords. Wait {minutes} minutes, then try again.")
            return redirect("password-change")
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Say that it worked."""
        messages.success(self.request, "Your password is changed. Elsewhere you are signed out.")
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Count a wrong password."""
        if "old_password" in form.errors:
            lockout.note_wrong_password(self.request, person(self.request).username)
        return super().form_invalid(form)

"""Home, health, signing in, and the first account."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tracker import health, lockout, report
from tracker import home as home_page
from tracker import setup as first_account
from tracker.forms import SetupForm, SignInForm
from tracker.home import connection as home_connection
from tvshows.visitors import person, staff_only

THEMES = {"light", "dark"}
THEME_SECONDS = 365 * 24 * 3600


@require_GET
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What waits for a person, what they would watch next, what was watched, how the connection is."""
    return render(request, "home.html", {"home": home_page.look(request, person(request), now=timezone.now())})


@require_GET
@never_cache
@staff_only
def connection(request: HttpRequest) -> HttpResponse:
    """The card of the connection alone, which refreshes itself."""
    found = home_connection.look_at(person(request), now=timezone.now())
    return render(request, "home/_connection.html", {"connection": found})


@require_GET
@never_cache
def statistics(request: HttpRequest) -> HttpResponse:
    """What was watched in numbers, and for staff how well the tracker works by itself."""
    asked = report.asked_for(request.GET)
    return render(request, "statistics.html", {"report": report.report(person(request), asked, now=timezone.now())})


@require_GET
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 when an event would be received and worked on, else 503 that names what is down. No secrets."""
    found = health.examine(timezone.now())
    answer: dict[str, Any] = {"status": "ok" if found.ok else "down", **found.parts}
    if not found.ok:
        answer["down"] = found.down
    return JsonResponse(answer, status=HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's choice in a cookie, so that the server writes it and nothing flashes."""
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    response = redirect(back if safe else "home")
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=THEME_SECONDS, samesite="Lax", secure=request.is_secure(), httponly=True,
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


class SignIn(LoginView):
    """Signing in, at /login and for the admin alike, with a lock against guessing."""

    template_name = "login.html"
    authentication_form = SignInForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; while nobody has an account, say how the first one is made."""
        return redirect("setup") if first_account.is_open() else super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the password, unless too many were wrong."""
        if lockout.is_locked(request, request.POST.get("username", "")):
            return self._refuse()
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Count the wrong password."""
        username = self.request.POST.get("username", "")
        lockout.note_wrong_password(self.request, username)
        return self._refuse() if lockout.is_locked(self.request, username) else super().form_invalid(form)

    def _refuse(self) -> HttpResponse:
        form = SignInForm(self.request)
        context = self.get_context_data(form=form, locked_minutes=lockout.LOCK_SECONDS // 60)
        response = self.render_to_response(context, status=HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(lockout.LOCK_SECONDS)
        return response


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@never_cache
@login_not_required
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first account, with the token that `manage.py up` printed. Closed for good once there is one."""
    token = request.POST.get("token", "") if request.method == "POST" else request.GET.get("token", "")
    if not first_account.is_open() or not first_account.is_valid(token):
        return _refuse_setup(request)
    form = SetupForm(request.POST or None, initial={"token": token})
    if request.method == "POST" and form.is_valid():
        user = form.save(commit=False)  # hashes the password: slow, so before the transaction
        try:
            first_account.create_first_account(token=token, user=user)
        except first_account.TokenSpentError:
            return _refuse_setup(request)
        login(request, user)
        messages.success(request, "Your account is made. Add the webhook below to Plex, and the tracker fills itself.")
        return redirect("home")
    return render(request, "setup.html", {"form": form})


def _refuse_setup(request: HttpRequest) -> HttpResponse:
    context = {"is_open": first_account.is_open()}
    return render(request, "setup_refused.html", context, status=HTTPStatus.FORBIDDEN)

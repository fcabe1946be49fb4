"""The pages of the people of this tracker, and the link by which one sets a password."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from plex_integration.words import counted
from tracker import people as domain
from tracker.forms import LinkForm, NewPasswordForm, PersonForm, RenameForm
from tvshows.visitors import person

PAGE_SIZE = 50
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def administrators_only(view: View[P]) -> View[P]:
    """People are changed by those who may do everything; staff with fewer rights look."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        looks = person(request)
        if not looks.is_staff or (request.method == "POST" and not looks.is_superuser):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked


@require_http_methods(["GET", "POST"])
@never_cache
@administrators_only
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, and adding somebody."""
    form = PersonForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        added = domain.add(username=form.cleaned_data["username"], runs_it=form.cleaned_data["runs_it"])
        messages.success(request, f"{added} is added. Give them the link below, so that they set a password.")
        return redirect("person", added.pk)
    listed = Paginator(domain.everybody(now=timezone.now()), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "people.html", {"page": listed, "form": form})


@require_http_methods(["GET", "POST"])
@never_cache
@administrators_only
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """A person: their name, and what else can be changed. POST gives another name."""
    form = RenameForm(request.POST or None, instance=_person(pk), label_suffix="")
    if request.method == "POST" and form.is_valid():
        before = _person(pk).username
        domain.rename(form.instance, form.cleaned_data["username"])
        messages.success(request, f"{before} is called {form.cleaned_data['username']} now.")
        return redirect("person", pk)
    return _page(request, pk, form=form)


def _person(pk: int) -> User:
    return get_object_or_404(User, pk=pk)


def _page(request: HttpRequest, pk: int, **more: Any) -> HttpResponse:
    who = get_object_or_404(domain.everybody(now=timezone.now()), pk=pk)
    shows_link = who.is_active and (more.pop("shows_link", False) or not who.has_usable_password())
    may_change = person(request).is_superuser
    context = {
        "who": who, "may_change": may_change, "form": RenameForm(instance=who, label_suffix=""),
        "link": request.build_absolute_uri(domain.password_link(who)) if shows_link and may_change else "",
        "link_days": settings.PASSWORD_RESET_TIMEOUT // (24 * 3600),
        "linking": LinkForm(who, label_suffix="") if domain.accounts_of_others(who).exists() else None,
    }
    return render(request, "person.html", context | more)


@require_POST
@never_cache
@administrators_only
def password_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a link by which this person sets another password. It is shown in this answer alone."""
    return _page(request, pk, shows_link=True)


@require_POST
@administrators_only
def role(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a person run the tracker, or no longer."""
    runs_it = request.POST.get("runs_it") == "on"
    done = "runs this tracker too now." if runs_it else "no longer runs this tracker."
    return _change(request, pk, lambda who: domain.let_run(who, runs_it=runs_it), done)


@require_POST
@administrators_only
def access(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a person in, or no longer."""
    is_active = request.POST.get("is_active") == "on"
    done = "may sign in again." if is_active else "can no longer sign in. Their list stays as it is."
    return _change(request, pk, lambda who: domain.let_in(who, is_active=is_active), done)


def _change(request: HttpRequest, pk: int, change: Callable[[User], None], done: str) -> HttpResponse:
    who = _person(pk)
    try:
        change(who)
    except domain.LastAdministrator as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"{who} {done}")
    is_me = who.pk == person(request).pk
    return redirect("home") if is_me else redirect("person", pk)


@require_POST
@administrators_only
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that a Plex account is this person's; what was set aside of it is run again where that is wished."""
    form = LinkForm(_person(pk), request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, pk, linking=form)
    account, now = form.cleaned_data["account"], timezone.now()
    again = domain.link(account, form.who, run_again=form.cleaned_data["run_again"], now=now)
    messages.success(request, f"What {account} watches counts for {form.who} from now on.")
    if again:
        messages.success(request, f"{counted(again, 'play')} of it, set aside before, will be run again.")
    return redirect("person", pk)


@require_POST
@administrators_only
def unlink(request: HttpRequest, pk: int, account: int) -> HttpResponse:
    """Say that a Plex account is nobody's."""
    found = get_object_or_404(_person(pk).plex_accounts, pk=account)
    domain.unlink(found)
    messages.success(request, f"What {found} watches is set aside from now on. What is ticked off stays.")
    return redirect("person", pk)


@require_http_methods(["GET", "POST"])
@never_cache
@administrators_only
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what goes with a person; POST deletes them."""
    who = _person(pk)
    if request.method == "GET":
        return render(request, "person_delete.html", {"who": who, "goes": domain.belongings(who)})
    try:
        domain.delete(who)
    except domain.LastAdministrator as problem:
        messages.error(request, str(problem))
        return redirect("person", pk)
    messages.success(request, f"{who} is deleted, with their list.")
    return redirect("people")


class SetPassword(PasswordResetConfirmView):
    """Where the link leads: a person sets their password and is signed in. Whoever is not let in has no link."""

    template_name = "password_set.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("home")
    post_reset_login = True

    def get_user(self, uidb64: str) -> User | None:
        """The person of the link, if they may sign in."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        """The form, or a refusal where the link does not work, or no longer."""
        status = HTTPStatus.OK if self.validlink else HTTPStatus.FORBIDDEN
        return super().render_to_response(context, status=status, **response_kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Say that it worked."""
        messages.success(self.request, "Your password is set. You are signed in.")
        return super().form_valid(form)

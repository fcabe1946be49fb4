"""Plex accounts in the admin: whose viewings theirs are."""

# ruff: noqa: ARG002, FBT001  (Django hands its hooks more than each needs)

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from plex_integration import accounts, repairs
from plex_integration.forms import AccountForm
from plex_integration.models import PlexAccount
from plex_integration.words import counted
from tvshows.columns import moment, titled


class LinkedFilter(admin.SimpleListFilter):
    """Linked to somebody or not."""

    title = "linked"
    parameter_name = "linked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Two."""
        return [("yes", "to somebody"), ("no", "to nobody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The accounts of that kind."""
        return queryset.filter(user__isnull=self.value() == "no") if self.value() in {"yes", "no"} else queryset


@admin.register(PlexAccount)
class AccountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Accounts appear with their first event; a person links them."""

    form = AccountForm
    list_display = ["name", "account_id", "linked_to", "linked_by", "since", "last"]
    list_filter = [LinkedFilter, ("linked_by", titled("linked by"))]
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ["user", "config__user"]
    search_fields = ["title", "user__username"]
    search_help_text = "The account's name in Plex, or the person's here."
    fields = ["title", "account_id", "config", "user", "run_again", "linked_by", "since", "last"]
    readonly_fields = ["title", "account_id", "config", "linked_by", "since", "last"]
    actions = ["run_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An account appears with its first event."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlexAccount | None = None) -> bool:
        """It would come back with its next event, and what a person chose would be forgotten."""
        return False

    @admin.display(description="account in Plex", ordering="title")
    def name(self, account: PlexAccount) -> str:
        """Its name, or its number where Plex sent none."""
        return str(account)

    @admin.display(description="viewings are of", ordering="user__username", empty_value="nobody")
    def linked_to(self, account: PlexAccount) -> str | None:
        """The person."""
        return account.user.get_username() if account.user else None

    @admin.display(description="first seen", ordering="first_seen")
    def since(self, account: PlexAccount) -> str | None:
        """When its first event came."""
        return moment(account.first_seen)

    @admin.display(description="last seen", ordering="last_seen")
    def last(self, account: PlexAccount) -> str | None:
        """When its last event came, to the hour."""
        return moment(account.last_seen)

    def save_model(self, request: HttpRequest, obj: PlexAccount, form: Any, change: bool) -> None:
        """A person's choice; with it, at their wish, what was set aside before."""
        accounts.link(obj, user_id=obj.user_id)
        if form.cleaned_data.get("run_again"):
            self._replay(request, [obj])

    @admin.action(description="Run again what was set aside", permissions=["change"])
    def run_again(self, request: HttpRequest, rows: QuerySet[PlexAccount]) -> None:
        """Of linked accounts: it would only be set aside again for the others."""
        self._replay(request, list(rows))

    def _replay(self, request: HttpRequest, chosen: list[PlexAccount]) -> None:
        for account in chosen:
            if account.user_id is None:
                messages.warning(request, f"{account} is linked to nobody. Link it first.")
                continue
            replayed = repairs.replay_many(repairs.set_aside_of(account), now=timezone.now())
            told = f"{counted(replayed.done, 'event')} of {account} will be run again." if replayed.done else (
                f"Nothing of {account} was set aside for want of a link.")
            messages.success(request, told)

"""Events in the admin: read-only, with running them again."""

# ruff: noqa: ARG002  (Django hands its hooks more than each needs)

import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html

from plex_integration import inbox, repairs
from plex_integration.admin.answers import tell_problems
from plex_integration.models import PlexWebhookLog
from plex_integration.words import ACTIONS, EVENTS, counted, words_for
from tvshows.columns import moment, titled

_CODE = re.compile(r"(?i)^s(\d{1,4})e(\d{1,5})$")


class ActionFilter(admin.SimpleListFilter):
    """What was done, in words."""

    title = "what was done"
    parameter_name = "action_taken"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All that may be done, without a look at the table."""
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events to which the chosen thing was done."""
        return queryset.filter(action_taken=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    """The kind of event, in words."""

    title = "event"
    parameter_name = "event_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All that Plex is known to send, without a look at the table."""
        return list(EVENTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The events of the chosen kind."""
        return queryset.filter(event_type=self.value()) if self.value() else queryset


@admin.register(PlexWebhookLog)
class EventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What Plex sent stays as it came. Whoever may change events may have them run again."""

    list_display = ["received", "show", "code", "account", "verdict", "done", "duration"]
    list_display_links = ["received", "show"]
    list_filter = [
        ("status", titled("verdict")), ("created_at", titled("received", admin.DateFieldListFilter)), "account",
        KindFilter, ActionFilter,
    ]
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ["account"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["plex_title", "plex_episode_title"]
    search_help_text = "A show, an episode's title, or a number such as S02E05."
    actions = ["run_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only Plex sends events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: PlexWebhookLog | None = None) -> bool:
        """An event stays as it came."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlexWebhookLog | None = None) -> bool:
        """Finished events are cleaned up by themselves; what waits is never deleted."""
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Whether this person may have events run again."""
        return request.user.has_perm("plex_integration.change_plexwebhooklog")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlexWebhookLog]:
        """Without the payloads, which are large."""
        return super().get_queryset(request).defer("payload")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PlexWebhookLog], search_term: str,
    ) -> tuple[QuerySet[PlexWebhookLog], bool]:
        """Words are titles; S02E05 is a number."""
        words = search_term.split()
        for season, number in (found.groups() for word in words if (found := _CODE.match(word))):
            queryset = queryset.filter(plex_season=int(season), plex_episode=int(number))
        titles = " ".join(word for word in words if not _CODE.match(word))
        return super().get_search_results(request, queryset, titles)

    @admin.display(description="received", ordering="created_at")
    def received(self, event: PlexWebhookLog) -> str | None:
        """When it came."""
        return moment(event.created_at)

    @admin.display(description="show", ordering="plex_title", empty_value="–")
    def show(self, event: PlexWebhookLog) -> str:
        """The show that it names, and the episode's title."""
        title = event.plex_title or event.event_type
        return format_html('{}<span class="sub">{}</span>', title, event.plex_episode_title)

    @admin.display(description="episode", ordering="plex_season", empty_value="–")
    def code(self, event: PlexWebhookLog) -> str | None:
        """S02E05."""
        return event.code or None

    @admin.display(description="verdict", ordering="status")
    def verdict(self, event: PlexWebhookLog) -> str:
        """The verdict as a badge."""
        words = words_for(event)
        return format_html('<span class="badge badge-{}">{}</span>', words.tone, words.text)

    @admin.display(description="what was done", ordering="action_taken", empty_value="–")
    def done(self, event: PlexWebhookLog) -> str | None:
        """What was done, in words."""
        return ACTIONS.get(event.action_taken, event.action_taken) or None

    @admin.display(description="took", ordering="processing_duration_ms", empty_value="–")
    def duration(self, event: PlexWebhookLog) -> str | None:
        """How long it took to work on."""
        return None if event.processing_duration_ms is None else f"{event.processing_duration_ms} ms"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The event's page, and its two buttons."""
        event = self.get_object(request, unquote(object_id))
        if event is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if not self.has_view_permission(request, event):
            raise PermissionDenied
        if request.method == "POST":
            return self._do(request, event)
        return self._page(request, event)

    def _do(self, request: HttpRequest, event: PlexWebhookLog) -> HttpResponse:
        do = _BUTTONS.get(request.POST.get("do", ""))
        if do is None or not self.has_replay_permission(request):
            raise PermissionDenied
        do(request, event)
        return HttpResponseRedirect(request.path)

    def _page(self, request: HttpRequest, event: PlexWebhookLog) -> HttpResponse:
        may_replay = self.has_replay_permission(request)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "original": event, "event": event,
            "title": str(event), "payload": repairs.shown_payload(event.payload), "done": self.done(event),
            "may_replay": may_replay and event.done_at is not None and event.event_type != "invalid",
            "missing": repairs.missing_episode(event) if may_replay and event.done_at else None,
            "taken": repairs.taken_number(event) if may_replay and event.done_at else None, "media": self.media,
        }
        return TemplateResponse(request, "admin/plex_integration/plexwebhooklog/event.html", context)

    @admin.action(description="Run again", permissions=["replay"])
    def run_again(self, request: HttpRequest, rows: QuerySet[PlexWebhookLog]) -> None:
        """From the start, each with the time at which it was received."""
        replayed = repairs.replay_many(rows.order_by("created_at", "pk"), now=timezone.now())
        if replayed.done:
            messages.success(request, f"{counted(replayed.done, 'event')} will be run again, each with its own time.")
        if replayed.left:
            could_not = f"{counted(replayed.left, 'event')} could not be run again"
            tell_problems(request, [f"{could_not}: unreadable, or still being worked on."])


def _run_again(request: HttpRequest, event: PlexWebhookLog) -> None:
    if inbox.replay(event, now=timezone.now()):
        messages.success(request, "It is run again, with the time at which it was received.")
    else:
        messages.warning(request, "It could not be run again: it is unreadable, or still being worked on.")


def _add_episode(request: HttpRequest, event: PlexWebhookLog) -> None:
    try:
        added = repairs.add_missing_episode(event, now=timezone.now())
    except ValidationError:
        messages.warning(request, f"{event.tvshow} has {event.code} by now. Run the event again.")
        return
    if added:
        messages.success(request, f"{event.tvshow} has {event.code} now, and the event is run again.")
    else:
        messages.warning(request, "There is nothing to add: look at the event again.")


def _mark_all_the_same(request: HttpRequest, event: PlexWebhookLog) -> None:
    if repairs.mark_all_the_same(event, now=timezone.now()):
        messages.success(request, f"{event.code} of {event.tvshow} is ticked off, with the time of the event.")
    else:
        messages.warning(request, "No episode has this number by now: look at the event again.")


_BUTTONS: dict[str, Callable[[HttpRequest, PlexWebhookLog], None]] = {
    "again": _run_again, "add": _add_episode, "same": _mark_all_the_same,
}

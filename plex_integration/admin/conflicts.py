"""Conflicts in the admin: the questions, a page for each, and answers to many."""

# ruff: noqa: ARG002  (Django hands its hooks more than each needs)

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from plex_integration import question_list, questions, resolution
from plex_integration.admin.answers import confirmation, is_confirmed, person, tell_problems
from plex_integration.exceptions import Unresolvable
from plex_integration.forms import AnswerForm, picked_pairs
from plex_integration.models import PlexConflict
from plex_integration.words import counted, score_words, told
from tvshows.columns import moment, titled

LIST = "admin:plex_integration_plexconflict_changelist"


@admin.register(PlexConflict)
class ConflictAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Questions are opened and closed by the domain, so none is added, edited or deleted by hand."""

    list_display = ["show", "year", "why", "best", "waiting", "since", "settled"]
    list_display_links = ["show"]
    list_filter = [
        ("resolved", titled("settled", admin.BooleanFieldListFilter)), ("conflict_type", titled("why it is asked")),
    ]
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["plex_title", "plex_guid", "resolved_tvshow__title"]
    search_help_text = "The title in Plex, its GUID, or the show that it turned out to be."
    list_per_page = 50
    list_select_related = ["resolved_tvshow", "resolved_by"]
    actions = ["take_best", "ignore_shows", "look_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only an event asks."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlexConflict | None = None) -> bool:
        """A question is answered, not deleted: events wait for it."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlexConflict]:
        """With the number of events that wait."""
        return questions.listed().order_by("resolved", "-created_at", "-pk")

    @admin.display(description="show in Plex", ordering="plex_title")
    def show(self, conflict: PlexConflict) -> str:
        """Its title."""
        return conflict.plex_title or "A show without a title"

    @admin.display(description="year", ordering="plex_year", empty_value="not sent")
    def year(self, conflict: PlexConflict) -> int | None:
        """Its first year, where Plex says it."""
        return conflict.plex_year

    @admin.display(description="why it is asked", ordering="conflict_type")
    def why(self, conflict: PlexConflict) -> str:
        """The kind, in words."""
        return conflict.get_conflict_type_display()

    @admin.display(description="best candidate", empty_value="none")
    def best(self, conflict: PlexConflict) -> str | None:
        """The first candidate and its score."""
        best = questions.best_of(conflict)
        return f"{best.name}: {best.score} of 100, {score_words(best.score)}" if best else None

    @admin.display(description="events waiting", ordering="waiting_events")
    def waiting(self, conflict: PlexConflict) -> int:
        """How many events wait."""
        return int(getattr(conflict, "waiting_events", 0))

    @admin.display(description="since", ordering="created_at")
    def since(self, conflict: PlexConflict) -> str | None:
        """When it was first asked."""
        return moment(conflict.created_at)

    @admin.display(description="settled", ordering="resolved")
    def settled(self, conflict: PlexConflict) -> str:
        """Open, or what it turned out to be."""
        if not conflict.resolved:
            return format_html('<span class="badge badge-warn">{}</span>', "Waits for you")
        return str(conflict.resolved_tvshow or conflict.get_resolution_action_display())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The question's page. Not within the admin's own transaction: the events that follow each have theirs."""
        conflict = self.get_object(request, unquote(object_id))
        if conflict is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if not self.has_view_or_change_permission(request, conflict):
            raise PermissionDenied
        if request.method == "POST":
            return self._answer(request, conflict)
        return self._page(request, conflict, AnswerForm.prefilled(conflict))

    def _answer(self, request: HttpRequest, conflict: PlexConflict) -> HttpResponse:
        if not self.has_change_permission(request, conflict):
            raise PermissionDenied
        form = AnswerForm.prefilled(conflict, data=request.POST)
        if not form.is_valid():
            return self._page(request, conflict, form)
        try:
            resolved = form.answer(conflict.pk, user_id=person(request).pk, now=timezone.now())
        except Unresolvable as problem:
            messages.error(request, str(problem))
            return HttpResponseRedirect(request.get_full_path())
        if resolved is None:
            return self._page(request, conflict, form)
        self.log_change(request, resolved.conflict, resolved.conflict.get_resolution_action_display())
        for line in [questions.answer_in_words(resolved.conflict), *told(resolved)]:
            messages.success(request, line)
        _offer_next(request)
        return HttpResponseRedirect(reverse(LIST))

    def _page(self, request: HttpRequest, conflict: PlexConflict, form: AnswerForm) -> HttpResponse:
        sheet = questions.sheet(conflict, user_id=person(request).pk, sought=request.GET.get("q", ""))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "original": conflict, "title": str(conflict),
            "sheet": sheet, "question": sheet.question, "form": form, "picked": form.picked or sheet.preselected,
            "may_answer": self.has_change_permission(request, conflict) and not conflict.resolved, "media": self.media,
        }
        return TemplateResponse(request, "admin/plex_integration/plexconflict/question.html", context)

    @admin.action(description="Take the best candidate…", permissions=["change"])
    def take_best(self, request: HttpRequest, rows: QuerySet[PlexConflict]) -> HttpResponse | None:
        """What a person confirms is theirs, so it counts like a choice."""
        rows = rows.filter(resolved=False)
        if not is_confirmed(request):
            lines = [(str(row), questions.best_in_words(row)) for row in rows]
            shown = [f"{row.pk}:{best.tvshow_id}" for row in rows if (best := questions.best_of(row))]
            return confirmation(
                self, request, rows, title="Take the best candidate of each?", lines=lines, action="take_best",
                explanation="Every waiting event is then worked on, with the time of its viewing.",
                button="Take these shows", shown=shown,
            )
        confirmed = picked_pairs(request.POST.getlist("shown"))
        picked = {pk: confirmed.get(pk) for pk in rows.values_list("pk", flat=True)}
        done, problems = resolution.select_best_many(picked, user_id=person(request).pk, now=timezone.now())
        return self._told(request, f"{counted(done, 'question')} settled.", done, problems)

    @admin.action(description="Ignore these shows…", permissions=["change"])
    def ignore_shows(self, request: HttpRequest, rows: QuerySet[PlexConflict]) -> HttpResponse | None:
        """Remembered until a person undoes it on the mapping."""
        rows = rows.filter(resolved=False)
        if not is_confirmed(request):
            lines = [(str(row), f"{counted(self.waiting(row), 'waiting event')} set aside") for row in rows]
            return confirmation(
                self, request, rows, title="Ignore these shows?", lines=lines, action="ignore_shows",
                explanation="Their plays are not tracked from now on. You can undo it on the mapping.",
                button="Ignore these shows",
            )
        pks = list(rows.values_list("pk", flat=True))
        done, problems = resolution.ignore_many(pks, user_id=person(request).pk, now=timezone.now())
        return self._told(request, f"{counted(done, 'show')} ignored.", done, problems)

    @admin.action(description="Look again", permissions=["change"])
    def look_again(self, request: HttpRequest, rows: QuerySet[PlexConflict]) -> None:
        """A show or a mapping that was added since may settle it."""
        pks = list(rows.filter(resolved=False).values_list("pk", flat=True))
        done = resolution.reevaluate_many(pks, now=timezone.now())
        left = len(pks) - done
        messages.success(request, f"Looked again: {counted(done, 'question')} settled, {left} still to decide.")

    def _told(self, request: HttpRequest, line: str, done: int, problems: list[str]) -> HttpResponse | None:
        if done:
            messages.success(request, line)
        elif not problems:
            messages.warning(request, "None of these is open any more. Nothing was changed.")
        tell_problems(request, problems)
        return None


def _offer_next(request: HttpRequest) -> None:
    following = question_list.following()
    if following:
        url = reverse("admin:plex_integration_plexconflict_change", args=[following.pk])
        messages.info(request, format_html('Next: <a href="{}">which show is “{}”?</a>', url, following))

"""Mappings in the admin: which show a Plex show is, and changing that."""

# ruff: noqa: ARG002, FBT001  (Django hands its hooks more than each needs)

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html

from plex_integration import mapping, mapping_list, questions, resolution, retraction
from plex_integration.admin.answers import person
from plex_integration.exceptions import Unresolvable
from plex_integration.forms import ChooseForm, MappingForm
from plex_integration.mapping_list import STATES, moved_in_words, state_of
from plex_integration.models import PlexShowMapping
from plex_integration.words import counted, told
from tvshows.columns import moment, titled


class StateFilter(admin.SimpleListFilter):
    """Mapped, with marking off, waiting for a decision, or set aside."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states."""
        return [(name, words) for name, (words, _) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows in the chosen state."""
        if self.value() not in STATES:
            return queryset
        mapped, on = self.value() in {"mapped", "off"}, self.value() in {"mapped", "waiting"}
        return queryset.filter(tvshow__isnull=not mapped, sync_enabled=on)


@admin.register(PlexShowMapping)
class MappingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A mapping's show is changed on a page that first says what moves."""

    form = MappingForm
    list_display = ["plex_show", "tvshow", "state", "found_by", "confidence", "confirmed", "changed"]
    list_display_links = ["plex_show"]
    list_filter = [
        StateFilter, ("match_method", titled("found by")),
        ("manually_confirmed", titled("confirmed by a person", admin.BooleanFieldListFilter)),
    ]
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ["tvshow"]
    list_per_page = 50
    search_fields = ["plex_title", "tvshow__title", "plex_guid", "plex_rating_key", "imdb_id"]
    search_help_text = "A title in Plex or here, a GUID or a rating key."
    autocomplete_fields = ["tvshow"]
    actions = ["switch_on", "switch_off"]

    @admin.display(description="show in Plex", ordering="plex_title")
    def plex_show(self, row: PlexShowMapping) -> str:
        """Title and year as Plex has them."""
        return str(row) or row.plex_guid or f"number {row.plex_rating_key}"

    @admin.display(description="state", ordering="sync_enabled")
    def state(self, row: PlexShowMapping) -> str:
        """The state as a badge."""
        words, tone = STATES[state_of(row)]
        return format_html('<span class="badge {}">{}</span>', tone, words.capitalize())

    @admin.display(description="confidence", ordering="match_confidence", empty_value="–")
    def confidence(self, row: PlexShowMapping) -> str | None:
        """Of 100."""
        return None if row.match_confidence is None else f"{round(row.match_confidence * 100)} of 100"

    @admin.display(description="found by", ordering="match_method", empty_value="–")
    def found_by(self, row: PlexShowMapping) -> str | None:
        """What the match rests on."""
        return row.get_match_method_display() if row.match_method else None

    @admin.display(description="confirmed", ordering="manually_confirmed")
    def confirmed(self, row: PlexShowMapping) -> str:
        """Whether a person said so."""
        return "by a person" if row.manually_confirmed else "no"

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, row: PlexShowMapping) -> str | None:
        """When it was written last."""
        return moment(row.updated_at)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Most people have one server: the one that was heard from last."""
        last = PlexShowMapping.objects.exclude(plex_server_uuid="").order_by("-updated_at").first()
        server = last.plex_server_uuid if last else ""
        return {"plex_server_uuid": server, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: PlexShowMapping, form: Any, change: bool) -> None:
        """Only adding comes here: the domain takes up a row that waits, and open questions settle by it."""
        now = timezone.now()
        written = mapping.add_by_hand(form.plex_show, tvshow_id=form.cleaned_data["tvshow"].pk, now=now)
        obj.pk = written.pk
        transaction.on_commit(lambda: _tell_settled(request, resolution.reevaluate_stale(now=timezone.now())))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The mapping's page. Not within the admin's own transaction: the events that follow each have theirs."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        if request.method == "POST":
            return self._change(request, row)
        if "to" in request.GET:
            return self._confirm(request, row, ChooseForm({"tvshow": request.GET["to"]}))
        return self._page(request, row)

    def _change(self, request: HttpRequest, row: PlexShowMapping) -> HttpResponse:
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        if request.POST.get("do") in {"on", "off"}:
            self._switch(request, PlexShowMapping.objects.filter(pk=row.pk), on=request.POST["do"] == "on")
            return HttpResponseRedirect(request.path)
        form = ChooseForm(request.POST)
        if not form.is_valid():
            return self._refused(request, form)
        try:
            resolved, move = resolution.map_by_hand(
                row.pk, tvshow_id=form.show.pk, user_id=person(request).pk, now=timezone.now(),
            )
        except Unresolvable as problem:
            messages.error(request, str(problem))
            return HttpResponseRedirect(request.path)
        self.log_change(request, row, f"Changed the show to {form.show}.")
        messages.success(request, f"{row} in Plex is now {form.show}.")
        for line in (told(resolved) if resolved else moved_in_words(move, form.show)):
            messages.success(request, line)
        return HttpResponseRedirect(request.path)

    def _confirm(self, request: HttpRequest, row: PlexShowMapping, form: ChooseForm) -> HttpResponse:
        """What changing the show would do, before it is done."""
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        if not form.is_valid():
            return self._refused(request, form)
        entry = mapping_list.entries([row])[0]
        context = {
            "row": row, "title": f"Change {row} to {form.show}?", "new": form.show, "original": row,
            "move": mapping.plan_change(row.pk, tvshow_id=form.show.pk),
            "waiting": mapping_list.waiting_events(entry),
        }
        return self._render(request, "confirm_change", context)

    def _refused(self, request: HttpRequest, form: ChooseForm) -> HttpResponse:
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return HttpResponseRedirect(request.path)

    def _page(self, request: HttpRequest, row: PlexShowMapping) -> HttpResponse:
        sought = request.GET.get("q", "")
        context = {
            "row": row, "title": str(row), "original": row, "entry": mapping_list.entries([row])[0], "q": sought,
            "found": questions.shows_named(sought).exclude(plex_mappings=row.pk)[: questions.FOUND],
            "may_change": self.has_change_permission(request, row),
            "may_delete": self.has_delete_permission(request, row),
        }
        return self._render(request, "mapping", context)

    def _render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **context}
        return TemplateResponse(request, f"admin/plex_integration/plexshowmapping/{name}.html", context)

    @admin.action(description="Switch marking on", permissions=["change"])
    def switch_on(self, request: HttpRequest, rows: QuerySet[PlexShowMapping]) -> None:
        """Of shows that were set aside too, which are then asked about again."""
        self._switch(request, rows, on=True)

    @admin.action(description="Switch marking off", permissions=["change"])
    def switch_off(self, request: HttpRequest, rows: QuerySet[PlexShowMapping]) -> None:
        """A show that waits for a decision is ignored by that."""
        self._switch(request, rows, on=False)

    def _switch(self, request: HttpRequest, rows: QuerySet[PlexShowMapping], *, on: bool) -> None:
        pks, unmapped = list(rows.values_list("pk", flat=True)), rows.filter(tvshow__isnull=True).count()
        now = timezone.now()
        switched = retraction.switch_on(pks, now=now) if on else resolution.switch_sync(pks, enabled=False, now=now)
        for row in PlexShowMapping.objects.filter(pk__in=pks):
            self.log_change(request, row, f"Switched marking {'on' if on else 'off'}.")
        messages.success(request, f"Marking is {'on' if on else 'off'} for {counted(switched, 'Plex show')}.")
        if unmapped:
            after = "waits for you, or asks at its next play" if on else "is set aside; its plays are not tracked"
            messages.info(request, f"What has no show here yet {after}.")


def _tell_settled(request: HttpRequest, settled: int) -> None:
    if settled:
        messages.success(request, f"{counted(settled, 'open question')} settled by it.")

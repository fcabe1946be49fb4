"""What Plex sent: the list, one event, and running events again. Each view makes one call into the domain."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from plex_integration import activity as events
from plex_integration import activity_counts, event_details, inbox, repairs
from plex_integration.models import PlexWebhookLog
from plex_integration.views.rights import may, needs
from plex_integration.words import ACTIONS, counted
from tvshows.visitors import person

RIGHT = "change_plexwebhooklog"
_TABLE, _DIALOG = "activity-table", "event-dialog"  # what htmx asks to swap


@require_GET
@never_cache
def activity(request: HttpRequest) -> HttpResponse:
    """The events that this person may see. htmx asks for the table alone, and for nothing where nothing changed."""
    now = timezone.now()
    found = events.look(person(request), events.read_filters(request.GET.dict()), now=now)
    if request.headers.get("HX-Target") == _TABLE:
        is_same = request.GET.get("version") == found.version
        return HttpResponse(status=204) if is_same else _list(request, found, "plex_integration/_activity_table.html")
    is_first = person(request).is_staff and found.filters == events.Filters()
    return _list(request, found, "plex_integration/activity.html", {
        "counts": activity_counts.count_days(now=now) if is_first else None,
        "failed": may(request, RIGHT) and events.any_failed(),
        "actions": ACTIONS, "periods": events.PERIODS,
    })


def _list(
    request: HttpRequest, found: events.Activity, template: str, more: dict[str, object] | None = None,
) -> HttpResponse:
    return render(request, template, {"activity": found, "filters": found.filters, **(more or {})})


@require_GET
@never_cache
def event(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: a page, or for htmx what goes into the dialog."""
    return _details(request, pk)


def _details(request: HttpRequest, pk: int, told: tuple[int, str] | None = None) -> HttpResponse:
    rows = events.visible_to(person(request)).select_related("account__user", "conflict", "tvshow")
    found = event_details.details(get_object_or_404(rows, pk=pk), person(request))
    in_dialog = request.headers.get("HX-Target") == _DIALOG or "dialog" in request.GET
    template = "plex_integration/_event_dialog.html" if in_dialog else "plex_integration/event.html"
    tag = messages.DEFAULT_TAGS[told[0]] if told else ""
    context = {"found": found, "event": found.event, "told": told and told[1], "tag": tag, "dialog": in_dialog}
    return render(request, template, context)


@require_POST
@needs(RIGHT)
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Run an event again; before that, where a person says so, add the episode that was missing or count it anyway."""
    log = get_object_or_404(PlexWebhookLog.objects.select_related("tvshow", "config", "account"), pk=pk)
    told = _BUTTONS.get(request.POST.get("do", ""), _run_again)(log)
    if request.headers.get("HX-Target") == _DIALOG:
        return _details(request, pk, told)
    messages.add_message(request, *told)
    return redirect("event", pk)


def _run_again(log: PlexWebhookLog) -> tuple[int, str]:
    if inbox.replay(log, now=timezone.now()):
        return messages.SUCCESS, "It is run again, with the time at which it was received."
    return messages.WARNING, "It could not be run again: it is unreadable, or still being worked on."


def _add_episode(log: PlexWebhookLog) -> tuple[int, str]:
    try:
        added = repairs.add_missing_episode(log, now=timezone.now())
    except ValidationError:
        return messages.WARNING, f"{log.tvshow} has {log.code} by now. Run the event again."
    if added:
        return messages.SUCCESS, f"{log.tvshow} has {log.code} now, and the event is run again."
    return messages.WARNING, "There is nothing to add: look at the event again."


def _count_all_the_same(log: PlexWebhookLog) -> tuple[int, str]:
    if repairs.mark_all_the_same(log, now=timezone.now()):
        return messages.SUCCESS, f"{log.code} of {log.tvshow} is ticked off, with the time of the event."
    return messages.WARNING, "No episode has this number by now: look at the event again."


_BUTTONS: dict[str, Callable[[PlexWebhookLog], tuple[int, str]]] = {
    "again": _run_again, "add": _add_episode, "same": _count_all_the_same,
}


@require_POST
@needs(RIGHT)
def run_failed_again(request: HttpRequest) -> HttpResponse:
    """Run all failed events again."""
    replayed = events.run_failed_again(now=timezone.now())
    if replayed.done:
        messages.success(request, f"{counted(replayed.done, 'event')} will be run again, each with its own time.")
    else:
        messages.info(request, "No failed event can be run again.")
    if replayed.done == events.MOST_REPLAYED:
        messages.info(request, "That is as many as fit at once. Run the others again when these are done.")
    return redirect("activity")

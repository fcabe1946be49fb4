"""The pages of what a person has to decide: the list, and one question. Each view makes one call into the domain."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from plex_integration import question_list, questions, resolution, retraction
from plex_integration.exceptions import Unresolvable
from plex_integration.forms import AnswerForm, picked_pairs, picked_rows
from plex_integration.models import PlexConflict
from plex_integration.views.rights import may, needs
from plex_integration.words import counted
from tvshows.visitors import person, staff_only

RIGHT = "change_plexconflict"


@require_GET
@never_cache
@staff_only
def conflicts(request: HttpRequest) -> HttpResponse:
    """Every question that is open, oldest first; below them what was settled and ignored."""
    shown = question_list.waiting(number=request.GET.get("page", 1))
    context = {"list": shown, "page": shown.page, "may_answer": may(request, RIGHT)}
    return render(request, "plex_integration/conflicts.html", context)


@require_POST
@needs(RIGHT)
def several(request: HttpRequest) -> HttpResponse:
    """Answer the questions that were picked: the best candidate of each, after a look at them, or ignore them."""
    picked = request.POST.getlist("picked")
    pks, shown = picked_rows(picked), picked_pairs(picked)
    if shown:
        _take_best(request, shown)
    elif not pks:
        messages.warning(request, "Pick the shows first.")
    elif request.POST.get("do") == "ignore":
        _ignore(request, pks)
    else:
        return render(request, "plex_integration/conflicts_best.html", {"entries": question_list.picked(pks)})
    return redirect("conflicts")


def _ignore(request: HttpRequest, pks: list[int]) -> None:
    chosen = [entry.conflict.pk for entry in question_list.picked(pks)]
    done, problems = resolution.ignore_many(chosen, user_id=person(request).pk, now=timezone.now())
    _tell(request, f"{counted(done, 'show is', 'shows are')} ignored. You can undo that below.", done, problems)


def _take_best(request: HttpRequest, shown: dict[int, int]) -> None:
    chosen = {entry.conflict.pk: shown[entry.conflict.pk] for entry in question_list.picked(list(shown))}
    done, problems = resolution.select_best_many(chosen, user_id=person(request).pk, now=timezone.now())
    _tell(request, f"{counted(done, 'question')} settled. Each can be taken back on its page.", done, problems)


def _tell(request: HttpRequest, line: str, done: int, problems: list[str]) -> None:
    if done:
        messages.success(request, line)
    elif not problems:
        messages.warning(request, "None of these is open any more. Nothing was changed.")
    for problem in problems:
        messages.warning(request, problem)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_only
def conflict(request: HttpRequest, pk: int) -> HttpResponse:
    """One question: its candidates, a search and the answers; once it is settled, what followed from the answer."""
    asked = get_object_or_404(PlexConflict.objects.select_related("resolved_tvshow", "resolved_by"), pk=pk)
    if request.method == "POST":
        return answer(request, asked)
    return _settled(request, asked) if asked.resolved else _page(request, asked, AnswerForm.prefilled(asked))


@needs(RIGHT)
def answer(request: HttpRequest, asked: PlexConflict) -> HttpResponse:
    """Give the answer that was picked."""
    form = AnswerForm.prefilled(asked, data=request.POST)
    try:
        resolved = form.answer(asked.pk, user_id=person(request).pk, now=timezone.now()) if form.is_valid() else None
    except Unresolvable as problem:
        messages.error(request, str(problem))
        return redirect(request.get_full_path())
    if resolved is None:
        return _page(request, asked, form)
    messages.success(request, questions.answer_in_words(resolved.conflict))
    return redirect("conflict", asked.pk)


def _page(request: HttpRequest, asked: PlexConflict, form: AnswerForm) -> HttpResponse:
    sheet = questions.sheet(asked, user_id=person(request).pk, sought=request.GET.get("q", ""))
    context: dict[str, Any] = {
        "original": asked, "sheet": sheet, "question": sheet.question, "form": form,
        "picked": form.picked or sheet.preselected, "may_answer": may(request, RIGHT),
    }
    return render(request, "plex_integration/conflict.html", context)


def _settled(request: HttpRequest, asked: PlexConflict) -> HttpResponse:
    context = {
        "original": asked, "question": questions.ask(asked, user_id=person(request).pk),
        "after": retraction.aftermath(asked), "following": question_list.following(),
        "may_answer": may(request, RIGHT),
    }
    return render(request, "plex_integration/conflict_settled.html", context)


@require_POST
@needs(RIGHT)
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo an answer, so that another one can be given."""
    try:
        taken = retraction.take_back(pk, now=timezone.now())
    except Unresolvable as problem:
        messages.error(request, str(problem))
    else:
        ticks = f", with {counted(taken.unticked, 'tick')}" if taken.unticked else ""
        messages.success(request, f"The answer was taken back{ticks}. {waits(taken)}")
    return redirect("conflict", pk)


def waits(taken: retraction.TakenBack) -> str:
    """What a question that is open again waits with."""
    again = "waits again" if taken.waiting == 1 else "wait again"
    return f"{counted(taken.waiting, 'event')} {again}; nothing is lost." if taken.waiting else "Nothing waits for it."


@require_POST
@needs(RIGHT)
def look_again(request: HttpRequest, pk: int) -> HttpResponse:
    """A show or a mapping that was added since may settle it; else a worker asks Plex and TMDB anew."""
    if resolution.reevaluate_many([pk], now=timezone.now()):
        messages.success(request, "It is settled now.")
    else:
        messages.info(request, "It is still open. Plex and TMDB are asked again; look here in a minute.")
    return redirect("conflict", pk)

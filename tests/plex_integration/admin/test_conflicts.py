"""Questions in the admin."""

import re
from datetime import date

import pytest
from django.utils import timezone

from plex_integration import resolution
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.plex_integration.admin.pages import run, said, url
from tests.stages import stage
from tests.world import FRIEND, scrobble, show
from tvshows.models import TVShow, Watch

LIST = "/admin/plex_integration/plexconflict/"


@stage
def icarly(world):
    """The question about iCarly, with one event that waits."""
    world.send(scrobble("iCarly", show_id="ic"))
    return PlexConflict.objects.get(plex_title="iCarly")


@stage
def office(world):
    """The question about The Office, with two events that wait."""
    world.send(scrobble("The Office", 1, 1, show_id="of"))
    world.send(scrobble("The Office", 1, 2, show_id="of"))
    return PlexConflict.objects.get(plex_title="The Office")


def page_of(conflict):
    return url("plexconflict", "change", conflict.pk)


def test_the_page_shows_what_plex_says_what_waits_and_why_each_candidate_fits(owner, icarly):
    page = owner.get(page_of(icarly)).content.decode()
    for words in ("Plex says", "1 event waits", "S01E01", "iCarly <span>(2007)</span>", "iCarly <span>(2021)</span>",
                  "<b class=\"num\">85</b> of 100 · likely", "The title is the same", "TMDB 119243"):
        assert words in page, words


def test_the_best_candidate_is_picked_and_nothing_is_submitted_by_looking(owner, icarly):
    page = owner.get(page_of(icarly)).content.decode()
    assert page.count("checked>") == 1
    best = icarly.potential_matches[0]["tvshow_id"]
    assert f'value="{best}" aria-describedby' in page.split("checked>")[0].rsplit("<input", 1)[1]
    icarly.refresh_from_db()
    assert not icarly.resolved
    assert Watch.objects.count() == 0


def test_choosing_a_show_marks_the_waiting_episode_at_its_own_time_and_says_so(owner, icarly, world):
    waiting = world.last()
    answer = owner.post(page_of(icarly), {"show": world.shows["icarly2021"].pk})
    assert answer.url == LIST
    assert world.watched() == {"iCarly (2021) S01E01"}
    assert Watch.objects.get().watched_at == waiting.created_at
    seen = timezone.localtime(waiting.created_at)
    assert f"Marked S01E01 of iCarly (2021), watched {seen.day} {seen:%B %H:%M}." in said(answer)


def test_after_an_answer_the_next_question_is_offered(owner, icarly, office, world):
    answer = owner.post(page_of(icarly), {"show": "ignore"})
    assert any(page_of(office) in line and "The Office" in line for line in said(answer))


def test_a_show_that_was_searched_for_can_be_chosen(owner, icarly, world):
    page = owner.get(page_of(icarly), {"q": "sever"}).content.decode()
    found = world.shows["severance"].pk
    assert f'value="{found}" aria-describedby="pick-{found}-about pick-{found}-why" checked' in page
    owner.post(page_of(icarly), {"show": found})
    assert world.watched() == {"Severance (2022) S01E01"}


def test_a_search_that_finds_nothing_says_so_beside_the_field(owner, icarly):
    page = owner.get(page_of(icarly), {"q": "<script>zzz"}).content.decode()
    assert "Nothing more found for “&lt;script&gt;zzz”" in page
    assert "<script>zzz" not in page


def test_a_new_show_is_made_with_the_ids_given_and_the_episode_is_marked(owner, icarly, world):
    new = {"show": "new", "title": "iCarly", "year": "2031", "tmdb_id": "99", "tvdb_id": "", "imdb_id": "tt1234567"}
    answer = owner.post(page_of(icarly), new)
    made = TVShow.objects.get(tmdb_id=99)
    assert (made.title, made.year, made.imdb_id) == ("iCarly", 2031, "tt1234567")
    assert world.watched() == {"iCarly (2031) S01E01"}
    assert "iCarly in Plex is iCarly (2031). It is a new show here." in said(answer)


@pytest.mark.parametrize(("field", "value", "words"), [
    ("tmdb_id", "119243", "iCarly (2021) has this id already"),
    ("tmdb_id", "abc", "Enter a whole number"),
    ("imdb_id", "1234", "An IMDb id is tt and digits"),
    ("year", "12", "greater than or equal to 1880"),
    ("title", "", "A new show needs a title."),
])
def test_what_is_wrong_with_a_new_show_is_said_at_its_field(owner, icarly, field, value, words):
    new = {"show": "new", "title": "iCarly", "year": "", "tmdb_id": "", "tvdb_id": "", "imdb_id": "", field: value}
    answer = owner.post(page_of(icarly), new)
    assert answer.status_code == 200
    assert "The new show was not made." in answer.content.decode()
    assert words in answer.content.decode().split(f'id="id_{field}_error"')[1][:300]
    assert 'value="new" aria-describedby="pick-new-why" checked' in answer.content.decode()
    assert PlexConflict.objects.open().count() == 1
    assert not TVShow.objects.filter(title="iCarly", show_start_date__isnull=True).exists()


def test_ignoring_sets_the_waiting_event_aside_and_remembers_it(owner, icarly, world):
    owner.post(page_of(icarly), {"show": "ignore"})
    assert world.last().status == "ignored"
    assert PlexShowMapping.objects.get().sync_enabled is False
    assert Watch.objects.count() == 0


@pytest.mark.parametrize("picked", ["", "x", "99999999999999999999", "-1", "²"])
def test_an_answer_that_is_none_is_asked_for_again(owner, icarly, picked):
    answer = owner.post(page_of(icarly), {"show": picked})
    assert answer.status_code == 200
    assert "Choose a show, make a new one, or ignore it." in answer.content.decode()
    assert PlexConflict.objects.open().count() == 1


def test_the_second_of_two_people_gets_a_sentence_and_nothing_changes(owner, icarly, world):
    first, second = world.shows["icarly2021"], world.shows["icarly2007"]
    resolution.select(icarly.pk, tvshow_id=first.pk, user_id=world.owner.pk, now=timezone.now())
    answer = owner.post(page_of(icarly), {"show": second.pk}, follow=True)
    assert answer.status_code == 200
    assert "This was settled already: a person chose." in answer.content.decode()
    assert world.watched() == {"iCarly (2021) S01E01"}


def test_a_candidate_that_was_deleted_meanwhile_is_not_offered_and_cannot_be_chosen(owner, icarly, world):
    gone = world.shows["icarly2021"].pk
    TVShow.objects.get(pk=gone).delete()
    page = owner.get(page_of(icarly)).content.decode()
    assert "1 show that was among these was deleted meanwhile" in page
    assert f'value="{gone}"' not in page
    answer = owner.post(page_of(icarly), {"show": gone}, follow=True)
    assert "That show is not here any more. Choose another one." in answer.content.decode()
    assert PlexConflict.objects.open().count() == 1


def test_a_settled_question_says_how_and_by_whom_and_takes_no_answer(owner, icarly, world):
    owner.post(page_of(icarly), {"show": world.shows["icarly2021"].pk})
    page = owner.get(page_of(icarly)).content.decode()
    assert re.search(r"It is <a href=\"[^\"]+\">iCarly \(2021\)</a>", page)
    assert "A person chose" in page
    assert "<dd>robin</dd>" in page
    assert 'type="radio"' not in page


def test_text_from_plex_is_shown_and_never_runs(owner, world):
    world.send(scrobble("<img src=x onerror=alert(1)>", show_id="xss"))
    conflict = PlexConflict.objects.get()
    for address in (page_of(conflict), LIST, url("plexwebhooklog", "change", world.last().pk)):
        page = owner.get(address).content.decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_open_questions_come_first(owner, icarly, office, world):
    owner.post(page_of(office), {"show": "ignore"})
    page = owner.get(LIST).content.decode()
    assert page.index(page_of(icarly)) < page.index(page_of(office))


def test_taking_the_best_of_many_asks_first_and_then_does_it(owner, icarly, office, world):
    asked = run(owner, "plexconflict", "take_best", [icarly.pk, office.pk]).content.decode()
    assert "becomes iCarly (2007), 85 of 100" in asked
    assert "becomes The Office (2005)" in asked
    assert PlexConflict.objects.open().count() == 2
    shown = re.findall(r'name="shown" value="(.+?)"', asked)
    done = run(owner, "plexconflict", "take_best", [icarly.pk, office.pk], confirmed="yes", shown=shown)
    assert said(done) == ["2 questions settled."]
    assert world.watched() == {"iCarly (2007) S01E01", "The Office (2005) S01E01", "The Office (2005) S01E02"}


def test_of_many_what_has_no_candidate_stays_open_and_is_named(owner, icarly, world):
    world.send(scrobble("Somebody Feed Phil", show_id="ph"))
    phil = PlexConflict.objects.get(plex_title="Somebody Feed Phil")
    shown = f"{icarly.pk}:{icarly.potential_matches[0]['tvshow_id']}"
    done = run(owner, "plexconflict", "take_best", [icarly.pk, phil.pk], confirmed="yes", shown=shown)
    assert said(done) == ["1 question settled.", "Somebody Feed Phil: no show fits."]
    assert list(PlexConflict.objects.open()) == [phil]


def test_ignoring_many_asks_first_and_then_does_it(owner, icarly, office, world):
    asked = run(owner, "plexconflict", "ignore_shows", [icarly.pk, office.pk]).content.decode()
    assert "2 waiting events set aside" in asked
    assert PlexConflict.objects.open().count() == 2
    done = run(owner, "plexconflict", "ignore_shows", [icarly.pk, office.pk], confirmed="yes")
    assert said(done) == ["2 shows ignored."]
    assert PlexConflict.objects.open().count() == 0
    assert world.watched() == set()


def test_looking_again_settles_what_a_new_show_has_made_sure(owner, world):
    world.send(scrobble("Shogun", show_id="sh", originallyAvailableAt="2024-02-27"))
    conflict = PlexConflict.objects.get()
    looked = said(run(owner, "plexconflict", "look_again", [conflict.pk]))
    assert looked == ["Looked again: 0 questions settled, 1 still to decide."]
    show("Shogun", date(2024, 2, 27), titles={(1, 1): "Shogun 1.1"}.items())
    looked = said(run(owner, "plexconflict", "look_again", [conflict.pk]))
    assert looked == ["Looked again: 1 question settled, 0 still to decide."]
    assert world.watched() == {"Shogun (2024) S01E01"}


def test_questions_are_neither_added_nor_deleted_by_hand(owner, icarly):
    assert owner.get(f"{LIST}add/").status_code == 403
    assert owner.post(url("plexconflict", "delete", icarly.pk), {"post": "yes"}).status_code == 403
    assert run(owner, "plexconflict", "delete_selected", [icarly.pk], post="yes").status_code in {200, 302}
    assert PlexConflict.objects.filter(pk=icarly.pk).exists()


def test_somebody_without_staff_is_refused(household, icarly, world):
    for address in (LIST, page_of(icarly)):
        assert household.get(address).status_code == 302
        assert "/admin/login/" in household.get(address).url
    assert "/admin/login/" in household.post(page_of(icarly), {"show": "ignore"}).url
    assert PlexConflict.objects.open().count() == 1


def test_staff_who_may_only_look_see_the_question_and_cannot_answer(viewer_of, icarly, world):
    clerk = viewer_of("plexconflict")
    page = clerk.get(page_of(icarly)).content.decode()
    assert "You may look at this question, but not answer it." in page
    assert 'type="radio"' not in page
    assert clerk.post(page_of(icarly), {"show": "ignore"}).status_code == 403
    run(clerk, "plexconflict", "ignore_shows", [icarly.pk], confirmed="yes")
    assert PlexConflict.objects.open().count() == 1


def test_a_question_that_is_not_there_leads_back_to_the_index(owner, world):
    assert owner.get(url("plexconflict", "change", 4711)).status_code == 302


def test_the_index_counts_what_waits_and_every_table(owner, icarly, world):
    world.send(scrobble(account=FRIEND) | {"user": False})
    world.send(scrobble("Severance", 1, 40, grandparentGuid="com.plexapp.agents.thetvdb://371980"))
    page = owner.get("/admin/").content.decode()
    for address, number in (("plexconflict/?resolved__exact=0", 1), ("plexwebhooklog/?status__exact=failed", 1),
                            ("plexaccount/?linked=no", 1)):
        assert f'<a href="/admin/plex_integration/{address}"><b class="num">{number}</b>' in page
        assert owner.get(f"/admin/plex_integration/{address}").status_code == 200
    assert '<span>Shows</span> <span class="num muted">5</span>' in page
    assert "InstallationValue" not in page
    assert "django_q" not in page


def _queries(django_assert_max_num_queries, client, address):
    with django_assert_max_num_queries(60) as counted:
        assert client.get(address).status_code == 200
    return len(counted)


def _one_more_of_each(world, number):
    """A question, a mapping, an account that is nobody's, and their events."""
    world.send(scrobble(f"Unknown {number}", show_id=f"u{number}"))
    world.send(scrobble("Severance (2022)", show_id=f"s{number}"))
    world.send(scrobble(account={"id": number, "title": f"p{number}"}) | {"user": False})


def test_a_list_costs_the_same_queries_however_long_it_is(owner, world, django_assert_max_num_queries):
    lists = (PlexConflict, PlexShowMapping, PlexWebhookLog, PlexAccount)
    lengths, costs = [], []
    for numbers in (range(2, 3), range(3, 6), range(6, 14)):
        for number in numbers:
            _one_more_of_each(world, number)
        lengths.append([model.objects.count() for model in lists])
        addresses = [url(model._meta.model_name, "changelist") for model in lists]
        costs.append([_queries(django_assert_max_num_queries, owner, address) for address in addresses])
    assert all(few < more < most for few, more, most in zip(*lengths, strict=True)), lengths
    assert costs[1] == costs[2]


def test_the_page_of_a_question_costs_the_same_queries_however_many_events_wait(
    owner, office, world, django_assert_max_num_queries,
):
    few = _queries(django_assert_max_num_queries, owner, page_of(office))
    for number in range(3, 9):
        world.send(scrobble("The Office", 1, number, show_id="of"))
    assert _queries(django_assert_max_num_queries, owner, page_of(office)) == few

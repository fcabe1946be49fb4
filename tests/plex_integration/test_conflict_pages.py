"""The pages of what a person has to decide: the list, one question, and taking an answer back."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from plex_integration import mapping, resolution, retraction
from plex_integration.exceptions import Unresolvable
from plex_integration.models import PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.stages import stage
from tests.world import scrobble
from tvshows import watching
from tvshows.models import Episode, TrackedShow, TVShow, Watch
from tvshows.watching import Viewing

LIST = "/settings/plex/conflicts"


@pytest.fixture
def owner(world) -> Client:
    return world.browser()


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


def page_of(conflict) -> str:
    return reverse("conflict", args=[conflict.pk])


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)._queued_messages]


def answer(owner, conflict, show):
    return owner.post(page_of(conflict), {"show": show if isinstance(show, str) else show.pk})


def take_back(owner, conflict):
    return owner.post(reverse("conflict-take-back", args=[conflict.pk]))


# The list


def test_the_list_names_the_oldest_first_with_what_waits_and_the_candidates(owner, office, icarly):
    page = owner.get(LIST).text
    assert page.index("The Office</a></h2>") < page.index("iCarly</a></h2>")
    for words in ("2 shows to decide", "2 events wait", "1 event waits", "iCarly (2007)", "of 100 · likely"):
        assert words in page, words


def test_an_empty_list_says_that_all_is_clear(owner):
    page = owner.get(LIST).text
    assert "Nothing to decide" in page
    assert "nothing is lost while it waits" in page


@pytest.mark.parametrize("number", ["0", "99", "x", "-1"])
def test_a_page_that_is_not_there_is_the_nearest_one(owner, icarly, number):
    assert "iCarly" in owner.get(LIST, {"page": number}).text


def test_the_best_of_several_is_shown_before_it_is_used(owner, office, icarly, world):
    several = reverse("conflicts-several")
    page = owner.post(several, {"do": "best", "picked": [office.pk, icarly.pk, "x"]}).text
    assert "becomes <b>iCarly" in page
    assert PlexConflict.objects.open().count() == 2
    of_office = next(value for value in re.findall(r'name="picked" value="(.+?)"', page) if value.startswith(f"{office.pk}:"))
    done = owner.post(several, {"do": "best", "picked": of_office})
    assert said(done) == ["1 question settled. Each can be taken back on its page."]
    assert len(world.watched()) == 2
    assert PlexConflict.objects.open().get() == icarly


def test_the_best_is_not_used_where_it_has_changed_since_it_was_shown(owner, icarly, world):
    shown = icarly.potential_matches[0]["tvshow_id"]
    PlexConflict.objects.update(potential_matches=icarly.potential_matches[::-1])
    done = owner.post(reverse("conflicts-several"), {"do": "best", "picked": f"{icarly.pk}:{shown}"})
    assert said(done) == ["iCarly: what fits best has changed since. Look again."]
    assert PlexConflict.objects.open().get() == icarly


def test_several_are_ignored_at_once_and_that_is_undone_below(owner, office, icarly):
    done = owner.post(reverse("conflicts-several"), {"do": "ignore", "picked": [office.pk, icarly.pk]})
    assert said(done) == ["2 shows are ignored. You can undo that below."]
    assert "Ignored shows (2)" in owner.get(LIST).text
    row = PlexShowMapping.objects.get(plex_title="iCarly")
    back = owner.post(reverse("mapping-sync", args=[row.pk]), {"do": "on"})
    assert back.url == page_of(icarly)
    assert said(back) == ["iCarly is not ignored any more. 1 event waits again; nothing is lost."]
    assert PlexConflict.objects.open().get() == icarly


@pytest.mark.parametrize("picked", ["9" * 5000, "9" * 5000 + ":1", "-1"])
def test_a_number_that_no_row_can_have_is_nothing_picked(owner, icarly, picked):
    for page in ("conflicts-several", "mappings-several"):
        assert said(owner.post(reverse(page), {"do": "ignore", "picked": picked}))[0].startswith("Pick")


def test_nothing_picked_is_said(owner, icarly):
    assert said(owner.post(reverse("conflicts-several"), {"do": "ignore"})) == ["Pick the shows first."]
    assert PlexConflict.objects.open().exists()


# One question


def test_the_best_candidate_is_picked_and_looking_submits_nothing(owner, icarly):
    page = owner.get(page_of(icarly)).text
    best = icarly.potential_matches[0]["tvshow_id"]
    assert page.count(" checked>") == 1
    assert f'value="{best}" aria-describedby="pick-{best}-about pick-{best}-why" checked>' in page
    assert PlexConflict.objects.open().exists()


def test_an_answer_leads_to_what_followed_from_it_and_to_the_next_question(owner, icarly, office, world):
    done = answer(owner, icarly, world.shows["icarly2021"])
    assert done.url == page_of(icarly)
    page = owner.get(done.url).text
    for words in ("iCarly in Plex is iCarly (2021).", "Marked watched", "Marked S01E01 of iCarly (2021)",
                  "Take the answer back", "Next: which show is “The Office”?"):
        assert words in page, words


def test_a_search_finds_more_of_the_tracker_and_says_when_it_finds_nothing(owner, icarly, world):
    page = owner.get(page_of(icarly), {"q": "sever"}).text
    assert f'id="pick-{world.shows["severance"].pk}"' in page
    assert "Found for “sever”: 1 in the tracker." in page
    assert "Nothing more found for “&lt;b&gt;zzz”" in owner.get(page_of(icarly), {"q": "<b>zzz"}).text


def test_a_new_show_that_is_wrong_says_so_at_its_field(owner, icarly):
    page = answer(owner, icarly, "new").text
    assert "A new show needs a title." in page
    assert PlexConflict.objects.open().exists()


def test_a_question_that_somebody_else_settled_meanwhile_says_so(owner, icarly, world):
    now, second = timezone.now(), world.shows["icarly2007"]
    resolution.select(icarly.pk, tvshow_id=world.shows["icarly2021"].pk, user_id=world.owner.pk, now=now)
    page = owner.post(page_of(icarly), {"show": second.pk}, follow=True).text
    assert "This was settled already: a person chose." in page
    assert world.watched() == {"iCarly (2021) S01E01"}


def test_looking_again_says_what_came_of_it(owner, icarly, world):
    again = reverse("conflict-look-again", args=[icarly.pk])
    assert "It is still open." in said(owner.post(again))[0]
    PlexShowMapping.objects.update(tvshow=world.shows["icarly2021"])
    assert said(owner.post(again)) == ["It is settled now."]


def test_text_from_plex_is_shown_and_never_runs(owner, world):
    world.send(scrobble("<img src=x onerror=alert(1)>", show_id="xss"))
    for address in (LIST, page_of(PlexConflict.objects.get()), reverse("mappings")):
        page = owner.get(address).text
        assert "&lt;img src=x" in page
        assert "<img src=x" not in page


# Taking an answer back


def test_taking_an_answer_back_undoes_the_mapping_and_the_ticks_and_asks_again(owner, office, world):
    answer(owner, office, world.shows["office_uk"])
    world.send(scrobble("The Office", 1, 3, show_id="of"))  # goes by the mapping
    assert len(world.watched()) == 3
    assert said(take_back(owner, office)) == [
        "The answer was taken back, with 3 ticks. 3 events wait again; nothing is lost."]
    assert world.watched() == set()
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.manually_confirmed, row.sync_enabled) == (None, False, True)
    assert not TrackedShow.objects.exists()
    verdicts = PlexWebhookLog.objects.order_by("pk").values_list("status", "action_taken", "done_at")
    waits = ("received", "awaiting_resolution", None)
    assert list(verdicts) == [("success", "conflict_created", None), waits, waits]


def test_another_answer_then_marks_the_right_show_at_the_same_times(owner, office, world):
    answer(owner, office, world.shows["office_uk"])
    before = set(Watch.objects.values_list("watched_at", flat=True))
    take_back(owner, office)
    answer(owner, office, world.shows["office_us"])
    assert world.watched() == {"The Office (2005) S01E01", "The Office (2005) S01E02"}
    assert set(Watch.objects.values_list("watched_at", flat=True)) == before


def test_what_a_person_did_since_then_stays(owner, office, world):
    show = world.shows["office_uk"]
    answer(owner, office, show)
    first, second, third = Episode.objects.filter(show=show, season_number=1).order_by("episode_number")[:3]
    now = timezone.now()
    watching.change_date(Watch.objects.get(episode=first).pk, watched_at=now - timedelta(days=9), now=now)
    watching.unmark_watched(user_id=world.owner.pk, episode=second, now=now)
    watching.mark_watched(user_id=world.owner.pk, episode=third, viewing=Viewing(now, "manual"), now=now)
    assert retraction.take_back(office.pk, now=now).unticked == 0
    assert world.watched() == {"The Office (2001) S01E01", "The Office (2001) S01E03"}
    assert TrackedShow.objects.get().watched_episodes == 2
    answer(owner, office, show)
    assert world.watched() == {"The Office (2001) S01E01", "The Office (2001) S01E03"}  # the untick stays


def test_a_tick_whose_time_the_history_told_better_is_taken_back_and_one_without_an_event_moves_along(owner, office, world):
    answer(owner, office, world.shows["office_uk"])
    first, missed = Watch.objects.get(episode__episode_number=1), Episode.objects.get(show=world.shows["office_uk"], season_number=1, episode_number=6)
    ref, seen = first.source_ref, first.watched_at - timedelta(minutes=3)
    for episode, at in ((first.episode, seen), (missed, seen - timedelta(days=2))):
        watching.mark_watched(user_id=world.owner.pk, episode=episode, viewing=Viewing(at, "plex", ref), now=timezone.now())
    take_back(owner, office)
    assert world.watched() == {"The Office (2001) S01E06"}
    answer(owner, office, world.shows["office_us"])
    assert world.watched() == {f"The Office (2005) S01E0{number}" for number in (1, 2, 6)}


def test_a_show_that_the_answer_made_goes_with_it_unless_somebody_uses_it(owner, icarly, world):
    new = {"show": "new", "title": "Night Carriers", "year": "", "tmdb_id": "", "tvdb_id": "", "imdb_id": ""}
    owner.post(page_of(icarly), new)
    take_back(owner, icarly)
    assert not TVShow.objects.filter(title="Night Carriers").exists()
    owner.post(page_of(icarly), new)
    watching.plan_to_watch(user_id=User.objects.create_user("kid").pk, show_id=TVShow.objects.get(title="Night Carriers").pk)
    take_back(owner, icarly)
    assert TVShow.objects.filter(title="Night Carriers").exists()


def test_plays_that_came_while_a_show_was_ignored_wait_once_it_is_asked_again(owner, icarly, world):
    answer(owner, icarly, "ignore")
    assert world.send(scrobble("iCarly", 1, 2, show_id="ic")).action_taken == "ignored"
    started = world.send(scrobble("iCarly", 1, 3, show_id="ic") | {"event": "media.play"})
    assert "2 events wait again" in said(take_back(owner, icarly))[0]
    started.refresh_from_db()
    assert started.status == "ignored"  # nothing could come of it
    answer(owner, icarly, world.shows["icarly2021"])
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}


def change_the_mapping(world, conflict):
    mapping.change_show(PlexShowMapping.objects.get().pk, tvshow_id=world.shows["icarly2007"].pk, now=timezone.now())


def remove_the_mapping(world, conflict):
    mapping.forget(PlexShowMapping.objects.get().pk)


def delete_the_show(world, conflict):
    TVShow.objects.get(pk=world.shows["icarly2021"].pk).delete()


def take_it_back(world, conflict):
    retraction.take_back(conflict.pk, now=timezone.now())


@pytest.mark.parametrize(("since", "words"), [
    (change_the_mapping, "changed since"), (remove_the_mapping, "removed since"), (delete_the_show, "changed since"),
    (take_it_back, "there is no answer to take back"),
])
def test_an_answer_that_was_overtaken_is_not_taken_back(owner, icarly, world, since, words):
    answer(owner, icarly, world.shows["icarly2021"])
    since(world, icarly)
    before = world.watched()
    assert words in said(take_back(owner, icarly))[0]
    assert world.watched() == before


def test_what_settled_by_itself_is_changed_on_its_mapping(owner, icarly, world):
    PlexShowMapping.objects.update(tvshow=world.shows["icarly2021"])
    resolution.reevaluate(icarly.pk, now=timezone.now())
    with pytest.raises(Unresolvable, match="settled by itself"):
        retraction.take_back(icarly.pk, now=timezone.now())
    page = owner.get(page_of(icarly)).text
    assert "Show its mapping" in page
    assert "Take the answer back" not in page


# Who may


def test_the_household_sees_no_questions(world, icarly):
    client = Client()
    client.force_login(User.objects.create_user("kid"))
    for address in (LIST, page_of(icarly), reverse("mappings"), reverse("mapping", args=[1])):
        assert client.get(address).status_code == 403
    assert client.post(page_of(icarly), {"show": "ignore"}).status_code == 403


def test_staff_without_the_right_may_look_and_change_nothing(world, icarly):
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_plexconflict"))
    client = Client()
    client.force_login(clerk)
    page = client.get(page_of(icarly)).text
    assert "You may look at this question, but not answer it." in page
    assert 'type="radio"' not in page
    row = PlexShowMapping.objects.get()
    assert client.get(reverse("mapping", args=[row.pk])).status_code == 200
    for address in (page_of(icarly), reverse("conflicts-several"), reverse("conflict-take-back", args=[icarly.pk]),
                    reverse("conflict-look-again", args=[icarly.pk]), reverse("mapping", args=[row.pk]),
                    reverse("mapping-sync", args=[row.pk]), reverse("mappings-several"),
                    reverse("mapping-remove", args=[row.pk])):
        assert client.post(address, {"show": "ignore", "do": "off", "picked": "1"}).status_code == 403, address
    assert PlexConflict.objects.open().exists()


def _queries(django_assert_max_num_queries, client, address) -> int:
    with django_assert_max_num_queries(60) as counted:
        assert client.get(address).status_code == 200
    return len(counted)


def test_the_lists_cost_the_same_queries_however_long_they_are(owner, world, django_assert_max_num_queries):
    sizes = []
    for first in (1, 3):
        for number in range(first, first * 3):
            world.send(scrobble(f"The Office {number}", show_id=f"u{number}"))
        lists = (LIST, reverse("mappings"), f"{LIST}?page=2")
        sizes.append([_queries(django_assert_max_num_queries, owner, address) for address in lists])
    assert sizes[0] == sizes[1]


def test_a_settled_question_costs_the_same_queries_however_many_events_waited(
    owner, office, world, django_assert_max_num_queries,
):
    answer(owner, office, world.shows["office_us"])
    few = _queries(django_assert_max_num_queries, owner, page_of(office))
    take_back(owner, office)
    for number in (3, 4):
        world.send(scrobble("The Office", 1, number, show_id="of"))
    answer(owner, office, world.shows["office_us"])
    owner.get("/profile")  # reads the messages
    assert _queries(django_assert_max_num_queries, owner, page_of(office)) == few

"""The pages of shows, as a person uses them without script."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.tvshows import fake_tmdb
from tests.world import scrobble, show
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow, Viewer, Watch

SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}


@pytest.fixture
def owner(world) -> Client:
    return world.browser()


@pytest.fixture
def sam(world) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("sam"))
    return client


@pytest.fixture
def tmdb(settings):
    with fake_tmdb.running() as fake:
        settings.TMDB_API_URL, settings.TMDB_API_KEY = fake.url, fake_tmdb.KEY
        yield fake


def ep(world, number=1, season=1, title="severance"):
    return Episode.objects.get(show=world.shows[title], season_number=season, episode_number=number)


def tick(owner, episode, watched="on", **more):
    return owner.post(f"/shows/episodes/{episode.pk}/tick", {"watched": watched, **more}, follow=True)


def undo(owner, answer):
    """Press the button of the page that came back."""
    return owner.post(f"/shows/{answer.context['show'].pk}/undo", {"undo": str(answer.context["undo"])}, follow=True)


def test_the_shelf_shows_everybody_all_shows_and_each_person_how_far_they_are(world, owner, sam):
    tick(owner, ep(world))
    mine, theirs = owner.get("/shows").text, sam.get("/shows").text
    assert ("1 of 9" in mine, "1 of 9" in theirs) == (True, False)
    assert mine.count('class="tile"') == theirs.count('class="tile"') == 5


def test_a_show_is_found_by_any_title_it_goes_by_and_by_one_that_is_misspelt(world, owner):
    ShowTitle.objects.create(show=world.shows["severance"], title="Rozdělení")
    for text in ("sever", "ROZDELENI", "Severance (2022)", "tt11280740"):
        assert [tile.show.title for tile in owner.get("/shows", {"q": text}).context["shelf"].tiles] == ["Severance"], text
    misspelt = owner.get("/shows", {"q": "Severence"})
    assert "These are alike" in misspelt.text
    assert [tile.show.title for tile in misspelt.context["shelf"].tiles] == ["Severance"]
    assert "No show is called that here" in owner.get("/shows", {"q": "Quux Zibble"}).text


@pytest.mark.parametrize("query", ["q=%00", "status=no", "sort=no", "page=x", "page=99", "q=%25%27%22", "q=???"])
def test_a_filter_that_makes_no_sense_is_no_fault(world, owner, query):
    assert owner.get(f"/shows?{query}").status_code == 200


def test_a_shows_page_has_its_seasons_with_the_one_of_the_next_episode_open(world, owner):
    tick(owner, ep(world, 13, title="icarly2021"))
    text = owner.get(f"/shows/{world.shows['icarly2021'].pk}").text
    assert "1 of 23 watched" in text
    assert "Mark S02E01 watched" in text
    assert f'id="ep-{ep(world, 1, 2, "icarly2021").pk}"' in text
    assert f'id="ep-{ep(world, 1, 1, "icarly2021").pk}"' not in text


def test_ids_lead_out_to_addresses_that_we_build(world, owner):
    TVShow.objects.filter(pk=world.shows["severance"].pk).update(imdb_id='x"/onclick')
    text = owner.get(f"/shows/{world.shows['severance'].pk}").text
    assert 'href="https://www.themoviedb.org/tv/95396"' in text
    assert 'href="https://thetvdb.com/dereferrer/series/371980"' in text
    assert 'href="https://www.imdb.com/title/x%22%2Fonclick/"' in text


def test_a_tick_keeps_the_date_that_is_there_unless_another_is_given(world, owner):
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    before = Watch.objects.get()
    tick(owner, ep(world))
    assert Watch.objects.get().watched_at == before.watched_at
    tick(owner, ep(world), date="2026-03-04", time="21:15")
    watch = Watch.objects.get()
    assert (watch.watched_at, watch.source) == (datetime(2026, 3, 4, 21, 15, tzinfo=UTC), "manual")


def test_a_date_without_a_time_is_noon_where_the_person_is(world, owner):
    tick(owner, ep(world), date="2026-03-04")
    assert timezone.localtime(Watch.objects.get().watched_at).hour == 12


@pytest.mark.parametrize(("date_", "said"), [
    ("2999-01-01", "That is in the future."), ("0001-01-01", "before there was television"), ("x", "Enter a valid date."),
])
def test_a_date_that_cannot_be_is_told_and_nothing_is_ticked(world, owner, date_, said):
    assert said in tick(owner, ep(world), date=date_).text
    assert not Watch.objects.exists()


def test_unticking_can_be_undone_with_the_very_date(world, owner):
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    before = Watch.objects.values().get()
    answer = tick(owner, ep(world), "off")
    assert world.watched() == set()
    assert "1 episode unticked." in answer.text
    undo(owner, answer)
    assert Watch.objects.values().get() == before
    assert "There is nothing to undo" in undo(owner, answer).text


def test_a_tick_leads_back_to_the_page_that_asked_and_never_to_another_site(world, owner):
    post = {"watched": "on", "next": "/profile"}
    assert owner.post(f"/shows/episodes/{ep(world).pk}/tick", post).headers["Location"] == "/profile"
    post["next"] = "https://elsewhere.example/"
    assert owner.post(f"/shows/episodes/{ep(world).pk}/tick", post).headers["Location"].startswith("/shows/")


def test_a_season_is_marked_as_far_as_it_has_aired_and_that_undone(world, owner):
    office = world.shows["office_us"]
    Episode.objects.filter(show=office, season_number=1, episode_number=6).update(air_date=date(2999, 1, 1))
    tick(owner, ep(world, 2, 1, "office_us"), date="2020-01-01")
    address = f"/shows/{office.pk}/seasons/1/tick"
    answer = owner.post(address, {"watched": "on"}, follow=True)
    assert "4 episodes ticked." in answer.text
    assert TrackedShow.objects.get().watched_episodes == 5
    undo(owner, answer)
    assert Watch.objects.get().watched_at.year == 2020
    owner.post(address, {"watched": "on", "when": "aired"})
    aired = {watch.episode.air_date == timezone.localdate(watch.watched_at) for watch in Watch.objects.exclude(play=1, watched_at__year=2020)}
    assert aired == {True}
    assert "5 episodes unticked." in owner.post(address, {"watched": "off"}, follow=True).text
    assert "Choose a day." in owner.post(address, {"watched": "on", "when": "day"}, follow=True).text


def test_a_button_that_is_pressed_twice_can_still_be_undone(world, owner):
    pk = world.shows["severance"].pk
    for address in (f"/shows/{pk}/seasons/1/tick", f"/shows/episodes/{ep(world, 3).pk}/tick-up-to"):
        first, second = (owner.post(address, {"watched": "on"}, follow=True) for _ in range(2))
        assert first.context["undo"] == second.context["undo"]
        undo(owner, second)
        assert world.watched() == set()
    owner.post(f"/shows/{pk}/seasons/1/tick", {"watched": "off"})
    assert "Nothing was left to do" in owner.post(f"/shows/{pk}/seasons/1/tick", {"watched": "off"}, follow=True).text


def test_everything_up_to_an_episode_is_marked_without_the_specials(world, owner):
    owner.post(f"/shows/episodes/{ep(world, 2, 2, 'office_us').pk}/tick-up-to")
    assert sorted(code.rpartition(" ")[2] for code in world.watched()) == [*(f"S01E0{n}" for n in range(1, 7)), "S02E01", "S02E02"]


def test_the_dates_of_rewatches_are_changed_one_by_one(world, owner):
    episode = ep(world)
    tick(owner, episode, date="2026-01-01")
    address = f"/shows/episodes/{episode.pk}/again"
    assert "What you watch again is not counted." in owner.post(address, {"date": "2026-02-01"}).text
    Viewer.objects.create(user=world.owner, records_rewatches=True)
    assert "the same one" in owner.post(address, {"date": "2026-01-01"}).text
    owner.post(address, {"date": "2026-02-01"})
    first, second = Watch.objects.order_by("play")
    assert "Viewing 2" in owner.get(f"/shows/episodes/{episode.pk}").text
    assert owner.post(f"/shows/viewings/{second.pk}/date", {"date": "2026-01-01"}).text.count("the same one") == 1
    owner.post(f"/shows/viewings/{second.pk}/date", {"date": "2026-02-02", "time": "20:00"})
    answer = owner.post(f"/shows/viewings/{first.pk}/remove", follow=True)
    assert "1 episode unticked" in answer.text
    assert Watch.objects.live().get().watched_at == datetime(2026, 2, 2, 20, tzinfo=UTC)
    assert "That is in the future." in owner.post(f"/shows/viewings/{second.pk}/date", {"date": "2999-01-01"}).text


def test_nobody_reaches_the_viewings_of_others(world, owner, sam):
    tick(owner, ep(world))
    pk = Watch.objects.get().pk
    for what in ("date", "remove"):
        assert sam.post(f"/shows/viewings/{pk}/{what}", {"date": "2026-01-01"}).status_code == 404
    assert "unticked" not in tick(sam, ep(world), "off").text
    assert len(world.watched()) == 1
    assert not TrackedShow.objects.exclude(user=world.owner).exists()


def test_a_status_is_chosen_and_a_show_leaves_the_list_only_while_nothing_is_ticked(world, owner):
    pk = world.shows["severance"].pk
    owner.post(f"/shows/{pk}/track")
    owner.post(f"/shows/{pk}/status", {"status": "on_hold"})
    assert [tile.show.pk for tile in owner.get("/shows?status=on_hold").context["shelf"].tiles] == [pk]
    owner.post(f"/shows/{pk}/status", {"status": ""})
    assert not TrackedShow.objects.exists()
    tick(owner, ep(world))
    assert "stays on your list" in owner.post(f"/shows/{pk}/status", {"status": ""}, follow=True).text
    assert "Choose one of the statuses" in owner.post(f"/shows/{pk}/status", {"status": "no"}, follow=True).text


def test_staff_see_what_plex_has_to_do_with_a_show_and_others_do_not(world, owner, sam):
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    address = f"/shows/{world.shows['severance'].pk}"
    assert "Matched by TVDB id" in owner.get(address).text
    assert "Marked watched" in owner.get(address).text
    assert "Latest events" not in sam.get(address).text


def test_a_show_of_tmdb_is_added_once_and_put_on_the_list(world, sam, tmdb):
    tmdb.answers["/search/tv"] = {"results": [
        {"id": 4, "name": "Andor", "first_air_date": "2022-09-21", "poster_path": "/andor.jpg", "overview": "A thief."},
        {"id": 95396, "name": "Severance", "first_air_date": "2022-02-18"},
    ]}
    tmdb.shows[4] = {"id": 4, "name": "Andor", "season/1": {"episodes": [{"episode_number": 1, "name": "Kassa"}]}}
    found = sam.get("/shows/add", {"q": "Andor (2022)"}).text
    assert tmdb.asked[-1].query["first_air_date_year"] == "2022"
    assert "https://image.tmdb.org/t/p/w185/andor.jpg" in found
    assert "Here already" in found
    for _ in range(2):
        assert "Andor is on your list." in sam.post("/shows/add/tmdb", {"tmdb_id": "4"}, follow=True).text
    assert TrackedShow.objects.get().status == "plan_to_watch"
    assert Episode.objects.get(show__title="Andor").title == "Kassa"


def test_without_a_key_or_an_answer_of_tmdb_that_is_said(world, owner, settings, tmdb):
    tmdb.fault = fake_tmdb.status(401)
    assert "TMDB does not accept the key" in owner.get("/shows/add?q=Andor").text
    for given in ("4", "-1", "x", "9" * 30):
        assert owner.post("/shows/add/tmdb", {"tmdb_id": given}, follow=True).status_code == 200
    settings.TMDB_API_KEY = ""
    assert "No TMDB key is set" in owner.get("/shows/add?q=Andor").text
    assert TVShow.objects.count() == 5


def test_a_show_is_described_by_hand_unless_one_of_that_name_and_year_is_here(world, owner, sam):
    given = {"title": "Severance", "year": "2022", "seasons": "2, 3"}
    assert "Severance (2022) is here already" in owner.post("/shows/add/by-hand", given).text
    owner.post("/shows/add/by-hand", given | {"another": "on"})
    made = TVShow.objects.latest("pk")
    assert list(made.episodes.values_list("season_number", "episode_number")) == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    assert "numbers only" in owner.post("/shows/add/by-hand", given | {"seasons": "ten"}).text
    assert sam.post("/shows/add/by-hand", given).status_code == 403


def test_an_episode_is_added_by_hand_once(world, owner, sam):
    address = f"/shows/{world.shows['severance'].pk}/episodes"
    given = {"season": "2", "number": "1", "title": "Hello", "air_date": "2025-01-17"}
    assert "S02E01 is added." in owner.post(address, given, follow=True).text
    assert "has an S02E01 already" in owner.post(address, given).text
    assert sam.post(address, given).status_code == 403


def test_staff_without_the_right_add_and_fetch_nothing_and_are_offered_nothing(world, sam):
    User.objects.filter(username="sam").update(is_staff=True)
    page = f"/shows/{world.shows['severance'].pk}"
    for address in ("/shows/add/by-hand", f"{page}/episodes", f"{page}/refresh"):
        assert sam.post(address, {"title": "X", "season": 9, "number": 9}).status_code == 403
        assert address not in sam.get("/shows/add").text + sam.get(page).text


def test_a_show_is_brought_up_to_date_from_tmdb_by_staff(world, owner, tmdb):
    tmdb.shows[95396] = {"id": 95396, "name": "Severance", "season/2": {"episodes": [{"episode_number": 1, "name": "Hello"}]}}
    assert "1 new episode." in owner.post(f"/shows/{world.shows['severance'].pk}/refresh", follow=True).text


def test_a_season_of_many_episodes_comes_in_parts(world, owner):
    long = show("Long", date(2000, 1, 1), seasons=((1, 250),))
    last = ep_of(long, 250)
    page = owner.get(f"/shows/{long.pk}", {"at": last.pk})
    assert len(page.context["part"].rows) == 50
    assert f'id="ep-{last.pk}"' in page.text
    assert "101–200" in page.text
    assert owner.get(f"/shows/{long.pk}?season=1&from=99999999").status_code == 200


def ep_of(row, number):
    return Episode.objects.get(show=row, episode_number=number)


def test_the_pages_ask_the_database_as_often_for_many_shows_as_for_few(world, owner):
    small = {address: _asked(owner, address) for address in ("/shows", "/shows?sort=progress", f"/shows/{world.shows['severance'].pk}")}
    for number in range(6):
        made = show(f"Show {number}", date(2010, 1, 1), seasons=((1, 3), (2, 3)))
        tick(owner, ep_of_season(made))
    for episode in Episode.objects.filter(show=world.shows["severance"]):
        tick(owner, episode, date="2026-01-01")
    for address, asked in small.items():
        assert _asked(owner, address) <= asked, address


def ep_of_season(made):
    return made.episodes.first()


def _asked(owner, address):
    with CaptureQueriesContext(connection) as captured:
        assert owner.get(address).status_code == 200
    return len(captured)

"""The page of the sync."""

import html
import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from plex_integration.models import PlexConflict, PlexEpisode, PlexShowMapping, SyncRun
from plex_integration.sync import background

PAGE = "/settings/plex/sync"


@pytest.fixture
def page(world, shelf):
    world.client.force_login(world.owner)
    return world.client


def test_a_run_is_begun_followed_and_listed(page, shelf):
    assert "Read the whole library" in page.get(PAGE).content.decode()
    begun = page.post(f"{PAGE}/start", {"older": "on"}, follow=True).content.decode()
    assert "The sync begins." in begun
    assert 'hx-trigger="every 2s"' in begun
    assert "Another sync is under way" in page.post(f"{PAGE}/start", follow=True).content.decode()
    run = SyncRun.objects.get()
    assert (run.older, run.started_by, run.scope) == (True, shelf.config.user, "all")
    background.go_on(run.pk)
    over = page.get(PAGE).content.decode()
    assert "7 added" in over
    assert "every 2s" not in over
    assert "See what changed" in over
    assert PlexEpisode.objects.count() == 5


def test_a_run_is_cancelled(page, shelf):
    page.post(f"{PAGE}/start")
    assert "The sync stops." in page.post(f"{PAGE}/cancel", follow=True).content.decode()
    background.go_on(SyncRun.objects.get().pk)
    assert SyncRun.objects.get().status == "cancelled"
    assert "No sync is running" in page.post(f"{PAGE}/cancel", follow=True).content.decode()


def test_one_show_needs_its_title(page, shelf):
    answer = page.post(f"{PAGE}/start", {"one": "on", "title": ""})
    assert "as Plex has it" in answer.content.decode()
    assert not SyncRun.objects.exists()
    assert "whole number" in page.post(f"{PAGE}/start", {"one": "on", "title": "x", "year": "no"}).content.decode()
    page.post(f"{PAGE}/start", {"one": "on", "title": "Dark", "year": "2017"})
    assert (SyncRun.objects.get().scope, SyncRun.objects.get().title) == ("show", "Dark")


def test_a_title_that_the_server_does_not_have_is_said_in_the_list_of_runs(page, shelf):
    page.post(f"{PAGE}/start", {"one": "on", "title": "Nothing"})
    background.go_on(SyncRun.objects.get().pk)
    text = page.get(PAGE).text
    assert "No show on the server is called Nothing.<" in text
    assert "Nothing had changed" not in text


def test_without_a_server_it_says_so_and_only_staff_see_it(page, shelf, world):
    shelf.config.plex_token = ""
    shelf.config.save()
    assert "No Plex server yet" in page.get(PAGE).content.decode()
    world.client.force_login(User.objects.create_user("sam"))
    assert page.get(PAGE).status_code == 403
    assert page.post(f"{PAGE}/start").status_code == 403


@pytest.mark.parametrize("count", [1, 30])
def test_the_page_costs_the_same_however_many_runs_there_were(page, shelf, django_assert_max_num_queries, count):
    now = datetime.now(UTC)
    SyncRun.objects.bulk_create(
        SyncRun(config=shelf.config, status="done", started_at=now, finished_at=now) for _ in range(count)
    )
    with django_assert_max_num_queries(9):
        page.get(PAGE)


def test_the_page_of_a_show_has_a_button_that_syncs_it(page, shelf, world):
    shown = world.shows["severance"]
    PlexShowMapping.objects.create(
        plex_show_key="g:plex://show/sev", plex_title="Severance <US>", plex_year=2022, tvshow=shown, match_method="manual",
    )
    text = page.get(f"/shows/{shown.pk}").content.decode()
    assert "Matched by hand on" in text
    form = re.search(r'<form method="post" action="/settings/plex/sync/start">(.*?)</form>', text, re.DOTALL)[1]
    sent = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    page.post(f"{PAGE}/start", sent)
    run = SyncRun.objects.get()
    assert (run.scope, run.title, run.year) == ("show", "Severance <US>", 2022)
    shelf.config.plex_token = ""
    shelf.config.save()
    assert f"{PAGE}/start" not in page.get(f"/shows/{shown.pk}").content.decode()


def test_a_question_says_how_many_episodes_of_the_library_wait_for_it(page):
    mapping = PlexShowMapping.objects.create(plex_show_key="g:plex://show/x", plex_title="Xanadu")
    PlexConflict.objects.create(plex_show_key="g:plex://show/x", plex_title="Xanadu", conflict_type="no_match")
    for number, waits in enumerate((True, True, False)):
        PlexEpisode.objects.create(server_uuid="s", rating_key=str(number), mapping=mapping, waits=waits)
    assert "2 episodes of your library wait" in page.get("/settings/plex/conflicts").content.decode()

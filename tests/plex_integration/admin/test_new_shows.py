"""Making the show that a question is about: from TMDB, or as the Plex server has it."""

from datetime import date

import pytest

from plex_integration import identification
from plex_integration.client import ServerEpisode, ServerShow
from plex_integration.models import PlexConflict
from tests.world import SERVER, scrobble
from tvshows import tmdb
from tvshows.described import NewEpisode, NewShow
from tvshows.exceptions import ServiceDown
from tvshows.models import TVShow
from tvshows.tmdb import SearchHit

DARK = NewShow(title="Dark", first_aired=date(2017, 12, 1), tmdb_id=70523, poster="/dark.jpg", episodes=(
    NewEpisode(1, 1, "Secrets", date(2017, 12, 1), 52), NewEpisode(1, 2, "Lies", date(2017, 12, 1), 45),
))


class FakeTMDB:
    def __init__(self, problem=None):
        self.problem = problem

    def _or_fail(self, answer):
        if self.problem:
            raise self.problem
        return answer

    def find(self, source, value, *, kind):
        return ()

    def show(self, tmdb_id):
        return self._or_fail(DARK if tmdb_id == 70523 else None)

    def search(self, text, *, year=None):
        hits = (
            SearchHit(70523, "Dark", "Dark", date(2017, 12, 1), "A family saga <b>with</b> a twist.", "/dark.jpg"),
            SearchHit(95396, "Severance", "Severance", None, "", ""),
        )
        return self._or_fail(hits)


@pytest.fixture
def asked(world, monkeypatch):
    """A question about Dark, and the page of it in the owner's browser."""
    monkeypatch.setattr(tmdb, "client", FakeTMDB)
    world.send(scrobble("Dark", 1, 2, grandparentGuid="local://9"))
    conflict = PlexConflict.objects.get()
    browser = world.browser()
    page = f"/admin/plex_integration/plexconflict/{conflict.pk}/change/"
    return world, browser, page


def test_a_search_lists_what_tmdb_has_and_the_tracker_has_not(asked):
    _, browser, page = asked
    text = browser.get(page, {"q": "dark"}).text
    assert 'value="tmdb:70523"' in text
    assert "https://image.tmdb.org/t/p/w185/dark.jpg" in text
    assert "A family saga &lt;b&gt;with&lt;/b&gt;" in text
    assert 'value="tmdb:95396"' not in text


def test_a_show_of_tmdb_is_made_with_all_its_episodes_and_what_waits_is_ticked_off(asked):
    world, browser, page = asked
    text = browser.post(page, {"show": "tmdb:70523"}, follow=True).text
    assert "It is a new show here." in text
    assert world.watched() == {"Dark (2017) S01E02"}
    assert TVShow.objects.get(tmdb_id=70523).episodes.count() == 2
    assert PlexConflict.objects.get().resolution_action == "user_created_new"


def test_a_show_of_tmdb_that_is_here_already_is_taken_and_not_made_twice(asked):
    world, browser, page = asked
    browser.post(page, {"show": "tmdb:95396"}, follow=True)
    assert world.watched() == {"Severance (2022) S01E02"}
    assert PlexConflict.objects.get().resolution_action == "user_selected"


@pytest.mark.parametrize("problem", [None, ServiceDown("TMDB does not answer.")])
def test_what_tmdb_cannot_say_leaves_the_question_open_and_is_told(asked, monkeypatch, problem):
    _, browser, page = asked
    monkeypatch.setattr(tmdb, "client", lambda: FakeTMDB(problem))
    text = browser.post(page, {"show": "tmdb:1"}, follow=True).text
    assert ("TMDB does not answer." if problem else "TMDB cannot say more about this show.") in text
    assert not PlexConflict.objects.get().resolved
    assert "TMDB does not answer." in browser.get(page, {"q": "dark"}).text or not problem


def test_without_a_key_nothing_of_tmdb_is_offered(asked, monkeypatch):
    _, browser, page = asked
    monkeypatch.setattr(tmdb, "client", lambda: None)
    text = browser.get(page, {"q": "dark"}).text
    assert "tmdb:" not in text
    assert "Search another show of the tracker" in text


@pytest.mark.parametrize("answer", ["tmdb:", "tmdb:x", "tmdb:-1", "tmdb:99999999999", "tmdb:1 ", "plexx"])
def test_an_answer_that_is_none_is_asked_for_again(asked, answer):
    _, browser, page = asked
    response = browser.post(page, {"show": answer})
    assert response.status_code in {200, 302}
    assert not PlexConflict.objects.get().resolved


def test_a_show_is_made_as_the_plex_server_has_it(asked, monkeypatch):
    class Server:
        def show(self, rating_key):
            return ServerShow(rating_key="s1", title="Dark", year=2017)

        def episodes(self, rating_key):
            return (ServerEpisode(1, 1, "Secrets"), ServerEpisode(1, 2, "Lies"))

    world, browser, page = asked
    world.config.plex_server_uuid, world.config.plex_server_url = SERVER, "http://plex.local:32400"
    world.config.save()
    monkeypatch.setattr(identification, "server_of", lambda config: Server())
    assert 'value="plex"' in browser.get(page).text
    browser.post(page, {"show": "plex"}, follow=True)
    assert world.watched() == {"Dark (2017) S01E02"}
    assert TVShow.objects.get(title="Dark").source == "plex"


def test_without_a_server_its_description_is_not_offered_and_asking_for_it_says_why(asked):
    _, browser, page = asked
    assert 'value="plex"' not in browser.get(page).text
    assert "The Plex server cannot say more" in browser.post(page, {"show": "plex"}, follow=True).text

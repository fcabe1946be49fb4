"""The page of settings for Plex, against a Plex of our own."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from plex_integration.models import PlexConfig, PlexLibrary
from tests.plex_integration.fake_plex import TOKEN, FakePlex
from tests.world import scrobble

PAGE = "/settings/plex"


@pytest.fixture
def plex(settings, monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)
    sections = [{"key": "2", "title": "TV Shows", "type": "show"}, {"key": "1", "title": "Movies", "type": "movie"}]
    with FakePlex(libraries=sections) as plex:
        settings.PLEX_TV_URL = plex.url
        yield plex


@pytest.fixture
def browser(world) -> Client:
    client = Client()
    client.force_login(world.owner)
    return client


def send(browser, path, **data):
    return browser.post(f"{PAGE}{path}", data, follow=True)


def test_with_a_token_the_server_is_found_and_its_libraries_are_read(browser, plex):
    text = send(browser, "/connect", token=TOKEN).text
    assert "Connected to Shelf as robin." in text
    assert PlexConfig.objects.get().plex_server_url == plex.url
    assert list(PlexLibrary.objects.values_list("title", flat=True)) == ["Movies", "TV Shows"]
    assert "TV Shows" in text
    assert "Movies" not in text
    assert TOKEN not in text


def test_a_wrong_token_is_told_and_nothing_changes(browser, plex):
    text = send(browser, "/connect", token="wrong").text
    assert "Plex does not know this token" in text
    assert PlexConfig.objects.get().plex_token == ""


def test_what_worked_before_stays_when_the_next_try_fails(browser, plex):
    send(browser, "/connect", token=TOKEN)
    before = PlexConfig.objects.values().get()
    send(browser, "/connect", token=TOKEN, server_url="http://127.0.0.1:9")
    assert PlexConfig.objects.values().get() == before


def test_signing_in_goes_on_by_itself_once_the_person_has_agreed(browser, plex):
    waiting = send(browser, "/sign-in")
    assert "Open plex.tv" in waiting.text
    assert "Waiting until you have agreed there." in browser.get(f"{PAGE}/sign-in").text
    plex.granted.add(browser.session["plex_pin"][0])
    assert "Connected to Shelf" in browser.get(f"{PAGE}/sign-in", follow=True).text
    assert "plex_pin" not in browser.session


def test_a_sign_in_that_nobody_began_leads_back(browser, plex):
    assert browser.get(f"{PAGE}/sign-in").headers["Location"] == PAGE


def test_a_plex_tv_that_is_away_is_told(browser, plex):
    plex.plex_tv_status = 503
    assert "plex.tv does not answer just now" in send(browser, "/sign-in").text


def test_the_switches_are_saved(browser, world):
    send(browser, "/options", enabled="on")
    config = PlexConfig.objects.get()
    assert (config.enabled, config.auto_mark_watched, config.auto_add_shows) == (True, False, False)


def test_a_library_that_is_left_out_sets_its_events_aside(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    send(browser, "/libraries", shown="2")
    assert not PlexLibrary.objects.get(title="TV Shows").enabled
    log = world.send(scrobble("Severance", librarySectionID=2, server=plex.machine_identifier))
    assert (log.status, log.action_taken) == ("ignored", "ignored")
    assert "library was left out" in log.reason
    send(browser, "/libraries", shown="2", counted="2")
    assert PlexLibrary.objects.get(title="TV Shows").enabled


def test_the_libraries_are_read_again_and_keep_what_was_chosen(browser, plex):
    send(browser, "/connect", token=TOKEN)
    send(browser, "/libraries", shown="2")
    send(browser, "/libraries", refresh="1")
    assert not PlexLibrary.objects.get(title="TV Shows").enabled


def test_the_webhook_is_registered_with_our_address(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    assert "The webhook is registered." in send(browser, "/webhook").text
    [url] = plex.webhooks
    assert url == f"http://testserver/api/plex/webhook?secret={world.config.webhook_secret}"


def test_without_a_plex_pass_it_is_said_that_plex_sends_none(browser, plex):
    send(browser, "/connect", token=TOKEN)
    plex.has_pass = False
    assert "no Plex Pass" in send(browser, "/webhook").text


@pytest.mark.parametrize("path", ["", "/sign-in"])
def test_somebody_who_is_not_staff_is_refused(world, path):
    client = Client()
    client.force_login(User.objects.create_user("sam"))
    assert client.get(f"{PAGE}{path}").status_code == 403
    for post in ("/connect", "/sign-in", "/options", "/libraries", "/webhook"):
        assert client.post(f"{PAGE}{post}").status_code == 403

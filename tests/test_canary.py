"""What may be seen nowhere: the Plex token, TMDB's key and the encryption key, through a whole first play and crashes."""

import base64
import logging
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings

from plex_integration import identification, processing
from plex_integration.models import PlexConfig
from tests.plex_integration.fake_plex import FakePlex, episode, show
from tests.test_walk import existing, stored
from tests.tvshows.fake_tmdb import KEY, running, status
from tests.world import World, scrobble

TOKEN = "Canary+Token/4711=~x"


@pytest.fixture
def said(monkeypatch) -> list[str]:
    """Everything that is logged, at every level, tracebacks too, before anything is made unreadable in it."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record):
            lines.append(logging.Formatter().format(record))

    keeper, names = Keeper(level=0), ["", *logging.root.manager.loggerDict]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        if logger.name != "urllib3":  # the settings keep it quiet, because it logs whole URLs
            logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(logging.root, "handlers", [keeper])  # the others would write out the same once more, each
    yield lines
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def spellings(secret: str) -> set[str]:
    raw = secret.encode()
    return {secret, quote(secret, safe=""), base64.b64encode(raw).decode().rstrip("="), raw.hex()}


def assert_nowhere(text: str, what: str) -> None:
    for secret in (TOKEN, KEY, django_settings.ENCRYPTION_KEYS[0].hex()):
        assert not [one for one in spellings(secret) if one in text], what


def crash(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of our own")


def test_no_secret_is_seen_anywhere_after_a_first_play_and_crashes_on_the_way(world: World, settings, said, monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)
    served = show("s1", "Dark", year=2019, Guid=[{"id": "tmdb://70523"}])
    browser = world.browser(raise_request_exception=False)
    with FakePlex(token=TOKEN, shows={"s1": served}, episodes={"s1": [episode("e1", "s1", 1, 1)]}) as plex, running() as tmdb:
        settings.PLEX_TV_URL, settings.TMDB_API_URL, settings.TMDB_API_KEY = plex.url, tmdb.url, KEY
        pages = [browser.post("/settings/plex/connect", {"token": TOKEN}, follow=True).text]
        assert PlexConfig.objects.get().plex_token
        play = scrobble("Dark", 1, 1, grandparentGuid="plex://show/s1", server=plex.machine_identifier)
        with monkeypatch.context() as broken:
            broken.setattr(identification, "_is_same", crash)
            world.post(play)
            world.work()
        plex.status, tmdb.fault = 500, status(500)
        pages.append(browser.post("/settings/plex/connect", {"token": TOKEN + "x"}, follow=True).text)
        plex.status, plex.revoked = None, True
        pages.append(browser.post("/settings/plex/connect", {"token": TOKEN}, follow=True).text)
        with monkeypatch.context() as broken:
            broken.setattr("plex_integration.views.settings.webhook_url", crash)
            pages.append(browser.get("/settings/plex").text)
    assert processing.process(world.last().pk, now=world.last().created_at) is None
    pages += [browser.get(path).content.decode("utf-8", "replace") for path in existing()]
    assert any(request.token == TOKEN for request in plex.requests)
    for text, what in [("\n".join(pages), "a page"), ("\n".join(said), "the log"), (stored(), "the database")]:
        assert_nowhere(text, what)
    assert "a fault of our own" in "\n".join(said)

"""How far the setup is, and why no event may have come."""

import pytest
from django.utils import timezone

from plex_integration import demo, guide, sample
from plex_integration.models import PlexAccount, PlexConfig, PlexLibrary, PlexWebhookLog
from tests.world import FRIEND, scrobble

HERE = "http://192.168.1.20:8000/api/plex/webhook?secret=s"


def state(config, step) -> tuple[str, str]:
    found = getattr(guide.examine(config), step)
    return found.state, found.badge


def test_without_a_connection_everything_is_still_to_do(db):
    assert {state(None, step)[0] for step in ("account", "server", "webhook", "event", "people", "tmdb")} == {"todo"}


def test_the_account_and_the_server_are_done_once_they_are_saved(world):
    config = world.config
    assert (state(config, "account"), state(config, "server")) == (("todo", "Not yet"), ("todo", "Not yet"))
    config.plex_token, config.plex_server_uuid = "sealed", "shelf"
    assert (state(config, "account"), state(config, "server")) == (("done", "Done"), ("done", "Done"))


def test_a_server_of_which_no_library_of_shows_counts_is_said_to_be_so(world):
    config = world.config
    config.plex_server_uuid = "shelf"
    PlexLibrary.objects.create(config=config, section_key="1", kind="movie")
    shows = PlexLibrary.objects.create(config=config, section_key="2", kind="show", enabled=False)
    assert state(config, "server") == ("warn", "No library counts")
    shows.enabled = True
    shows.save()
    assert state(config, "server") == ("done", "Done")


def test_without_a_plex_pass_the_webhook_asks_for_attention_until_events_arrive_all_the_same(world):
    config = world.config
    assert state(config, "webhook") == ("todo", "No event yet")
    config.has_plex_pass = False
    assert state(config, "webhook") == ("warn", "No Plex Pass")
    world.send(scrobble())  # Tautulli sends them
    assert (state(config, "webhook"), state(config, "event")) == (("done", "Events arrive"), ("done", "Arrived"))


def test_a_sample_and_another_persons_events_are_no_first_event(world):
    world.send(sample.payload(sample.new_key()))
    assert guide.last_event(world.config) is None
    world.send(scrobble())
    first = world.last()
    world.send(sample.payload(sample.new_key()))
    assert guide.last_event(world.config) == first.created_at
    assert guide.last_event(PlexConfig(pk=world.config.pk + 1)) is None


def test_the_demo_is_no_first_event_either(world, monkeypatch):
    monkeypatch.setattr(demo, "EARLIER", demo.EARLIER[:1])  # one stretch of it is as good as all
    demo.load(world.config, now=timezone.now())
    assert guide.last_event(world.config) is None
    assert (state(world.config, "webhook"), state(world.config, "event")) == (("todo", "No event yet"), ("todo", "Waiting"))
    world.send(scrobble())
    assert guide.last_event(world.config) == PlexWebhookLog.objects.latest("pk").created_at


def test_the_last_event_is_found_behind_many_of_others_too(world, monkeypatch):
    world.send(scrobble())
    first = world.last()
    for _ in range(2):
        world.send(sample.payload(sample.new_key()))
    monkeypatch.setattr(guide, "LATEST", 1)
    assert guide.last_event(world.config) == first.created_at


def test_each_account_comes_with_the_number_of_its_plays_that_were_set_aside(world):
    world.send(scrobble("Severance (2022)"))
    for number in (1, 2):
        world.send(scrobble("Severance (2022)", number=number, account=FRIEND))
    assert {str(one.row): one.set_aside for one in guide.accounts(world.config)} == {"robin": 0, "alex": 2}
    assert state(world.config, "people") == ("warn", "1 not linked")
    PlexAccount.objects.filter(title="alex").update(linked_by="person")
    assert state(world.config, "people") == ("done", "Done")


def test_a_key_of_tmdb_is_optional(world, settings):
    assert state(world.config, "tmdb") == ("todo", "Optional")
    settings.TMDB_API_KEY = "k"
    assert state(world.config, "tmdb") == ("done", "Key set")


def test_what_is_known_to_be_the_cause_comes_first(world, settings):
    config = world.config
    assert not any(hint.certain for hint in guide.hints(config, HERE))
    config.has_plex_pass, settings.PLEX_ALLOWED_IPS = False, ["192.168.1.9/32"]
    found = guide.hints(config, HERE.replace("192.168.1.20", "localhost"))
    assert [hint.certain for hint in found] == [True, True, True, *[False] * 4]
    assert "Plex Pass" in found[0].text
    assert "secret=s" not in str(found)


def test_https_has_causes_of_its_own(world):
    plain, secure = (" ".join(h.text for h in guide.hints(world.config, url)) for url in (HERE, HERE.replace("http:", "https:")))
    assert "PUBLIC_WEBHOOK_URL" in plain
    assert "certificate" in secure


@pytest.mark.parametrize(("host", "expected"), [
    ("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("127.8.8.8", True), ("192.168.1.20", False), ("tv.lan", False), ("", False),
])
def test_an_address_of_this_machine_alone_is_known(host, expected):
    assert guide.is_loopback(f"http://{host}:8000/") is expected

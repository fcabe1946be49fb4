"""The page of settings for Plex, against a Plex of our own."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from plex_integration import sample
from plex_integration.models import PlexAccount, PlexConfig, PlexLibrary, PlexWebhookLog
from tests.plex_integration.fake_plex import MACHINE, TOKEN, FakePlex
from tests.world import FRIEND, SAM, scrobble
from tvshows.models import Watch

PAGE = "/settings/plex"
HTMX = {"HX-Request": "true"}
NOWHERE = "http://127.0.0.1:9"  # nobody listens on discard


@pytest.fixture
def plex(settings, monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)
    sections = [{"key": "2", "title": "TV Shows", "type": "show"}, {"key": "1", "title": "Movies", "type": "movie"}]
    with FakePlex(libraries=sections) as plex:
        settings.PLEX_TV_URL = plex.url
        yield plex


@pytest.fixture
def browser(world) -> Client:
    return world.browser()


def send(browser, path, **data):
    return browser.post(f"{PAGE}{path}", data, follow=True)


def steps(text) -> list[tuple[str, str]]:
    """Each step's state and badge."""
    found = re.findall(r'<li class="step (\w+)".*?<span class="badge[^>]*>(?:<svg.*?</svg>)?([^<]*)</span>', text, re.DOTALL)
    return [(state, badge.strip()) for state, badge in found]


# Signing in

def test_with_a_token_the_server_is_found_and_its_libraries_are_read(browser, plex):
    text = send(browser, "/connect", token=TOKEN).text
    assert "Connected to Shelf as robin." in text
    assert PlexConfig.objects.get().plex_server_url == plex.url
    assert list(PlexLibrary.objects.values_list("title", flat=True)) == ["Movies", "TV Shows"]
    assert "TV Shows" in text
    assert "Movies" not in text
    assert TOKEN not in text


def test_a_wrong_token_is_told_beside_its_field_and_nothing_changes(browser, plex):
    text = send(browser, "/connect", token="wrong-token", server_url="http://kept:1").text
    assert re.search(r'id="id_token_error"[^>]*><p>Plex does not know this token', text)
    assert 'value="http://kept:1"' in text
    assert "wrong-token" not in text
    assert PlexConfig.objects.get().plex_token == ""


def test_no_token_at_all_is_told_beside_its_field(browser, plex):
    assert re.search(r'id="id_token_error"[^>]*><p>There is no Plex token yet', send(browser, "/connect").text)


def test_what_worked_before_stays_when_the_next_try_fails(browser, plex):
    send(browser, "/connect", token=TOKEN)
    before = PlexConfig.objects.values().get()
    send(browser, "/connect", token=TOKEN, server_url=NOWHERE)
    assert PlexConfig.objects.values().get() == before


def test_signing_in_goes_on_by_itself_once_the_person_has_agreed(browser, plex):
    waiting = send(browser, "/sign-in")
    assert "Open plex.tv" in waiting.text
    assert "Waiting until you have agreed there." in browser.get(f"{PAGE}/sign-in").text
    assert browser.get(f"{PAGE}/sign-in", headers=HTMX).status_code == 204
    plex.granted.add(browser.session["plex_pin"][0])
    done = browser.get(f"{PAGE}/sign-in", headers=HTMX)
    assert done.headers["HX-Redirect"] == PAGE
    assert "Connected to Shelf" in browser.get(PAGE).text
    assert "plex_pin" not in browser.session


def test_a_sign_in_that_nobody_began_leads_back(browser, plex):
    assert browser.get(f"{PAGE}/sign-in").headers["Location"] == PAGE


def test_a_plex_tv_that_is_away_is_told(browser, plex):
    plex.plex_tv_status = 503
    assert "plex.tv does not answer just now" in send(browser, "/sign-in").text
    assert "plex.tv does not answer just now" in send(browser, "/connect", token=TOKEN).text


# Which server

@pytest.fixture
def several(plex):
    with FakePlex(machine_identifier="attic", name="Attic") as attic:
        cellar = plex.resource(name="Cellar", clientIdentifier="cellar", connections=[plex.connection(NOWHERE), attic.connection()])
        friends = plex.resource(name="Alex's", clientIdentifier="alex", owned=False)
        plex.resources = [plex.resource(), attic.resource(), cellar, friends]
        yield attic


def test_who_has_several_servers_is_asked_which_and_need_not_sign_in_again(browser, plex, several):
    assert "This Plex account has 3 servers." in send(browser, "/connect", token=TOKEN).text
    assert PlexConfig.objects.get().plex_token == ""
    assert TOKEN not in str(browser.session["plex_pending"])
    found = browser.get(f"{PAGE}/servers/found", headers=HTMX).text
    assert f"{NOWHERE} does not answer from this machine" in found
    assert f"{several.url} is answered by another server" in found
    assert [bool(re.search(f'value="{name}"[^>]*disabled', found)) for name in (MACHINE, "attic", "cellar")] == [False, False, True]
    assert "Only its owner can connect it." in found
    several.name, several.token = "Attic", plex.token
    assert "Connected to Attic as robin." in send(browser, "/servers", server="attic").text
    assert "plex_pending" not in browser.session
    plex.requests.clear()
    assert "Connected to Attic" in send(browser, "/connect").text  # the saved token, the saved server: nothing to ask


def test_a_server_that_is_not_reached_can_be_named_by_its_address_without_signing_in_again(browser, plex):
    plex.connections = [plex.connection(NOWHERE)]
    text = send(browser, "/connect", token=TOKEN, server_url=f"{NOWHERE}/").text
    assert re.search(r'id="id_server_url_error"[^>]*><p>No Plex server answers at http://127.0.0.1:9', text)
    assert f'value="{NOWHERE}/"' in text
    assert "Choose a server, or enter the address" in send(browser, "/servers").text
    assert "Connected to Shelf" in send(browser, "/servers", server_url=plex.url).text


def test_after_signing_in_to_an_account_without_a_server_that_answers_one_can_be_named(browser, plex):
    send(browser, "/sign-in")
    plex.granted.add(7001)
    plex.connections = [plex.connection(NOWHERE)]
    assert browser.get(f"{PAGE}/sign-in", headers=HTMX).headers["HX-Redirect"] == f"{PAGE}/servers"
    assert "Your Plex server (Shelf) does not answer at any known address." in browser.get(f"{PAGE}/servers").text
    assert "Not reached" in browser.get(f"{PAGE}/servers/found").text


def test_without_a_token_there_is_no_server_to_choose(browser, plex):
    assert browser.get(f"{PAGE}/servers").headers["Location"] == PAGE
    assert "There is no Plex token yet" in browser.get(f"{PAGE}/servers/found").text


def test_a_token_that_waits_for_a_choice_is_forgotten_after_half_an_hour(browser, plex, several):
    send(browser, "/connect", token=TOKEN)
    session = browser.session
    session["plex_pending"][1] -= 1801
    session.save()
    assert browser.get(f"{PAGE}/servers").headers["Location"] == PAGE


# How it is

def test_the_steps_say_how_far_the_setup_is(browser, plex, world):
    assert [state for state, _ in steps(browser.get(PAGE).text)] == ["todo"] * 6
    send(browser, "/connect", token=TOKEN)
    world.send(scrobble("Severance", account=FRIEND))
    assert steps(browser.get(PAGE).text) == [
        ("done", "Done"), ("done", "Done"), ("done", "Events arrive"), ("done", "Arrived"), ("warn", "1 not linked"),
        ("todo", "Optional"),
    ]


def test_plex_and_the_server_are_asked_how_they_are_once_a_minute(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    plex.answers["/:/prefs"] = {"MediaContainer": {"Setting": [{"id": "WebHooksEnabled", "value": False}]}}
    plex.requests.clear()
    text = browser.get(f"{PAGE}/check", headers=HTMX).text
    assert "The webhook is not registered at plex.tv" in text
    assert "Webhooks are switched off on Shelf" in text
    asked = len(plex.requests)
    assert "Webhooks are switched off" in browser.get(f"{PAGE}/check").text
    assert len(plex.requests) == asked
    send(browser, "/webhook")
    assert "The webhook is registered at plex.tv" in browser.get(f"{PAGE}/check", headers=HTMX).text


def test_a_webhook_that_plex_does_not_know_is_not_done_even_where_events_arrive(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    world.send(scrobble("Severance", account=FRIEND))
    text = browser.get(f"{PAGE}/check", headers=HTMX).text
    assert 'id="step-webhook" hx-swap-oob="true"' in text
    assert steps(text) == steps(browser.get(PAGE).text)[2:3] == [("warn", "Not registered")]
    send(browser, "/webhook")
    assert "step-webhook" not in browser.get(f"{PAGE}/check", headers=HTMX).text
    assert ("done", "Events arrive") in steps(browser.get(PAGE).text)


@pytest.mark.parametrize("path", ["/", PAGE])
def test_beside_an_address_that_only_this_machine_reaches_it_is_said_so(browser, path):
    said = [
        "only a Plex server on this machine reaches it" in browser.get(path, headers={"host": host}).text.split('id="first-event"')[0]
        for host in ("127.0.0.1:8000", "192.168.1.20:8000")
    ]
    assert said == [True, False]


def test_what_is_wrong_with_plex_is_said_where_it_is_asked(browser, plex):
    send(browser, "/connect", token=TOKEN)
    for change, words in (
        ({"revoked": True}, ["Plex does not take the token any more", "Shelf does not take the token"]),
        ({"plex_tv_status": 503}, ["plex.tv does not answer just now", "Shelf answers"]),
        ({"has_pass": False}, ["This account has no Plex Pass"]),
        ({"status": 500}, ["plex.tv does not answer just now", "Shelf does not answer at"]),
    ):
        PlexConfig.objects.update(webhook_secret=str(change))  # so that it is asked anew
        for name, value in change.items():
            setattr(plex, name, value)
        text = browser.get(f"{PAGE}/check", headers=HTMX).text
        assert all(one in text for one in words), (change, text)
        plex.revoked, plex.plex_tv_status, plex.has_pass, plex.status = False, None, True, None


def test_the_page_costs_the_same_queries_for_many_accounts_libraries_and_events(browser, world, django_assert_num_queries):
    def fill(first, count):
        accounts = [PlexAccount.objects.create(config=world.config, account_id=number, title=f"a{number}") for number in range(first, first + count)]
        PlexLibrary.objects.bulk_create([PlexLibrary(config=world.config, section_key=str(a.pk), title="x", kind="show") for a in accounts])
        PlexWebhookLog.objects.bulk_create([
            PlexWebhookLog(config=world.config, account=a, event_type="media.scrobble", status="ignored", action_taken="unlinked_account")
            for a in accounts for _ in range(3)
        ])

    fill(100, 2)
    browser.get(PAGE)
    with django_assert_num_queries(9):
        assert "Run 3 plays again" in browser.get(PAGE).text
    fill(200, 20)
    with django_assert_num_queries(9):
        browser.get(PAGE)


# What counts

def test_the_options_are_saved(browser, world):
    assert "The options are saved." in send(browser, "/options", enabled="on", counts_from="2026-01-05").text
    config = PlexConfig.objects.get()
    assert (config.enabled, config.auto_mark_watched, config.auto_add_shows) == (True, False, False)
    assert config.sync_started_date == datetime(2026, 1, 5, tzinfo=UTC)


def test_the_day_from_which_history_counts_keeps_its_time_unless_it_is_changed(browser, world):
    before = PlexConfig.objects.get().sync_started_date
    send(browser, "/options", counts_from=str(timezone.localdate()))
    assert PlexConfig.objects.get().sync_started_date == before


@pytest.mark.parametrize("day", ["", "soon", "0001-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_is_told_and_nothing_is_saved(browser, world, day):
    text = send(browser, "/options", counts_from=day).text
    assert re.search(r'id="id_counts_from_error"[^>]*><p>Enter a day', text)
    assert PlexConfig.objects.get().enabled


def test_a_library_that_is_left_out_sets_its_events_aside(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    assert "No library counts, so nothing is ticked off." in send(browser, "/libraries", shown="2").text
    log = world.send(scrobble("Severance", librarySectionID=2, server=plex.machine_identifier))
    assert (log.status, log.action_taken) == ("ignored", "ignored")
    assert "library was left out" in log.reason
    send(browser, "/libraries", refresh="1")
    assert not PlexLibrary.objects.get(title="TV Shows").enabled
    send(browser, "/libraries", shown="2", counted="2")
    assert PlexLibrary.objects.get(title="TV Shows").enabled


def test_a_server_that_cannot_name_its_libraries_is_told(browser, plex):
    send(browser, "/connect", token=TOKEN)
    plex.status = 500
    assert "The libraries could not be read" in send(browser, "/libraries", refresh="1").text


def test_an_account_is_linked_and_what_was_set_aside_is_run_again_for_its_person(browser, world):
    sam = User.objects.create_user("sam")
    world.send(scrobble("Severance (2022)", number=1))  # the owner's account is linked by itself
    world.send(scrobble("Severance (2022)", number=2, account=SAM))
    world.send(scrobble("Severance (2022)", number=3, account=FRIEND))
    sams, friends = PlexAccount.objects.get(title="sam"), PlexAccount.objects.get(title="alex")
    assert "Run 1 play again" in browser.get(PAGE).text
    text = send(browser, "/accounts", **{
        f"whose-{sams.pk}": str(sam.pk), f"again-{sams.pk}": "on", f"whose-{friends.pk}": "nobody", f"again-{friends.pk}": "on",
    }).text
    assert "2 accounts changed, 1 play run again." in text
    world.work()
    assert world.watched(sam) == {"Severance (2022) S01E02"}
    assert {account.title: (account.user, account.linked_by) for account in PlexAccount.objects.all()} == {
        "robin": (world.owner, "rule"), "sam": (sam, "person"), "alex": (None, "person"),
    }
    assert steps(text)[4] == ("done", "Done")


def test_a_page_that_was_open_for_long_does_not_undo_a_link_made_on_another(browser, world):
    sam = User.objects.create_user("sam")
    account = PlexAccount.objects.create(config=world.config, account_id=SAM["id"], title="sam", user=sam, linked_by="person")
    seen = {f"was-{account.pk}": "nobody"}
    assert "0 accounts changed" in send(browser, "/accounts", **seen, **{f"whose-{account.pk}": "nobody"}).text
    text = send(browser, "/accounts", **seen, **{f"whose-{account.pk}": str(world.owner.pk)}).text
    assert "This was changed meanwhile, to sam. Choose again." in text
    assert f'name="was-{account.pk}" value="{sam.pk}"' in text
    account.refresh_from_db()
    assert account.user == sam


def test_who_says_nothing_of_an_account_leaves_it_as_it_is(browser, world):
    friend = PlexAccount.objects.create(config=world.config, account_id=FRIEND["id"], title="alex")
    assert "0 accounts changed" in send(browser, "/accounts", **{f"whose-{friend.pk}": ""}).text
    text = send(browser, "/accounts", **{f"whose-{friend.pk}": "4711"}).text
    assert "That person is not here any more." in text
    assert PlexAccount.objects.get().linked_by == ""


# The webhook

def test_the_webhook_is_registered_with_our_address(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    plex.webhooks = [f"http://old.lan/api/plex/webhook?secret={world.config.webhook_secret}", "http://other.lan/hook"]
    assert "The webhook is registered." in send(browser, "/webhook").text
    assert plex.webhooks == ["http://other.lan/hook", f"http://testserver/api/plex/webhook?secret={world.config.webhook_secret}"]


def test_without_a_plex_pass_it_is_said_that_plex_sends_none(browser, plex):
    plex.has_pass = False
    text = send(browser, "/connect", token=TOKEN).text
    assert "This account has no Plex Pass." in text
    assert "Register it at plex.tv" not in text
    assert "no Plex Pass" in send(browser, "/webhook").text


def test_after_a_new_secret_the_old_url_works_until_its_time_is_over_or_ended(browser, world):
    old = world.config.webhook_secret
    text = send(browser, "/webhook/secret", grace="168").text
    config = PlexConfig.objects.get()
    assert config.webhook_secret in text
    assert old not in text
    assert timedelta(days=6.9) < config.previous_secret_expires_at - datetime.now(UTC) < timedelta(days=7)
    assert "The old URL still works until" in text
    assert world.post(scrobble(), secret=old).status_code == 202
    assert "The old URL still works" not in send(browser, "/webhook/old").text
    assert world.post(scrobble(), secret=old).status_code == 401
    assert world.post(scrobble(number=2), secret=config.webhook_secret).status_code == 202


def test_a_grace_that_nobody_offered_is_refused(browser, world):
    assert "Choose one of the three." in send(browser, "/webhook/secret", grace="99999").text
    assert PlexConfig.objects.get().webhook_secret == world.config.webhook_secret


@pytest.fixture
def itself(world, monkeypatch):
    """Our webhook, where a sample is posted to it; its answers' statuses by host."""
    class Answer:
        def __init__(self, status):
            self.status_code, self.is_redirect = status, 300 <= status < 400

    def post(url, data):
        status = statuses.get(url.split("/")[2], "")
        if isinstance(status, int):
            return Answer(status)
        if status is None:
            raise sample.Unreached("does not answer.")
        return Answer(world.post(data, secret=url.partition("secret=")[2]).status_code)

    statuses = {}
    monkeypatch.setattr(sample, "post", post)
    return statuses


def test_a_sample_is_seen_to_arrive_and_leaves_no_tick_and_is_no_first_event(browser, world, itself):
    text = browser.post(f"{PAGE}/sample", headers=HTMX).text
    assert "Sent to http://testserver. Waiting for it to arrive." in text
    [again] = re.findall(r'hx-get="([^"]+)"', text)
    done = browser.get(again, headers=HTMX).text
    assert "events come through. It is a sample, so nothing was ticked off." in done
    assert "hx-get" not in done
    assert (PlexWebhookLog.objects.get().plex_title, Watch.objects.count()) == (sample.TITLE, 0)
    assert steps(browser.get(PAGE).text)[3] == ("todo", "Waiting")
    assert "events come through" in send(browser, "/sample").text  # without script


def test_a_sample_says_what_stands_in_its_way(browser, world, itself):
    itself["testserver"] = None
    assert "http://testserver does not answer. It was sent to this machine" in browser.post(f"{PAGE}/sample", headers=HTMX).text
    itself["localhost:8000"] = 301
    text = browser.post(f"{PAGE}/sample", headers=HTMX).text
    assert "The test event did not arrive." in text
    assert "Plex does not follow" in text
    assert world.config.webhook_secret not in text
    del itself["testserver"]
    PlexConfig.objects.update(enabled=False)
    assert "The connection to Plex is switched off." in send(browser, "/sample").text


@pytest.mark.parametrize("key", ["", "test-0123456789ab", "s1-1-1", "\0", "x" * 5000])
def test_a_sample_that_never_was_is_waited_for_and_no_fault(browser, world, key):
    world.send(scrobble())
    assert "Waiting for it to arrive." in browser.get(f"{PAGE}/sample/state", {"key": key}, headers=HTMX).text


def test_the_line_of_the_first_event_looks_again_until_it_has_come(browser, world):
    assert "hx-get" in browser.get(f"{PAGE}/first-event", headers=HTMX).text
    world.send(scrobble())
    assert "hx-get" not in browser.get(f"{PAGE}/first-event", headers=HTMX).text
    assert browser.get(f"{PAGE}/first-event").headers["Location"] == PAGE


# Disconnecting

def test_disconnecting_keeps_everything_and_is_undone_by_one_button(browser, plex, world):
    send(browser, "/connect", token=TOKEN)
    before = PlexConfig.objects.values().get()
    text = send(browser, "/disconnect").text
    assert "The connection is switched off." in text
    assert "Connected to" not in text
    assert world.send(scrobble()).action_taken == "integration_disabled"
    send(browser, "/switch-on")
    after = PlexConfig.objects.values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"updated_at", "last_webhook_received"}


def test_the_token_is_forgotten_with_it_at_a_persons_wish(browser, plex):
    send(browser, "/connect", token=TOKEN)
    text = send(browser, "/disconnect", forget_token="on").text
    config = PlexConfig.objects.get()
    assert (config.plex_token, config.enabled, config.plex_server_name) == ("", False, "Shelf")
    assert steps(text)[0] == ("todo", "Not yet")


@pytest.mark.parametrize("path", ["", "/sign-in", "/servers", "/servers/found", "/check", "/first-event", "/sample/state"])
def test_somebody_who_is_not_staff_is_refused(world, path):
    client = Client()
    client.force_login(User.objects.create_user("sam"))
    assert client.get(f"{PAGE}{path}").status_code == 403


def test_nobody_else_changes_anything_and_staff_without_a_connection_break_nothing(world):
    stranger, staff = Client(), Client()
    stranger.force_login(User.objects.create_user("sam"))
    staff.force_login(User.objects.create_user("kim", is_staff=True))
    assert steps(staff.get(PAGE).text)[0] == ("todo", "Not yet")
    assert staff.post(f"{PAGE}/accounts").status_code == stranger.post(f"{PAGE}/accounts").status_code == 403  # that is a right of its own
    for path in ("options", "libraries", "disconnect", "switch-on", "webhook", "webhook/secret", "webhook/old", "sample"):
        assert stranger.post(f"{PAGE}/{path}").status_code == 403
        assert staff.post(f"{PAGE}/{path}", follow=True).status_code == 200
    assert stranger.post(f"{PAGE}/connect").status_code == stranger.post(f"{PAGE}/sign-in").status_code == 403

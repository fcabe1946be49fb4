"""The first page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plex_integration import heartbeat
from plex_integration.models import PlexAccount, PlexConflict, PlexWebhookLog
from tests.world import NOON, scrobble, show
from tracker.home import tiles
from tracker.home.year import year_of
from tracker.templatetags.posters import initials, poster_url, tone
from tracker.templatetags.times import when
from tvshows.models import ServiceState, TrackedShow, Watch


@pytest.fixture(autouse=True)
def _the_worker_runs(db):
    heartbeat.beat(timezone.now())


def test_a_worker_that_does_not_run_is_the_first_thing_to_know(world, owner_client):
    heartbeat.beat(timezone.now() - timedelta(hours=1))
    text = owner_client.get("/").text
    assert "One thing needs you" in text
    assert "Not working" in text


def test_an_empty_installation_says_what_to_do_next(world, owner_client):
    text = owner_client.get("/").text
    assert "Nothing watched yet" in text
    assert f"/api/plex/webhook?secret={world.config.webhook_secret}" in text
    assert "Copy the URL" in text
    assert "needs you" not in text


def test_the_address_of_somebody_elses_webhook_is_not_shown(world):
    client = Client()
    client.force_login(User.objects.create_user("sam", is_staff=True))
    text = client.get("/").text
    assert "Nothing watched yet" in text
    assert world.config.webhook_secret not in text


def test_what_was_watched_and_what_plex_sent_is_shown(world, owner_client):
    world.send(scrobble("Severance", 1, 3, grandparentGuid="com.plexapp.agents.thetvdb://371980?lang=en"))
    text = owner_client.get("/").text
    assert "1 episode this week" in text
    assert "Watched lately" in text
    assert "S01E03" in text
    assert "S01E04" in text  # what is next


def test_an_open_question_and_a_failure_ask_for_a_person(world, owner_client):
    PlexConflict.objects.create(plex_title="The Office", conflict_type="multiple_matches", plex_show_key="g:o")
    PlexWebhookLog.objects.create(
        event_type="media.scrobble", plex_title="Bluey", status="failed", reason="Bluey S03E50 is not there.",
        done_at=timezone.now(),
    )
    text = owner_client.get("/").text
    assert "2 things need you" in text
    assert "Which show is “The Office”?" in text
    assert "1 event failed" in text
    assert f"/settings/plex/conflicts/{PlexConflict.objects.get().pk}" in text
    assert "?status=failed" in text


def test_what_waits_has_one_primary_button(world, owner_client):
    for key in ("g:a", "g:b"):
        PlexConflict.objects.create(plex_title="The Office", conflict_type="no_match", plex_show_key=key)
    PlexWebhookLog.objects.create(event_type="media.scrobble", status="failed", done_at=timezone.now())
    world.send(scrobble("Severance", grandparentGuid="com.plexapp.agents.thetvdb://371980"))
    assert owner_client.get("/").text.count("btn-primary") == 1


def test_episodes_of_one_evening_share_a_tile(world, owner_client):
    evening = datetime(2026, 3, 1, 23, tzinfo=timezone.get_current_timezone())
    for number, later in ((1, 0), (2, 1), (3, 2), (5, 72), (7, 73)):
        watch(world.owner, world.shows["severance"], number, evening + timedelta(hours=later))
    assert [tile.codes for tile in tiles.lately(world.owner)] == ["2 episodes", "S01E01 to E03"]
    watch(world.owner, world.shows["office_us"], 1, evening + timedelta(days=9))
    assert next((tile.codes, tile.title) for tile in tiles.lately(world.owner)) == ("S01E01", "The Office 1.1")


def test_staff_of_a_household_see_who_watched_and_others_see_themselves(world, owner_client):
    sam = User.objects.create_user("sam")
    watch(sam, world.shows["severance"], 1)
    watch(world.owner, world.shows["severance"], 1)
    assert {tile.who for tile in tiles.lately(world.owner)} == {"sam", "robin"}
    assert [tile.who for tile in tiles.lately(sam)] == [""]
    Watch.objects.filter(user=sam).delete()
    assert [tile.who for tile in tiles.lately(world.owner)] == [""]


def test_the_year_is_drawn_and_told_in_numbers(world, owner_client):
    now = timezone.now()
    for number in (1, 2, 3):
        watch(world.owner, world.shows["severance"], number, now - timedelta(days=number - 1))
    found = year_of(world.owner.pk, now=now)
    assert (found.episodes, found.longest_run) == (3, 3)
    assert sum(len(half.days) for half in found.halves) == 7 * 51 + timezone.localdate(now).weekday() + 1
    assert sum(bar.value for bar in found.weeks) == sum(month.episodes for month in found.months) == 3
    text = owner_client.get("/").text
    assert text.count('role="img"') == 3
    assert "1 episode</title>" in text


def test_the_card_of_the_connection_refreshes_itself_and_is_for_staff(world, owner_client):
    card = owner_client.get("/connection").text
    assert 'hx-get="/connection"' in card
    assert "<html" not in card
    member = Client()
    member.force_login(User.objects.create_user("sam"))
    assert member.get("/connection").status_code == 403


@pytest.mark.parametrize(("change", "said"), [
    ({}, "No event from Plex yet"),
    ({"enabled": False}, "The connection is switched off"),
    ({"plex_token": "x"}, "A Plex token is saved"),
])
def test_the_connection_says_what_to_do(world, owner_client, change, said):
    type(world.config).objects.update(**change)
    assert said in owner_client.get("/connection").text
    assert "No TMDB key" in owner_client.get("/connection").text


def test_without_any_connection_it_says_so(world, owner_client):
    world.config.delete()
    text = owner_client.get("/").text
    assert "Plex is not connected" in text
    assert "Waiting for you" in text or "Not working" in text


def test_others_see_their_own_events_and_watches_only(world):
    sam = User.objects.create_user("sam", password="another long password")
    linked = PlexAccount.objects.create(config=world.config, account_id=2, title="sam", user=sam)
    stranger = PlexAccount.objects.create(config=world.config, account_id=3, title="alex")
    for account, title in ((linked, "Bluey"), (stranger, "Fargo"), (None, "Andor")):
        PlexWebhookLog.objects.create(event_type="media.scrobble", plex_title=title, account=account, payload={"a": 1})
    PlexConflict.objects.create(plex_title="The Office", conflict_type="multiple_matches", plex_show_key="g:o")
    client = Client()
    client.force_login(sam)
    text = client.get("/").text
    assert "Bluey" in text
    for hidden in ("Fargo", "Andor", "The Office", "Connection", "webhook?secret"):
        assert hidden not in text


def test_titles_from_plex_are_inert(world, owner_client):
    PlexWebhookLog.objects.create(
        event_type="<script>a()</script>", plex_title="<script>b()</script>", reason="<img src=x onerror=c()>",
        status="failed",
    )
    text = owner_client.get("/").text
    for tag in ("<script>a", "<script>b", "<img src=x"):
        assert tag not in text


def watch(user, some, number, at=NOON):
    episode = some.episodes.get(season_number=1, episode_number=number)
    return Watch.objects.create(user=user, episode=episode, watched_at=at)


def fill(world, number):
    for index in range(number):
        some = show(f"Show {number} {index}", seasons=((1, 2),))
        watch(world.owner, some, 1, timezone.now())
        TrackedShow.objects.create(user=world.owner, show=some, watched_episodes=1)
        account = PlexAccount.objects.create(config=world.config, account_id=100 * number + index, title=f"a{index}")
        PlexWebhookLog.objects.create(event_type="media.scrobble", account=account, plex_title=some.title, tvshow=some)
        key = f"g:{number}-{index}"
        PlexConflict.objects.create(plex_title=some.title, conflict_type="no_match", plex_show_key=key)


def test_the_number_of_queries_does_not_grow_with_the_rows(world, owner_client):
    counts = []
    for size in (3, 12):
        fill(world, size)
        with CaptureQueriesContext(connection) as queries:
            assert owner_client.get("/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 30


def test_the_payloads_of_events_are_not_read(world, owner_client):
    fill(world, 2)
    with CaptureQueriesContext(connection) as queries:
        owner_client.get("/")
    assert not any('"payload"' in query["sql"] for query in queries)


@pytest.mark.parametrize(("moment", "text"), [
    (datetime(2026, 11, 20, 9, 5, tzinfo=UTC), "Today 09:05"),
    (datetime(2026, 11, 19, 22, 10, tzinfo=UTC), "Yesterday 22:10"),
    (datetime(2026, 11, 17, 21, 40, tzinfo=UTC), "Tue 21:40"),
    (datetime(2026, 11, 13, 21, 40, tzinfo=UTC), "13 Nov"),
    (datetime(2025, 11, 20, 21, 40, tzinfo=UTC), "20 Nov 2025"),
])
def test_times_are_said_as_people_say_them(monkeypatch, settings, moment, text):
    settings.TIME_ZONE = "UTC"
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert when(moment) == text


def test_posters_have_two_letters_and_a_steady_colour():
    assert [initials(title) for title in ("Severance", "The Bear", "Doctor Who", "9-1-1", "", "…")] == [
        "Se", "Be", "DW", "91", "?", "?",
    ]
    assert tone(7) == tone(15) == 8
    assert 1 <= tone("The Office") <= 8


def test_a_service_that_does_not_answer_is_named_until_it_does(world, owner_client):
    now = timezone.now()
    ServiceState.objects.create(service="TMDB", failures=5, closed_until=now + timedelta(minutes=1), last_error="TMDB has a fault.")
    ServiceState.objects.create(service="Plex server Shelf", failures=0, closed_until=None)
    text = owner_client.get("/").text
    assert "TMDB does not answer" in text
    assert "Plex server Shelf does not answer" not in text


def test_a_poster_comes_from_tmdb_or_not_at_all():
    assert poster_url("/a.jpg") == "https://image.tmdb.org/t/p/w185/a.jpg"
    assert poster_url("https://image.tmdb.org/t/p/w500/a.jpg") == "https://image.tmdb.org/t/p/w500/a.jpg"
    assert [poster_url(path) for path in ("http://elsewhere/a.jpg", "data:image/png;base64,x", "javascript:1", "")] == [""] * 4


def test_a_poster_is_shown_where_the_show_has_one(world, owner_client):
    world.shows["severance"].poster = "/severance.jpg"
    world.shows["severance"].save()
    world.send(scrobble("Severance", grandparentGuid="com.plexapp.agents.thetvdb://371980"))
    assert 'src="https://image.tmdb.org/t/p/w185/severance.jpg"' in owner_client.get("/").text

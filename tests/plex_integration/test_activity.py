"""The page of what Plex sent, and of one event."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plex_integration import activity, activity_counts
from plex_integration.activity import Filters
from plex_integration.models import PlexAccount, PlexConflict, PlexWebhookLog
from tests.stages import stage
from tests.world import FRIEND, SAM, scrobble
from tvshows.models import Episode, Watch

PAGE = "/settings/plex/activity"
SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}
DIALOG = {"HX-Request": "true", "HX-Target": "event-dialog"}


@pytest.fixture
def owner(world) -> Client:
    return world.browser()


@pytest.fixture
def sam(world) -> Client:
    """A household member, with a Plex account."""
    user = User.objects.create_user("sam")
    PlexAccount.objects.create(config=world.config, account_id=SAM["id"], title="sam", user=user, linked_by="person")
    client = Client()
    client.force_login(user)
    return client


@stage
def missing(world):
    """A play of an episode that the catalogue lacks."""
    return world.send(scrobble("Severance", 2, 1, **SEVERANCE, originallyAvailableAt="2025-01-17", duration=2_520_000))


def events(number, **fields):
    now = timezone.now()
    return PlexWebhookLog.objects.bulk_create(
        PlexWebhookLog(**{
            "event_type": "media.scrobble", "plex_title": f"Show {index % 7}", "plex_season": 1, "plex_episode": index,
            "status": "success", "action_taken": "marked_watched", "done_at": now, "payload": {"secret": "never read"},
            "created_at": now - timedelta(minutes=index),
        } | fields) for index in range(number)
    )


def test_every_result_is_told_in_words_with_what_to_do_next(world, owner, missing):
    world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    world.send(scrobble("iCarly", show_id="ic"))
    world.send(scrobble("Severance", 1, 2, **SEVERANCE, account=FRIEND))
    text = owner.get(PAGE).text
    question = PlexConflict.objects.get()
    for words in ("Marked watched", "Waits for you", f'href="{PAGE.removesuffix("activity")}conflicts/{question.pk}"', "Failed",
                  "no episode has this number", "“alex” is linked to nobody", "Run failed again", "Episode not found"):
        assert words in text, words


@pytest.mark.parametrize(("query", "expected"), [
    ("status=failed", {"Severance"}), ("status=watched", {"Bluey"}), ("action=duplicate", {"Šárka"}), ("q=sarka", {"Šárka"}),
    ("q=SEV%20s02e01", {"Severance"}), ("q=S01E05", {"Bluey"}), ("q=nothing", set()), ("days=1", {"Bluey", "Severance"}),
    ("days=7&status=duplicate", {"Šárka"}), ("page=9", set()),
    ("status=x&action=x&account=x&show=99&days=x&page=x", {"Bluey", "Severance", "Šárka"}),
])
def test_the_filters_narrow_the_list_and_nonsense_does_not(world, owner, missing, query, expected):
    events(1, plex_title="Bluey", plex_episode=5)
    events(1, plex_title="Šárka", status="duplicate", action_taken="duplicate", created_at=timezone.now() - timedelta(days=3))
    answer = owner.get(f"{PAGE}?{query}")
    assert {row.event.plex_title for row in answer.context["activity"].rows} == expected
    assert bool(expected) != ("No event fits" in answer.text)


def test_an_account_and_a_show_are_filters_too(world, owner):
    mine = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    events(2)
    for query in (f"account={mine.account_id}", f"show={mine.tvshow_id}"):
        assert [row.event for row in owner.get(f"{PAGE}?{query}").context["activity"].rows] == [mine]


@pytest.mark.parametrize("query", ["q=%00", "q=%F0%9F%98%80", "account=" + "9" * 30, "show=" + "9" * 18, "account=" + "9" * 18, "page=" + "9" * 18])
def test_no_address_is_a_fault(world, owner, query):
    events(1)
    assert owner.get(f"{PAGE}?{query}").status_code == 200


def test_fifty_are_a_page_and_a_count_ends_at_a_bound(world, owner, monkeypatch):
    monkeypatch.setattr(activity, "MOST_COUNTED", 60)
    events(70)
    first, second = owner.get(PAGE), owner.get(f"{PAGE}?page=2")
    assert "1–50 of 60+" in first.text
    assert "51–70 of 60+" in second.text
    assert "every 10s" in first.text
    assert "every 10s" not in second.text
    shown = [row.event.pk for answer in (first, second) for row in answer.context["activity"].rows]
    assert shown == list(PlexWebhookLog.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("query", ["", "?q=show", "?status=watched&days=7"])
def test_the_queries_do_not_grow_with_the_events_and_read_no_payload(world, owner, query):
    counts = []
    for number in (3, 90):
        events(number)
        with CaptureQueriesContext(connection) as asked:
            owner.get(PAGE + query)
        assert not any('"payload"' in one["sql"] for one in asked.captured_queries)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 18


def test_the_list_is_sent_again_only_where_a_row_changed(world, owner):
    events(2)
    asks = {"HX-Request": "true", "HX-Target": "activity-table"}
    version = owner.get(PAGE).context["activity"].version
    assert owner.get(f"{PAGE}?version={version}", headers=asks).status_code == 204
    events(1, plex_title="A new one")
    answer = owner.get(f"{PAGE}?version={version}", headers=asks)
    assert "A new one" in answer.text
    assert "<html" not in answer.text
    assert f"version={version}" not in answer.text


def test_days_and_kinds_of_failures_are_counted_in_the_readers_zone(world):
    now = timezone.now().replace(hour=12)
    events(2, created_at=now)
    events(3, created_at=now - timedelta(days=1), status="failed", action_taken="episode_not_found")
    events(1, created_at=now - timedelta(days=40))
    with timezone.override("Pacific/Kiritimati"):  # it is tomorrow there
        counts = activity_counts.count_days(now=now)
    assert [(day.total, day.failed) for day in counts.days[-3:]] == [(0, 0), (3, 3), (2, 0)]
    assert counts.days[-1].day == (now + timedelta(hours=14)).date()
    assert [(kind.label, kind.number) for kind in counts.kinds] == [("Episode not found", 3)]


def test_others_see_the_events_of_their_accounts_alone_and_never_a_payload(world, sam, missing):
    mine = world.send(scrobble("Severance", 1, 3, **SEVERANCE, account=SAM))
    conflict = world.send(scrobble("iCarly", show_id="ic", account=SAM))
    page = sam.get(PAGE)
    assert {row.event for row in page.context["activity"].rows} == {mine, conflict}
    assert "Waits for an answer" in page.text
    assert "Run failed again" not in page.text
    assert "conflicts/" not in page.text
    assert "S01E03" in sam.get(f"{PAGE}/{mine.pk}").text
    for path in (f"{PAGE}/{mine.pk}", f"{PAGE}/{conflict.pk}"):
        text = sam.get(path).text
        assert "grandparentTitle" not in text
        assert "Run again" not in text
    assert sam.get(f"{PAGE}/{missing.pk}").status_code == 404
    for path in (f"{PAGE}/{mine.pk}/replay", f"{PAGE}/run-failed-again"):
        assert sam.post(path).status_code == 403


def test_an_event_tells_its_reason_its_evidence_and_its_payload(world, owner):
    asked = world.send(scrobble("iCarly", show_id="ic", thing={"token": "abc"}))
    text = owner.get(f"{PAGE}/{asked.pk}").text
    for words in ("Choose a show", "iCarly (2021)", "of 100", "Titles", "&quot;grandparentTitle&quot;: &quot;iCarly&quot;", "[hidden]"):
        assert words in text, words
    inside = owner.get(f"{PAGE}/{asked.pk}", headers=DIALOG).text
    assert "<html" not in inside
    assert "Choose a show" in inside
    marked = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    assert "Recognised as Severance (2022) by its TVDB id, 95 of 100" in owner.get(f"{PAGE}/{marked.pk}").text


def test_a_missing_episode_is_added_and_the_event_run_again_at_its_time(world, owner, missing):
    page = owner.get(f"{PAGE}/{missing.pk}").text
    assert "Add this episode and run again" in page
    assert "aired 17 Jan 2025, 42 minutes" in page
    answer = owner.post(f"{PAGE}/{missing.pk}/replay", {"do": "add"}, headers=DIALOG)
    assert "Severance (2022) has S02E01 now, and the event is run again." in answer.text
    assert "every 2s" in answer.text
    world.work()
    assert Episode.objects.get(season_number=2, show=world.shows["severance"]).runtime == 42
    assert Watch.objects.get().watched_at == missing.created_at
    assert "every 2s" not in owner.get(f"{PAGE}/{missing.pk}").text


def test_an_event_is_run_again_without_script_too(world, owner):
    event = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    answer = owner.post(f"{PAGE}/{event.pk}/replay", {"do": "again"}, follow=True)
    assert "It is run again" in answer.text
    again = owner.post(f"{PAGE}/{event.pk}/replay", {"do": "again"}, follow=True)
    assert "could not be run again" in again.text
    world.work()
    assert Watch.objects.count() == 1


def test_all_that_failed_is_run_again_but_what_nobody_can_read(world, owner, missing, monkeypatch):
    monkeypatch.setattr(activity, "MOST_REPLAYED", 2)
    world.send(scrobble("Severance", 2, 2, **SEVERANCE))
    world.send(scrobble("Severance", 2, 3, **SEVERANCE))
    world.post("no json")
    text = owner.post(f"{PAGE}/run-failed-again", follow=True).text
    assert "2 events will be run again" in text
    assert "as many as fit at once" in text
    assert PlexWebhookLog.objects.filter(status="failed").count() == 2
    owner.post(f"{PAGE}/run-failed-again")
    assert "No failed event can be run again." in owner.post(f"{PAGE}/run-failed-again", follow=True).text


def test_what_stands_in_a_title_is_only_text(world, owner):
    events(1, plex_title="<script>alert(1)</script>", reason="<img src=x onerror=alert(1)>", status="failed", action_taken="<b>")
    text = owner.get(PAGE).text + owner.get(f"{PAGE}/{PlexWebhookLog.objects.get().pk}").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "<b>" not in text.replace("<b>&lt;script", "")


def test_where_nothing_came_the_page_says_what_to_do(world, owner, sam):
    assert "Plex has sent nothing yet" in owner.get(PAGE).text
    assert "Nothing of yours yet" in sam.get(PAGE).text
    assert activity.look(world.owner, Filters(), now=timezone.now()).total == "0"

"""Events in the admin."""

import json

import pytest

from plex_integration.models import PlexWebhookLog
from plex_integration.repairs import shown_payload
from tests.plex_integration.admin.pages import run, said, url
from tests.stages import stage
from tests.world import FRIEND, scrobble
from tvshows.models import Episode, Watch

SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}


@stage
def missing(world):
    """A play of an episode that the catalogue lacks."""
    event = world.send(scrobble(
        "Severance", 2, 1, **SEVERANCE, originallyAvailableAt="2025-01-17", duration=2_520_000, year=2025,
    ))
    assert event.action_taken == "episode_not_found"
    return event


def page_of(event):
    return url("plexwebhooklog", "change", event.pk)


def test_the_page_tells_reason_facts_and_payload(owner, missing):
    page = owner.get(page_of(missing)).content.decode()
    sent = "&quot;grandparentTitle&quot;: &quot;Severance&quot;"
    for words in ("Episode not found", missing.reason, sent, "Run again"):
        assert words in page, words


def test_the_missing_episode_is_added_from_the_payload_and_the_event_marks_it(owner, missing, world):
    received = missing.created_at
    answer = owner.post(page_of(missing), {"do": "add"})
    assert said(answer) == ["Severance (2022) has S02E01 now, and the event is run again."]
    episode = Episode.objects.get(show=world.shows["severance"], season_number=2)
    assert (episode.title, episode.runtime, str(episode.air_date)) == ("Severance 2.1", 42, "2025-01-17")
    world.work()
    assert world.watched() == {"Severance (2022) S02E01"}
    assert Watch.objects.get().watched_at == received


def test_an_episode_that_was_added_meanwhile_is_not_added_twice(owner, missing, world):
    Episode.objects.create(show=world.shows["severance"], season_number=2, episode_number=1)
    answer = owner.post(page_of(missing), {"do": "add"})
    assert said(answer) == ["Severance (2022) has S02E01 by now. Run the event again."]
    missing.refresh_from_db()
    assert missing.status == "failed"


def test_adding_is_offered_only_where_an_episode_is_missing(owner, world):
    event = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    assert "Add this episode" not in owner.get(page_of(event)).content.decode()
    answer = owner.post(page_of(event), {"do": "add"})
    assert said(answer) == ["There is nothing to add: look at the event again."]
    event.refresh_from_db()
    assert event.done_at


def test_running_again_marks_with_the_time_of_the_event_and_never_twice(owner, world):
    event = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    owner.post(page_of(event), {"do": "again"})
    world.work()
    assert Watch.objects.get().watched_at == event.created_at


def test_many_are_run_again_and_those_that_cannot_be_are_counted(owner, world):
    done = world.send(scrobble("Severance", 1, 1, **SEVERANCE))
    world.send(scrobble("iCarly", show_id="ic"))
    world.post("no json")
    answer = run(owner, "plexwebhooklog", "run_again", PlexWebhookLog.objects.values_list("pk", flat=True))
    assert said(answer) == [
        "1 event will be run again, each with its own time.",
        "2 events could not be run again: unreadable, or still being worked on.",
    ]
    done.refresh_from_db()
    assert done.due_at


def test_events_are_found_by_show_and_by_number(owner, world):
    world.send(scrobble("Severance", 1, 2, **SEVERANCE))
    world.send(scrobble("iCarly", 1, 2, show_id="ic"))
    def shown(text):
        page = owner.get(url("plexwebhooklog", "changelist"), {"q": text}).content.decode()
        return [title for title in ("Severance", "iCarly") if f">{title}<span" in page]
    assert shown("sever") == ["Severance"]
    assert shown("S01E02") == ["Severance", "iCarly"]
    assert shown("icarly s01e02") == ["iCarly"]
    assert shown("S01E03") == []


@pytest.mark.parametrize("query", [
    "status__exact=ignored", "action_taken=unlinked_account", "event_type=media.scrobble", "account__id__exact=1",
    "created_at__gte=2020-01-01+00%3A00%3A00%2B00%3A00",
])
def test_every_filter_answers(owner, world, query):
    world.send(scrobble(account=FRIEND) | {"user": False})
    assert owner.get(f"{url('plexwebhooklog', 'changelist')}?{query}").status_code == 200


def test_an_event_cannot_be_changed_added_or_deleted(owner, missing):
    before = PlexWebhookLog.objects.values().get()
    assert owner.post(page_of(missing), {"status": "success"}).status_code == 403
    assert owner.get(url("plexwebhooklog", "add")).status_code == 403
    assert owner.post(url("plexwebhooklog", "delete", missing.pk), {"post": "yes"}).status_code == 403
    assert PlexWebhookLog.objects.values().get() == before


def test_a_payload_is_shown_without_secrets_and_without_markup():
    sent = {"event": "x", "X-Plex-Token": "canary1", "Player": {"secret": "canary2", "empty_token": ""},
            "thumb": ["https://plex.invalid/a?X-Plex-Token=canary3&w=1"], "title": "<b>é"}
    shown = shown_payload(sent)
    assert "canary" not in shown
    assert json.loads(shown)["thumb"] == ["https://plex.invalid/a?X-Plex-Token=[hidden]&w=1"]
    assert json.loads(shown)["title"] == "<b>é"


def test_the_page_shows_no_secret_and_no_markup_of_a_payload(owner, world):
    event = world.send(scrobble("</pre><script>alert(1)</script>", show_id="x") | {"token": "canary-token"})
    page = owner.get(page_of(event)).content.decode()
    assert "canary-token" not in page
    assert "<script>alert" not in page
    assert world.config.webhook_secret not in page


def test_staff_who_may_only_look_cannot_run_anything_again(viewer_of, missing):
    clerk = viewer_of("plexwebhooklog")
    assert "Run again" not in clerk.get(page_of(missing)).content.decode()
    for do in ("again", "add"):
        assert clerk.post(page_of(missing), {"do": do}).status_code == 403
    run(clerk, "plexwebhooklog", "run_again", [missing.pk])
    missing.refresh_from_db()
    assert missing.done_at


def test_somebody_without_staff_is_refused(household, missing):
    assert "/admin/login/" in household.get(page_of(missing)).url
    assert "/admin/login/" in household.post(page_of(missing), {"do": "again"}).url
    missing.refresh_from_db()
    assert missing.done_at


def test_an_episode_whose_number_is_another_one_can_be_counted_all_the_same(world, owner):
    show = world.shows["severance"]
    payload = scrobble("Severance", 1, 1, originallyAvailableAt="2024-05-05", **SEVERANCE)
    payload["Metadata"]["title"] = "Something else"
    log = world.send(payload)
    assert log.action_taken == "episode_not_found"
    page = f"/admin/plex_integration/plexwebhooklog/{log.pk}/change/"
    text = owner.get(page).text
    assert "This number is another episode" in text
    assert "Add this episode" not in text
    owner.post(page, {"do": "same"})
    log.refresh_from_db()
    assert (log.status, log.action_taken) == ("success", "marked_watched")
    assert world.watched() == {f"{show} S01E01"}

"""A person's own page."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from plex_integration.models import PlexWebhookLog
from tracker import lockout
from tvshows.models import Viewer

OLD, NEW = "another long password", "a wholly new password"


@pytest.fixture
def sam(world) -> Client:
    client = Client()
    assert client.login(username=User.objects.create_user("sam", password=OLD).username, password=OLD)
    return client


def change(client, old=OLD, new=NEW):
    return client.post("/profile/password", {"old_password": old, "new_password1": new, "new_password2": new}, follow=True)


def test_a_zone_and_rewatches_are_chosen_and_stay(sam):
    answer = sam.post("/profile", {"do": "save", "time_zone": "Pacific/Auckland", "records_rewatches": "on"}, follow=True)
    assert "Saved." in answer.text
    assert '<option value="Pacific/Auckland" selected>Auckland</option>' in answer.text
    viewer = Viewer.objects.get(user__username="sam")
    assert (viewer.time_zone, viewer.records_rewatches) == ("Pacific/Auckland", True)
    sam.post("/profile", {"do": "save", "time_zone": ""})
    viewer.refresh_from_db()
    assert (viewer.time_zone, viewer.records_rewatches) == ("", False)
    assert "There is no such zone" in sam.post("/profile", {"do": "save", "time_zone": "Mars/Olympus"}).text


@pytest.mark.parametrize(("zone", "shown"), [("Pacific/Auckland", "2 Jan 2020, 01:30:00"), ("", "1 Jan 2020, 12:30:00"), ("Mars/Olympus", "1 Jan 2020, 12:30:00")])
def test_times_are_shown_in_the_persons_zone_and_nobody_elses(world, owner_client, settings, zone, shown):
    settings.TIME_ZONE = "UTC"
    event = PlexWebhookLog.objects.create(event_type="media.play", created_at=datetime(2020, 1, 1, 12, 30, tzinfo=UTC))
    Viewer.objects.create(user=world.owner, time_zone=zone)
    assert shown in owner_client.get(f"/settings/plex/activity/{event.pk}").text
    assert timezone.get_current_timezone_name() == "UTC"


def test_the_password_is_changed_by_whoever_knows_it_and_other_sessions_end(sam):
    elsewhere = Client()
    elsewhere.login(username="sam", password=OLD)
    assert "That is not your password of now." in change(sam, old="wrong").text
    assert "too short" in change(sam, new="short").text
    assert "Your password is changed." in change(sam).text
    assert elsewhere.get("/profile").status_code == 302
    assert Client().login(username="sam", password=NEW)


def test_guessing_the_old_password_is_locked_as_at_signing_in(sam):
    for _ in range(lockout.WRONG_PASSWORDS):
        change(sam, old="wrong")
    assert "Too many wrong passwords" in change(sam).text
    assert Client().login(username="sam", password=OLD)


def test_the_menu_leads_where_a_person_may_go(sam, owner_client, monkeypatch):
    monkeypatch.setattr("tracker.forms.available_timezones", lambda: {"Europe/Berlin"})  # 500 take long to write
    for words in ("People", "Administration"):
        assert f">{words}</a>" in owner_client.get("/profile").text
        assert f">{words}</a>" not in sam.get("/profile").text

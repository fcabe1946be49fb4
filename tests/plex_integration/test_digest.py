"""The report: what was synced, marked and asked, and what the questions have in common."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from plex_integration import digest
from plex_integration.models import PlexConfig, PlexConflict, PlexWebhookLog, SyncRun
from tests.stages import stage
from tests.world import scrobble


def report(**options) -> str:
    out = StringIO()
    call_command("plex_report", stdout=out, **options)
    return out.getvalue()


@stage
def a_week(world):
    """One marked, one failed, one asked."""
    world.send(scrobble("Severance (2022)"))
    world.send(scrobble("Severance (2022)", number=2))
    world.send(scrobble("iCarly", show_id="ic"))
    PlexWebhookLog.objects.create(config=world.config, event_type="media.scrobble", status="failed", reason="No such episode.")
    PlexConflict.objects.update(created_at=datetime.now(UTC) - timedelta(minutes=1))  # the worker of the tests is a second ahead
    return world


def test_a_report_says_what_was_marked_asked_and_what_failed(a_week):
    said = report()
    assert "Events: 4 (3 success, 1 failed)" in said
    assert "Episodes marked: 2 (2 robin)" in said
    assert "failed 1 time: No such episode." in said
    assert "Questions: 1 asked, 0 settled, 1 waiting for you now" in said
    assert "Library syncs: none" in said
    assert "several shows fit" not in said


def test_what_is_older_is_not_in_it(a_week):
    old = datetime.now(UTC) - timedelta(days=8)
    PlexWebhookLog.objects.update(created_at=old)
    PlexConflict.objects.update(created_at=old)
    said = report()
    assert "Events: 0\n" in said
    assert "0 asked, 0 settled, 1 waiting" in said
    assert "Events: 4" in report(days=30)


def test_the_patterns_say_why_was_asked_and_how_often_the_first_candidate_was_right(a_week):
    question = PlexConflict.objects.get()
    first = question.potential_matches[0]["tvshow_id"]
    PlexConflict.objects.update(
        resolved=True, resolved_tvshow=first, resolution_action="user_selected", resolved_by=a_week.owner,
        resolved_at=question.created_at + timedelta(hours=2),
    )
    PlexConflict.objects.create(plex_show_key="g:x", plex_title="iCarly", conflict_type="no_match")
    said = report(patterns=True)
    assert "1 no show fits" in said
    assert "1 several shows fit" in said
    assert "1 a person chose" in said
    assert "1 still open" in said
    assert "the first candidate was the right one in 1 of 1" in said
    assert "within 2.0 hours" in said
    assert "asked 2 times: iCarly" in said


def test_the_syncs_are_added_up(world):
    now = datetime.now(UTC)
    for status, marked in (("done", 3), ("failed", 1)):
        SyncRun.objects.create(config=PlexConfig.objects.get(), status=status, marked=marked, started_at=now)
    assert "Library syncs: 2 (0 added, 0 updated, 4 marked, 1 not finished)" in report()


def test_the_queries_do_not_grow_with_the_rows(a_week, django_assert_max_num_queries):
    now = datetime.now(UTC)
    with django_assert_max_num_queries(12):
        digest.digest(since=now - timedelta(days=7), until=now + timedelta(days=1))


@pytest.mark.parametrize("days", ["0", "x", "-1", "99999999"])
def test_days_that_are_none_are_status_2(days, capsys):
    with pytest.raises(Exception, match="no number of days"):
        call_command("plex_report", "--days", days)

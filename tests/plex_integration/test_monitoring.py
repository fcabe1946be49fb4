"""What needs a person, and how well the tracker works by itself."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plex_integration import accounts, quality
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from plex_integration.monitoring import Figures, alarms, needs
from plex_integration.quality import Verdicts
from tests.world import FRIEND, scrobble
from tvshows import services
from tvshows.exceptions import OverBudget, ServiceDown, ServiceRefused

NOW = datetime(2026, 3, 10, 20, 30, tzinfo=UTC)
CALM = Figures(
    worked_on=100, failed=10, slow=0, slowest_ms=900, tmdb_asked=100, tmdb_failed=20, questions=50, worker_runs=True,
)


def raised(**figures) -> list[str]:
    return [alarm.kind for alarm in alarms(replace(CALM, **figures))]


def kinds(**options) -> list[str]:
    return [need.kind for need in needs(NOW, worker_runs=True, **options)]


def event(ago=timedelta(minutes=5), **fields) -> PlexWebhookLog:
    defaults = {"event_type": "media.scrobble", "created_at": NOW - ago, "done_at": NOW - ago, "status": "success"}
    return PlexWebhookLog.objects.create(**defaults | fields)


def question(**fields) -> PlexConflict:
    return PlexConflict.objects.create(**{"plex_title": "The Office", "conflict_type": "no_match"} | fields)


def test_at_the_limits_nothing_is_raised():
    assert raised() == []


@pytest.mark.parametrize(("figures", "kind"), [
    ({"failed": 11}, "failed-share"),
    ({"slow": 1, "slowest_ms": 5_001}, "slow"),
    ({"tmdb_failed": 21}, "tmdb"),
    ({"questions": 51}, "many-questions"),
    ({"worker_runs": False}, "worker"),
])
def test_each_alarm_is_raised_by_its_own_figure(figures, kind):
    assert raised(**figures) == [kind]


def test_a_single_failure_in_a_quiet_hour_is_no_alarm():
    assert raised(worked_on=1, failed=1) == []
    assert raised(tmdb_asked=2, tmdb_failed=2) == []


def test_every_alarm_says_what_and_where_to_go():
    for alarm in alarms(Figures(20, 20, 1, 6_000, 10, 10, 60, worker_runs=False)):
        assert alarm.title
        assert alarm.text.endswith(".")
        assert alarm.button
        assert alarm.route


def test_the_last_hour_is_counted_and_no_more(world):
    for _ in range(3):
        event(status="failed")
        event(timedelta(hours=2), status="failed", processing_duration_ms=9_000)
    for _ in range(8):
        event()
    event(status="ignored")
    assert kinds() == ["failures", "failed-share"]


def test_what_could_not_be_read_is_shown_and_raises_no_alarm(world):
    for _ in range(12):
        event(event_type="invalid", status="failed")
    assert kinds() == ["failures"]


def test_a_slow_event_is_told_with_its_seconds(world):
    event(processing_duration_ms=7_400)
    assert "the slowest took 7 s." in needs(NOW, worker_runs=True)[0].text


def test_the_errors_of_tmdb_are_counted_by_the_minute(db):
    def ask(error=None, at=NOW):
        with pytest.raises(type(error)) if error else nullcontext(), services.counted("TMDB", now=at):
            if error:
                raise error

    for _ in range(4):
        ask()
    ask(ServiceRefused("No such show.", 404))
    ask(OverBudget("Later."))
    for _ in range(2):
        ask(ServiceDown("No answer."))
        ask(ServiceDown("No answer."), NOW - timedelta(minutes=30))
    assert services.asked_since("TMDB", NOW - timedelta(minutes=10)) == (7, 2)
    assert kinds() == ["tmdb"]
    services.forget_expired(NOW + timedelta(days=2))
    assert services.asked_since("TMDB", NOW - timedelta(hours=1)) == (0, 0)


def test_the_oldest_question_comes_first_with_what_waits_for_it(world):
    oldest = question(plex_show_key="g:a", created_at=NOW - timedelta(days=2))
    question(plex_show_key="g:b", created_at=NOW, plex_title="iCarly")
    event(conflict=oldest, status="received", done_at=None)
    asked = needs(NOW, worker_runs=True)[0]
    assert (asked.route, asked.pk) == ("conflict", oldest.pk)
    assert asked.title == "Which show is “The Office”?"
    assert asked.text == "1 event waits; it is not lost. 2 shows to decide in all."


def test_failures_of_last_month_no_longer_ask(world):
    event(timedelta(days=30), status="failed")
    assert kinds() == []


def test_plays_of_an_account_that_is_nobodys_ask_until_a_person_decides(world):
    world.send(scrobble("Severance", account=FRIEND) | {"user": False})
    found = needs(datetime.now(UTC), worker_runs=True)
    assert [need.title for need in found] == ["“alex” is not linked"]
    assert found[0].text == "A play by this Plex account was set aside. It is on nobody’s list."
    accounts.link(PlexAccount.objects.get(title="alex"), user_id=None)
    assert kinds() == []


def test_an_account_that_never_played_anything_asks_for_nothing(world):
    PlexAccount.objects.create(config=world.config, account_id=9, title="lee")
    assert kinds() == []


def test_the_needs_cost_the_same_queries_however_many_rows_there_are(world):
    counts = []
    for size in (2, 20):
        for index in range(size):
            question(plex_show_key=f"g:{size}-{index}")
            account = PlexAccount.objects.create(config=world.config, account_id=size * 100 + index)
            event(status="failed")
            event(status="ignored", action_taken="unlinked_account", account=account)
        with CaptureQueriesContext(connection) as queries:
            needs(NOW, worker_runs=True)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_verdicts_of_each_span_are_counted_apart(world):
    for ago in (1, 1, 9):
        event(timedelta(days=ago))
    event(timedelta(days=1), status="failed")
    event(timedelta(days=1), status="ignored")
    week = timedelta(days=7)
    found = quality.verdicts([(NOW - 2 * week, NOW - week), (NOW - week, NOW)])
    assert found == [Verdicts(1, 0), Verdicts(2, 1)]
    assert [one.percent for one in found] == [100, 66.7]
    assert Verdicts().percent is None
    assert Verdicts(100_000, 1).percent == 99.9


def test_shows_are_counted_as_recognised_asked_about_or_corrected(world):
    show = world.shows["severance"]

    def mapped(key, method="tmdb_id", after=timedelta()):
        PlexShowMapping.objects.create(
            plex_show_key=key, tvshow=show, match_method=method, created_at=NOW, updated_at=NOW + after,
        )

    mapped("g:alone")
    mapped("g:changed", "manual", timedelta(days=1))
    mapped("g:by-hand", "manual")
    mapped("g:asked", "manual", timedelta(days=2))
    mapped("g:settled-by-itself")
    question(plex_show_key="g:asked", resolved=True, resolution_action="user_selected", resolved_at=NOW)
    question(plex_show_key="g:settled-by-itself", resolved=True, resolution_action="auto_resolved", resolved_at=NOW)
    found = quality.recognised(None)
    assert (found.alone, found.corrected, found.asked) == (3, 1, 1)
    assert (found.percent, found.percent_corrected) == (75, 33.3)
    assert quality.recognised(NOW + timedelta(days=1)).percent is None


def test_the_time_to_answer_is_of_a_persons_answers(world):
    for number, hours in enumerate((1, 2, 30)):
        question(
            plex_show_key=f"g:{number}", resolved=True, resolution_action="user_selected",
            created_at=NOW - timedelta(hours=hours), resolved_at=NOW,
        )
    question(plex_show_key="g:x", resolved=True, resolution_action="auto_resolved", created_at=NOW, resolved_at=NOW)
    found = quality.answers(NOW - timedelta(days=1))
    assert quality.median_time(found) == timedelta(hours=2)
    assert quality.median_time([]) is None

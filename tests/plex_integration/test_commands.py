import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.management import CommandError, call_command
from django_q.models import OrmQ

from plex_integration import sample
from plex_integration.models import PlexWebhookLog
from tests.world import scrobble

pytestmark = pytest.mark.django_db


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def event(created_at, *, status="success", done=True, **fields):
    done_at = created_at if done else None
    return PlexWebhookLog.objects.create(
        event_type="media.scrobble", status=status, created_at=created_at, done_at=done_at, **fields,
    )


def test_cleaning_deletes_what_is_finished_and_older_than_90_days(capsys):
    old, fresh, waiting = event(ago(91)), event(ago(89)), event(ago(400), done=False)
    call_command("cleanup_webhook_logs")
    assert set(PlexWebhookLog.objects.all()) == {fresh, waiting}
    assert not PlexWebhookLog.objects.filter(pk=old.pk).exists()
    assert "1 finished events older than 90 days deleted." in capsys.readouterr().out


def test_a_dry_run_of_cleaning_only_counts(capsys):
    event(ago(91))
    call_command("cleanup_webhook_logs", "--dry-run")
    assert PlexWebhookLog.objects.count() == 1
    assert "1 finished events older than 90 days would be deleted." in capsys.readouterr().out


def test_cleaning_takes_other_ages():
    event(ago(2))
    call_command("cleanup_webhook_logs", "--days", "3")
    assert PlexWebhookLog.objects.count() == 1
    call_command("cleanup_webhook_logs", "--days", "1")
    assert not PlexWebhookLog.objects.exists()


@pytest.mark.parametrize("command", ["cleanup_webhook_logs", "retry_failed_webhooks"])
@pytest.mark.parametrize("days", ["-1", "soon", "99999999999"])
def test_a_wrong_number_of_days_is_refused(command, days):
    with pytest.raises(CommandError, match="number of days"):
        call_command(command, f"--days={days}")


def test_failed_events_are_queued_again_and_unreadable_ones_are_counted(world, capsys):
    log = world.send(scrobble("Severance (2022)", number=99))
    assert (log.status, log.action_taken) == ("failed", "episode_not_found")
    world.post("no json")
    call_command("retry_failed_webhooks")
    log.refresh_from_db()
    assert (log.status, log.done_at, log.retry_count) == ("received", None, 0)
    out = capsys.readouterr().out
    assert "1 failed events are run again by the worker." in out
    assert "1 cannot be" in out


def test_a_dry_run_of_retrying_lists_and_changes_nothing(world, capsys):
    log = world.send(scrobble("Severance (2022)", number=99))
    queued = OrmQ.objects.count()
    call_command("retry_failed_webhooks", "--dry-run")
    log.refresh_from_db()
    assert (log.status, OrmQ.objects.count()) == ("failed", queued)
    assert "S01E99" in capsys.readouterr().out


def test_only_events_of_the_last_days_are_retried(world):
    log = world.send(scrobble("Severance (2022)", number=99))
    PlexWebhookLog.objects.filter(pk=log.pk).update(created_at=ago(5))
    call_command("retry_failed_webhooks", "--days", "4")
    log.refresh_from_db()
    assert log.status == "failed"


def test_a_sample_event_is_sent_and_its_fate_printed(world, live_server, capsys):
    call_command("plex_test_webhook", "--url", live_server.url)
    out = capsys.readouterr().out
    assert "Answer: 200" in out
    assert "set aside / ignored. media.play changes nothing here." in out
    assert world.config.webhook_secret not in out


@pytest.mark.parametrize(("title", "year", "marked"), [
    ("severance", None, {"Severance (2022) S01E02"}),
    ("iCarly", 2021, {"iCarly (2021) S01E02"}),
    ("The Office (2005)", None, {"The Office (2005) S01E02"}),
    ("iCarly", None, set()),
    ("iCarly", 1999, set()),
    ("Nobody Has This", None, set()),
])
def test_a_sample_scrobble_of_a_show_that_is_here_marks_its_episode(world, title, year, marked):
    named = {"title": title, "season": 1, "episode": 2}
    event = sample.payload(sample.new_key(), event="media.scrobble", **named)
    event["Metadata"] |= sample.episode_here(**named, year=year)
    log = world.send(event)
    assert world.watched() == marked
    assert log.action_taken == ("marked_watched" if marked else "conflict_created")


def test_without_a_connection_the_sample_says_what_to_do():
    with pytest.raises(CommandError, match="setup link"):
        call_command("plex_test_webhook")


def test_a_server_that_is_not_there_is_one_line_without_the_secret(world):
    with pytest.raises(CommandError, match="does not answer") as refusal:
        call_command("plex_test_webhook", "--url", "http://127.0.0.1:9")
    assert world.config.webhook_secret not in str(refusal.value)


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"status": "error", "message": "Unauthorized"}).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_a_server_that_refuses_the_event_is_a_failure(world):
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(CommandError, match="was not taken"):
            call_command("plex_test_webhook", "--url", f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()



"""Telling staff by mail and by NOTIFY_URLS what waits, and the report."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from plex_integration import notices
from tests.world import scrobble

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def by_mail(world, settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.filter(pk=world.owner.pk).update(email="robin@example.org")
    User.objects.create_user("sam", email="sam@example.org")  # no staff
    return world


@pytest.fixture
def listener():
    """A service that takes messages as JSON."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()
    thread.join()


def test_staff_with_an_address_hear_of_a_question_once_a_day(by_mail, mailoutbox):
    by_mail.send(scrobble("iCarly", show_id="ic"))
    for later in (0, 1, 23, 25):
        notices.needs(now=NOW + timedelta(hours=later))
    assert [message.subject for message in mailoutbox] == ["[Tracker] Which show is “iCarly”?"] * 2
    assert mailoutbox[0].to == ["robin@example.org"]
    assert "none is lost" in mailoutbox[0].body or "it is not lost" in mailoutbox[0].body


def test_where_nothing_waits_and_where_nothing_is_set_nobody_is_told(by_mail, mailoutbox, settings):
    notices.needs(now=NOW)
    by_mail.send(scrobble("iCarly", show_id="ic"))
    settings.EMAIL_URL = ""
    notices.needs(now=NOW)
    notices.report(days=7, now=NOW)
    assert mailoutbox == []


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # in what apprise imports
def test_the_report_goes_to_a_service_and_one_that_refuses_is_named_without_its_address(world, listener, settings):
    url, heard = listener
    settings.NOTIFY_URLS = (url, "json://secret-user:secret-password@127.0.0.1:9")
    with pytest.raises(notices.NotToldError, match="did not take the message") as raised:
        notices.report(days=7, now=NOW)
    assert "secret" not in str(raised.value)
    assert heard[0]["title"] == "Plex report of 7 days"
    assert "Episodes marked: 0" in heard[0]["message"]


def test_without_an_address_the_problem_is_told(world, settings):
    settings.EMAIL_URL = "smtp://mail.example.org"
    with pytest.raises(notices.NotToldError, match="none of the staff has an e-mail address"):
        notices.tell("x", "y")


def test_sending_by_hand_says_where_to_set_it_up(world, by_mail, mailoutbox, settings, capsys):
    call_command("plex_report", "--send")
    assert mailoutbox[0].subject == "[Tracker] Plex report of 7 days"
    settings.EMAIL_URL = ""
    with pytest.raises(CommandError, match="Neither EMAIL_URL nor NOTIFY_URLS is set"):
        call_command("plex_report", "--send")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_what_could_not_be_told_is_told_the_next_time(by_mail, mailoutbox, settings):
    by_mail.send(scrobble("iCarly", show_id="ic"))
    settings.NOTIFY_URLS = ("nosuch://secret-user:secret-password@host",)
    with pytest.raises(notices.NotToldError, match="nosuch:// that Apprise does not know") as raised:
        notices.needs(now=NOW)
    assert "secret" not in str(raised.value)
    settings.NOTIFY_URLS = ()
    notices.needs(now=NOW + timedelta(minutes=5))
    assert len(mailoutbox) == 2

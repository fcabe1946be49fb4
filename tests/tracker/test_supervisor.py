"""What the supervisor does when nobody is there any more who started it."""

import io
import signal

import pytest

from tracker import lifeline, supervisor


class ClosedTerminal(io.StringIO):
    def flush(self):
        raise OSError(5, "Input/output error")


@pytest.fixture
def hangup():
    """SIGHUP as it was, afterwards."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_closed_terminal_does_not_keep_it_from_stopping_in_order(monkeypatch):
    monkeypatch.setattr("sys.stdout", ClosedTerminal())
    supervisor.say("Stopping …")


def test_nor_from_starting_again_what_has_ended(monkeypatch):
    """What could not be printed stays in the buffer, and is in the way of everything that writes it out."""
    monkeypatch.setattr("sys.stdout", ClosedTerminal())
    supervisor.say("The worker ended …")
    lifeline.flush()


def test_a_hangup_ends_it(hangup):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    assert supervisor.stop_signals() == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def test_under_nohup_a_hangup_does_not(hangup):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert supervisor.stop_signals() == {signal.SIGINT, signal.SIGTERM}

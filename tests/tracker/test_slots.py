"""How many requests are worked on at once."""

import io
import threading
from types import SimpleNamespace

import pytest
from django.db import connection

from tests.product import wait_for
from tracker.slots import SMALL, Slots


class SlowBody:
    """A body whose sender takes its time: each read waits until `sent` is set."""

    def __init__(self):
        self.sent = threading.Event()
        self.is_read = threading.Event()

    def read(self, *size):
        self.is_read.set()
        assert self.sent.wait(10)
        return b""

    readline = read


@pytest.fixture
def kitchen():
    """An application that notes how many are in it, and waits for `leave` where the path says so."""
    seen = SimpleNamespace(inside=0, most=0, connections=set(), order=[])
    seen.lock, seen.leave = threading.Lock(), threading.Event()

    def application(environ, start_response):
        with seen.lock:
            seen.inside += 1
            seen.most = max(seen.most, seen.inside)
            seen.order.append(environ["PATH_INFO"])
            seen.connections.add(id(connection._connections[connection._alias]))
        if environ["PATH_INFO"] == "/read":
            with seen.lock:
                seen.inside -= 1
            environ["wsgi.input"].read(10)
            with seen.lock:
                seen.inside += 1
        if environ["PATH_INFO"] == "/stay":
            assert seen.leave.wait(10)
        with seen.lock:
            seen.inside -= 1
        return [b"done"]

    seen.application = application
    return seen


def ask(slots, path, body=None, **extra):
    """A request in a thread of its own."""
    environ = {"PATH_INFO": path, "wsgi.input": body or io.BytesIO(), **extra}
    thread = threading.Thread(target=slots, args=(environ, None), daemon=True)
    thread.start()
    return thread


def test_no_more_than_the_slots_work_at_once_each_on_its_own_connection(kitchen):
    slots = Slots(kitchen.application, 3)
    threads = [ask(slots, "/stay") for _ in range(20)]
    wait_for(lambda: len(slots.waiting) == 17, "the others wait", seconds=5)
    kitchen.leave.set()
    for thread in threads:
        thread.join(10)
    assert kitchen.most == 3
    assert len(kitchen.order) == 20
    assert len(kitchen.connections) == len(slots.free) == 3


def test_those_who_wait_are_let_in_in_order(kitchen):
    slots = Slots(kitchen.application, 1)
    threads = [ask(slots, "/stay")]
    for number in range(10):
        wait_for(lambda number=number: len(slots.waiting) == number, "the one before waits", seconds=5)
        threads.append(ask(slots, f"/{number}"))
    wait_for(lambda: len(slots.waiting) == 10, "all wait", seconds=5)
    kitchen.leave.set()
    for thread in threads:
        thread.join(10)
    assert kitchen.order == ["/stay", *(f"/{number}" for number in range(10))]


@pytest.mark.parametrize("length", [{}, {"CONTENT_LENGTH": str(SMALL)}, {"CONTENT_LENGTH": str(SMALL + 1)}])
def test_slow_senders_keep_nobody_out(kitchen, length):
    slots = Slots(kitchen.application, 2)
    bodies = [SlowBody() for _ in range(10)]
    slow = [ask(slots, "/read", body, **length) for body in bodies]
    for body in bodies:
        assert body.is_read.wait(10)
    quick = ask(slots, "/")
    quick.join(10)
    assert not quick.is_alive()
    for body in bodies:
        body.sent.set()
    for thread in slow:
        thread.join(10)
    assert kitchen.most <= 2
    assert len(slots.free) == 2


def test_a_transaction_keeps_its_slot_while_it_reads():
    seen = []

    def application(environ, start_response):
        slots.mine.connection.in_atomic_block = True
        environ["wsgi.input"].read()
        seen.append((len(slots.free), slots.mine.connection.in_atomic_block))
        slots.mine.connection.in_atomic_block = False
        return []

    class Watched(io.BytesIO):
        def read(self, *size):
            seen.append(len(slots.free))
            return super().read(*size)

    slots = Slots(application, 1)
    slots({"wsgi.input": Watched()}, None)
    assert seen == [0, (0, True)]


@pytest.mark.parametrize("length", ["", "-1", "1e3", "٣", "x", "9" * 40])
def test_a_senseless_length_is_left_to_django(kitchen, length):
    slots = Slots(kitchen.application, 1)
    environ = {"PATH_INFO": "/", "wsgi.input": io.BytesIO(b"x" * 9), "CONTENT_LENGTH": length}
    assert list(slots(environ, None)) == [b"done"]


def test_an_application_that_fails_gives_its_slot_back():
    def application(environ, start_response):
        raise RuntimeError

    slots = Slots(application, 1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            slots({"wsgi.input": io.BytesIO()}, None)
    assert len(slots.free) == 1

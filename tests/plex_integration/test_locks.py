import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from plex_integration import locks

only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite has one writer")


class Holder:
    """Another thread that holds the process's write lock until it is told to let go."""

    def __enter__(self):
        self.held, self.release = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._hold)
        self.thread.start()
        assert self.held.wait(5)
        return self

    def _hold(self):
        with locks.writing():
            self.held.set()
            self.release.wait(10)

    def __exit__(self, *_):
        self.release.set()
        self.thread.join()


@only_sqlite
def test_who_waits_too_long_for_the_writer_is_told_that_the_database_is_busy(monkeypatch):
    monkeypatch.setattr(locks, "_WRITE_TIMEOUT", 0.05)
    with Holder(), pytest.raises(locks.Busy), locks.writing():
        pass
    with locks.writing():
        pass


def test_busy_is_a_fault_of_the_database_so_that_it_is_answered_503():
    assert issubclass(locks.Busy, OperationalError)


@only_sqlite
def test_the_writer_is_let_go_when_the_work_fails():
    with pytest.raises(ValueError, match="work"), locks.writing():
        raise ValueError("work")
    with locks.writing():
        pass


@only_sqlite
def test_while_sqlite_stays_locked_the_others_do_not_queue_up(monkeypatch):
    monkeypatch.setattr(locks, "_WRITE_TIMEOUT", 30)
    with pytest.raises(OperationalError), locks.writing():
        raise OperationalError("database is locked")
    with Holder():
        started = time.monotonic()
        with pytest.raises(locks.Busy), locks.writing():
            pass
        assert time.monotonic() - started < 10
    assert not locks._stuck.is_set()  # the holder's work went well


@only_sqlite
def test_who_comes_after_one_that_waited_in_vain_does_not_wait_as_long(monkeypatch):
    monkeypatch.setattr(locks, "_WRITE_TIMEOUT", 0.05)
    with Holder():
        with pytest.raises(locks.Busy), locks.writing():
            pass
        monkeypatch.setattr(locks, "_WRITE_TIMEOUT", 30)
        started = time.monotonic()
        with pytest.raises(locks.Busy), locks.writing():  # the holder itself still does not know
            pass
        assert time.monotonic() - started < 10
    assert not locks._stuck.is_set()


@only_sqlite
def test_threads_write_one_after_the_other():
    inside, most = [], []

    def work():
        for _ in range(5):
            with locks.writing():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


@pytest.mark.django_db(transaction=True)
def test_a_lock_holds_until_the_transaction_ends():
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite each transaction has the database to itself")
    order, locked = [], threading.Event()

    def second():
        locked.wait(5)
        with transaction.atomic():
            locks.lock("show", "g:1")
            order.append("second")
        connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        locks.lock("show", "g:1")
        locked.set()
        time.sleep(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_locks_of_other_names_do_not_wait():
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite each transaction has the database to itself")
    done = threading.Event()

    def other():
        with transaction.atomic():
            locks.lock("show", "g:2")
            done.set()
        connection.close()

    with transaction.atomic():
        locks.lock("show", "g:1")
        thread = threading.Thread(target=other)
        thread.start()
        assert done.wait(5)
    thread.join(5)

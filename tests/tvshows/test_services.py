"""Budget, breaker and memory of outside services, as processes share them."""

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection

from tests.world import NOON
from tvshows import services
from tvshows.exceptions import AddressDenied, AskedToWait, OverBudget, ServiceDown, ServiceRefused
from tvshows.models import CachedAnswer, RequestSlot, ServiceState

WINDOW = timedelta(seconds=10)


def seconds(number):
    return timedelta(seconds=number)


def slot(now, most=3, service="TMDB") -> bool:
    try:
        services.take_slot(service, most=most, window=WINDOW, now=now)
    except OverBudget:
        return False
    return True


def test_so_many_requests_are_free_and_the_next_waits_until_the_first_leaves_the_window(db):
    assert all(slot(NOON + seconds(number)) for number in range(3))
    with pytest.raises(OverBudget) as caught:
        services.take_slot("TMDB", most=3, window=WINDOW, now=NOON + seconds(4))
    assert caught.value.retry_after == seconds(6)
    assert str(caught.value) == "TMDB is asked no more than 3 times in 10 seconds."
    assert not slot(NOON + seconds(9.999))
    assert slot(NOON + seconds(10))
    assert not slot(NOON + seconds(10))


def test_services_have_budgets_of_their_own(db):
    assert slot(NOON, most=1)
    assert slot(NOON, most=1, service="plex.tv")
    assert not slot(NOON, most=1)


def test_a_budget_may_be_raised_and_lowered(db):
    assert all(slot(NOON, most=2) for _ in range(2))
    assert slot(NOON, most=3)
    assert not slot(NOON + WINDOW - seconds(1), most=3)
    assert slot(NOON + WINDOW, most=1)
    assert not slot(NOON + WINDOW, most=1)


def test_in_any_window_there_are_never_more(db):
    chance, now, taken = random.Random(7), NOON, []
    for _ in range(150):
        now += seconds(chance.choice([0, 0.1, 0.5, 3, 9.9]))
        if slot(now):
            taken.append(now)
    assert len(taken) > 30
    assert all(later - earlier >= WINDOW for earlier, later in zip(taken, taken[3:], strict=False))


def test_a_slot_costs_two_queries_however_many_there_are(db, django_assert_num_queries):
    slot(NOON, most=40)
    with django_assert_num_queries(2):
        slot(NOON, most=40)
    assert RequestSlot.objects.count() == 40


def test_whoever_loses_a_slot_to_another_takes_the_next(db, monkeypatch):
    slot(NOON, most=2)
    stolen = []

    def steal_first(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not stolen:
            stolen.append(1)
            with connection.cursor() as cursor:
                cursor.execute("UPDATE service_request_slots SET used_at = %s WHERE number = 0", [NOON + WINDOW])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(steal_first):
        assert slot(NOON + WINDOW, most=2)
    assert not slot(NOON + WINDOW, most=2)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_callers_at_the_same_time_get_exactly_so_many():
    start, won, wrong = threading.Barrier(4), [], []

    def take():
        start.wait()
        try:
            won.extend(slot(NOON, most=20) for _ in range(10))
        except Exception as error:  # noqa: BLE001
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert won.count(True) == 20


class Down:
    """A service that fails with what it is told to, or answers."""

    def __init__(self):
        self.error, self.asked = ServiceDown("TMDB has a fault of its own (500)."), 0

    def ask(self, now) -> str:
        """What the caller sees: asked, down, refused, or kept away."""
        before = self.asked
        try:
            with services.guarded("TMDB", now=now):
                self.asked += 1
                if self.error:
                    raise self.error
        except ServiceDown:
            return "down" if self.asked > before else "kept away"
        except ServiceRefused:
            return "refused"
        return "asked"


@pytest.fixture
def service(db) -> Down:
    return Down()


def test_after_five_failures_in_a_row_nobody_asks_for_a_minute(service):
    assert [service.ask(NOON) for _ in range(7)] == ["down"] * 5 + ["kept away"] * 2
    assert service.ask(NOON + seconds(59)) == "kept away"
    state = ServiceState.objects.get(service="TMDB")
    assert (state.failures, state.last_error) == (5, "TMDB has a fault of its own (500).")


def test_who_is_kept_away_is_told_for_how_long(service):
    for _ in range(5):
        service.ask(NOON)
    with pytest.raises(ServiceDown) as caught, services.guarded("TMDB", now=NOON + seconds(20)):
        pytest.fail("it was asked")
    assert caught.value.retry_after.total_seconds() == pytest.approx(40, abs=1)


def test_then_one_caller_tries_and_the_others_wait_for_what_comes_of_it(service):
    for _ in range(5):
        service.ask(NOON)
    now = NOON + seconds(62)
    with services.guarded("TMDB", now=now):
        assert service.ask(now) == "kept away"
    service.error = None
    assert service.ask(now) == "asked"


def test_one_of_two_who_may_try_at_the_same_time_does(service):
    for _ in range(5):
        service.ask(NOON)
    now = NOON + seconds(62)

    tried = []

    def other_first(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not tried:
            tried.append(1)
            with connection.cursor() as cursor:
                cursor.execute("UPDATE service_states SET closed_until = %s", [now + seconds(60)])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(other_first):
        assert service.ask(now) == "kept away"


def test_a_dead_service_is_tried_at_most_sixty_times_an_hour(service):
    for number in range(5):
        service.ask(NOON - seconds(5 - number))
    for number in range(0, 3600, 20):
        service.ask(NOON + seconds(number))
    assert service.asked <= 5 + 60


@pytest.mark.parametrize("error", [None, ServiceRefused("TMDB refused the request (404).", 404)])
def test_an_answer_between_failures_counts_them_anew(error, service):
    down = service.error
    for _ in range(3):
        for _ in range(4):
            assert service.ask(NOON) == "down"
        service.error = error
        assert service.ask(NOON) in {"asked", "refused"}
        service.error = down
    assert service.ask(NOON) == "down"


@pytest.mark.parametrize("error", [OverBudget("later"), AddressDenied("never"), ZeroDivisionError()])
def test_what_was_not_sent_counts_neither_as_failure_nor_as_answer(error, service):
    for _ in range(4):
        service.ask(NOON)
    with pytest.raises(type(error)), services.guarded("TMDB", now=NOON):
        raise error
    assert service.ask(NOON) == "down"
    assert service.ask(NOON) == "kept away"


def test_a_service_that_asks_for_time_is_given_it_by_everybody(service):
    service.error = AskedToWait("TMDB asks us to wait (429).", seconds(300))
    assert service.ask(NOON) == "down"
    service.error = None
    assert service.ask(NOON + seconds(299)) == "kept away"
    assert service.ask(NOON + seconds(302)) == "asked"
    assert service.ask(NOON + seconds(302)) == "asked"


def test_an_answer_that_was_on_its_way_does_not_shorten_that_time(service):
    with services.guarded("TMDB", now=NOON):
        service.error = AskedToWait("TMDB asks us to wait (429).", seconds(300))
        service.ask(NOON)
    service.error = None
    assert service.ask(NOON + seconds(299)) == "kept away"


def test_a_service_that_answers_costs_no_writes_but_once_a_minute(service, django_assert_num_queries):
    service.error = None
    service.ask(NOON)
    with django_assert_num_queries(2):
        service.ask(NOON + seconds(59))
    service.ask(NOON + seconds(90))
    assert ServiceState.objects.get(service="TMDB").last_success_at == NOON + seconds(90)


class Asked(list):
    """Answers one after the other, and says how many were given."""

    def __call__(self):
        return self.pop(0)


@pytest.mark.parametrize("answer", [[{"a": 1}], {"ü": [1, None]}, "text", 7])
def test_an_answer_is_remembered_for_a_day(answer, db):
    ask = Asked([answer, "new"])
    assert services.cached("key", ask, now=NOON) == answer
    assert services.cached("key", ask, now=NOON + timedelta(hours=23)) == answer
    assert services.cached("key", ask, now=NOON + timedelta(hours=24)) == "new"
    assert services.cached("key", ask, now=NOON + timedelta(hours=47)) == "new"


@pytest.mark.parametrize("empty", [None, [], {}])
def test_an_empty_answer_is_remembered_for_an_hour(empty, db):
    ask = Asked([empty, ["new"]])
    assert services.cached("key", ask, now=NOON) == empty
    assert services.cached("key", ask, now=NOON + timedelta(minutes=59)) == empty
    assert services.cached("key", ask, now=NOON + timedelta(minutes=60)) == ["new"]


def test_a_failure_is_not_remembered(db):
    def fail():
        raise ServiceDown("down")

    with pytest.raises(ServiceDown):
        services.cached("key", fail, now=NOON)
    assert services.cached("key", lambda: [1], now=NOON) == [1]


def test_keys_of_any_length_are_told_apart(db):
    assert services.cached("k" * 300 + "1", lambda: 1, now=NOON) == 1
    assert services.cached("k" * 300 + "2", lambda: 2, now=NOON) == 2


def test_what_may_not_be_used_any_more_is_deleted(db):
    services.cached("old", list, now=NOON)
    services.cached("new", lambda: [1], now=NOON)
    assert services.forget_expired(NOON + timedelta(hours=2)) == 1
    assert list(CachedAnswer.objects.values_list("key", flat=True)) == ["new"]

"""From a stored event to what became of it: what is settled at once, what a worker does, and what fails."""

import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from plex_integration import identification, inbox, mapping, processing, resolution
from plex_integration.locks import lock
from plex_integration.models import PlexConfig, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.stages import stage
from tests.world import make_world, scrobble, show
from tvshows import watching
from tvshows.exceptions import ServiceDown
from tvshows.models import Episode, TrackedShow, TVShow, Watch

OFFICE = {"grandparentGuid": "com.plexapp.agents.thetvdb://73244"}
SEVERANCE = {"grandparentGuid": "com.plexapp.agents.thetvdb://371980"}


def soon(**more):
    return datetime.now(UTC) + timedelta(seconds=2) + timedelta(**more)


def titled(event, title):
    event["Metadata"]["title"] = title
    return event


@stage
def known(world):
    """The world, where Severance and The Office (US) are mapped."""
    world.send(scrobble("Severance", 1, 9, ratingKey="first", **SEVERANCE))
    world.send(scrobble("The Office", 1, 6, show_id="o", ratingKey="second", **OFFICE))
    Watch.objects.all().delete()
    return world


def answered(world, event):
    """The answer's status, and then what became of the event."""
    status = world.post(event).status_code
    world.work(soon())
    log = world.last()
    return status, log.status, log.action_taken


# At once


def test_a_known_episode_is_settled_at_once(known):
    assert answered(known, scrobble("Severance", **SEVERANCE)) == (200, "success", "marked_watched")
    assert known.last().retry_count == 0


def test_an_episode_whose_date_is_a_week_off_is_settled_at_once(known):
    event = scrobble("Severance", 1, 2, originallyAvailableAt="2022-03-04", **SEVERANCE)
    assert answered(known, event) == (200, "success", "marked_watched")


def test_an_episode_whose_id_is_the_same_is_settled_at_once_whatever_its_number(known):
    Episode.objects.filter(show=known.shows["severance"], episode_number=4).update(tvdb_id=5004)
    event = scrobble("Severance", 7, 7, Guid=[{"id": "tvdb://5004"}], **SEVERANCE)
    assert answered(known, event) == (200, "success", "marked_watched")
    assert known.watched() == {"Severance (2022) S01E04"}


def test_a_show_that_is_not_mapped_yet_is_left_to_a_worker(world):
    assert answered(world, scrobble("Severance", **SEVERANCE)) == (202, "success", "marked_watched")


def test_a_show_that_waits_is_left_to_a_worker(world):
    world.send(scrobble("iCarly"))
    assert answered(world, scrobble("iCarly", 1, 2)) == (202, "received", "awaiting_resolution")


# A worker


def test_an_episode_whose_date_is_far_off_is_searched_by_date_and_title(known):
    event = titled(scrobble("Severance", 1, 2, originallyAvailableAt="2022-04-01", **SEVERANCE), "Severance 1.7")
    assert answered(known, event) == (202, "success", "marked_watched")
    assert known.watched() == {"Severance (2022) S01E07"}


def test_a_season_that_is_a_year_is_searched_by_date_and_title(known):
    event = titled(scrobble("Severance", 2022, 3, originallyAvailableAt="2022-03-05", **SEVERANCE), "severance 1.3")
    assert answered(known, event) == (202, "success", "marked_watched")
    assert known.watched() == {"Severance (2022) S01E03"}


def test_a_special_is_not_marked_by_its_number(known):
    special = scrobble("The Office", 0, 1, show_id="o", **OFFICE)
    assert answered(known, titled(special, "The Accountants")) == (202, "failed", "episode_not_found")
    assert known.watched() == set()


def test_a_special_is_marked_by_its_title(known):
    specials = Episode.objects.filter(show=known.shows["office_us"], season_number=0)
    specials.filter(episode_number=2).update(title="The Accountants")
    special = titled(scrobble("The Office", 0, 1, show_id="o", **OFFICE), "The Accountants")
    assert answered(known, special)[1:] == ("success", "marked_watched")
    assert known.watched() == {"The Office (2005) S00E02"}
    assert TrackedShow.objects.get(show=known.shows["office_us"]).watched_episodes == 0


def test_an_episode_that_is_missing_fails_with_the_reason_and_is_not_tried_again(known):
    log = known.send(scrobble("Severance", 1, 99, **SEVERANCE))
    assert (log.status, log.action_taken, log.tvshow) == ("failed", "episode_not_found", known.shows["severance"])
    assert log.reason == "Severance (2022): no episode has this number."
    assert log.error_message == log.reason
    assert (log.due_at, log.done_at is None) == (None, False)


def test_an_episode_that_was_missing_is_marked_at_its_own_time_when_it_was_added_and_run_again(known):
    log = known.send(scrobble("Severance", 1, 99, **SEVERANCE))
    Episode.objects.create(show=known.shows["severance"], season_number=1, episode_number=99)
    assert inbox.replay(log, now=soon())
    known.work(soon(minutes=1))
    assert Watch.objects.get().watched_at == log.created_at


@pytest.mark.parametrize("fields", [
    {"grandparentTitle": None, "grandparentRatingKey": None, "grandparentGuid": None},
    {"grandparentTitle": " ", "grandparentRatingKey": "", "grandparentGuid": "not a guid"},
])
def test_an_event_that_names_no_show_fails_and_names_nothing(world, fields):
    log = world.send(scrobble(**fields))
    assert (log.status, log.action_taken, log.plex_show_key) == ("failed", "show_not_named", "")
    assert log.reason == "It does not say which show it is about."
    assert (PlexConflict.objects.count(), PlexShowMapping.objects.count()) == (0, 0)


def test_an_event_that_names_no_show_finds_no_row_without_a_key(world):
    """Neither one that SQL wrote."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO plex_show_mappings (tvshow_id) VALUES (%s)", [world.shows["severance"].pk])
    event = scrobble(grandparentTitle=None, grandparentRatingKey=None, grandparentGuid=None)
    assert world.send(event).action_taken == "show_not_named"
    assert PlexShowMapping.objects.get().plex_show_key == ""


def test_the_time_of_the_viewing_is_when_the_event_came_through_every_retry(known, monkeypatch):
    calls = []

    def fails_twice(**arguments):
        calls.append(arguments)
        if len(calls) < 3:
            raise OSError("the disk is full")
        return real(**arguments)

    real = watching.mark_watched
    monkeypatch.setattr(watching, "mark_watched", fails_twice)
    assert known.post(scrobble("Severance", **SEVERANCE)).status_code == 202
    came = known.last().created_at
    for hours in (1, 2):
        known.work(soon(hours=hours))
    log = known.last()
    assert (log.status, log.retry_count, log.created_at) == ("success", 2, came)
    assert Watch.objects.get().watched_at == came


def test_what_fails_is_seen_meanwhile_and_due_again(known, monkeypatch):
    def fails(**_):
        raise OSError("the disk is full")

    monkeypatch.setattr(watching, "mark_watched", fails)
    log = known.send(scrobble("Severance", **SEVERANCE))
    assert (log.status, log.error_message) == ("received", "OSError: the disk is full")
    assert log.due_at > log.created_at
    assert log.done_at is None


def test_after_the_last_attempt_it_fails_for_good_with_the_reason(known, monkeypatch):
    def fails(**_):
        raise OSError("the disk is full")

    monkeypatch.setattr(watching, "mark_watched", fails)
    known.post(scrobble("Severance", **SEVERANCE))
    for day in range(12):
        known.work(soon(days=2 * day))
    log = known.last()
    assert (log.status, log.retry_count, log.done_at is None) == ("failed", 8, False)
    assert log.reason == "Tried 8 times. OSError: the disk is full"


def test_a_service_that_is_down_puts_the_event_off_without_using_an_attempt(world, monkeypatch):
    def down(event, config, known):
        raise ServiceDown("TMDB does not answer.", retry_after=timedelta(minutes=5))

    monkeypatch.setattr(identification, "STEPS", (("TMDB", down),))
    world.post(scrobble("iCarly"))
    for hour in range(20):
        world.work(soon(hours=hour))
    log = world.last()
    assert (log.status, log.reason, log.retry_count) == ("received", "TMDB does not answer.", 0)
    assert log.due_at is not None
    monkeypatch.undo()
    world.work(soon(days=2))
    assert world.last().action_taken == "conflict_created"


def test_a_service_that_is_down_leaves_open_questions_as_they_are(world, monkeypatch):
    world.send(scrobble("iCarly"))

    def down(event, config, known):
        raise ServiceDown("TMDB does not answer.")

    monkeypatch.setattr(identification, "STEPS", (("TMDB", down),))
    assert resolution.reevaluate_all(now=soon()) == 0
    assert len(PlexConflict.objects.get().potential_matches) == 2


def test_an_event_whose_connection_was_removed_fails_with_the_reason(world):
    world.post(scrobble("iCarly"))
    PlexConfig.objects.all().delete()
    world.work(soon())
    log = world.last()
    assert (log.status, log.reason) == ("failed", "The connection to Plex that received it was removed.")


def test_an_event_that_is_done_is_not_worked_on_again(known):
    log = known.send(scrobble("Severance", **SEVERANCE))
    assert processing.process(log.pk, now=soon()) is None
    assert processing.process(log.pk + 99, now=soon()) is None


def test_an_event_that_waits_for_a_person_is_not_worked_on(world):
    log = world.send(scrobble("iCarly"))
    assert processing.process(log.pk, now=soon()) is None


def test_a_mapping_that_is_made_while_an_event_is_thought_about_counts(world, monkeypatch):
    """It was not known before the lock; it is when the lock is had."""
    real = identification.match

    def meanwhile(described):
        found = real(described)
        PlexShowMapping.objects.create(
            plex_show_key="g:plex://show/s1", plex_guid="plex://show/s1", tvshow=world.shows["icarly2007"],
        )
        return found

    monkeypatch.setattr(identification, "match", meanwhile)
    assert world.send(scrobble("iCarly")).tvshow == world.shows["icarly2007"]
    assert PlexConflict.objects.count() == 0


def test_a_mapping_that_is_removed_while_an_event_is_worked_on_costs_no_attempt(known, monkeypatch):
    real = processing._think

    def meanwhile(log):
        plan = real(log)
        PlexShowMapping.objects.all().delete()
        return plan

    monkeypatch.setattr(processing, "_think", meanwhile)
    log = known.send(scrobble("Severance", 1, 2, originallyAvailableAt="2020-01-01", **SEVERANCE))
    assert (log.status, log.retry_count) == ("received", 0)
    monkeypatch.undo()
    known.work(soon(minutes=1))
    assert known.last().tvshow == known.shows["severance"]
    assert known.last().done_at is not None


def test_a_show_that_is_deleted_between_matching_and_mapping_is_asked_about(world, monkeypatch):
    real = identification.match

    def meanwhile(described):
        found = real(described)
        TVShow.objects.filter(pk=world.shows["severance"].pk).delete()
        return found

    monkeypatch.setattr(identification, "match", meanwhile)
    world.post(scrobble("Severance", **SEVERANCE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "atomic", checked_atomic(transaction.atomic))
        world.work(soon())
    monkeypatch.undo()
    assert world.last().status == "received"
    world.work(soon(hours=1))
    assert world.last().action_taken == "conflict_created"


def checked_atomic(real):
    """As at a commit, which a test has none of: whatever refers to nothing is noticed at the end of a transaction."""
    @contextmanager
    def atomic(*args, **kwargs):
        with real(*args, **kwargs):
            yield
            connection.check_constraints()

    return atomic


def test_the_same_episode_by_two_accounts_of_one_person_is_one_watch(known):
    known.send(scrobble("Severance", account=None, **SEVERANCE))
    assert known.send(scrobble("Severance", **SEVERANCE)).action_taken == "already_watched"
    assert Watch.objects.count() == 1


def test_what_a_person_unticked_is_not_ticked_by_running_an_old_event_again(known):
    log = known.send(scrobble("Severance", **SEVERANCE))
    watching.unmark_watched(user_id=known.owner.pk, episode=Watch.objects.get().episode, now=soon())
    inbox.replay(log, now=soon())
    known.work(soon())
    log.refresh_from_db()
    assert (log.status, log.action_taken) == ("success", "already_watched")
    assert "unticked by hand" in log.reason
    assert known.watched() == set()


def test_a_known_event_costs_no_more_queries_with_a_larger_library(known):
    counts = []
    for number, more in ((1, 1), (2, 5), (3, 25)):
        for each in range(more):
            mapping.write(
                mapping.show_of(PlexShowMapping(plex_guid=f"plex://show/{number}-{each}", plex_title=f"Show {each}")),
                mapping.Choice(show(f"Show {number} {each}", seasons=()).pk, 1.0, "manual"), now=soon(),
            )
        with CaptureQueriesContext(connection) as queries:
            known.post(scrobble("Severance", 1, number, **SEVERANCE))
        counts.append(sum("SAVEPOINT" not in query["sql"] for query in queries))
    assert counts[1] == counts[2] <= 10


def together(*calls):
    """Run them at once, each on a connection of its own; what went wrong, if anything did."""
    barrier, wrong = threading.Barrier(len(calls)), []

    def run(call):
        try:
            barrier.wait(10)
            call()
        except Exception as error:  # noqa: BLE001  (it is asserted to be none)
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return wrong


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("title", ["Severance", "iCarly"])
def test_two_episodes_of_a_new_show_at_once_are_one_mapping(title):
    world = make_world()
    guid = SEVERANCE if title == "Severance" else {}
    logs = []
    for number in (1, 2, 3, 4):
        world.post(scrobble(title, 1, number, **guid))
        logs.append(world.last().pk)
    assert together(*[lambda pk=pk: processing.process(pk, now=soon()) for pk in logs]) == []
    assert PlexShowMapping.objects.count() == 1
    if title == "Severance":
        assert len(world.watched()) == 4
        assert TrackedShow.objects.get().watched_episodes == 4
    else:
        actions = sorted(PlexWebhookLog.objects.values_list("action_taken", flat=True))
        assert actions == ["awaiting_resolution"] * 3 + ["conflict_created"]
        assert PlexConflict.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_events_that_come_while_a_person_answers_all_end_at_the_answer():
    world = make_world()
    conflict_id = world.send(scrobble("iCarly")).conflict_id
    logs = []
    for number in range(2, 8):
        world.post(scrobble("iCarly", 1, number))
        logs.append(world.last().pk)
    chosen = world.shows["icarly2021"].pk

    def answer():
        resolution.select(conflict_id, tvshow_id=chosen, user_id=world.owner.pk, now=soon())

    assert together(answer, *[lambda pk=pk: processing.process(pk, now=soon()) for pk in logs]) == []
    resolution.reevaluate_stale(now=soon())
    world.work(soon(minutes=2))
    assert world.watched() == {f"iCarly (2021) S01E0{number}" for number in range(1, 8)}
    assert PlexWebhookLog.objects.undone().count() == 0


@pytest.mark.django_db(transaction=True)
def test_events_of_one_show_under_two_keys_do_not_wait_for_each_other():
    """One by its rating key alone, one by its GUID: each takes the locks of both keys, in one order."""
    world = make_world()
    world.send(scrobble("iCarly"))
    conflict_id = PlexConflict.objects.get().pk
    logs = []
    for number in range(2, 8):
        world.post(scrobble("iCarly", 1, number, **({"grandparentGuid": None} if number % 2 else {})))
        logs.append(world.last().pk)
    assert together(*[lambda pk=pk: processing.process(pk, now=soon()) for pk in logs]) == []
    assert list(PlexConflict.objects.values_list("pk", flat=True)) == [conflict_id]
    assert PlexWebhookLog.objects.waiting_for(conflict_id).count() == 7


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")
def test_the_lock_of_a_show_is_held_until_the_commit():
    make_world()
    order = []

    def first():
        with transaction.atomic():
            lock("show", "k")
            order.append("first has it")
            started.set()
            threading.Event().wait(0.2)
            order.append("first ends")

    def second():
        started.wait(10)
        with transaction.atomic():
            lock("show", "k")
            order.append("second has it")

    started = threading.Event()
    assert together(first, second) == []
    assert order == ["first has it", "first ends", "second has it"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")
def test_an_event_that_is_found_by_its_rating_key_waits_for_whoever_answers_under_the_shows_own_key():
    world = make_world()
    own_key = world.send(scrobble("iCarly")).plex_show_key
    world.post(scrobble("iCarly", 1, 2, grandparentGuid=None))
    log, order, started = world.last(), [], threading.Event()
    assert log.plex_show_key != own_key

    def answers():
        with transaction.atomic():
            lock("show", own_key)
            started.set()
            threading.Event().wait(0.3)
            order.append("answered")

    def attaches():
        started.wait(10)
        processing.process(log.pk, now=soon())
        order.append("attached")

    assert together(answers, attaches) == []
    assert order == ["answered", "attached"]


def test_a_show_that_was_added_meanwhile_is_found_by_an_event_that_waited_for_its_turn(world):
    world.post(scrobble("Night Carriers (2019)"))
    show("Night Carriers", date(2019, 1, 1))
    world.work(soon())
    assert world.watched() == {"Night Carriers (2019) S01E01"}

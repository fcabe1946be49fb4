"""Answers, and what becomes of the events that waited."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django_q.models import OrmQ

from plex_integration import accounts, identification, inbox, mapping, processing, resolution, tasks
from plex_integration.exceptions import Unresolvable
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.world import scrobble, show
from tvshows import watching
from tvshows.described import NewShow
from tvshows.models import Episode, TrackedShow, TVShow, Watch

LEGACY = "com.plexapp.agents.thetvdb://"


def soon():
    return datetime.now(UTC) + timedelta(seconds=2)


def ask(world, title="iCarly", episodes=((1, 1),), **metadata):
    """The conflict of a Plex show, for which these episodes wait."""
    for season, number in episodes:
        world.send(scrobble(title, season, number, **metadata))
    return PlexConflict.objects.open().latest("pk")


def select(world, conflict, name="icarly2021"):
    return resolution.select(conflict.pk, tvshow_id=world.shows[name].pk, user_id=world.owner.pk, now=soon())


def create(world, conflict, **fields):
    new = NewShow(**({"title": "Night Carriers"} | fields))
    return resolution.create_new(conflict.pk, new_show=new, user_id=world.owner.pk, now=soon())


def ignore(world, conflict):
    return resolution.ignore(conflict.pk, user_id=world.owner.pk, now=soon())


def verdicts():
    return list(PlexWebhookLog.objects.order_by("pk").values_list("status", "action_taken"))


def answer(conflict):
    conflict.refresh_from_db()
    return conflict.resolved, conflict.resolution_action, conflict.resolved_tvshow, conflict.resolved_by


def undone():
    return PlexWebhookLog.objects.undone().count()


# The test of the fix report


def test_the_icarly_test_of_the_fix_report(world):
    """Two shows named iCarly, a scrobble that names neither id nor air date, and no server."""
    event = {
        "event": "media.scrobble",
        "Metadata": {
            "type": "episode", "title": "iStart Over", "index": 1, "parentIndex": 1, "grandparentTitle": "iCarly",
            "grandparentRatingKey": "12345", "guid": "plex://episode/test123", "year": 2021,
        },
    }
    log = world.send(event)
    assert (log.status, log.action_taken) == ("success", "conflict_created")
    conflict = PlexConflict.objects.get()
    assert conflict.conflict_type == "multiple_matches"
    assert {match["year"] for match in conflict.potential_matches} == {2007, 2021}
    assert Watch.objects.count() == 0

    resolved = select(world, conflict)
    assert [outcome.action for _, outcome in resolved.outcomes] == ["marked_watched"]
    watch = Watch.objects.get()
    assert (str(watch.episode), watch.episode.show) == ("S01E01 iStart Over", world.shows["icarly2021"])
    assert watch.watched_at == log.created_at
    row = PlexShowMapping.objects.get()
    assert (row.plex_rating_key, row.tvshow, row.match_method) == ("12345", world.shows["icarly2021"], "manual")

    event["Metadata"] |= {"title": "iHate Carly", "index": 2, "guid": "plex://episode/test124"}
    response = world.post(event)
    assert (response.status_code, response.json()["status"]) == (200, "success")
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}
    assert PlexConflict.objects.count() == 1


# Select


def test_the_events_that_waited_are_marked_oldest_first_each_at_its_own_time(world, monkeypatch):
    conflict = ask(world, episodes=((1, 3), (1, 1), (1, 2)))
    times = [datetime(2026, 1, day, 20, tzinfo=UTC) for day in (3, 1, 2)]
    for log, at in zip(PlexWebhookLog.objects.order_by("pk"), times, strict=True):
        PlexWebhookLog.objects.filter(pk=log.pk).update(created_at=at)
    resolved = select(world, conflict)
    assert [log.plex_episode for log, _ in resolved.outcomes] == [1, 2, 3]
    assert resolved.left == 0
    watches = Watch.objects.order_by("episode__episode_number").values_list("watched_at", flat=True)
    assert list(watches) == [times[1], times[2], times[0]]
    assert verdicts() == [("success", "marked_watched")] * 3
    assert TrackedShow.objects.get(show=world.shows["icarly2021"]).watched_episodes == 3


def test_a_selected_show_is_a_mapping_that_a_person_confirmed(world):
    conflict = ask(world)
    select(world, conflict)
    assert answer(conflict) == (True, "user_selected", world.shows["icarly2021"], world.owner)
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.manually_confirmed, row.match_method, float(row.match_confidence)) == (
        world.shows["icarly2021"], True, "manual", 1.0,
    )


def test_the_next_event_is_direct(world):
    select(world, ask(world))
    assert world.post(scrobble("iCarly", 1, 2)).status_code == 200
    assert "iCarly (2021) S01E02" in world.watched()


def test_a_show_that_is_not_among_the_candidates_may_be_selected(world):
    select(world, ask(world), "severance")
    assert world.watched() == {"Severance (2022) S01E01"}


def test_an_episode_that_the_selected_show_lacks_fails_visibly_and_the_others_are_marked(world):
    conflict = ask(world, episodes=((1, 1), (1, 20)))
    resolved = select(world, conflict)
    assert [outcome.action for _, outcome in resolved.outcomes] == ["marked_watched", "episode_not_found"]
    assert undone() == 0


def test_a_show_that_was_deleted_meanwhile_cannot_be_selected(world):
    conflict = ask(world)
    gone = world.shows["icarly2021"].pk
    world.shows["icarly2021"].delete()
    with pytest.raises(Unresolvable, match="not here any more"):
        resolution.select(conflict.pk, tvshow_id=gone, user_id=None, now=soon())
    assert answer(conflict)[0] is False


@pytest.mark.parametrize("second", [select, create, ignore])
def test_a_second_person_who_answers_is_told_that_it_was_settled(world, second):
    conflict = ask(world)
    select(world, conflict)
    with pytest.raises(Unresolvable, match="settled already: a person chose"):
        second(world, conflict)
    assert world.watched() == {"iCarly (2021) S01E01"}
    assert answer(conflict)[1] == "user_selected"


def test_a_question_that_is_gone_cannot_be_answered(world):
    conflict = ask(world)
    PlexConflict.objects.all().delete()
    with pytest.raises(Unresolvable, match="not here any more"):
        select(world, conflict)


# Create a new show


def test_a_new_show_has_the_episodes_that_waited(world):
    conflict = ask(world, "Night Carriers", ((1, 2), (3, 5)), originallyAvailableAt="2019-05-01", duration=1_500_000)
    create(world, conflict, first_aired=date(2019, 1, 1), tmdb_id=4711)
    made = TVShow.objects.get(tmdb_id=4711)
    assert world.watched() == {"Night Carriers (2019) S01E02", "Night Carriers (2019) S03E05"}
    assert answer(conflict) == (True, "user_created_new", made, world.owner)
    episode = Episode.objects.get(show=made, season_number=3)
    assert (episode.title, episode.air_date, episode.runtime) == ("Night Carriers 3.5", date(2019, 5, 1), 25)
    assert made.refreshed_at is None  # nobody said that these are all of its episodes


def test_a_new_show_from_an_event_about_a_whole_show_has_no_episodes(world):
    event = scrobble("Night Carriers") | {"event": "library.new"}
    event["Metadata"] = {"librarySectionType": "show", "type": "show", "title": "Night Carriers", "ratingKey": "9"}
    world.send(event)
    create(world, PlexConflict.objects.get())
    assert verdicts() == [("success", "show_already_exists")]
    assert Episode.objects.filter(show__title="Night Carriers").count() == 0


def test_a_new_show_with_an_id_that_another_has_changes_nothing(world):
    conflict = ask(world, "Night Carriers")
    with pytest.raises(ValidationError, match="Severance"):
        create(world, conflict, tmdb_id=world.shows["severance"].tmdb_id)
    assert (answer(conflict)[0], undone(), TVShow.objects.count()) == (False, 1, 5)


def test_a_new_show_without_a_title_changes_nothing(world):
    conflict = ask(world, "Night Carriers")
    with pytest.raises(ValidationError):
        create(world, conflict, title=" ")
    assert (answer(conflict)[0], undone()) == (False, 1)


# Ignore


def test_an_ignored_show_is_remembered(world):
    conflict = ask(world, episodes=((1, 1), (1, 2)))
    ignore(world, conflict)
    assert answer(conflict) == (True, "ignored", None, world.owner)
    assert verdicts() == [("ignored", "ignored")] * 2
    row = PlexShowMapping.objects.get()
    assert (row.tvshow, row.sync_enabled, row.manually_confirmed) == (None, False, True)
    log = world.send(scrobble("iCarly", 1, 3))
    assert (log.status, log.action_taken) == ("ignored", "ignored")
    assert PlexConflict.objects.count() == 1


def test_an_ignored_show_stays_ignored_when_a_show_that_fits_is_added(world):
    ignore(world, ask(world, "Night Carriers (2019)"))
    show("Night Carriers", date(2019, 1, 1))
    resolution.reevaluate_stale(now=soon())
    assert world.send(scrobble("Night Carriers (2019)", 1, 2)).action_taken == "ignored"


def test_that_a_show_is_ignored_can_be_undone(world):
    ignore(world, ask(world))
    mapping.set_sync([PlexShowMapping.objects.get().pk], enabled=True, now=soon())
    conflict = ask(world, episodes=((1, 2),))
    select(world, conflict)
    assert inbox.replay(PlexWebhookLog.objects.earliest("pk"), now=soon())
    world.work(soon())
    assert world.watched() == {"iCarly (2021) S01E01", "iCarly (2021) S01E02"}


def test_many_are_ignored_at_once_and_what_could_not_be_is_said(world):
    first, second = ask(world), ask(world, "The Office", show_id="s2")
    select(world, first)
    done, problems = resolution.ignore_many([first.pk, second.pk], user_id=world.owner.pk, now=soon())
    assert (done, len(problems)) == (1, 1)
    assert answer(second)[1] == "ignored"


def test_the_best_candidates_of_many_are_taken_at_once(world):
    first, second = ask(world), ask(world, "Night Carriers", show_id="s2")
    best = first.potential_matches[0]["tvshow_id"]
    shown = {first.pk: best, second.pk: None}
    done, problems = resolution.select_best_many(shown, user_id=world.owner.pk, now=soon())
    assert (done, problems) == (1, ["Night Carriers: no show fits."])
    assert answer(first)[1:3] == ("user_selected", TVShow.objects.get(pk=best))


def test_candidates_written_otherwise_are_no_reason_to_fail(world):
    conflict = ask(world)
    PlexConflict.objects.update(potential_matches=[{"id": 23, "title": "iCarly"}])
    assert resolution.select_best_many({conflict.pk: 23}, user_id=None, now=soon()) == (0, ["iCarly: no show fits."])


# By itself


def test_a_show_that_is_added_later_settles_the_question_where_it_is_decisive(world):
    conflict = ask(world, "Night Carriers (2019)", ((1, 1), (1, 2)))
    added = show("Night Carriers", date(2019, 1, 1))
    assert resolution.reevaluate_stale(now=soon()) == 1
    assert answer(conflict) == (True, "auto_resolved", added, None)
    assert world.watched() == {"Night Carriers (2019) S01E01", "Night Carriers (2019) S01E02"}
    row = PlexShowMapping.objects.get()
    assert (row.match_method, float(row.match_confidence), row.manually_confirmed) == ("title_year", 0.95, False)


@pytest.mark.parametrize(("title", "year"), [("Night Carriers", 2019), ("Night Carriers (2019)", 2018)])
def test_a_show_that_is_added_later_is_a_candidate_where_it_is_not_decisive(world, title, year):
    conflict = ask(world, title)
    show("Night Carriers", date(year, 1, 1))
    assert resolution.reevaluate_stale(now=soon()) == 0
    assert answer(conflict)[0] is False
    assert [match["title"] for match in conflict.potential_matches] == ["Night Carriers"]
    assert conflict.conflict_type == "ambiguous"


def test_a_show_that_is_added_has_a_worker_look_at_the_questions(world, django_capture_on_commit_callbacks):
    conflict = ask(world, "Night Carriers (2019)")
    OrmQ.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        show("Night Carriers", date(2019, 1, 1))
    assert [queued.func() for queued in OrmQ.objects.all()] == ["plex_integration.tasks.reevaluate_conflicts"]
    tasks.reevaluate_conflicts()
    assert answer(conflict)[1] == "auto_resolved"


def test_a_show_that_is_added_by_sql_settles_the_question_though_its_titles_were_written_meanwhile(world):
    """Another event has the titles written; the sweep after that must still look."""
    conflict = ask(world, "Night Carriers (2019)")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tvshows (title, show_start_date) VALUES ('Night Carriers', '2019-01-01')")
    world.send(scrobble("Day Carriers", show_id="s2"))
    assert resolution.reevaluate_stale(now=soon()) == 1
    assert answer(conflict)[1] == "auto_resolved"


def test_a_question_that_nothing_changed_about_is_left_alone(world, django_assert_max_num_queries, monkeypatch):
    ask(world)
    resolution.reevaluate_stale(now=soon() + resolution.SEEN_LATE)
    monkeypatch.setattr(identification, "identify", None)
    with django_assert_max_num_queries(9):
        assert resolution.reevaluate_stale(now=soon()) == 0


def test_a_mapping_that_a_person_switches_off_settles_the_question(world):
    conflict = ask(world)
    mapping.set_sync([PlexShowMapping.objects.get().pk], enabled=False, now=soon())
    assert resolution.reevaluate_stale(now=soon()) == 1
    assert answer(conflict)[:2] == (True, "ignored")
    assert verdicts() == [("ignored", "ignored")]


def test_looking_again_at_a_question_for_which_nothing_waits_keeps_its_candidates(world):
    conflict = ask(world)
    PlexWebhookLog.objects.all().delete()
    assert resolution.reevaluate(conflict.pk, now=soon()) is False
    conflict.refresh_from_db()
    assert len(conflict.potential_matches) == 2


def test_looking_again_at_what_was_settled_does_nothing(world):
    conflict = ask(world)
    select(world, conflict)
    assert resolution.reevaluate(conflict.pk, now=soon()) is False
    assert resolution.reevaluate(conflict.pk + 99, now=soon()) is False


def test_a_question_that_sql_wrote_can_be_answered_and_touches_no_other_mapping(world):
    """Such a row bears no key; neither do mappings that the guide's SQL wrote."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO plex_show_mappings (plex_rating_key, plex_title, tvshow_id, match_method)"
                       " VALUES ('77', 'The Office', %s, 'manual')", [world.shows["office_us"].pk])
        cursor.execute("INSERT INTO plex_conflicts (plex_rating_key, plex_title, conflict_type)"
                       " VALUES ('12345', 'iCarly', 'multiple_matches')")
    assert resolution.reevaluate_stale(now=soon()) == 0
    select(world, PlexConflict.objects.get())
    assert PlexShowMapping.objects.get(plex_rating_key="77").tvshow == world.shows["office_us"]
    assert PlexShowMapping.objects.get(plex_rating_key="12345").tvshow == world.shows["icarly2021"]


# Nothing is lost


def test_an_event_that_fails_while_the_others_are_marked_is_taken_up_again(world, monkeypatch):
    conflict = ask(world, episodes=((1, 1), (1, 2), (1, 3)))
    real, calls = watching.mark_watched, []

    def second_fails(**arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError("the disk is full")
        return real(**arguments)

    monkeypatch.setattr(watching, "mark_watched", second_fails)
    resolved = select(world, conflict)
    assert (len(resolved.outcomes), resolved.left) == (2, 1)
    left = PlexWebhookLog.objects.undone().get()
    assert (left.plex_episode, left.status, left.due_at is not None) == (2, "received", True)
    world.work(soon() + timedelta(minutes=1))
    assert len(world.watched()) == 3
    assert undone() == 0


def test_when_the_process_ends_in_the_middle_the_sweep_does_the_rest(world, monkeypatch):
    conflict = ask(world, episodes=((1, 1), (1, 2), (1, 3)))
    real = processing.process

    def ends_at_the_second(log_id, *, now):
        if Watch.objects.exists():
            raise KeyboardInterrupt
        return real(log_id, now=now)

    monkeypatch.setattr(resolution, "process", ends_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        select(world, conflict)
    assert answer(conflict)[0] is True
    assert PlexWebhookLog.objects.due(soon()).count() == 2
    world.work(soon())
    assert len(world.watched()) == 3


def test_what_is_more_than_is_done_at_once_is_left_to_a_worker(world, monkeypatch):
    monkeypatch.setattr(resolution, "DRAINED_AT_ONCE", 2)
    conflict = ask(world, episodes=((1, 1), (1, 2), (1, 3)))
    OrmQ.objects.all().delete()
    resolved = select(world, conflict)
    assert (len(resolved.outcomes), resolved.left, OrmQ.objects.count()) == (2, 1, 1)
    world.work(soon())
    assert len(world.watched()) == 3


def test_an_event_that_was_attached_to_a_question_while_it_was_answered_is_taken_up(world):
    conflict = ask(world, episodes=((1, 1), (1, 2)))
    late = PlexWebhookLog.objects.latest("pk")
    select(world, conflict)
    PlexWebhookLog.objects.filter(pk=late.pk).update(done_at=None, due_at=None, status="received", conflict=conflict)
    Watch.objects.filter(episode__episode_number=2).delete()
    resolution.reevaluate_stale(now=soon())
    world.work(soon())
    assert len(world.watched()) == 2
    assert undone() == 0


def test_the_events_of_a_question_that_was_deleted_ask_anew(world):
    ask(world, episodes=((1, 1), (1, 2)))
    PlexConflict.objects.all().delete()
    resolution.reevaluate_stale(now=soon())
    world.work(soon())
    conflict = PlexConflict.objects.get()
    assert PlexWebhookLog.objects.waiting_for(conflict.pk).count() == 2
    select(world, conflict)
    assert len(world.watched()) == 2


def test_what_waits_for_an_open_question_or_for_its_time_is_left_alone(world):
    ask(world)
    world.post(scrobble("The Office", show_id="s2"))
    before = list(PlexWebhookLog.objects.order_by("pk").values_list("due_at", flat=True))
    resolution.reevaluate_stale(now=soon())
    assert list(PlexWebhookLog.objects.order_by("pk").values_list("due_at", flat=True)) == before


def test_a_payload_that_cannot_be_read_any_more_stops_neither_the_answer_nor_the_others(world):
    conflict = ask(world, "Night Carriers", ((1, 1), (1, 2)))
    PlexWebhookLog.objects.filter(plex_episode=1).update(payload={"no": "event"})
    assert resolution.reevaluate(conflict.pk, now=soon()) is False
    create(world, conflict)
    assert world.watched() == {"Night Carriers S01E02"}
    assert verdicts() == [("failed", "error"), ("success", "marked_watched")]


def test_an_account_that_was_unlinked_meanwhile_marks_nothing(world):
    conflict = ask(world)
    accounts.link(PlexAccount.objects.get(), user_id=None)
    select(world, conflict)
    assert verdicts() == [("ignored", "unlinked_account")]
    assert Watch.objects.count() == 0


def test_one_question_that_cannot_be_looked_at_does_not_keep_the_others_from_it(world, monkeypatch):
    world.send(scrobble("iCarly", show_id="a"))
    world.send(scrobble("The Office", show_id="b"))
    first, second = PlexConflict.objects.order_by("pk")
    PlexShowMapping.objects.filter(plex_title="The Office").update(tvshow=world.shows["office_us"])
    reevaluate = resolution.reevaluate

    def fail_for_first(conflict_id, *, now):
        if conflict_id == first.pk:
            raise ValueError("broken")
        return reevaluate(conflict_id, now=now)

    monkeypatch.setattr(resolution, "reevaluate", fail_for_first)
    resolution.reevaluate_all(now=datetime.now(UTC))
    second.refresh_from_db()
    assert (second.resolved, second.resolution_action) == (True, "auto_resolved")

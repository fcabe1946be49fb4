"""First plays of shows that nobody here has: what Plex and TMDB say of them, and what follows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django_q.models import OrmQ

from plex_integration import adding, files, identification, inbox, processing, resolution
from plex_integration.client import ServerEpisode, ServerShow
from plex_integration.guids import parse_guid
from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.world import NOON, SAM, SERVER, scrobble, show
from tvshows import catalogue, tmdb, watching
from tvshows.described import Ids, NewEpisode, NewShow
from tvshows.exceptions import ServiceDown, ServiceRefused
from tvshows.models import Episode, ServiceState, TrackedShow, TVShow, Watch
from tvshows.tmdb import FoundShow

BEGAN = date(2019, 5, 6)
DARK_GUID = "plex://show/dark"


class FakeServer:
    """A Plex server that knows one show."""

    def __init__(self, found=None, episodes=()):
        self.found, self.listed, self.asked = found, tuple(episodes), []

    def show(self, rating_key):
        self.asked.append(rating_key)
        return self.found

    def episodes(self, rating_key):
        self.asked.append(f"{rating_key}/episodes")
        return self.listed

    def episode(self, rating_key):
        self.asked.append(f"episode {rating_key}")
        return next((one for one in self.listed if one.rating_key == rating_key), None)


class FakeTMDB:
    """A TMDB with the shows and conversions that a test gives it; an exception in their place is raised."""

    def __init__(self, shows=(), found=(), problem=None, titles=()):
        self.shows, self.found, self.problem, self.asked = dict(shows), dict(found), problem, []
        self.named = {119243: ("iCarly",), 5371: ("iCarly",)} | dict(titles)

    def titles(self, tmdb_id):
        return self._answer(f"titles {tmdb_id}", self.named[tmdb_id])

    def _answer(self, asked, answer):
        self.asked.append(asked)
        if self.problem:
            raise self.problem
        return answer

    def find(self, source, value, *, kind):
        return self._answer(f"find {source} {value} {kind}", tuple(self.found.get((source, value, kind), ())))

    def show(self, tmdb_id):
        return self._answer(f"show {tmdb_id}", self.shows.get(tmdb_id))


def new_show(title="Dark", **ids):
    episodes = tuple(NewEpisode(1, number, f"Secret {number}", BEGAN + timedelta(weeks=number), 50) for number in (1, 2, 3))
    return NewShow(title=title, first_aired=BEGAN, episodes=episodes, other_titles=("Dunkel",), **ids)


def on_server(title="Dark", year=2019, guid=DARK_GUID, **ids):
    return ServerShow(rating_key="s1", title=title, year=year, guid=parse_guid(guid) if guid else None, ids=Ids(**ids))


@pytest.fixture
def services(world, monkeypatch):
    """Connects the world to fakes: `services(server=…, tmdb=…)`; what is left out is not connected."""
    world.config.plex_server_uuid, world.config.plex_server_url = SERVER, "http://plex.local:32400"
    world.config.save()

    def connect(*, server=None, tmdb_service=None):
        monkeypatch.setattr(identification, "server_of", lambda config: server)
        monkeypatch.setattr(tmdb, "client", lambda: tmdb_service)
        return world

    return connect


def dark(number=1, **metadata):
    return scrobble("Dark", 1, number, grandparentGuid=DARK_GUID, **metadata)


def test_a_first_play_is_added_from_tmdb_by_the_id_that_plex_has_and_ticked(services):
    service = FakeTMDB({70523: new_show(tmdb_id=70523, tvdb_id=334824)})
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=service)
    assert world.post(dark()).status_code == 202
    world.work()
    log = world.last()
    assert (log.status, log.action_taken) == ("success", "marked_watched")
    assert world.watched() == {"Dark (2019) S01E01"}
    added = TVShow.objects.get(tmdb_id=70523)
    assert (added.source, added.episodes.count(), added.tvdb_id) == ("plex", 3, 334824)
    assert TrackedShow.objects.get(show=added).status == "watching"
    mapping = PlexShowMapping.objects.get(tvshow=added)
    assert (mapping.match_method, mapping.match_confidence, mapping.manually_confirmed) == ("tmdb_id", 1, False)
    assert (mapping.plex_year, mapping.tmdb_id) == (2019, 70523)
    assert "The Plex server says: Dark (2019), TMDB 70523." in log.reason
    assert "was added" in log.reason
    assert service.asked == ["show 70523"]


def test_the_next_episode_of_an_added_show_needs_no_service(services):
    server = FakeServer(on_server(tmdb=70523))
    world = services(server=server, tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    world.send(dark())
    server.asked.clear()
    assert world.post(dark(2)).status_code == 200
    assert server.asked == []


def test_the_id_that_plex_has_finds_a_show_that_is_here(services):
    world = services(server=FakeServer(on_server("iCarly", 2021, tmdb=119243)))
    log = world.send(scrobble("iCarly", grandparentGuid=DARK_GUID))
    assert world.watched() == {"iCarly (2021) S01E01"}
    assert "The TMDB id 119243 is the same" in log.reason


@pytest.mark.parametrize("source", ["tvdb", "imdb"])
def test_an_id_of_another_catalogue_is_turned_into_tmdbs_and_counts_as_that_one(services, source):
    value = 555 if source == "tvdb" else "tt0000555"
    service = FakeTMDB(found={(source, value, "show"): [FoundShow(119243, None, None, None)]})
    world = services(server=FakeServer(on_server("iCarly", 2021, **{source: value})), tmdb_service=service)
    world.send(scrobble("iCarly", grandparentGuid=DARK_GUID))
    mapping = PlexShowMapping.objects.get(plex_guid=DARK_GUID)
    assert (mapping.tvshow, mapping.match_method) == (world.shows["icarly2021"], f"{source}_id")
    assert float(mapping.match_confidence) == 0.95


def test_the_episodes_own_ids_lead_to_its_show(services):
    service = FakeTMDB(found={("tvdb", 8530933, "episode"): [FoundShow(119243, 1, 1, 2)]})
    world = services(tmdb_service=service)
    world.send(scrobble("iCarly", Guid=[{"id": "tvdb://8530933"}]))
    assert world.watched() == {"iCarly (2021) S01E01"}


def test_episode_ids_that_belong_to_several_shows_are_not_believed(services):
    found = {
        ("tvdb", 8530933, "episode"): [FoundShow(119243, 1, 1, 2)],
        ("imdb", "tt0000777", "episode"): [FoundShow(5371, 1, 1, 3)],
    }
    world = services(tmdb_service=FakeTMDB(found=found))
    log = world.send(scrobble("iCarly", Guid=[{"id": "tvdb://8530933"}, {"id": "imdb://tt0000777"}]))
    assert log.action_taken == "conflict_created"
    assert "several shows" in " ".join(PlexConflict.objects.get().evidence["said"])
    assert log.reason.startswith("You are asked which show this is. TMDB ")


def test_an_event_that_asks_says_so_where_nobody_is_connected_who_could_be_asked(world):
    assert "Neither Plex nor TMDB is connected" in world.send(dark()).reason


def test_without_a_key_for_tmdb_the_show_is_built_from_plex(services):
    listed = [ServerEpisode(1, number, f"Secret {number}", BEGAN, 50) for number in (1, 2)]
    world = services(server=FakeServer(on_server(tvdb=334824), listed))
    world.send(dark())
    assert world.watched() == {"Dark (2019) S01E01"}
    added = TVShow.objects.get(tvdb_id=334824)
    assert (added.source, added.episodes.count()) == ("plex", 2)


def test_an_episode_that_the_server_has_in_two_qualities_is_added_once(services):
    listed = [ServerEpisode(1, 1, "Secrets"), ServerEpisode(1, 1, "Secrets"), ServerEpisode(None, 4, "?")]
    world = services(server=FakeServer(on_server(tvdb=334824), listed))
    world.send(dark())
    assert Episode.objects.filter(show__tvdb_id=334824).count() == 1


def test_a_show_that_tmdb_does_not_know_is_built_from_plex(services):
    listed = [ServerEpisode(1, 1, "Secrets", BEGAN, 50)]
    world = services(server=FakeServer(on_server(tmdb=1), listed), tmdb_service=FakeTMDB())
    assert world.send(dark()).action_taken == "marked_watched"


def test_a_show_that_plex_has_not_matched_is_asked_about_and_never_added(services):
    listed = [ServerEpisode(1, 1, "Secrets", BEGAN, 50)]
    world = services(server=FakeServer(on_server(guid="local://77"), listed), tmdb_service=FakeTMDB())
    log = world.send(scrobble("Dark", grandparentGuid="local://77"))
    assert log.action_taken == "conflict_created"
    assert not TVShow.objects.filter(title="Dark").exists()


def test_where_a_show_here_may_be_it_already_a_person_is_asked_instead_of_adding_a_second_one(services):
    show("Dark", BEGAN, seasons=((1, 3),))
    TVShow.objects.filter(title="Dark").update(show_start_date=None)
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    assert world.send(dark()).action_taken == "conflict_created"
    assert TVShow.objects.filter(title="Dark").count() == 1


def test_with_adding_switched_off_a_scrobble_asks(services):
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    world.config.auto_add_shows = False
    world.config.save()
    assert world.send(dark()).action_taken == "conflict_created"


def library_new(**metadata):
    payload = dark(**metadata)
    return payload | {"event": "library.new"}


def test_what_is_new_in_the_library_is_added_to_the_owners_plans(services):
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    log = world.send(library_new())
    assert (log.status, log.action_taken) == ("success", "auto_added_show")
    assert TrackedShow.objects.get(show__tmdb_id=70523).status == "plan_to_watch"
    assert world.watched() == set()


def test_a_scrobble_of_a_planned_show_makes_it_watched(services):
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    world.send(library_new())
    world.send(dark())
    assert TrackedShow.objects.get(show__tmdb_id=70523).status == "watching"


def test_the_same_show_in_two_libraries_is_added_once(services):
    world = services(server=FakeServer(on_server(tmdb=70523, guid="")), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    world.send(dark())
    world.send(scrobble("Dark", 1, 2, show_id="in4k", grandparentGuid="plex://show/dark4k"))
    assert TVShow.objects.filter(tmdb_id=70523).count() == 1
    assert world.watched() == {"Dark (2019) S01E01", "Dark (2019) S01E02"}


def test_while_another_event_of_the_show_is_being_worked_on_the_next_one_waits(services):
    service = FakeTMDB({70523: new_show(tmdb_id=70523)})
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=service)
    world.post(dark(1))
    world.post(dark(2))
    first = PlexWebhookLog.objects.earliest("pk")
    PlexWebhookLog.objects.filter(pk=first.pk).update(lease_until=datetime.now(UTC) + timedelta(minutes=1))
    world.work()
    assert service.asked == []
    PlexWebhookLog.objects.filter(pk=first.pk).update(lease_until=None)
    world.work(datetime.now(UTC) + timedelta(seconds=10))
    assert world.watched() == {"Dark (2019) S01E01", "Dark (2019) S01E02"}
    assert service.asked == ["show 70523"]


DOWN = ServiceDown("TMDB does not answer.", retry_after=timedelta(minutes=5))


def test_a_tmdb_that_is_down_makes_the_event_wait_without_costing_an_attempt(services):
    service = FakeTMDB({70523: new_show(tmdb_id=70523)}, problem=DOWN)
    world = services(tmdb_service=service)
    log = world.send(scrobble("Dark", grandparentGuid="com.plexapp.agents.themoviedb://70523"))
    assert (log.status, log.retry_count, log.done_at) == ("received", 0, None)
    assert "TMDB does not answer." in log.reason
    assert not PlexConflict.objects.exists()
    service.problem = None
    world.work(datetime.now(UTC) + timedelta(minutes=6))
    assert world.watched() == {"Dark (2019) S01E01"}


def test_with_tmdb_down_plex_is_enough_for_now(services):
    listed = [ServerEpisode(1, 1, "Secrets", BEGAN, 50)]
    world = services(server=FakeServer(on_server(tmdb=70523), listed), tmdb_service=FakeTMDB(problem=DOWN))
    assert world.send(dark()).action_taken == "marked_watched"
    assert TVShow.objects.get(tmdb_id=70523).episodes.count() == 1


def test_with_plex_down_what_the_event_says_may_be_enough(services):
    class Down(FakeServer):
        def show(self, rating_key):
            raise ServiceDown("The Plex server does not answer.")

    world = services(server=Down())
    log = world.send(scrobble("Severance", grandparentGuid="com.plexapp.agents.thetvdb://371980"))
    assert log.action_taken == "marked_watched"


def test_with_plex_down_nobody_is_asked_before_it_has_answered(services):
    class Down(FakeServer):
        def show(self, rating_key):
            raise ServiceDown("The Plex server does not answer.")

    world = services(server=Down())
    log = world.send(scrobble("iCarly", grandparentGuid=DARK_GUID))
    assert (log.status, log.done_at) == ("received", None)
    assert "The Plex server does not answer." in log.reason
    assert not PlexConflict.objects.exists()


def test_a_server_that_does_not_answer_is_asked_less_and_less(services):
    class Down(FakeServer):
        def show(self, rating_key):
            self.asked.append(rating_key)
            raise ServiceDown("The Plex server does not answer.")

    server = Down()
    world = services(server=server)
    for number in range(1, 9):
        world.post(scrobble("iCarly", 1, number, grandparentGuid=f"plex://show/{number}", show_id=f"x{number}"))
    world.work()
    assert len(server.asked) == 5
    assert ServiceState.objects.get(service=identification.breaker_name(world.config)).failures == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_the_server_does_not_take_any_more_makes_events_wait(services, status):
    """One who signs in again finds no needless questions. Any other refusal is told with the question."""
    class Refuses(FakeServer):
        def show(self, rating_key):
            raise ServiceRefused("The Plex server refused the request.", status=status)

    world = services(server=Refuses())
    log = world.send(scrobble("iCarly", grandparentGuid=DARK_GUID))
    if status == 401:
        assert (log.status, log.done_at) == ("received", None)
        assert "Sign in with Plex again" in log.reason
    else:
        assert log.action_taken == "conflict_created"
        assert PlexConflict.objects.get().evidence["said"] == ["The Plex server refused the request."]


def test_an_item_that_is_another_show_by_now_is_not_believed(services):
    world = services(server=FakeServer(on_server("Something else", tmdb=2316, guid="plex://show/other")))
    assert world.send(dark()).action_taken == "conflict_created"
    assert world.watched() == set()


def test_another_server_is_never_asked(services):
    server = FakeServer(on_server(tmdb=70523))
    world = services(server=server)
    world.send(dark() | {"Server": {"title": "a friend's", "uuid": "f" * 40}})
    assert server.asked == []


def soon(**later):
    return datetime.now(UTC) + timedelta(**later)


@pytest.fixture
def one_episode(services):
    """Dark is here with one episode, and mapped; TMDB has three."""
    show("Dark", BEGAN, seasons=((1, 1),), tmdb_id=70523)
    service = FakeTMDB({70523: new_show(tmdb_id=70523)})
    server = FakeServer(on_server(tmdb=70523))
    world = services(server=server, tmdb_service=service)
    world.send(dark(1))
    assert service.asked == []
    return world, server, service


def test_a_missing_episode_refreshes_the_show_first(one_episode):
    world, _, service = one_episode
    assert world.send(dark(3)).action_taken == "marked_watched"
    assert service.asked == ["show 70523"]


def test_an_episode_that_tmdb_lacks_is_taken_from_plex(one_episode):
    world, server, _ = one_episode
    server.listed = (ServerEpisode(1, 9, "Late", BEGAN, 50),)
    assert world.send(dark(9)).action_taken == "marked_watched"


def test_an_episode_that_nobody_has_yet_is_looked_for_again_before_it_fails(one_episode):
    """A library may still be read in when its first episode is played."""
    world, server, _ = one_episode
    log = world.send(dark(9))
    assert (log.status, log.action_taken) == ("received", "")
    assert "has no such episode yet" in log.reason
    world.work(soon(minutes=1))
    server.listed = (ServerEpisode(1, 9, "Late", BEGAN, 50),)
    world.work(soon(minutes=5))
    assert world.last().action_taken == "marked_watched"


def test_an_episode_that_is_missing_for_good_fails_with_a_reason(one_episode):
    world, _, service = one_episode
    world.send(dark(9))
    for hour in range(1, 7):
        world.work(soon(hours=hour))
    log = world.last()
    assert (log.status, log.action_taken) == ("failed", "episode_not_found")
    assert len(service.asked) == 5


def test_nobody_is_asked_for_an_episode_of_a_show_that_is_not_marked(one_episode):
    world, server, service = one_episode
    PlexShowMapping.objects.filter(tvshow__tmdb_id=70523).update(sync_enabled=False)
    log = world.send(dark(9))
    server.asked.clear()
    inbox.replay(log, now=datetime.now(UTC))
    world.work(soon(minutes=1))
    assert world.last().action_taken == "sync_disabled"
    assert (server.asked, service.asked) == ([], [])


def test_with_tmdb_down_a_missing_episode_is_taken_from_plex(one_episode):
    world, server, service = one_episode
    service.problem = DOWN
    server.listed = (ServerEpisode(1, 2, "Secret 2", BEGAN, 50),)
    assert world.send(dark(2)).action_taken == "marked_watched"


def test_ids_that_lead_to_several_shows_ask(services):
    found = {
        ("tvdb", 555, "show"): [FoundShow(119243, None, None, None)],
        ("imdb", "tt0000555", "show"): [FoundShow(5371, None, None, None)],
    }
    world = services(server=FakeServer(on_server("iCarly", 2021, tvdb=555, imdb="tt0000555")), tmdb_service=FakeTMDB(found=found))
    assert world.send(scrobble("iCarly", grandparentGuid=DARK_GUID)).action_taken == "conflict_created"
    assert resolution.reevaluate_all(now=soon()) == 0


def test_ids_of_the_event_and_of_the_server_that_differ_ask(services):
    service = FakeTMDB({70523: new_show(tmdb_id=70523)}, {("tvdb", 555, "show"): [FoundShow(1, None, None, None)]})
    world = services(server=FakeServer(on_server(guid="com.plexapp.agents.thetvdb://555", tvdb=334824, tmdb=70523)), tmdb_service=service)
    log = world.send(scrobble("Dark", grandparentGuid="com.plexapp.agents.thetvdb://555"))
    assert log.action_taken == "conflict_created"
    assert not TVShow.objects.filter(title="Dark").exists()


def test_the_shows_id_in_the_episodes_place_leads_to_no_stranger(services):
    """Tautulli writes it so: as an episode's id the number is some other show's."""
    service = FakeTMDB(found={("tvdb", 990102, "episode"): [FoundShow(2316, 1, 1, 7)]}, titles={2316: ("The Office",)})
    world = services(tmdb_service=service)
    log = world.send(scrobble("Night Carriers", Guid=[{"id": "tvdb://990102"}]))
    assert log.action_taken == "conflict_created"
    assert world.watched() == set()


def test_an_id_of_the_new_show_that_another_one_has_asks(services):
    show("Wrong Show", BEGAN, tmdb_id=200, tvdb_id=5)
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523, tvdb_id=5)}))
    assert world.send(dark()).action_taken == "conflict_created"
    assert world.watched() == set()


def test_with_plex_down_the_id_that_the_event_bears_is_enough(services):
    class Down(FakeServer):
        def show(self, rating_key):
            raise ServiceDown("The Plex server does not answer.")

    world = services(server=Down(), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    log = world.send(scrobble("Dark", grandparentGuid="com.plexapp.agents.themoviedb://70523"))
    assert log.action_taken == "marked_watched"


def test_questions_are_looked_at_again_without_asking_anybody(services):
    server = FakeServer(on_server("iCarly", 2020))
    world = services(server=server)
    world.send(scrobble("iCarly", grandparentGuid=DARK_GUID))
    server.asked.clear()
    TVShow.objects.filter(pk=world.shows["icarly2021"].pk).update(show_start_date=date(2020, 6, 17))
    assert resolution.reevaluate_all(now=soon()) == 1
    assert server.asked == []
    assert world.watched() == {"iCarly (2020) S01E01"}


def test_what_plex_stood_in_for_follows_from_tmdb_with_a_sweep(services):
    listed = [ServerEpisode(1, 1, "Secrets", BEGAN, 50)]
    service = FakeTMDB({70523: replace(new_show(tmdb_id=70523), overview="A family saga.")}, problem=DOWN)
    world = services(server=FakeServer(on_server(tmdb=70523), listed), tmdb_service=service)
    world.send(dark())
    assert adding.refresh_pending(now=datetime.now(UTC)) == 0
    service.problem = None
    assert adding.refresh_pending(now=datetime.now(UTC)) == 1
    added = TVShow.objects.get(tmdb_id=70523)
    assert (added.overview, added.episodes.count()) == ("A family saga.", 3)
    assert adding.refresh_pending(now=datetime.now(UTC)) == 0


def test_one_show_that_cannot_be_fetched_does_not_keep_the_others_from_it(services):
    for tmdb_id in (70523, 70524):
        show(f"Show {tmdb_id}", BEGAN, tmdb_id=tmdb_id)
    TVShow.objects.update(refreshed_at=datetime.now(UTC))
    TVShow.objects.filter(tmdb_id__in=[70523, 70524]).update(refreshed_at=None)

    class Half(FakeTMDB):
        def show(self, tmdb_id):
            if tmdb_id == 70523:
                raise DOWN
            return super().show(tmdb_id)

    services(tmdb_service=Half({70524: new_show(tmdb_id=70524)}))
    assert adding.refresh_pending(now=datetime.now(UTC)) == 1


def test_a_show_that_tmdb_does_not_know_is_asked_for_once(services):
    show("Dark", BEGAN, tmdb_id=70523)
    TVShow.objects.update(refreshed_at=datetime.now(UTC))
    TVShow.objects.filter(tmdb_id=70523).update(refreshed_at=None)
    service = FakeTMDB()
    services(tmdb_service=service)
    for _ in range(3):
        adding.refresh_pending(now=datetime.now(UTC))
    assert service.asked == ["show 70523"]


class TestFilesOfSeveralEpisodes:
    @pytest.fixture
    def double(self, services):
        """Severance 1x01 and 1x02 are one file."""
        self.server = FakeServer(None, [ServerEpisode(1, 1, rating_key="s1-1-1", last_number=2)])
        return services(server=self.server)

    def play(self, world, number=1, **metadata):
        return world.send(scrobble("Severance", 1, number, grandparentGuid="com.plexapp.agents.thetvdb://371980", **metadata))

    def test_whoever_watched_the_file_has_watched_them_all_at_that_time(self, double):
        log = self.play(double)
        assert double.watched() == {"Severance (2022) S01E01"}
        assert files.mark_rest_of_files(now=datetime.now(UTC)) == 1
        assert double.watched() == {"Severance (2022) S01E01", "Severance (2022) S01E02"}
        assert set(Watch.objects.values_list("watched_at", flat=True)) == {log.created_at}
        assert double.last().reason.endswith("Its file holds S01E02 as well, ticked off too.")

    def test_the_server_is_asked_once_for_an_episode(self, double):
        self.play(double)
        self.play(double, 2)
        for _ in range(3):
            files.mark_rest_of_files(now=datetime.now(UTC))
        assert [one for one in self.server.asked if "episode" in one] == ["episode s1-1-1", "episode s1-1-2"]

    def test_what_a_person_unticked_meanwhile_stays_so(self, double):
        self.play(double)
        second = Episode.objects.get(show=double.shows["severance"], season_number=1, episode_number=2)
        watching.unmark_watched(user_id=double.owner.pk, episode=second, now=datetime.now(UTC))
        watching.mark_watched(
            user_id=double.owner.pk, episode=second, viewing=watching.Viewing(NOON, "manual"), now=datetime.now(UTC),
        )
        watching.unmark_watched(user_id=double.owner.pk, episode=second, now=datetime.now(UTC))
        assert files.mark_rest_of_files(now=datetime.now(UTC)) == 0

    def test_each_viewer_of_the_file_has_watched_it_all(self, double, django_user_model):
        sam = django_user_model.objects.create_user("sam")
        PlexAccount.objects.create(config=double.config, account_id=SAM["id"], title="sam", user=sam, linked_by="person")
        self.play(double)
        files.mark_rest_of_files(now=datetime.now(UTC))
        self.play(double, account=SAM)
        files.mark_rest_of_files(now=datetime.now(UTC))
        assert len(double.watched(sam)) == 2
        assert [one for one in self.server.asked if "episode" in one] == ["episode s1-1-1"]

    def test_a_server_that_is_away_is_asked_again_later(self, double, monkeypatch):
        self.play(double)
        with monkeypatch.context() as away:
            away.setattr(self.server, "episode", raising(ServiceDown("The Plex server does not answer.")))
            assert files.mark_rest_of_files(now=datetime.now(UTC)) == 0
        assert files.mark_rest_of_files(now=datetime.now(UTC)) == 1


def raising(problem):
    def raises(*_):
        raise problem

    return raises


class TestRefreshing:
    def test_what_is_missing_is_filled_in_and_what_is_there_stays(self, world):
        held = show("Dark", BEGAN, seasons=((1, 2),), titles={(1, 1): "Secrets", (1, 2): "Lies"}.items())
        new = NewShow(
            title="Dark", overview="A family saga.", tmdb_id=70523, other_titles=("Dunkel",), airing="ended",
            episodes=(
                NewEpisode(1, 1, "Secrets", BEGAN + timedelta(days=1), 51, Ids(tmdb=1)),
                NewEpisode(1, 2, "Another order", BEGAN + timedelta(days=400), 51, Ids(tmdb=2)), NewEpisode(1, 3, "Past"),
            ),
        )
        assert catalogue.refresh_show(held.pk, new, now=datetime.now(UTC)) == 1
        held.refresh_from_db()
        assert (held.tmdb_id, held.overview, held.airing) == (70523, "A family saga.", "ended")
        first, second, third = Episode.objects.filter(show=held).order_by("episode_number")
        assert (first.air_date, first.tmdb_id) == (BEGAN + timedelta(days=1), 1)
        assert (second.title, second.tmdb_id, second.air_date) == ("Lies", None, BEGAN + timedelta(weeks=1))
        assert third.title == "Past"
        assert held.titles.filter(title="Dunkel", kind="alternative").exists()

    def test_an_id_that_another_show_has_is_not_taken(self, world):
        held = show("Dark", BEGAN)
        catalogue.refresh_show(held.pk, NewShow(title="Dark", tmdb_id=2316), now=datetime.now(UTC))
        held.refresh_from_db()
        assert held.tmdb_id is None

    def test_a_completed_show_that_goes_on_is_being_watched_again_and_counted_anew(self, world):
        held = show("Dark", BEGAN, seasons=((1, 1),))
        watching.mark_watched(
            user_id=world.owner.pk, episode=held.episodes.get(), viewing=watching.Viewing(NOON, "plex"), now=NOON,
        )
        TrackedShow.objects.update(status="completed")
        catalogue.refresh_show(held.pk, new_show(), now=datetime.now(UTC))
        assert TrackedShow.objects.get().status == "watching"

    def test_a_show_that_has_ended_since_is_completed_when_all_is_watched(self, world):
        held = show("Dark", BEGAN, seasons=((1, 1),))
        watching.mark_watched(
            user_id=world.owner.pk, episode=held.episodes.get(), viewing=watching.Viewing(NOON, "plex"), now=NOON,
        )
        catalogue.refresh_show(held.pk, NewShow(title="Dark", airing="ended"), now=datetime.now(UTC))
        assert TrackedShow.objects.get().status == "completed"


def test_a_sweep_that_took_its_time_goes_on_with_the_next_one(services, monkeypatch):
    for tmdb_id in (1, 2, 3):
        show(f"Show {tmdb_id}", BEGAN, tmdb_id=tmdb_id)
    TVShow.objects.update(refreshed_at=datetime.now(UTC))
    TVShow.objects.filter(tmdb_id__in=[1, 2, 3]).update(refreshed_at=None)
    service = FakeTMDB({tmdb_id: new_show() for tmdb_id in (1, 2, 3)})
    services(tmdb_service=service)
    clock = iter([0.0, 1.0, 9.0])
    monkeypatch.setattr(adding, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert adding.refresh_pending(now=datetime.now(UTC)) == 1


def test_an_event_put_off_for_one_that_ends_meanwhile_is_worked_on_at_once(services, monkeypatch):
    world = services(server=FakeServer(on_server(tmdb=70523)), tmdb_service=FakeTMDB({70523: new_show(tmdb_id=70523)}))
    world.post(dark())
    first = world.last()
    world.post(dark(2))
    second, now = world.last(), datetime.now(UTC) + timedelta(seconds=1)
    claimed = inbox.claim(first.pk, now=now)
    defer = inbox.defer

    def ends_just_before(log, *args, **kwargs):
        PlexWebhookLog.objects.filter(pk=claimed.pk).update(lease_until=None)
        defer(log, *args, **kwargs)

    monkeypatch.setattr(inbox, "defer", ends_just_before)
    OrmQ.objects.all().delete()
    processing.process(second.pk, now=now)
    second.refresh_from_db()
    assert (second.due_at, second.retry_count, OrmQ.objects.count()) == (now, 0, 1)

import logging
from datetime import date

import pytest

from plex_integration.client import PAGE_SIZE, Library, PlexServer, ServerAccount
from plex_integration.plex_tv import Account, Connection, PlexTV
from tests.once import once
from tests.plex_integration.fake_plex import MACHINE, TOKEN, FakePlex, episode, show
from tvshows.described import Ids
from tvshows.exceptions import AddressDenied, ServiceDown, ServiceError, ServiceRefused

pytestmark = once
CLIENT = "a-client-identifier"
GUIDS = [{"id": "imdb://tt11280740"}, {"id": "tmdb://95396"}, {"id": "tvdb://371980"}]
LEGACY = "com.plexapp.agents.thetvdb://371980"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)


@pytest.fixture
def plex(settings):
    with FakePlex() as plex:
        settings.PLEX_TV_URL = plex.url
        yield plex


@pytest.fixture
def server(plex) -> PlexServer:
    return PlexServer(plex.url, plex.token, machine_identifier=MACHINE)


@pytest.fixture
def plex_tv(plex) -> PlexTV:
    return PlexTV(plex.token, client_identifier=CLIENT)


def test_a_show_has_its_own_ids_from_the_new_agent(plex, server):
    plex.shows["5"] = show(
        "5", "Severance", originalTitle="Severance (original)", year=2022, originallyAvailableAt="2022-02-18", summary="Innies.",
        studio="Apple TV+", Guid=GUIDS,
    )
    found = server.show("5")
    assert (found.title, found.original_title, found.year, found.first_aired) == (
        "Severance", "Severance (original)", 2022, date(2022, 2, 18),
    )
    assert found.ids == Ids(tmdb=95396, tvdb=371980, imdb="tt11280740")
    assert (found.guid.text, found.network, found.overview, found.library) == ("plex://show/5", "Apple TV+", "Innies.", "2")


def test_a_show_of_a_legacy_agent_has_the_id_of_its_guid(plex, server):
    plex.shows["5"] = show("5", "Severance", guid=f"{LEGACY}?lang=en")
    assert server.show("5").ids == Ids(tvdb=371980)


@pytest.mark.parametrize(("guid", "ids"), [
    ("com.plexapp.agents.hama://tvdb-81797?lang=en", Ids(tvdb=81797)),
    ("com.plexapp.agents.themoviedb://95396", Ids(tmdb=95396)),
    ("local://5", Ids()),
    ("", Ids()),
])
def test_a_show_without_guids_has_what_its_guid_says(plex, server, guid, ids):
    plex.shows["5"] = show("5", "Severance", guid=guid)
    assert server.show("5").ids == ids


def test_the_section_of_a_show_may_stand_beside_it(plex, server):
    item = show("5", "Severance", librarySectionID=None)
    plex.answers["/library/metadata/5"] = {"MediaContainer": {"librarySectionID": 4, "Metadata": [item]}}
    assert server.show("5").library == "4"


def test_what_is_no_show_is_none(plex, server):
    plex.shows["5"] = show("5", "Season 1", type="season")
    assert server.show("5") is None
    assert server.show("404") is None
    assert server.show_of_episode("404") is None
    assert server.episode("5") is None
    assert server.episodes("404") == ()


@pytest.mark.parametrize("key", [
    "", "../accounts", "5/allLeaves", "5?X=1", "..", "5,6", "5#", "5%2f..", "plex%3A%2F%2Fepisode%2F1", "5 6", "5\r\n", "\u0665", "9" * 65,
])
def test_a_rating_key_cannot_lead_elsewhere(plex, server, key):
    assert (server.show(key), server.episode(key), server.episodes(key)) == (None, None, ())
    assert plex.requests == []


def test_the_show_of_an_episode_is_found_by_the_episodes_key(plex, server):
    plex.shows["5"] = show("5", "Severance", year=2022)
    plex.episodes["5"] = [episode("51", "5", 1, 1)]
    assert server.show_of_episode("51").title == "Severance"
    assert server.show_of_episode("5") is None


def test_an_episode_has_its_own_ids_numbers_and_length(plex, server):
    plex.episodes["5"] = [episode(
        "51", "5", 1, 2, title="Half Loop", originallyAvailableAt="2022-02-18 00:00:00", duration=3_150_000, Guid=[{"id": "tvdb://8530933"}],
    )]
    found = server.episode("51")
    assert (found.season, found.number, found.title, found.runtime) == (1, 2, "Half Loop", 52)
    assert (found.air_date, found.ids, found.last_number, found.rating_key) == (date(2022, 2, 18), Ids(tvdb=8530933), None, "51")


def test_numbers_may_be_text_and_a_legacy_guid_has_them_too(plex, server):
    plex.episodes["5"] = [
        episode("51", "5", 1, 1, parentIndex="1", index="3", duration="2700000"),
        episode("52", "5", 1, 1, parentIndex=None, index=None, guid=f"{LEGACY}/2/4?lang=en"),
        episode("53", "5", 0, 7),
    ]
    assert [(one.season, one.number, one.runtime) for one in server.episodes("5")] == [(1, 3, 45), (2, 4, None), (0, 7, None)]
    assert all(one.ids == Ids() for one in server.episodes("5"))  # the GUID's id is the show's


@pytest.mark.parametrize(("name", "number", "last"), [
    ("/tv/Lights/Lights - s01e01-e02 - Landfall.mkv", 1, 2),
    (r"D:\tv\Lights\Lights.S01E01E02E03.1080p.mkv", 1, 3),
    (r"D:\tv\Lights\Lights.S01E01E02E03.1080p.mkv", 2, 3),
    ("/tv/Lights/Lights - s01e01-e02.mkv", 2, None),  # the last itself
    ("/tv/Lights/Lights - s02e01-e02.mkv", 1, None),  # ordered otherwise: the name is of another season
    ("/tv/Lights/Lights - s01e05-e06.mkv", 1, None),
    ("/tv/Lights/Lights - s01e01-e99.mkv", 1, None),  # nobody's file
    ("/tv/s01e01-e02/Lights - s01e01.mkv", 1, None),
    ("/tv/Lights/Lights - s01e01.mkv", 1, None),
    ("/tv/Lights/Lights - 1x01-720p.mkv", 1, None),
])
def test_a_file_that_holds_several_episodes_says_so_in_its_name(plex, server, name, number, last):
    plex.episodes["5"] = [episode("51", "5", 1, number, Media=[{"Part": [{"file": name}]}])]
    assert server.episode("51").last_number == last
    assert server.episodes("5")[0].last_number == last


def many(count):
    return [episode(f"9{number:05}", "5", 1, number) for number in range(1, count + 1)]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (PAGE_SIZE, 1), (PAGE_SIZE + 1, 2), (2 * PAGE_SIZE + 3, 3)])
def test_episodes_come_in_pages(plex, server, count, pages):
    plex.episodes["5"] = many(count)
    assert [one.number for one in server.episodes("5")] == list(range(1, count + 1))
    assert len(plex.asked("/library/metadata/5/allLeaves")) == pages


@pytest.mark.parametrize("knows_pages", [True, False])
@pytest.mark.parametrize("names_total", [True, False])
@pytest.mark.parametrize("count", [PAGE_SIZE, PAGE_SIZE + 7])
def test_all_episodes_are_read_from_a_server_that_knows_no_pages_or_no_total(plex, server, knows_pages, names_total, count):
    plex.knows_pages, plex.names_total, plex.episodes["5"] = knows_pages, names_total, many(count)
    assert len(server.episodes("5")) == count
    assert len(plex.asked("/library/metadata/5/allLeaves")) <= 2


def test_a_server_that_repeats_its_first_page_for_ever_is_left(plex, server):
    plex.answers["/library/metadata/5/allLeaves"] = {"MediaContainer": {"Metadata": many(PAGE_SIZE), "totalSize": 10**6}}
    assert len(server.episodes("5")) == PAGE_SIZE
    assert len(plex.asked("/library/metadata/5/allLeaves")) == 2


def test_libraries_accounts_and_the_name(plex, server):
    plex.libraries = [{"key": "2", "title": "TV", "type": "show"}, {"key": 3, "title": "Films", "type": "movie"}, {"title": "?"}]
    plex.accounts = [{"id": 0, "name": ""}, {"id": 1, "name": "robin"}, {"id": "48211", "name": "sam"}, {"name": "nobody"}]
    assert server.libraries() == (Library("2", "TV", "show"), Library("3", "Films", "movie"))
    assert server.accounts() == (ServerAccount(1, "robin"), ServerAccount(48211, "sam"))
    assert server.name() == "Shelf"


STRANGE = [None, 7, "text", [], {}, True, {"a": [1]}, 1e300, -1, "\0\ud800", [None], [[[]]]]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_fields_of_any_type_never_break_the_server_client(plex, server, value):
    item = dict.fromkeys([
        "title", "year", "originalTitle", "originallyAvailableAt", "guid", "Guid", "summary", "studio", "librarySectionID", "type",
        "index", "parentIndex", "duration", "Media", "grandparentRatingKey",
    ], value) | {"ratingKey": "5"}
    for metadata in ([item], [item | {"type": "show"}], [item | {"type": "episode", "Media": [{"Part": value}]}], value):
        container = {"Metadata": metadata, "Directory": value, "Account": value, "friendlyName": value}
        for path in ("/library/metadata/5", "/library/metadata/5/allLeaves", "/library/sections", "/accounts", "/"):
            plex.answers[path] = {"MediaContainer": container}
        for ask in (server.show, server.show_of_episode, server.episode, server.episodes):
            ask("5")
        assert (server.libraries(), server.accounts()) == ((), ())
        assert "\0" not in server.name()


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_an_answer_that_is_not_plex_is_a_service_that_is_down(plex, server, value):
    plex.answers["/library/metadata/5"] = value
    with pytest.raises(ServiceDown):
        server.show("5")


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_fields_of_any_type_never_break_the_plex_tv_client(plex, plex_tv, value):
    plex.answers |= dict.fromkeys(["/api/v2/user", "/api/v2/user/webhooks", "/api/v2/pins", "/api/v2/pins/7001"], value)
    plex.resources = [value, plex.resource(connections=value, name=value), plex.resource(connections=[value, {"uri": value}])]
    assert len(plex_tv.servers()) == 2
    assert plex_tv.check_pin(7001) == ""
    for ask in (plex_tv.user, plex_tv.create_pin):
        with pytest.raises(ServiceDown):
            ask()
    if value != []:
        with pytest.raises(ServiceDown):
            plex_tv.webhooks()


def test_a_token_that_is_revoked_is_refused_with_401(plex, server, plex_tv):
    plex.revoked = True
    for ask in (server.name, plex_tv.user):
        with pytest.raises(ServiceRefused) as refused:
            ask()
        assert refused.value.status == 401


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_of_the_server_is_one_that_passes(plex, server, status):
    plex.status = status
    with pytest.raises(ServiceDown):
        server.show("5")


# Where the token goes, and where not.

def test_the_token_goes_in_a_header_and_only_after_the_server_said_who_it_is(plex, server):
    plex.shows["5"] = show("5", "Severance")
    server.show("5")
    server.name()
    assert [(request.path, request.token) for request in plex.requests] == [
        ("/identity", ""), ("/library/metadata/5", TOKEN), ("/", TOKEN),
    ]
    assert not any(TOKEN in str(request.query) for request in plex.requests)


@pytest.mark.parametrize("named", ["another-machine", "", None, [MACHINE], MACHINE.upper()])
def test_a_server_with_a_foreign_identity_never_sees_the_token(plex, server, named):
    plex.answers["/identity"] = {"MediaContainer": {"machineIdentifier": named}}
    asks = (
        server.name, server.libraries, server.accounts, lambda: server.show("5"), lambda: server.episode("5"),
        lambda: server.episodes("5"), lambda: server.show_of_episode("5"),
    )
    for ask in asks:
        with pytest.raises(ServiceRefused, match="not the server of this account"):
            ask()
    assert plex.tokens_seen() == set()
    assert {request.path for request in plex.requests} == {"/identity"}


def test_a_server_that_is_expected_to_be_nobody_never_sees_the_token(plex):
    plex.answers["/identity"] = {"MediaContainer": {}}
    with pytest.raises(ServiceRefused):
        PlexServer(plex.url, TOKEN, machine_identifier="").name()
    assert plex.tokens_seen() == set()


def test_a_redirect_is_not_followed(plex, server, plex_tv):
    server.identity()
    with FakePlex() as elsewhere:
        plex.redirect_to = elsewhere.url
        for ask in (server.identity, server.name, plex_tv.user, plex_tv.servers):
            with pytest.raises(ServiceRefused):
                ask()
        assert elsewhere.requests == []


def test_our_own_port_is_not_asked(plex):
    with pytest.raises(AddressDenied):
        PlexServer(plex.url, TOKEN, machine_identifier=MACHINE, own_ports=frozenset({plex.port})).name()
    assert plex.requests == []


@pytest.mark.parametrize("url", ["http://169.254.169.254", "file:///etc/passwd", "http://user:pass@127.0.0.1", "127.0.0.1:32400", ""])
def test_an_address_that_the_policy_forbids_is_not_asked(url):
    with pytest.raises(AddressDenied):
        PlexServer(url, TOKEN, machine_identifier=MACHINE).name()


@pytest.mark.parametrize("token", [f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}\n", f"{TOKEN} {TOKEN}", f"{TOKEN}é", TOKEN * 50])
def test_what_cannot_be_a_token_is_not_sent_and_not_quoted(plex, token):
    for ask in (PlexServer(plex.url, token, machine_identifier=MACHINE).name, PlexTV(token, client_identifier=CLIENT).user):
        with pytest.raises(ServiceRefused) as refused:
            ask()
        assert TOKEN not in str(refused.value)
    assert plex.tokens_seen() == set()


def test_the_token_is_in_no_log_and_no_exception(plex, server, plex_tv, caplog):
    """Whatever goes wrong, and at the level of debugging."""
    faults = [
        lambda: setattr(plex, "revoked", True), lambda: setattr(plex, "status", 500), lambda: setattr(plex, "status", 404),
        lambda: setattr(plex, "redirect_to", "http://127.0.0.1:9"), plex.__exit__,
    ]
    said = []
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "urllib3"):
        server.name()
        for fault in faults:
            fault()
            for ask in (server.name, lambda: server.episodes("5"), plex_tv.user, plex_tv.webhooks, lambda: plex_tv.set_webhooks(["u"])):
                try:
                    ask()
                except ServiceError as error:
                    while error:
                        said.append(f"{error!r} {error}")
                        error = error.__cause__ or error.__context__
        plex.__enter__()  # so that it can be closed
    assert len(said) >= 20
    assert TOKEN not in " ".join(said) + caplog.text + repr(server) + repr(plex_tv)


# plex.tv

def test_the_account_of_a_token(plex, plex_tv):
    assert plex_tv.user() == Account(48211, "robin", has_pass=True)
    plex.has_pass = False
    assert plex_tv.user() == Account(48211, "robin", has_pass=False)
    request = plex.requests[-1]
    assert (request.token, request.headers["x-plex-client-identifier"], request.query) == (TOKEN, CLIENT, {})
    assert request.headers["accept"] == "application/json"


def test_servers_are_told_from_players_and_their_addresses_kept(plex, plex_tv):
    plex.connections = [plex.connection("https://10-0-0-2.abc.plex.direct:32400"), plex.connection("https://relay:8443", local=False, relay=True)]
    [server] = plex_tv.servers()
    assert (server.name, server.machine_identifier, server.owned, server.access_token) == ("Shelf", MACHINE, True, TOKEN)
    assert server.connections == (
        Connection("https://10-0-0-2.abc.plex.direct:32400", local=True, relay=False),
        Connection("https://relay:8443", local=False, relay=True),
    )
    assert TOKEN not in repr(server)
    assert plex.requests[-1].query == {"includeHttps": "1", "includeRelay": "1"}


@pytest.mark.parametrize(("fields", "plain"), [
    ({"address": "10.0.0.2", "port": 32400}, "http://10.0.0.2:32400"),
    ({"address": "fd00::2", "port": "32400"}, "http://[fd00::2]:32400"),
    ({"address": "203.0.113.9", "port": 32400, "local": False}, None),
    ({"address": "8.8.8.8", "port": 32400}, None),
    ({"address": "evil.example", "port": 32400}, None),
    ({"address": "10.0.0.2"}, None),
])
def test_a_local_address_is_tried_without_its_name_too(plex, plex_tv, fields, plain):
    """Many routers do not let a public name such as plex.direct's lead to a private address."""
    plex.connections = [plex.connection("https://name.plex.direct:32400") | fields]
    uris = [one.uri for one in plex_tv.servers()[0].connections]
    assert uris == ["https://name.plex.direct:32400", *([plain] if plain else [])]


def test_a_server_that_requires_tls_is_not_tried_without(plex, plex_tv):
    plex.connections = [plex.connection("https://name.plex.direct:32400") | {"address": "10.0.0.2", "port": 32400}]
    plex.resources = [plex.resource(httpsRequired=True)]
    assert len(plex_tv.servers()[0].connections) == 1


def test_webhooks_are_read_and_written_as_a_whole(plex, plex_tv):
    plex_tv.set_webhooks(["https://one.example/?a=1&b=2", "https://two.example/"])
    assert plex_tv.webhooks() == ("https://one.example/?a=1&b=2", "https://two.example/")
    plex_tv.set_webhooks([])
    assert plex.asked("/api/v2/user/webhooks")[-1].form == [("urls", "")]
    assert plex_tv.webhooks() == ()


def test_signing_in_begins_with_a_pin_and_ends_with_a_token(plex):
    plex_tv = PlexTV("", client_identifier=CLIENT)
    pin = plex_tv.create_pin()
    assert plex.requests[-1].form == [("strong", "true")]
    assert pin.url == "https://app.plex.tv/auth#?clientID=a-client-identifier&code=c0de&context%5Bdevice%5D%5Bproduct%5D=Plex%20TV%20Tracker"
    assert plex_tv.check_pin(pin.id) == ""
    plex.granted.add(pin.id)
    assert plex_tv.check_pin(pin.id) == TOKEN
    assert plex.tokens_seen() == set()

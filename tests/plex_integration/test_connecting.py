import logging
import threading
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection

from plex_integration import client, connecting, plex_tv
from plex_integration.config import get_token, note_address, set_token
from plex_integration.connecting import TokenProblem
from plex_integration.exceptions import DecryptionError, PlexIntegrationError, TransientError
from plex_integration.models import InstallationValue, PlexAccount, PlexConfig, PlexLibrary
from plex_integration.plex_tv import Account
from plex_integration.servers import ServerProblem, SeveralServers
from tests.plex_integration.fake_plex import MACHINE, TOKEN, FakePlex
from tests.world import NOON

LinkedBy = PlexAccount.LinkedBy
HERE = "https://tracker.example/api/plex/webhook"
NOWHERE = "http://127.0.0.1:9"  # nobody listens on discard


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("tvshows.outbound.sleep", lambda seconds: None)


@pytest.fixture
def plex(settings):
    with FakePlex() as plex:
        settings.PLEX_TV_URL = plex.url
        yield plex


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_superuser("robin", password="a long enough password")


def connect(user, token=TOKEN, **options) -> PlexConfig:
    return connecting.connect(user=user, token=token, now=options.pop("now", NOON), **options)


def stored(config):
    """All that is saved of a connection."""
    return PlexConfig.objects.filter(pk=config.pk).values().get(), list(PlexAccount.objects.order_by("pk").values())


def refusal(user, error=PlexIntegrationError, **options) -> str:
    with pytest.raises(error) as refused:
        connect(user, **options)
    assert TOKEN not in f"{refused.value} {refused.value.__cause__}"
    return str(refused.value)


def test_a_first_connection_saves_the_server_the_account_and_a_fresh_secret(plex, owner):
    config = connect(owner)
    saved = PlexConfig.objects.get(user=owner)
    assert saved.pk == config.pk
    assert (saved.plex_server_url, saved.plex_server_name, saved.plex_server_uuid) == (plex.url, "Shelf", MACHINE)
    assert (saved.plex_account_id, saved.plex_username, saved.has_plex_pass, saved.plex_checked_at) == (48211, "robin", True, NOON)
    assert (get_token(saved), len(saved.webhook_secret)) == (TOKEN, 64)
    assert TOKEN not in saved.plex_token
    assert (saved.enabled, saved.auto_add_shows, saved.auto_mark_watched) == (True, True, True)


def test_the_account_of_the_token_is_linked_to_the_person(plex, owner):
    config = connect(owner)
    account = PlexAccount.objects.get(config=config)
    assert (account.account_id, account.title, account.user, account.linked_by) == (48211, "robin", owner, LinkedBy.RULE)


def test_a_persons_choice_about_the_account_is_not_redone(plex, owner):
    config = connect(owner)
    other = User.objects.create_user("sam")
    for user in (other, None):
        PlexAccount.objects.update(user=user, linked_by=LinkedBy.PERSON)
        connect(owner)
        account = PlexAccount.objects.get(config=config)
        assert (account.user, account.linked_by) == (user, LinkedBy.PERSON)


def test_an_account_that_was_seen_before_is_linked(plex, world):
    PlexAccount.objects.create(config=world.config, account_id=48211, title="robin the first")
    connect(world.owner)
    account = PlexAccount.objects.get(account_id=48211)
    assert (account.title, account.user, account.linked_by) == ("robin the first", world.owner, LinkedBy.RULE)


def test_a_connection_that_is_there_keeps_its_secret_and_what_was_not_named(plex, world):
    PlexConfig.objects.update(auto_add_shows=False, previous_webhook_secret="before")
    config = connect(world.owner, enabled=False)
    assert config.pk == world.config.pk
    config.refresh_from_db()
    assert (config.webhook_secret, config.previous_webhook_secret) == (world.config.webhook_secret, "before")
    assert (config.enabled, config.auto_add_shows, config.auto_mark_watched) == (False, False, True)


def test_a_connection_written_by_sql_without_a_secret_gets_one(plex, world):
    PlexConfig.objects.update(webhook_secret="")
    assert len(connect(world.owner).webhook_secret) == 64


def test_without_a_token_the_saved_one_is_meant(plex, owner):
    connect(owner)
    plex.name = "Shelf (renamed)"
    for token in (None, "", "  "):
        config = connect(owner, token=token, now=NOON + timedelta(days=1))
        assert (config.plex_server_name, config.plex_checked_at) == ("Shelf (renamed)", NOON + timedelta(days=1))
        assert get_token(config) == TOKEN


def test_blanks_around_a_token_are_taken_off(plex, owner):
    assert get_token(connect(owner, token=f" {TOKEN}\n")) == TOKEN


def test_another_token_takes_the_place_of_the_saved_one(plex, owner):
    connect(owner)
    plex.token, plex.account_id = "another-token", 5
    config = connect(owner, token="another-token")
    assert (get_token(config), config.plex_account_id) == ("another-token", 5)


def test_no_token_at_all_says_so(plex, owner):
    assert "sign in with Plex, or enter a token" in refusal(owner, token=None)
    assert plex.requests == []


def test_a_saved_token_that_no_key_opens_says_so(plex, owner, settings):
    connect(owner)
    settings.ENCRYPTION_KEYS = [b"1" * 32]
    refusal(owner, DecryptionError, token=None)


def test_a_home_user_without_a_plex_pass_is_connected_too(plex, owner):
    plex.has_pass = False
    assert connect(owner).has_plex_pass is False


# Which server

def test_the_address_that_a_person_entered_is_taken(plex, owner):
    plex.connections = [plex.connection(NOWHERE)]
    assert connect(owner, server_url=f" {plex.url}/ ").plex_server_url == plex.url


def test_a_local_address_is_taken_before_a_remote_one_and_the_relay_last(plex, owner):
    by_name = f"http://localhost:{plex.port}"
    for connections, url in (
        ([plex.connection(local=False, relay=True), plex.connection(by_name, local=False)], by_name),
        ([plex.connection(local=False), plex.connection(by_name, local=True)], by_name),
        ([plex.connection(local=False, relay=True), plex.connection(NOWHERE)], plex.url),
    ):
        PlexConfig.objects.all().delete()
        plex.connections = connections
        assert connect(owner).plex_server_url == url


def test_the_saved_address_is_kept_while_it_answers(plex, owner):
    by_name = f"http://localhost:{plex.port}"
    connect(owner, server_url=by_name)
    assert connect(owner).plex_server_url == by_name
    PlexConfig.objects.update(plex_server_url=NOWHERE)
    assert connect(owner).plex_server_url == plex.url


def test_the_saved_server_is_taken_before_others(plex, owner, settings):
    with FakePlex(machine_identifier="other", name="Attic") as other:
        plex.resources = [other.resource(), plex.resource()]
        assert connect(owner).plex_server_name == "Attic"
        PlexConfig.objects.update(plex_server_url=plex.url, plex_server_uuid=MACHINE)
        assert connect(owner).plex_server_name == "Shelf"
    assert connect(owner).plex_server_name == "Shelf"


def test_a_server_that_does_not_answer_gives_way_to_another_one(plex, owner):
    plex.resources = [plex.resource(name="Attic", clientIdentifier="other", connections=[plex.connection(NOWHERE)]), plex.resource()]
    assert connect(owner).plex_server_name == "Shelf"


def test_a_shared_server_is_not_taken(plex, owner):
    plex.owned = False
    assert "no server of its own" in refusal(owner)
    assert "only shared" in refusal(owner, server_url=plex.url)
    plex.resources = []
    assert "no server of its own" in refusal(owner)


def test_another_server_forgets_the_sections_of_the_one_before(plex, owner):
    config = connect(owner)
    PlexLibrary.objects.create(config=config, section_key="2", enabled=False)
    connect(owner)
    assert PlexLibrary.objects.count() == 1
    plex.machine_identifier = "another"
    connect(owner)
    assert PlexLibrary.objects.count() == 0


# What goes wrong changes nothing

def test_a_wrong_token_changes_nothing(plex, owner):
    config = connect(owner)
    before = stored(config)
    for token in ("wrong", "has a blank", "ünïcode", "x" * 300):
        assert "sign in with Plex again, or enter another token" in refusal(owner, token=token)
    plex.revoked = True
    assert "sign in with Plex again" in refusal(owner, token=None)
    assert stored(config) == before


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_silent_plex_tv_changes_nothing_and_may_be_asked_again(plex, owner, status):
    config = connect(owner)
    before = stored(config)
    plex.plex_tv_status = status
    assert "Try again in a few minutes" in refusal(owner, TransientError, enabled=False)
    assert stored(config) == before


def test_a_refusing_plex_tv_changes_nothing(plex, owner):
    plex.plex_tv_status = 418
    assert "plex.tv refused to answer (status 418)" in refusal(owner)
    assert not PlexConfig.objects.exists()


def test_an_unreachable_server_changes_nothing(plex, owner):
    config = connect(owner)
    before = stored(config)
    PlexConfig.objects.update(plex_server_url=plex.url)
    plex.answers["/identity"] = {"MediaContainer": {"machineIdentifier": "somebody else"}}
    assert "Your Plex server (Shelf) does not answer" in refusal(owner, enabled=False)
    plex.resources = [plex.resource(connections=[]), plex.resource(connections=[plex.connection("gopher://x"), plex.connection(NOWHERE)])]
    assert "enter the address at which this machine reaches it" in refusal(owner, enabled=False)
    assert f"No Plex server answers at {NOWHERE}." in refusal(owner, server_url=NOWHERE)
    assert stored(config) == before


def test_a_server_of_somebody_else_never_sees_the_token(plex, owner):
    config = connect(owner)
    before = stored(config)
    with FakePlex(machine_identifier="somebody else's") as foreign:
        assert "does not belong to this Plex account" in refusal(owner, server_url=foreign.url)
        foreign.answers["/identity"] = {"MediaContainer": {}}
        assert "does not belong to this Plex account" in refusal(owner, server_url=foreign.url)
        plex.connections = [foreign.connection()]
        PlexConfig.objects.update(plex_server_url=foreign.url)
        refusal(owner)
        PlexConfig.objects.update(plex_server_url=plex.url)
        assert len(foreign.requests) == 3
        assert foreign.tokens_seen() == set()
    assert stored(config) == before


def test_an_address_that_answers_something_else_is_told_in_fixed_words(plex, owner):
    """No oracle: nothing of the answer is shown."""
    with FakePlex() as other:
        for answer in ({"secret": "internal"}, ["internal"], "internal"):
            other.answers["/identity"] = answer
            assert refusal(owner, server_url=other.url) == (
                f"No Plex server answers at {other.url}. Check that it is running, and enter the address at which this machine reaches it."
            )


def test_an_address_that_the_policy_forbids_is_told(plex, owner):
    for url in ("file:///etc/passwd", "http://user:pass@127.0.0.1:32400", f"{plex.url}/web/index.html", "shelf", "http://169.254.169.254"):
        refusal(owner, server_url=url)
    note_address(plex.url)  # that is: ourselves
    refusal(owner, server_url=plex.url)
    assert plex.asked("/identity") == []


def test_a_server_that_does_not_take_the_token_changes_nothing(plex, owner):
    plex.server_refuses = True
    assert "does not take this token" in refusal(owner)
    assert not PlexConfig.objects.exists()


def test_nobody_is_asked_within_a_transaction(plex, owner, monkeypatch):
    """Tests run in one themselves, so what is looked at is whether another one was begun inside."""
    outside, seen = len(connection.savepoint_ids), []
    for module in (client, plex_tv):
        def fetch(*args, ask=module.fetch, **options):
            if threading.current_thread() is threading.main_thread():
                seen.append(len(connection.savepoint_ids))
            return ask(*args, **options)

        monkeypatch.setattr(module, "fetch", fetch)
    connecting.register_webhook(connect(owner), HERE)
    assert seen == [outside] * 7


def test_a_secret_that_is_rotated_while_plex_is_asked_is_not_put_back(plex, world, monkeypatch):
    def rotated(*args, confirm=connecting._confirm):
        PlexConfig.objects.update(webhook_secret="rotated")
        return confirm(*args)

    monkeypatch.setattr(connecting, "_confirm", rotated)
    assert connect(world.owner).webhook_secret == "rotated"
    assert PlexConfig.objects.get().webhook_secret == "rotated"


def test_disabling_keeps_everything_else(plex, owner):
    config = connect(owner)
    before, _ = stored(config)
    connecting.disable(config, now=NOON + timedelta(days=1))
    after, _ = stored(config)
    assert {name for name in after if after[name] != before[name]} == {"enabled", "updated_at"}
    assert after["enabled"] is False


# Signing in

def test_a_token_is_checked_by_itself(plex, owner):
    assert connecting.check_token(TOKEN) == Account(48211, "robin", has_pass=True)
    with pytest.raises(PlexIntegrationError, match="sign in with Plex again"):
        connecting.check_token("wrong")


def test_signing_in_gives_a_token_once_the_person_agreed(plex, owner):
    pin = connecting.start_sign_in()
    assert connecting.finish_sign_in(pin.id) == ""
    plex.granted.add(pin.id)
    assert connecting.finish_sign_in(pin.id) == TOKEN
    with pytest.raises(PlexIntegrationError, match="start again"):
        connecting.finish_sign_in(7002)


def test_plex_knows_an_installation_by_one_identifier(plex, owner):
    connecting.start_sign_in()
    connect(owner)
    named = {request.headers.get("x-plex-client-identifier") for request in plex.requests if request.path.startswith("/api/v2/")}
    assert named == {InstallationValue.objects.get(name=InstallationValue.PLEX_CLIENT).value}
    assert len(named.pop()) == 36


# The webhook

def test_the_webhook_is_added_to_those_of_others(plex, owner):
    plex.webhooks = ["https://other.example/hook"]
    connecting.register_webhook(connect(owner), f"{HERE}?secret=new")
    assert plex.webhooks == ["https://other.example/hook", f"{HERE}?secret=new"]


def test_older_secrets_and_addresses_of_ours_are_replaced(plex, owner):
    others = ["https://tracker.example/other?secret=old", "https://elsewhere.example/api/plex/webhook?secret=theirs", "http://[broken"]
    config = connect(owner)
    moved = f"http://192.168.1.5:8000/api/plex/webhook?secret={config.webhook_secret}"
    plex.webhooks = [
        f"{HERE}?secret=old", others[0], f"{HERE.replace('tracker.example', 'TRACKER.example')}?token=older", *others[1:], "http://old:8000/x", moved,
    ]
    connecting.register_webhook(config, f"{HERE}?secret=new", old_urls=["http://old:8000/x"])
    assert plex.webhooks == [*others, f"{HERE}?secret=new"]


def test_a_webhook_that_is_there_is_not_written_again(plex, owner):
    plex.webhooks = [f"{HERE}?secret=new", "https://other.example/hook"]
    connecting.register_webhook(connect(owner), f"{HERE}?secret=new")
    assert [request.method for request in plex.asked("/api/v2/user/webhooks")] == ["GET"]


def test_without_a_plex_pass_the_webhook_is_refused_in_words(plex, owner):
    config = connect(owner)
    plex.has_pass = False
    with pytest.raises(PlexIntegrationError, match="no Plex Pass"):
        connecting.register_webhook(config, HERE)
    plex.answers["/api/v2/user"] = {"id": 1, "subscription": {"active": True}}  # it says so only when asked for webhooks
    with pytest.raises(PlexIntegrationError, match="no Plex Pass"):
        connecting.register_webhook(config, HERE)


def test_webhooks_that_cannot_be_read_are_not_overwritten(plex, owner):
    config = connect(owner)
    plex.answers["/api/v2/user/webhooks"] = [{"address": "https://other.example/hook"}]
    with pytest.raises(TransientError):
        connecting.register_webhook(config, HERE)
    assert [request.method for request in plex.asked("/api/v2/user/webhooks")] == ["GET"]


def test_a_webhook_needs_a_token(plex, world):
    with pytest.raises(PlexIntegrationError, match="no Plex token yet"):
        connecting.register_webhook(world.config, HERE)


# The connected server

def test_the_server_of_a_connection_answers(plex, owner):
    server = connecting.server_of(connect(owner))
    assert server is not None
    assert server.name() == "Shelf"


def test_without_a_token_or_a_server_there_is_none(plex, world):
    assert connecting.server_of(world.config) is None
    set_token(world.config, TOKEN)
    assert connecting.server_of(world.config) is None
    world.config.plex_server_url = plex.url
    assert connecting.server_of(world.config) is None  # whose server it is has to be known


def test_a_server_whose_token_no_key_opens_raises(plex, owner, settings):
    config = connect(owner)
    settings.ENCRYPTION_KEYS = [b"1" * 32]
    with pytest.raises(DecryptionError):
        connecting.server_of(config)


@pytest.mark.parametrize(("address", "port"), [("http://127.0.0.1:8000", 8000), ("http://tv.example", 80), ("https://tv.example", 443)])
def test_our_own_port_is_that_of_our_address(db, address, port):
    note_address(address)
    assert connecting.own_ports() == {port}


def test_the_token_is_in_no_log_no_url_and_in_the_database_only_encrypted(plex, owner, caplog):
    with caplog.at_level(logging.DEBUG):
        config = connect(owner)
        connecting.register_webhook(config, HERE)
        plex.status = 500
        refusal(owner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM plex_config")
        rows = str(cursor.fetchall())
    urls = " ".join(f"{request.path} {request.query}" for request in plex.requests)
    for form in (TOKEN, quote(TOKEN, safe="")):
        assert form not in caplog.text + rows + urls


# Of several servers

@pytest.fixture
def attic(plex):
    with FakePlex(machine_identifier="attic", name="Attic") as attic:
        plex.resources = [plex.resource(), attic.resource()]
        yield attic


def test_of_several_servers_one_is_asked_for_unless_one_of_them_is_saved(plex, owner, attic):
    refusal(owner, SeveralServers, ask_which=True)
    assert not PlexConfig.objects.exists()
    assert connect(owner, server_id=MACHINE).plex_server_name == "Shelf"
    assert connect(owner, ask_which=True).plex_server_name == "Shelf"
    assert "does not have that server any more" in refusal(owner, ServerProblem, server_id="cellar")


def test_a_survey_says_where_each_server_answers_and_asks_nobody_with_the_token(plex, owner, attic):
    plex.resources[1]["connections"] = [plex.connection(NOWHERE), plex.connection("gopher://x"), plex.connection(), attic.connection()]
    plex.resources.append(plex.resource(name="Alex's", owned=False))
    shelf, second, shared = connecting.survey(user=owner, token=TOKEN)
    assert (shelf.name, shelf.url) == ("Shelf", plex.url)
    assert second.url == attic.url
    assert [one.problem for one in second.tried] == [
        "does not answer from this machine", "is an address that is never asked", "is answered by another server", "",
    ]
    assert (shared.owned, shared.url) == (False, "")
    assert attic.tokens_seen() == set()
    assert {request.token for request in plex.asked("/identity")} == {""}


def test_a_token_is_kept_sealed_while_a_person_chooses(settings):
    sealed = connecting.seal(TOKEN)
    assert TOKEN not in sealed
    assert connecting.unseal(sealed) == TOKEN
    assert connecting.unseal("") == connecting.unseal(sealed[:-2]) == ""
    settings.ENCRYPTION_KEYS = [b"1" * 32]
    assert connecting.unseal(sealed) == ""


def test_problems_say_which_field_they_concern(plex, owner):
    refusal(owner, TokenProblem, token=None)
    refusal(owner, TokenProblem, token="wrong")
    refusal(owner, ServerProblem, server_url=NOWHERE)
    plex.server_refuses = True
    refusal(owner, TokenProblem)


# Switching off

def test_disconnecting_keeps_the_token_unless_it_shall_be_forgotten(plex, owner):
    config = connect(owner)
    connecting.disable(config, now=NOON)
    connecting.enable(config, now=NOON)
    saved = PlexConfig.objects.get()
    assert (saved.enabled, get_token(saved)) == (True, TOKEN)
    connecting.disable(config, now=NOON, forget_token=True)
    saved = PlexConfig.objects.get()
    assert (saved.enabled, saved.plex_token, saved.plex_server_uuid) == (False, "", MACHINE)

"""Connecting an installation to Plex: whose token it is, which server, signing in, the webhook. Nothing that was saved
changes unless all of it worked, and no transaction is open while anybody outside is asked.
"""

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from plex_integration.client import UNAUTHORIZED, PlexServer
from plex_integration.config import address, create_config, get_token, new_secret, set_token
from plex_integration.exceptions import PlexIntegrationError, TransientError
from plex_integration.locks import lock
from plex_integration.models import InstallationValue, PlexAccount, PlexConfig
from plex_integration.plex_tv import FORBIDDEN, Account, Pin, PlexTV, Server
from tvshows.exceptions import AddressDenied, ServiceDown, ServiceError, ServiceRefused
from tvshows.outbound import check_origin

_LONGEST_URL = 255
_MOST_ADDRESSES = 32  # that are asked
_NOT_FOUND = 404
_NO_TOKEN = "There is no Plex token yet: sign in with Plex, or enter a token."  # noqa: S105  (words about one)
_WRONG_TOKEN = "Plex does not know this token, or not any more: sign in with Plex again, or enter another token."  # noqa: S105
_NOT_PAYING = "This Plex account has no Plex Pass, without which Plex sends no webhooks; Tautulli can send them."
_NO_SERVER = "This Plex account has no server of its own. Use the account of the server's owner."
_TOO_LATE = "This sign-in was not finished in time: start again."


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The server to save, and the address at which it answered."""

    url: str
    name: str
    machine_identifier: str


def check_token(token: str) -> Account:
    """Whose token it is. Raises PlexIntegrationError, TransientError where plex.tv does not answer."""
    with _in_words():
        return _plex_tv(token).user()


def connect(
    *, user: User, token: str | None, server_url: str = "", auto_add_shows: bool | None = None,
    auto_mark_watched: bool | None = None, enabled: bool | None = None, now: datetime,
) -> PlexConfig:
    """Check the token, find the server, and save both; without a token the saved one is meant, None leaves an option.

    The server is the one at `server_url`, which must be the account's own, or else the first of its own that answers.
    Raises PlexIntegrationError (DecryptionError for a saved token that no key opens), which says what to do.
    """
    saved = PlexConfig.objects.filter(user=user).first()
    token = (token or "").strip() or (get_token(saved) if saved else "")
    if not token:
        raise PlexIntegrationError(_NO_TOKEN)
    with _in_words():
        account, servers = (plex_tv := _plex_tv(token)).user(), plex_tv.servers()
    chosen = _given(server_url.strip(), servers) if server_url.strip() else _first_that_answers(servers, saved)
    chosen = _confirm(chosen, token)
    options = {"auto_add_shows": auto_add_shows, "auto_mark_watched": auto_mark_watched, "enabled": enabled}
    return _save(user, token, account, chosen, {name: on for name, on in options.items() if on is not None}, now)


def disable(config: PlexConfig, *, now: datetime) -> None:
    """Take in no more events. Everything that was saved stays, mappings too."""
    config.enabled, config.updated_at = False, now
    config.save(update_fields=["enabled", "updated_at"])


def start_sign_in() -> Pin:
    """Begin to sign in with Plex: the person goes on at the pin's URL, and `finish_sign_in` has the token then."""
    with _in_words():
        return _plex_tv("").create_pin()


def finish_sign_in(pin_id: int) -> str:
    """The token, or "" while the person has not agreed yet. Raises PlexIntegrationError once it is too late."""
    with _in_words(refused={_NOT_FOUND: _TOO_LATE}):
        return _plex_tv("").check_pin(pin_id)


def register_webhook(config: PlexConfig, url: str, *, old_urls: Sequence[str] = ()) -> None:
    """Have Plex send its events to `url`, and no more to `old_urls` and to those that differ in their secret alone.

    The account's other webhooks stay. Raises PlexIntegrationError, also when the account has no Plex Pass.
    """
    token = get_token(config)
    if not token:
        raise PlexIntegrationError(_NO_TOKEN)
    if not url:
        raise PlexIntegrationError("There is no webhook secret. manage.py rotate_webhook_secret makes one.")
    with _in_words(refused={FORBIDDEN: _NOT_PAYING}):
        plex_tv = _plex_tv(token)
        if not plex_tv.user().has_pass:
            raise PlexIntegrationError(_NOT_PAYING)
        before = plex_tv.webhooks()
        others = [one for one in before if one not in old_urls and _place(one) != _place(url)]
        if [url] != [one for one in before if one not in others]:
            plex_tv.set_webhooks([*others, url])


def server_of(config: PlexConfig) -> PlexServer | None:
    """The connected server, or nothing where no token or no server is saved. Raises DecryptionError."""
    token = get_token(config) if config.plex_server_url and config.plex_server_uuid else ""
    if not token:
        return None
    return PlexServer(
        config.plex_server_url, token, machine_identifier=config.plex_server_uuid, own_ports=own_ports(),
    )


def own_ports() -> frozenset[int]:
    """The loopback port that is this product itself."""
    here = urlsplit(address())
    return frozenset({here.port or (443 if here.scheme == "https" else 80)})


def _plex_tv(token: str) -> PlexTV:
    return PlexTV(token, client_identifier=_client_identifier())


def _client_identifier() -> str:
    """By what Plex knows this installation: one device in the account's list, and the one that may ask for its pins."""
    value, _ = InstallationValue.objects.get_or_create(
        name=InstallationValue.PLEX_CLIENT, defaults={"value": str(uuid.uuid4())},
    )
    return value.value


@contextmanager
def _in_words(*, refused: dict[int, str] | None = None) -> Iterator[None]:
    """What plex.tv's answers mean to a person; `refused` by status, before what is always true."""
    words = {UNAUTHORIZED: _WRONG_TOKEN} | (refused or {})
    try:
        yield
    except ServiceDown as down:
        message = "plex.tv does not answer just now, so nothing was changed. Try again in a few minutes."
        raise TransientError(message, retry_after=down.retry_after) from None
    except ServiceRefused as refusal:
        other = f"plex.tv refused to answer (status {refusal.status}), so nothing was changed. Try again later."
        raise PlexIntegrationError(words.get(refusal.status, other)) from None


def _given(url: str, servers: Sequence[Server]) -> _Chosen:
    """The server at an address that a person entered."""
    try:
        origin = check_origin(url)
        machine_identifier = PlexServer(origin, "", machine_identifier="", own_ports=own_ports()).identity()
    except AddressDenied as denied:
        raise PlexIntegrationError(str(denied)) from None
    except ServiceError:
        raise PlexIntegrationError(_silent(f"No Plex server answers at {origin}.")) from None
    if len(origin) > _LONGEST_URL:
        raise PlexIntegrationError("The address of the server is too long.")
    found = next((one for one in servers if one.machine_identifier == machine_identifier), None)
    if not machine_identifier or found is None:
        raise PlexIntegrationError(
            f"The server at {origin} does not belong to this Plex account. Enter the address of one that does, "
            "or leave it empty to have it found.",
        )
    if not found.owned:
        raise PlexIntegrationError(f"The server at {origin} is only shared with this Plex account. {_NO_SERVER}")
    return _Chosen(origin, found.name, machine_identifier)


def _first_that_answers(servers: Sequence[Server], saved: PlexConfig | None) -> _Chosen:
    """The first of the account's own servers that answers, the saved one before the others.

    All addresses are asked at once, because those that lead nowhere take seconds to say so, and the best is taken.
    """
    uuid_before = saved.plex_server_uuid if saved else ""
    own = sorted((one for one in servers if one.owned), key=lambda one: one.machine_identifier != uuid_before)
    if not own:
        raise PlexIntegrationError(_NO_SERVER)
    ports, pool = own_ports(), ThreadPoolExecutor(_MOST_ADDRESSES, thread_name_prefix="plex-address")
    asked = [(one, url) for one in own for url in _urls(one, saved)]
    try:
        answers = [pool.submit(_if_it_answers, one, url, ports) for one, url in asked[:_MOST_ADDRESSES]]
        chosen = next(filter(None, (answer.result() for answer in answers)), None)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if chosen is None:
        names = ", ".join(one.name or one.machine_identifier for one in own)
        raise PlexIntegrationError(_silent(f"Your Plex server ({names}) does not answer at any known address."))
    return chosen


def _urls(server: Server, saved: PlexConfig | None) -> list[str]:
    """Where a server may answer: at the address it had, in its own network, from outside, through the relay."""
    was_saved = saved and saved.plex_server_uuid == server.machine_identifier
    url_before = saved.plex_server_url if saved and was_saved else ""
    in_order = sorted(server.connections, key=lambda one: (one.relay, not one.local))
    return list(dict.fromkeys(url for url in (url_before, *(one.uri for one in in_order)) if url))


def _if_it_answers(server: Server, url: str, ports: frozenset[int]) -> _Chosen | None:
    """The server, if it is this very one that answers there."""
    try:
        origin = check_origin(url)
        named = PlexServer(origin, "", machine_identifier="", own_ports=ports).identity()
    except ServiceError:
        return None
    fits = named == server.machine_identifier and len(origin) <= _LONGEST_URL
    return _Chosen(origin, server.name, named) if fits else None


def _confirm(chosen: _Chosen, token: str) -> _Chosen:
    """The server as it calls itself, once it has taken the token."""
    server = PlexServer(chosen.url, token, machine_identifier=chosen.machine_identifier, own_ports=own_ports())
    try:
        return _Chosen(chosen.url, server.name() or chosen.name, chosen.machine_identifier)
    except ServiceRefused as refusal:
        if refusal.status in {UNAUTHORIZED, FORBIDDEN}:
            raise PlexIntegrationError(
                f"The Plex server at {chosen.url} does not take this token: sign in with Plex again, as its owner.",
            ) from None
        raise PlexIntegrationError(_silent(f"The Plex server at {chosen.url} refused to answer.")) from None
    except ServiceDown as down:
        message = _silent(f"The Plex server at {chosen.url} stopped answering.")
        raise TransientError(message, retry_after=down.retry_after) from None


def _silent(what: str) -> str:
    return f"{what} Check that it is running, and enter the address at which this machine reaches it."


def _save(
    user: User, token: str, account: Account, chosen: _Chosen, options: dict[str, bool], now: datetime,
) -> PlexConfig:
    """Save it all, and link the account. Only what is named here is written: a secret may be rotated meanwhile."""
    with transaction.atomic():
        lock("connection", user.pk)
        config = PlexConfig.objects.select_for_update().filter(user=user).first() or create_config(user=user)
        if config.plex_server_uuid not in {"", chosen.machine_identifier}:
            config.libraries.all().delete()  # another server's sections have the same numbers
        values = {
            "plex_server_url": chosen.url, "plex_server_name": chosen.name,
            "plex_server_uuid": chosen.machine_identifier, "plex_account_id": account.account_id,
            "plex_username": account.username, "has_plex_pass": account.has_pass, "plex_checked_at": now,
            "webhook_secret": config.webhook_secret or new_secret(), "updated_at": now, **options,
        }
        for name, value in values.items():
            setattr(config, name, value)
        set_token(config, token)
        config.save(update_fields=["plex_token", *values])
        _link(config, account, now)
    return config


def _link(config: PlexConfig, account: Account, now: datetime) -> None:
    """The viewings of the token's account are those of the connection's user, unless a person chose otherwise."""
    lock("accounts", config.pk)
    row, _ = PlexAccount.objects.get_or_create(
        config=config, account_id=account.account_id,
        defaults={"title": account.username, "first_seen": now, "last_seen": now},
    )
    untouched = PlexAccount.objects.filter(pk=row.pk, linked_by=PlexAccount.LinkedBy.NOBODY, user=None)
    untouched.update(user=config.user_id, linked_by=PlexAccount.LinkedBy.RULE)


def _place(url: str) -> tuple[str, str, str]:
    """Where a webhook goes, whatever its secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ("", "", url)
    return (parts.scheme.lower(), parts.netloc.lower(), parts.path)

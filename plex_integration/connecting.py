"""Connecting an installation to Plex: whose token it is, which server, signing in, the webhook. Nothing that was saved
changes unless all of it worked, and no transaction is open while anybody outside is asked.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from plex_integration import encryption, servers
from plex_integration.client import UNAUTHORIZED, PlexServer
from plex_integration.config import address, create_config, get_token, new_secret, set_token
from plex_integration.exceptions import DecryptionError, PlexIntegrationError, TransientError
from plex_integration.locks import lock
from plex_integration.models import InstallationValue, PlexAccount, PlexConfig
from plex_integration.plex_tv import FORBIDDEN, Account, Pin, PlexTV
from plex_integration.servers import Chosen, ServerProblem, Surveyed, silent
from tvshows.exceptions import ServiceDown, ServiceRefused

_NOT_FOUND = 404
_NO_TOKEN = "There is no Plex token yet: sign in with Plex, or enter a token."  # noqa: S105  (words about one)
_WRONG_TOKEN = "Plex does not know this token, or not any more: sign in with Plex again, or enter another token."  # noqa: S105
_NOT_PAYING = "This Plex account has no Plex Pass, without which Plex sends no webhooks; Tautulli can send them."
_PENDING = "session.plex_token"  # bound into what is sealed
_TOO_LATE = "This sign-in was not finished in time: start again."


class TokenProblem(PlexIntegrationError):  # noqa: N818  (what it is)
    """Plex does not take the token, or there is none."""


def check_token(token: str) -> Account:
    """Whose token it is. Raises PlexIntegrationError, TransientError where plex.tv does not answer."""
    with _in_words():
        return ask_plex_tv(token).user()


def connect(
    *, user: User, token: str | None, server_url: str = "", server_id: str = "", ask_which: bool = False,
    auto_add_shows: bool | None = None, auto_mark_watched: bool | None = None, enabled: bool | None = None,
    now: datetime,
) -> PlexConfig:
    """Check the token, find the server, and save both; without a token the saved one is meant, None leaves an option.

    The server is the one at `server_url`, which must be the account's own, or the one of the machine identifier
    `server_id`, or else the first of its own that answers. Raises PlexIntegrationError (DecryptionError for a saved
    token that no key opens), which says what to do: TokenProblem, ServerProblem, and with `ask_which` SeveralServers.
    """
    saved = PlexConfig.objects.filter(user=user).first()
    token = _given_or_saved(token, saved)
    with _in_words():
        account, found = (plex_tv := ask_plex_tv(token)).user(), plex_tv.servers()
    if server_url := server_url.strip():
        chosen = servers.at_address(server_url, found, own_ports())
    else:
        chosen = servers.of_account(found, saved, own_ports(), server_id=server_id, ask_which=ask_which)
    chosen = _confirm(chosen, token)
    options = {"auto_add_shows": auto_add_shows, "auto_mark_watched": auto_mark_watched, "enabled": enabled}
    return _save(user, token, account, chosen, {name: on for name, on in options.items() if on is not None}, now)


def survey(*, user: User, token: str | None) -> tuple[Surveyed, ...]:
    """The account's servers and where they answer; without a token that of the saved one. Takes up to 15 seconds.

    Raises PlexIntegrationError.
    """
    saved = PlexConfig.objects.filter(user=user).first()
    with _in_words():
        found = ask_plex_tv(_given_or_saved(token, saved)).servers()
    return servers.survey(found, saved, own_ports())


def _given_or_saved(token: str | None, saved: PlexConfig | None) -> str:
    token = (token or "").strip() or (get_token(saved) if saved else "")
    if not token:
        raise TokenProblem(_NO_TOKEN)
    return token


def seal(token: str) -> str:
    """A token that is not saved yet, encrypted, to be kept for as long as a person chooses a server."""
    return encryption.encrypt(token, field=_PENDING)


def unseal(sealed: str) -> str:
    """The token, or nothing where no key opens it any more."""
    try:
        return encryption.decrypt(sealed, field=_PENDING).text
    except DecryptionError:
        return ""


def disable(config: PlexConfig, *, now: datetime, forget_token: bool = False) -> None:
    """Take in no more events. Everything that was saved stays, mappings too; the token at a person's wish."""
    config.enabled, config.updated_at = False, now
    if forget_token:
        set_token(config, "")
    config.save(update_fields=["enabled", "updated_at", *(["plex_token"] if forget_token else [])])


def enable(config: PlexConfig, *, now: datetime) -> None:
    """Take in events again."""
    config.enabled, config.updated_at = True, now
    config.save(update_fields=["enabled", "updated_at"])


def start_sign_in() -> Pin:
    """Begin to sign in with Plex: the person goes on at the pin's URL, and `finish_sign_in` has the token then."""
    with _in_words():
        return ask_plex_tv("").create_pin()


def finish_sign_in(pin_id: int) -> str:
    """The token, or "" while the person has not agreed yet. Raises PlexIntegrationError once it is too late."""
    with _in_words(refused={_NOT_FOUND: _TOO_LATE}):
        return ask_plex_tv("").check_pin(pin_id)


def register_webhook(config: PlexConfig, url: str, *, old_urls: Sequence[str] = ()) -> None:
    """Have Plex send its events to `url`, and no more to `old_urls` and to older ones of this connection.

    The account's other webhooks stay. Raises PlexIntegrationError, also when the account has no Plex Pass.
    """
    token = get_token(config)
    if not token:
        raise TokenProblem(_NO_TOKEN)
    if not url:
        raise PlexIntegrationError("There is no webhook secret. manage.py rotate_webhook_secret makes one.")
    with _in_words(refused={FORBIDDEN: _NOT_PAYING}):
        plex_tv = ask_plex_tv(token)
        if not plex_tv.user().has_pass:
            raise PlexIntegrationError(_NOT_PAYING)
        before = plex_tv.webhooks()
        others = [one for one in before if one not in old_urls and not is_ours(one, config, url)]
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


def ask_plex_tv(token: str) -> PlexTV:
    """plex.tv as this installation asks it."""
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
        kind = TokenProblem if refusal.status == UNAUTHORIZED else PlexIntegrationError
        raise kind(words.get(refusal.status, other)) from None


def _confirm(chosen: Chosen, token: str) -> Chosen:
    """The server as it calls itself, once it has taken the token."""
    server = PlexServer(chosen.url, token, machine_identifier=chosen.machine_identifier, own_ports=own_ports())
    try:
        return Chosen(chosen.url, server.name() or chosen.name, chosen.machine_identifier)
    except ServiceRefused as refusal:
        if refusal.status in {UNAUTHORIZED, FORBIDDEN}:
            raise TokenProblem(
                f"The Plex server at {chosen.url} does not take this token: sign in with Plex again, as its owner.",
            ) from None
        raise ServerProblem(silent(f"The Plex server at {chosen.url} refused to answer.")) from None
    except ServiceDown as down:
        message = silent(f"The Plex server at {chosen.url} stopped answering.")
        raise TransientError(message, retry_after=down.retry_after) from None


def _save(
    user: User, token: str, account: Account, chosen: Chosen, options: dict[str, bool], now: datetime,
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


def is_ours(webhook: str, config: PlexConfig, url: str) -> bool:
    """Whether a webhook leads to `url` with whatever secret, or to another address with a secret of this connection."""
    if _place(webhook) == _place(url):
        return True
    try:
        query = parse_qs(urlsplit(webhook).query)
    except ValueError:
        return False
    secrets = {config.webhook_secret, config.previous_webhook_secret} - {""}
    return not secrets.isdisjoint(query.get("secret", []) + query.get("token", []))


def _place(url: str) -> tuple[str, str, str]:
    """Where a webhook goes, whatever its secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ("", "", url)
    return (parts.scheme.lower(), parts.netloc.lower(), parts.path)

"""How the connection is just now: what plex.tv and the Plex server say to it, in words for a person."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from plex_integration import connecting
from plex_integration.client import NOT_FOUND, UNAUTHORIZED, PlexServer
from plex_integration.config import get_token
from plex_integration.exceptions import DecryptionError
from plex_integration.models import PlexConfig
from plex_integration.plex_tv import FORBIDDEN, PlexTV
from tvshows import services
from tvshows.exceptions import ServiceDown, ServiceError, ServiceRefused
from tvshows.models import CachedAnswer

REMEMBERED = timedelta(minutes=1)  # so that each look at the page does not ask again
_UNREGISTERED = "The webhook is not registered at plex.tv"
_TAUTULLI = "Plex sends webhooks only with one. Tautulli can send them."
_ALL_THE_SAME = "Events come in all the same: the server itself sends them."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `tone` is ok, warn, bad or note; `hint` says more, or what to do."""

    tone: str
    text: str
    hint: str = ""


def look(config: PlexConfig, url: str, *, now: datetime) -> tuple[Finding, ...]:
    """Ask plex.tv and the server, at most once a minute. Takes up to 15 seconds; nothing is asked without a token."""
    if not config.plex_token:
        return ()
    found = services.cached(
        _key(config, url), lambda: [asdict(one) for one in _ask(config, url)], now=now, full=REMEMBERED,
    )
    return tuple(Finding(**one) for one in found)


def is_unregistered(config: PlexConfig, url: str) -> bool:
    """Whether plex.tv said at the last look that it does not know the webhook. Asks nobody."""
    if not config.plex_token:
        return False
    held = CachedAnswer.objects.filter(key=_key(config, url)).values_list("value", flat=True)
    return any(one["text"] == _UNREGISTERED for value in held for one in value["answer"])


def forget(config: PlexConfig) -> None:
    """Ask again at the next look: something was changed."""
    CachedAnswer.objects.filter(key__startswith=f"plex check {config.pk} ").delete()


def _key(config: PlexConfig, url: str) -> str:
    """Changes with what is asked about; the URL holds a secret, so only its hash is stored."""
    asked = f"{url} {config.plex_server_url} {config.plex_token}"
    return f"plex check {config.pk} {hashlib.sha256(asked.encode()).hexdigest()}"


def _ask(config: PlexConfig, url: str) -> list[Finding]:
    try:
        plex_tv, server = connecting.ask_plex_tv(get_token(config)), connecting.server_of(config)
    except DecryptionError as problem:
        return [Finding("bad", "The saved token cannot be read", f"{problem} Sign in with Plex again.")]
    with ThreadPoolExecutor(2, thread_name_prefix="plex-check") as pool:
        account = pool.submit(lambda: list(_account(plex_tv, config, url)))
        library = pool.submit(lambda: list(_server(server, config)) if server else [])
        return [*account.result(), *library.result()]


def _account(plex_tv: PlexTV, config: PlexConfig, url: str) -> Iterator[Finding]:
    try:
        account = plex_tv.user()
    except ServiceError as problem:
        yield _silent_plex_tv(problem)
        return
    yield Finding("ok", "The Plex token works", f"Signed in as {account.username}.")
    if not account.has_pass:
        yield Finding("bad", "This account has no Plex Pass", _TAUTULLI)
        return
    try:
        webhooks = plex_tv.webhooks()
    except ServiceError as problem:
        yield _silent_plex_tv(problem)
        return
    yield _registered(webhooks, config, url)


def _silent_plex_tv(problem: ServiceError) -> Finding:
    status = problem.status if isinstance(problem, ServiceRefused) else None
    if status == UNAUTHORIZED:
        return Finding("bad", "Plex does not take the token any more", f"Sign in with Plex again. {_ALL_THE_SAME}")
    if status == FORBIDDEN:
        return Finding("bad", "Plex does not tell this account's webhooks", "It says so where there is no Plex Pass.")
    return Finding("warn", "plex.tv does not answer just now", _ALL_THE_SAME)


def _registered(webhooks: tuple[str, ...], config: PlexConfig, url: str) -> Finding:
    if url in webhooks:
        return Finding("ok", "The webhook is registered at plex.tv")
    if any(connecting.is_ours(one, config, url) for one in webhooks):
        return Finding("warn", "plex.tv has an older webhook URL of this tracker", "Register the present one.")
    return Finding("warn", _UNREGISTERED, "Register it, or paste its URL in Plex.")


def _server(server: PlexServer, config: PlexConfig) -> Iterator[Finding]:
    name, url = config.plex_server_name or "The server", config.plex_server_url
    try:
        sends = server.webhooks_enabled()
    except ServiceRefused as refused:
        if refused.status != NOT_FOUND:
            yield _refusing_server(refused, name, url)
            return
        sends = None  # one that has no such setting
    except ServiceDown:
        yield Finding("warn", f"{name} does not answer at {url}", "What needs it waits until it does.")
        return
    yield Finding("ok", f"{name} answers", f"At {url}.")
    if sends is False:
        yield Finding("bad", f"Webhooks are switched off on {name}", "In Plex: Settings, Network, tick Webhooks.")


def _refusing_server(refused: ServiceRefused, name: str, url: str) -> Finding:
    if refused.status == UNAUTHORIZED:
        return Finding("bad", f"{name} does not take the token", "Sign in with Plex again, as the server's owner.")
    return Finding("warn", f"{name} refuses to answer at {url}", "Choose the server again.")

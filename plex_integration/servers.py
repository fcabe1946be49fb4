"""Which server of an account is meant, and where it answers. Everybody is asked without a token here."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from plex_integration.client import PlexServer
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import PlexConfig
from plex_integration.plex_tv import Server
from tvshows.exceptions import AddressDenied, ServiceError
from tvshows.outbound import check_origin

LONGEST_URL = 255
_MOST_ADDRESSES = 32  # that are asked
_NO_SERVER = "This Plex account has no server of its own. Use the account of the server's owner."
_ANSWERS = ""


class ServerProblem(PlexIntegrationError):  # noqa: N818  (what it is)
    """No server can be had at the address in question."""


class SeveralServers(PlexIntegrationError):  # noqa: N818
    """The account has several servers, and a person shall say which."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The server to save, and the address at which it answered."""

    url: str
    name: str
    machine_identifier: str


@dataclass(frozen=True, slots=True)
class Tried:
    """An address of a server, and why it leads to nowhere; nothing where the server answered."""

    url: str
    problem: str


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A server of the account and what came of asking at its addresses, in the order in which they are taken."""

    name: str
    machine_identifier: str
    owned: bool
    tried: tuple[Tried, ...] = ()

    @property
    def url(self) -> str:
        """The best address at which it answers, if there is one."""
        return next((one.url for one in self.tried if one.problem == _ANSWERS), "")


def silent(what: str) -> str:
    """What is silent, and what to do about it."""
    return f"{what} Check that it is running, and enter the address at which this machine reaches it."


def at_address(url: str, servers: Sequence[Server], ports: frozenset[int]) -> Chosen:
    """The server at an address that a person entered. Raises ServerProblem."""
    try:
        origin = check_origin(url)
        machine_identifier = PlexServer(origin, "", machine_identifier="", own_ports=ports).identity()
    except AddressDenied as denied:
        raise ServerProblem(str(denied)) from None
    except ServiceError:
        raise ServerProblem(silent(f"No Plex server answers at {origin}.")) from None
    if len(origin) > LONGEST_URL:
        raise ServerProblem("The address of the server is too long.")
    found = next((one for one in servers if one.machine_identifier == machine_identifier), None)
    if not machine_identifier or found is None:
        raise ServerProblem(
            f"The server at {origin} does not belong to this Plex account. Enter the address of one that does, "
            "or leave it empty to have it found.",
        )
    if not found.owned:
        raise ServerProblem(f"The server at {origin} is only shared with this Plex account. {_NO_SERVER}")
    return Chosen(origin, found.name, machine_identifier)


def of_account(
    servers: Sequence[Server], saved: PlexConfig | None, ports: frozenset[int], *, server_id: str = "",
    ask_which: bool = False,
) -> Chosen:
    """The account's own server of this identifier, or else the first that answers, the saved one before the others.

    Raises ServerProblem, and SeveralServers where it has several, none of them is saved, and it is to be asked which.
    """
    before = saved.plex_server_uuid if saved else ""
    own = sorted((one for one in servers if one.owned), key=lambda one: one.machine_identifier != before)
    if not own:
        raise ServerProblem(_NO_SERVER)
    if server_id:
        own = [one for one in own if one.machine_identifier == server_id]
        if not own:
            raise ServerProblem("This Plex account does not have that server any more. Choose another one.")
    elif ask_which and len(own) > 1 and own[0].machine_identifier != before:
        raise SeveralServers(f"This Plex account has {len(own)} servers. Choose the one whose plays shall count.")
    return _first_that_answers(own, saved, ports)


def _first_that_answers(own: Sequence[Server], saved: PlexConfig | None, ports: frozenset[int]) -> Chosen:
    pool = ThreadPoolExecutor(_MOST_ADDRESSES, thread_name_prefix="plex-address")
    try:
        for server, answer in _asked(pool, own, saved, ports):
            tried = answer.result()
            if tried.problem == _ANSWERS:
                return Chosen(tried.url, server.name, server.machine_identifier)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    names = ", ".join(one.name or one.machine_identifier for one in own)
    raise ServerProblem(silent(f"Your Plex server ({names}) does not answer at any known address."))


def survey(servers: Sequence[Server], saved: PlexConfig | None, ports: frozenset[int]) -> tuple[Surveyed, ...]:
    """All servers of the account, its own first, each with what came of asking at its addresses."""
    own = [one for one in servers if one.owned]
    with ThreadPoolExecutor(_MOST_ADDRESSES, thread_name_prefix="plex-address") as pool:
        asked = [(server, answer.result()) for server, answer in _asked(pool, own, saved, ports)]
    found = [
        Surveyed(
            one.name or one.machine_identifier, one.machine_identifier, owned=True,
            tried=tuple(tried for server, tried in asked if server is one),
        )
        for one in own
    ]
    shared = (one for one in servers if not one.owned)
    return (*found, *(Surveyed(one.name or one.machine_identifier, "", owned=False) for one in shared))


def _asked(
    pool: ThreadPoolExecutor, own: Iterable[Server], saved: PlexConfig | None, ports: frozenset[int],
) -> list[tuple[Server, Future[Tried]]]:
    """All addresses at once, because those that lead nowhere take seconds to say so."""
    pairs = [(server, url) for server in own for url in _urls(server, saved)]
    return [(server, pool.submit(_try, server, url, ports)) for server, url in pairs[:_MOST_ADDRESSES]]


def _urls(server: Server, saved: PlexConfig | None) -> list[str]:
    """Where a server may answer: at the address it had, in its own network, from outside, through the relay."""
    was_saved = saved and saved.plex_server_uuid == server.machine_identifier
    url_before = saved.plex_server_url if saved and was_saved else ""
    in_order = sorted(server.connections, key=lambda one: (one.relay, not one.local))
    return list(dict.fromkeys(url for url in (url_before, *(one.uri for one in in_order)) if url))


def _try(server: Server, url: str, ports: frozenset[int]) -> Tried:
    """Whether it is this very server that answers there. Nothing of an answer is told."""
    try:
        origin = check_origin(url)
        named = PlexServer(origin, "", machine_identifier="", own_ports=ports).identity()
    except AddressDenied:
        return Tried(url, "is an address that is never asked")
    except ServiceError:
        return Tried(url, "does not answer from this machine")
    if named != server.machine_identifier:
        return Tried(origin, "is answered by another server")
    return Tried(origin, _ANSWERS if len(origin) <= LONGEST_URL else "is too long an address")

"""Asking an outside service over HTTP: the one way out of the house.

The host name is resolved once, every address is checked (addresses.py) and the connection goes to a checked one, so
that a name cannot lead elsewhere between check and use. No redirect is followed, no proxy, .netrc or cookie of the
environment is used (only a requests.Session would), and time and size are bounded whatever the other side does.
Nothing foreign is chained to what is raised: the exceptions of requests hold the URL with its query, and so a key.
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from random import uniform
from time import monotonic, sleep
from typing import Any, ClassVar, Self

import requests
import urllib3
from django.utils import timezone
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tvshows.addresses import Target, check_origin, resolve, target_of
from tvshows.exceptions import AnswerTooLarge, AskedToWait, ServiceDown, ServiceError, ServiceRefused

__all__ = ["Reply", "check_origin", "fetch"]

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 15.0  # of all tries together, but for the resolver, which has its own limit
MOST_BYTES = 10 * 1024 * 1024  # of an answer, after decompression
PIECE = 64 * 1024  # bytes
TRIES = 3  # of a GET
PAUSE_SECONDS = 0.3  # before the second try, twice that before the third, and up to as much again by chance
LONGEST_WAIT = timedelta(seconds=5)  # that a Retry-After may ask for to be waited for here
LONGEST_RETRY_AFTER = timedelta(days=1)
_PASSING = {429, 502, 503, 504}
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "tv-tracker"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of 2xx. `headers` have lower-case names; `data` is the parsed JSON, None where there was no body."""

    status: int
    headers: Mapping[str, str]
    data: Any


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a try failed, and how many seconds to wait before the next; None: there shall be none."""

    error: ServiceError
    pause: float | None = None
    unreached: bool = False


def fetch(
    method: str, url: str, *, service: str, headers: Mapping[str, str] | None = None,
    params: Mapping[str, str | int] | None = None, form: Sequence[tuple[str, str]] | None = None,
    denied_ports: frozenset[int] = frozenset(), before_each: Callable[[], None] | None = None,
) -> Reply:
    """One request; a GET is tried up to three times within the time where the fault may pass.

    `service` is its name in messages; `denied_ports` are ports of this machine that are our own; `before_each` is
    called before every try and may refuse it by raising. Raises ServiceDown (no connection, 5xx, 429, too slow, too
    large, no JSON), ServiceRefused (3xx and other 4xx) and AddressDenied.
    """
    deadline = monotonic() + TOTAL_SECONDS
    target = target_of(url)
    request = _prepared(method, target, headers or {}, params, form, service)
    addresses = resolve(target, denied_ports=denied_ports, service=service)
    number, tries = 0, TRIES if method == "GET" else 1
    while True:
        number += 1
        if before_each:
            before_each()
        outcome = _try_addresses(request, target, addresses, deadline, service)
        if isinstance(outcome, Reply):
            return outcome
        pause = None if outcome.pause is None else outcome.pause + uniform(1, 2) * PAUSE_SECONDS * number  # noqa: S311
        if number == tries or pause is None or monotonic() + pause >= deadline:
            raise outcome.error
        sleep(pause)


def _prepared(
    method: str, target: Target, headers: Mapping[str, str], params: Mapping[str, str | int] | None,
    form: Sequence[tuple[str, str]] | None, service: str,
) -> requests.PreparedRequest:
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise ServiceRefused(f"{service} is not asked: its key or token has characters that none can have.", 0)
    return requests.Request(
        method, f"{target.origin}{target.path}", params=params, data=form,
        headers={**_HEADERS, **headers, "Host": target.netloc},
    ).prepare()


def _try_addresses(
    request: requests.PreparedRequest, target: Target, addresses: Sequence[str], deadline: float, service: str,
) -> Reply | _Failure:
    """Ask at the first address that can be connected to."""
    for address in addresses:
        outcome = _ask(request, target, address, deadline, service)
        if isinstance(outcome, Reply) or not outcome.unreached:
            break
    return outcome


def _ask(
    request: requests.PreparedRequest, target: Target, address: str, deadline: float, service: str,
) -> Reply | _Failure:
    left = max(deadline - monotonic(), 0.01)
    timeout = (min(CONNECT_SECONDS, left), left)
    with _Alarm(left) as alarm, _pool(target, address, alarm) as pool:
        try:
            with _PinnedAdapter(pool).send(request, stream=True, timeout=timeout) as response:
                return _reply(response, alarm, service)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return _in_words(error, alarm, service)


def _reply(response: requests.Response, alarm: "_Alarm", service: str) -> Reply | _Failure:
    if not 200 <= response.status_code < 300:
        return _refusal(response, service)
    if response.headers.get("Content-Encoding", "identity").lower() not in {"gzip", "identity"}:
        return _Failure(ServiceDown(f"{service} answers in an encoding that it was not asked for."))
    pieces, size = [], 0
    for piece in response.raw.stream(PIECE, decode_content=True):
        size += len(piece)
        if size > MOST_BYTES:
            return _Failure(AnswerTooLarge(f"{service} answers with more than {MOST_BYTES >> 20} MB."))
        pieces.append(piece)
    if alarm.rang:  # an answer without a length just ends when it is cut off
        return _too_slow(service)
    try:
        data = json.loads(b"".join(pieces)) if pieces else None
    except (ValueError, RecursionError):
        return _Failure(ServiceDown(f"{service} answers with something else than JSON."))
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, data)


def _refusal(response: requests.Response, service: str) -> _Failure:
    """What an answer other than 2xx means; its body is not read."""
    status = response.status_code
    if status < 400:
        return _Failure(ServiceRefused(f"{service} sends us elsewhere ({status}), and we do not follow.", status))
    wait = _retry_after(response.headers.get("Retry-After", "")) if status in {429, 503} else None
    if status < 500 and status != 429:
        return _Failure(ServiceRefused(f"{service} refused the request ({status}).", status))
    if wait is not None:
        pause = wait.total_seconds() if wait <= LONGEST_WAIT else None
        return _Failure(AskedToWait(f"{service} asks us to wait ({status}).", wait), pause)
    if status == 429:
        return _Failure(AskedToWait(f"{service} has been asked too often (429)."))
    return _Failure(ServiceDown(f"{service} has a fault of its own ({status})."), 0 if status in _PASSING else None)


def _retry_after(value: str) -> timedelta | None:
    """How long a Retry-After says, in seconds or as an HTTP date (RFC 9110, 10.2.3); at most a day."""
    try:
        seconds = int(value) if value.isdecimal() else (parsedate_to_datetime(value) - timezone.now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return timedelta(seconds=min(max(seconds, 0), LONGEST_RETRY_AFTER.total_seconds()))


def _too_slow(service: str) -> _Failure:
    return _Failure(ServiceDown(f"{service} did not answer within {TOTAL_SECONDS:g} seconds."))


def _in_words(error: Exception, alarm: "_Alarm", service: str) -> _Failure:
    """What an exception of requests or urllib3 means, without its text, which has the URL in it."""
    if _unreached(error):
        return _Failure(ServiceDown(f"{service} cannot be reached."), 0, unreached=True)
    if alarm.rang or isinstance(error, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
        return _too_slow(service)
    if isinstance(error, requests.exceptions.SSLError):
        return _Failure(ServiceDown(f"{service} has a certificate that is not trusted here."))
    if isinstance(error, urllib3.exceptions.DecodeError):
        return _Failure(ServiceDown(f"{service} answers with something that cannot be unpacked."))
    return _Failure(ServiceDown(f"{service} broke the connection off."), 0)


def _unreached(error: Exception) -> bool:
    """Whether the request was never sent, so that another address may be tried."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, urllib3.exceptions.NewConnectionError)


class _Alarm:
    """Cuts a connection off when its time is up. A socket's own timeout begins anew with every byte that drips in."""

    def __init__(self, seconds: float) -> None:
        self.rang = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        """Cut this one off."""
        self._socket = connected
        if self.rang:
            self._ring()

    def _ring(self) -> None:
        self.rang = True
        if self._socket:
            with suppress(OSError):  # below TLS, whose own shutdown would talk to the other side
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Plain(HTTPConnection):
    alarm: ClassVar[_Alarm]

    def connect(self) -> None:
        """Connect, watched."""
        super().connect()
        self.alarm.watch(self.sock)


class _Secure(HTTPSConnection):
    alarm: ClassVar[_Alarm]

    def connect(self) -> None:
        """Connect, watched. The handshake itself has the time to connect as its limit."""
        super().connect()
        self.alarm.watch(self.sock)


def _pool(target: Target, address: str, alarm: _Alarm) -> HTTPConnectionPool:
    """Connects to an address instead of the name; the name stays in SNI and in the check of the certificate."""
    if target.scheme == "http":
        pool = HTTPConnectionPool(address, target.port)
        pool.ConnectionCls = type("Watched", (_Plain,), {"alarm": alarm})
    else:
        pool = HTTPSConnectionPool(
            address, target.port, server_hostname=target.host, assert_hostname=target.host,
        )
        pool.ConnectionCls = type("Watched", (_Secure,), {"alarm": alarm})
    return pool


class _PinnedAdapter(HTTPAdapter):
    """Sends through a given pool, whatever the URL says."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> HTTPConnectionPool:
        """The given pool."""
        return self._pool

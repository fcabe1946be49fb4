"""A Plex server as far as it sends events: one multipart POST on a connection of its own. Light: no Django.

`send` waits for one answer. `Load` keeps a number of requests under way at once from one thread, so that measuring
costs little beside what is measured. Payloads are those that Plex's own agent sends, with show and episode filled in.
"""

import copy
import json
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVER = "9c41e0b7d25f8a6310be74c2f9d8a1537e60b4cc"
TIMEOUT = 30.0  # seconds for one answer
_TEMPLATE = json.loads((Path(__file__).parent / "payloads" / "scrobble-new-agent.json").read_text())
_BOUNDARY = "----------------------------7c1f0b2e9d4a"


def title_of(show: int) -> str:
    """The title of the seeds' show with this number."""
    return f"Show Number {show}"


def scrobble(show: int, season: int, number: int, **metadata: Any) -> dict[str, Any]:
    """A scrobble of an episode of the seeds' shows; keywords replace fields of Metadata, None removes one."""
    payload = copy.deepcopy(_TEMPLATE)
    fields = payload["Metadata"]
    fields.update({
        "ratingKey": f"{show}{season:02}{number:03}", "parentRatingKey": f"{show}{season:02}",
        "grandparentRatingKey": f"s{show}", "guid": f"plex://episode/{show:08x}{season:04x}{number:04x}",
        "grandparentGuid": f"plex://show/{show:08x}", "grandparentSlug": f"show-number-{show}",
        "grandparentTitle": title_of(show), "parentTitle": f"Season {season}", "parentIndex": season,
        "index": number, "title": f"Episode {season}.{number}", "year": 2020,
    })
    del fields["originallyAvailableAt"], fields["Guid"]
    fields.update(metadata)
    payload["Metadata"] = {key: value for key, value in fields.items() if value is not None}
    return payload


def form(payload: dict[str, Any], *, thumb: bytes = b"") -> tuple[str, bytes]:
    """The content type and body of the form that Plex posts."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="payload"\r\nContent-Type: application/json\r\n\r\n'
        f"{json.dumps(payload)}\r\n".encode()
    ]
    if thumb:
        named = 'Content-Disposition: form-data; name="thumb"; filename="thumb.jpg"'
        parts.append(f"--{_BOUNDARY}\r\n{named}\r\nContent-Type: image/jpeg\r\n\r\n".encode() + thumb + b"\r\n")
    return f"multipart/form-data; boundary={_BOUNDARY}", b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def request(payload: dict[str, Any], *, secret: str, path: str = "/api/plex/webhook") -> bytes:
    """The bytes of one request."""
    kind, body = form(payload)
    head = (
        f"POST {path}?secret={secret} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: PlexMediaServer/1.40\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True)
class Answer:
    """What came back: the status (0 when nothing did), the JSON, and how long it took in seconds."""

    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def is_acknowledged(self) -> bool:
        """Whether the sender may forget the event."""
        return self.status in {200, 202, 429}


def send(port: int, data: bytes) -> Answer:
    """Send one request and wait for its answer; status 0 when the connection was refused or lost."""
    started = time.perf_counter()
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
    except OSError:
        received = b""
    return _read(received, time.perf_counter() - started)


def _read(received: bytes, seconds: float) -> Answer:
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return Answer(0, {}, seconds)
    try:
        found = json.loads(body)
    except ValueError:
        found = {}
    return Answer(int(head.split(b" ", 2)[1]), found if isinstance(found, dict) else {}, seconds)


@dataclass
class _Flight:
    """One request under way."""

    index: int
    left: memoryview
    started: float
    received: bytearray = field(default_factory=bytearray)


class Load:
    """Sends requests, `concurrency` at a time, each on a connection of its own."""

    def __init__(self, port: int, requests: Iterable[bytes], *, concurrency: int, most_seconds: float = 120) -> None:
        self.port, self.concurrency, self.most_seconds = port, concurrency, most_seconds
        self.waiting = deque(enumerate(requests))
        self.answers: dict[int, Answer] = {}
        self.seconds = 0.0
        self._selector = selectors.DefaultSelector()
        self._under_way = 0

    def run(self) -> list[Answer]:
        """Until all are answered, or the time is over: then those that are left have status 0."""
        total, started = len(self.waiting), time.perf_counter()
        while (self.waiting or self._under_way) and time.perf_counter() - started < self.most_seconds:
            while self.waiting and self._under_way < self.concurrency:
                self._start(*self.waiting.popleft())
            for key, _ in self._selector.select(timeout=1.0):
                self._move(key)
        self.seconds = time.perf_counter() - started
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        return [self.answers.get(index, Answer(0, {}, self.most_seconds)) for index in range(total)]

    def _start(self, index: int, data: bytes) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flight = _Flight(index, memoryview(data), time.perf_counter())
        connection.connect_ex(("127.0.0.1", self.port))
        self._selector.register(connection, selectors.EVENT_WRITE, flight)
        self._under_way += 1

    def _move(self, key: selectors.SelectorKey) -> None:
        connection, flight = key.fileobj, key.data
        assert isinstance(connection, socket.socket)
        try:
            if flight.left:
                flight.left = flight.left[connection.send(flight.left):]
                if not flight.left:
                    self._selector.modify(connection, selectors.EVENT_READ, flight)
                return
            chunk = connection.recv(65536)
            flight.received += chunk
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._finish(connection, flight)

    def _finish(self, connection: socket.socket, flight: _Flight) -> None:
        self._selector.unregister(connection)
        connection.close()
        self._under_way -= 1
        self.answers[flight.index] = _read(bytes(flight.received), time.perf_counter() - flight.started)

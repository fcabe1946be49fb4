"""A small TMDB over real HTTP on loopback, written for these tests, with switches for what can go wrong."""

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

KEY = "0123456789abcdef0123456789abcdef"  # as v3 has it
TOKEN = "eyJhbGciOiJub25lIn0.canary-of-the-token.c2lnbmF0dXJl"  # as v4 has it

Fault = Callable[["Handler"], None]


@dataclass
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: str = ""


@dataclass
class FakeTMDB:
    """`answers` are whole answers by path, `shows` are those of /tv/{id} with all that can be appended to them.

    `faults` are used up one a request, `fault` stays.
    """

    answers: dict[str, object] = field(default_factory=lambda: {"/configuration": {"images": {}}})
    shows: dict[int, dict] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    fault: Fault | None = None
    open_to_all: bool = False
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    origin: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.origin}/3"

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def answer(self, asked: Asked) -> tuple[int, object]:
        """Status and data, as the real one gives them."""
        if not self.open_to_all and asked.query.get("api_key") != KEY and asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"status_code": 7, "status_message": "Invalid API key: You must be granted a valid key."}
        path = asked.path.removeprefix("/3")
        parts = [part for part in asked.query.get("append_to_response", "").split(",") if part]
        if len(parts) > 20:
            return 400, {"status_code": 27, "status_message": "Too many append to response objects."}
        if path in self.answers:
            return 200, self.answers[path]
        show = self.shows.get(int(path.removeprefix("/tv/"))) if path.startswith("/tv/") else None
        if show is None:
            return 404, {"status_code": 34, "status_message": "The resource you requested could not be found."}
        details = {key: value for key, value in show.items() if key not in {"external_ids", "alternative_titles"} and "/" not in key}
        return 200, details | {part: show[part] for part in parts if part in show}


class Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fake = self.server.fake
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fake.asked.append(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, form))
        fault = fake.faults.pop(0) if fake.faults else fake.fault
        if fault:
            self.close_connection = True
            fault(self)
        else:
            status, data = fake.answer(fake.asked[-1])
            self.give(json.dumps(data).encode(), status=status)

    do_POST = do_GET  # noqa: N815

    def give(self, body: bytes, *, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, piece: bytes) -> None:
        """The same piece again and again, until the other side has gone."""
        while not self.server.fake.ended.wait(0.02):
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    fake: FakeTMDB

    def process_request(self, *args) -> None:
        self.fake.connections += 1
        super().process_request(*args)

    def handle_error(self, *args: object) -> None:
        """The other side has gone: that is what the tests are about."""


@contextmanager
def running(wrap: Callable | None = None, **fields: object) -> Iterator[FakeTMDB]:
    """A server on a free port; `wrap` makes its socket one of TLS."""
    with _Server(("127.0.0.1", 0), Handler) as server:
        server.fake = FakeTMDB(origin=f"http://127.0.0.1:{server.server_address[1]}", **fields)
        if wrap:
            server.socket = wrap(server.socket)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.fake
        server.fake.ended.set()
        server.shutdown()
        thread.join()


def status(code: int, **headers: str) -> Fault:
    """Answers with a status and a body that nobody may repeat."""
    return lambda handler: handler.give(b'{"secret": "canary-of-the-body"}', status=code, **headers)


def body(data: bytes, kind: str = "application/json", **headers: str) -> Fault:
    """Answers 200 with these bytes."""
    return lambda handler: handler.give(data, kind=kind, **headers)


def page(handler: Handler) -> None:
    """A page for people, as a captive portal gives it."""
    handler.give(b"<html>canary-of-the-body</html>", kind="text/html")


def bomb(megabytes: int, *, chunked: bool) -> Fault:
    """Zeros, packed a thousand to one."""
    packer = zlib.compressobj(1, wbits=31)
    packed = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(megabytes)), packer.flush()])

    def give(handler: Handler) -> None:
        if not chunked:
            handler.give(packed, Content_Encoding="gzip")
            return
        start_chunks(handler, "Content-Encoding: gzip\r\n")
        handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed))

    return give


def start_chunks(handler: Handler, more: str = "") -> None:
    handler.wfile.write(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{more}\r\n".encode())


def drip_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    handler.drip(b" ")


def drip_chunks(handler: Handler) -> None:
    start_chunks(handler)
    handler.drip(b"1\r\n \r\n")


def drip_without_length(handler: Handler) -> None:
    """Cut off at any moment, this is JSON."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}")
    handler.drip(b" ")


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    handler.drip(b"x")


def break_off(handler: Handler) -> None:
    """Half an answer."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a":')


def bad_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\nno colon here\r\n\r\n")


def packed(data: object) -> Fault:
    """A good answer, packed."""
    return body(gzip.compress(json.dumps(data).encode()), Content_Encoding="gzip")

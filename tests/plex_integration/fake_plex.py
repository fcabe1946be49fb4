"""A small Plex server and plex.tv over real HTTP, on one loopback port. Every request is kept, headers and all."""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

TOKEN = "plex-CANARY-t0ken"
MACHINE = "6f3d0a1b2c4e5968778695a4b3c2d1e0f9080706"


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: list[tuple[str, str]]

    @property
    def token(self) -> str:
        return self.headers.get("x-plex-token", "")


@dataclass
class FakePlex:
    """What it serves and how it behaves; a test changes whatever it likes, also while it runs.

    Shows are Metadata by rating key, episodes the Metadata of a show's leaves by its rating key. Use it as a context.
    """

    token: str = TOKEN
    machine_identifier: str = MACHINE
    name: str = "Shelf"
    owned: bool = True
    account_id: int = 48211
    username: str = "robin"
    has_pass: bool = True
    shows: dict[str, dict[str, Any]] = field(default_factory=dict)
    episodes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    libraries: list[dict[str, Any]] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)
    granted: set[int] = field(default_factory=set)  # pins to which the person has agreed
    connections: list[dict[str, Any]] | None = None  # None: this one, local
    resources: list[Any] | None = None  # None: this server
    revoked: bool = False  # the token is nobody's any more
    server_refuses: bool = False  # the server does not take the token, plex.tv does
    status: int | None = None  # all requests are answered with this
    plex_tv_status: int | None = None  # those to plex.tv are
    answers: dict[str, Any] = field(default_factory=dict)  # path -> what is answered in place of the usual
    redirect_to: str = ""  # every request is sent on to there
    knows_pages: bool = True
    names_total: bool = True
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.001,), daemon=True)
        self._thread.start()
        self.port = self._server.server_port
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connection(self, uri: str = "", *, local: bool = True, relay: bool = False) -> dict[str, Any]:
        """An address as plex.tv names it."""
        return {"protocol": "http", "uri": uri or self.url, "local": local, "relay": relay, "IPv6": False}

    def resource(self, **others: Any) -> dict[str, Any]:
        """This server as plex.tv names it."""
        connections = [self.connection()] if self.connections is None else self.connections
        return {
            "name": self.name, "product": "Plex Media Server", "provides": "server", "owned": self.owned,
            "clientIdentifier": self.machine_identifier, "accessToken": self.token, "httpsRequired": False,
            "connections": connections,
        } | others

    def asked(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [request for request in self.requests if request.path == path]

    def tokens_seen(self) -> set[str]:
        """Every token that was sent here."""
        return {request.token for request in self.requests if request.token}

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and JSON."""
        plex_tv = request.path.startswith("/api/v2/")
        if status := self.status or (self.plex_tv_status if plex_tv else None):
            return status, {}
        if request.path in self.answers:
            return 200, self.answers[request.path]
        needs_token = request.path != "/identity" and not request.path.startswith("/api/v2/pins")
        wrong = request.token != self.token or self.revoked or (self.server_refuses and not plex_tv)
        if needs_token and wrong:
            return 401, {"errors": [{"code": 1001, "message": "User could not be authenticated"}]}
        return self._plex_tv(request) if plex_tv else self._media_server(request)

    def _plex_tv(self, request: Request) -> tuple[int, Any]:
        if request.path == "/api/v2/user":
            return 200, {
                "id": self.account_id, "username": self.username, "authToken": self.token,
                "subscription": {"active": self.has_pass},
            }
        if request.path == "/api/v2/resources":
            player = {"name": "TV", "provides": "client,player", "clientIdentifier": "tv-1", "owned": True}
            return 200, [player, self.resource()] if self.resources is None else self.resources
        if request.path == "/api/v2/user/webhooks":
            return self._webhooks(request)
        if request.path == "/api/v2/pins":
            return 201, {"id": 7001, "code": "c0de", "clientIdentifier": _client(request), "authToken": None}
        if request.path == "/api/v2/pins/7001":
            return 200, {"id": 7001, "code": "c0de", "authToken": self.token if 7001 in self.granted else None}
        return 404, {}

    def _webhooks(self, request: Request) -> tuple[int, Any]:
        if not self.has_pass:
            return 403, {}
        if request.method == "POST":
            self.webhooks = [url for name, url in request.form if name == "urls[]"]
        return 200, [{"url": url} for url in self.webhooks]

    def _media_server(self, request: Request) -> tuple[int, Any]:
        whole = {
            "/": {"friendlyName": self.name, "machineIdentifier": self.machine_identifier},
            "/identity": {"size": 0, "machineIdentifier": self.machine_identifier, "claimed": True},
            "/library/sections": {"Directory": self.libraries},
            "/accounts": {"Account": self.accounts},
        }
        if request.path in whole:
            return 200, {"MediaContainer": whole[request.path]}
        if section := re.fullmatch(r"/library/sections/(\w+)/all", request.path):
            return 200, {"MediaContainer": self._page(self._section(section[1], request), request)}
        if request.path == "/status/sessions/history/all":
            since = int(request.query.get("viewedAt>", 0))
            rows = sorted((one for one in self.history if one["viewedAt"] >= since), key=lambda one: one["viewedAt"])
            return 200, {"MediaContainer": self._page(rows, request)}
        if re.fullmatch(r"/library/metadata/\w+(,\w+)+", request.path):
            keys = request.path.rpartition("/")[2].split(",")
            several = [item for key in keys for item in self._items(key, leaves=False) or ()]
            return 200, {"MediaContainer": self._page(several, request)}
        found = re.fullmatch(r"/library/metadata/(\w+)(/allLeaves)?", request.path)
        items = self._items(found[1], leaves=bool(found[2])) if found else None
        return (200, {"MediaContainer": self._page(items, request)}) if items is not None else (404, {})

    def _items(self, key: str, *, leaves: bool) -> list[dict[str, Any]] | None:
        if leaves:
            return self.episodes.get(key)
        one = self.shows.get(key) or next(
            (item for items in self.episodes.values() for item in items
             if isinstance(item, dict) and str(item.get("ratingKey")) == key), None,
        )
        return None if one is None else [one]

    def _section(self, key: str, request: Request) -> list[dict[str, Any]]:
        """The shows or episodes of a section that the query's filters let through, in its order."""
        shows = [self._counted(show) for show in self.shows.values() if str(show.get("librarySectionID")) == key]
        items, query = shows, request.query
        if query.get("type") == "4":
            items = [item for show in shows for item in self.episodes.get(str(show["ratingKey"]), [])]
        for name in ("updatedAt", "lastViewedAt"):
            if f"{name}>>" in query:
                items = [one for one in items if isinstance(one, dict) and one.get(name, -1) >= int(query[f"{name}>>"])]
            if query.get("sort") == f"{name}:asc":
                items = sorted(items, key=lambda one: one.get(name, 0))
        wanted = query.get("title", "").lower()
        return [one for one in items if not wanted or wanted in one["title"].lower()]

    def _counted(self, show: dict[str, Any]) -> dict[str, Any]:
        leaves = self.episodes.get(str(show["ratingKey"]), [])
        viewed = sum(isinstance(one, dict) and bool(one.get("viewCount")) for one in leaves)
        return show | {"leafCount": len(leaves), "viewedLeafCount": viewed}

    def _page(self, items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        start, size = (int(request.query.get(f"X-Plex-Container-{word}", 0)) for word in ("Start", "Size"))
        page = items[start:start + size] if size and self.knows_pages else items
        with_guids = [item if request.query.get("includeGuids") or not isinstance(item, dict) else _without_guids(item) for item in page]
        total = {"totalSize": len(items)} if self.names_total else {}
        return {"size": len(page), "offset": start, "Metadata": with_guids} | total


def show(rating_key: str, title: str, **others: Any) -> dict[str, Any]:
    """A show's Metadata as the new agent writes it; None leaves a field out."""
    return _named({
        "ratingKey": rating_key, "key": f"/library/metadata/{rating_key}/children", "type": "show", "title": title,
        "guid": f"plex://show/{rating_key}", "librarySectionID": 2,
    } | others)


def episode(rating_key: str, show_key: str, season: int, number: int, **others: Any) -> dict[str, Any]:
    """An episode's Metadata as the new agent writes it; None leaves a field out."""
    return _named({
        "ratingKey": rating_key, "type": "episode", "title": f"Part {number}", "guid": f"plex://episode/{rating_key}",
        "grandparentRatingKey": show_key, "grandparentGuid": f"plex://show/{show_key}",
        "parentIndex": season, "index": number,
    } | others)


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _without_guids(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "Guid"}


def _client(request: Request) -> str:
    return request.headers.get("x-plex-client-identifier", "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakePlex

    def handle_error(self, *_: object) -> None:
        """A client that leaves without saying so is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        fake, parts = self.server.fake, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        request = Request(
            self.command, parts.path, dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in self.headers.items()}, parse_qsl(body, keep_blank_values=True),
        )
        fake.requests.append(request)
        status, data = (302, {}) if fake.redirect_to else fake.answer(request)
        content = json.dumps(data).encode()
        self.send_response(status)
        if fake.redirect_to:
            self.send_header("Location", fake.redirect_to + self.path)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Not to the terminal."""

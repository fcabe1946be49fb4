"""plex.tv: whose token it is, which servers they have, their webhooks, and signing in. Raises ServiceDown and
ServiceRefused.

Facts: `/api/v2/user` answers 401 to a wrong token; `subscription.active` is the Plex Pass. `/api/v2/resources` names
servers and players alike (`provides`), a server's machine identifier as `clientIdentifier`, its addresses with and
without `local` and `relay`. `/api/v2/user/webhooks` takes the whole list as form fields `urls[]`, an empty one as
`urls=`, and answers 403 without a Plex Pass. A pin (`/api/v2/pins`, `strong=true`) is granted on app.plex.tv; then it
has an `authToken`. Only the client identifier that made a pin may ask for it.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings

from plex_integration.client import PRODUCT, plex_headers
from plex_integration.untrusted import clean_text, flag_of, list_of, number_of, object_of, text_of
from tvshows.exceptions import ServiceDown
from tvshows.outbound import fetch

FORBIDDEN = 403
SIGN_IN_PAGE = "https://app.plex.tv/auth#?"
_SERVICE = "plex.tv"
_MOST_CONNECTIONS = 20  # of one server
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Account:
    """Whose token it is. `has_pass`: a Plex Pass, without which Plex sends no webhooks."""

    account_id: int
    username: str
    has_pass: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """An address of a server: in its own network, or through Plex's relay, or neither."""

    uri: str
    local: bool
    relay: bool


@dataclass(frozen=True, slots=True)
class Server:
    """A server that the account may use, its own or somebody's who shares it."""

    name: str
    machine_identifier: str
    access_token: str = field(repr=False)
    owned: bool
    connections: tuple[Connection, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """A sign-in that was begun; the person goes on at `url`."""

    id: int
    code: str
    url: str


class PlexTV:
    """plex.tv, asked for one account; without a token only pins are of use."""

    def __init__(self, token: str, *, client_identifier: str) -> None:
        self._token = token
        self._client_identifier = client_identifier

    def user(self) -> Account:
        """Whose token it is. ServiceRefused with status 401 when it is nobody's."""
        data = object_of(self._ask("GET", "/api/v2/user"))
        account_id = number_of(data.get("id"), _LARGEST_ID)
        if not account_id:
            raise _strange()
        name = clean_text(text_of(data.get("username")) or text_of(data.get("title")))
        return Account(account_id, name, flag_of(object_of(data.get("subscription")).get("active")))

    def servers(self) -> tuple[Server, ...]:
        """The servers of the account, its own and those shared with it."""
        data = self._ask("GET", "/api/v2/resources", params={"includeHttps": 1, "includeRelay": 1})
        found = map(_server, _list(data))
        return tuple(server for server in found if server)

    def webhooks(self) -> tuple[str, ...]:
        """The account's webhooks, ours and others'."""
        return _webhooks(self._ask("GET", "/api/v2/user/webhooks"))

    def set_webhooks(self, urls: Sequence[str]) -> None:
        """Put these in the place of all webhooks of the account."""
        form = [("urls[]", url) for url in urls] or [("urls", "")]
        self._ask("POST", "/api/v2/user/webhooks", form=form)

    def create_pin(self) -> Pin:
        """Begin a sign-in."""
        data = object_of(self._ask("POST", "/api/v2/pins", form=[("strong", "true")]))
        pin_id, code = number_of(data.get("id"), _LARGEST_ID), text_of(data.get("code"))
        if not pin_id or not code:
            raise _strange()
        named = {"clientID": self._client_identifier, "code": code, "context[device][product]": PRODUCT}
        return Pin(pin_id, code, SIGN_IN_PAGE + urlencode(named, quote_via=quote))

    def check_pin(self, pin_id: int) -> str:
        """The token, or "" while the person has not agreed. ServiceRefused with status 404 once it is too late."""
        return text_of(object_of(self._ask("GET", f"/api/v2/pins/{int(pin_id)}")).get("authToken"))

    def _ask(
        self, method: str, path: str, *, params: dict[str, str | int] | None = None,
        form: Sequence[tuple[str, str]] | None = None,
    ) -> Any:
        headers = plex_headers(self._token) | {"X-Plex-Client-Identifier": self._client_identifier}
        url = f"{settings.PLEX_TV_URL}{path}"
        return fetch(method, url, headers=headers, params=params, form=form, service=_SERVICE).data


def _strange() -> ServiceDown:
    return ServiceDown(f"{_SERVICE} answered with something that it does not say.")


def _list(data: object) -> list[Any]:
    if not isinstance(data, list):
        raise _strange()
    return data


def _webhooks(data: object) -> tuple[str, ...]:
    """All of them or none: what we cannot read would be lost when the list is written."""
    named = [object_of(item).get("url") for item in _list(data)]
    urls = tuple(url for url in named if isinstance(url, str))
    if len(urls) != len(named):
        raise _strange()
    return urls


def _server(data: object) -> Server | None:
    item = object_of(data)
    provides = {word.strip() for word in text_of(item.get("provides")).split(",")}
    machine_identifier = text_of(item.get("clientIdentifier"), 64)
    if "server" not in provides or not machine_identifier:
        return None
    plain = not flag_of(item.get("httpsRequired"))
    connections = [
        connection
        for one in list_of(item.get("connections"))[:_MOST_CONNECTIONS]
        for connection in _connections(object_of(one), plain=plain)
    ]
    return Server(
        name=clean_text(text_of(item.get("name"))),
        machine_identifier=machine_identifier,
        access_token=text_of(item.get("accessToken")),
        owned=flag_of(item.get("owned")),
        connections=tuple(connections),
    )


def _connections(item: dict[str, Any], *, plain: bool) -> list[Connection]:
    """The address and, in the server's own network, the one without TLS as well.

    The name under plex.direct leads to a private address, which many routers do not let a name do.
    """
    uri, local = text_of(item.get("uri")), flag_of(item.get("local"))
    found = [Connection(uri, local, flag_of(item.get("relay")))] if uri else []
    address, port = _private_address(item.get("address")), number_of(item.get("port"), 65535)
    if plain and local and uri.startswith("https://") and address and port:
        found.append(Connection(f"http://{address}:{port}", local=True, relay=False))
    return found


def _private_address(value: object) -> str:
    try:
        address = ipaddress.ip_address(text_of(value))
    except ValueError:
        return ""
    shown = f"[{address}]" if address.version == 6 else str(address)
    return shown if address.is_private else ""

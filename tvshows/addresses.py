"""Which addresses we may talk to: a person may type any, and what answers there may not be meant for us."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from tvshows.exceptions import AddressDenied, ServiceDown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_EXAMPLE = "Write it like http://192.168.1.10:32400 or https://media.example.com."
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.-])?")
_PORTS = {"http": 80, "https": 443}
# Where clouds tell a machine its secrets, beside 169.254.169.254: Alibaba, Oracle, Azure; Amazon and Google by IPv6.
_METADATA = frozenset(map(ipaddress.ip_address, (
    "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254",
)))
# This network, link-local, multicast, reserved (RFC 6890).
_DENIED_V4 = tuple(map(ipaddress.IPv4Network, ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")))
# Public, private and loopback. All else is link-local, multicast, unspecified or not given out.
_ALLOWED_V6 = tuple(map(ipaddress.IPv6Network, ("2000::/3", "fc00::/7", "::1/128")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a URL means. `host` is a name or an address without brackets; `path` begins with / or is empty."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """host[:port], without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """scheme://host[:port]."""
        return f"{self.scheme}://{self.netloc}"


def target_of(url: str) -> Target:
    """Whom an http or https URL means. Raises AddressDenied with a sentence for anything else."""
    if not url.isprintable() or " " in url or "\\" in url:
        raise AddressDenied(f"An address holds no blanks and no backslashes. {_EXAMPLE}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressDenied(f"This is no address. {_EXAMPLE}") from None
    if parts.scheme not in _PORTS:
        raise AddressDenied(f"An address begins with http:// or https://. {_EXAMPLE}")
    if "@" in parts.netloc:
        raise AddressDenied(f"An address holds no user name and no password. {_EXAMPLE}")
    if port == 0:
        raise AddressDenied(f"There is no port 0. {_EXAMPLE}")
    return Target(parts.scheme, _host(parts), port or _PORTS[parts.scheme], parts.path)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        if ":" in host:
            return str(ipaddress.IPv6Address(host if "%" not in host else ""))
        host = host.encode("idna").decode()
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host):
        raise AddressDenied(f"This is no address: it has no host. {_EXAMPLE}")
    return host


def check_origin(url: str) -> str:
    """`scheme://host[:port]` of an http or https URL. Raises AddressDenied with a sentence for anything else.

    Where the name leads is not asked here but each time that it is used (see outbound.py).
    """
    url = url.strip()
    target = target_of(url)
    if target.path not in {"", "/"} or "?" in url or "#" in url:
        raise AddressDenied(f"An address ends after the host and the port. {_EXAMPLE}")
    return target.origin


def resolve(target: Target, *, denied_ports: frozenset[int], service: str) -> tuple[str, ...]:
    """The addresses of a target, resolved once, all of them allowed.

    Raises AddressDenied when one is not, ServiceDown when there is none. The resolver has its own time limit.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise ServiceDown(f"{service} cannot be found: its host name has no address.")
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if not is_allowed(address, target.port, denied_ports):
            raise AddressDenied(f"{service} is not asked: its address is one that is never contacted.")
    return tuple(dict.fromkeys(map(str, addresses)))


def is_allowed(address: Address, port: int, denied_ports: frozenset[int]) -> bool:
    """Public, private and loopback addresses are; not link-local, metadata, multicast, unspecified, reserved ones,
    however they are wrapped, and no loopback port of our own.
    """
    return all(_is_allowed(form, port, denied_ports) for form in _forms(address))


def _is_allowed(address: Address, port: int, denied_ports: frozenset[int]) -> bool:
    if address in _METADATA or (address.is_loopback and port in denied_ports):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _DENIED_V4)
    return any(address in network for network in _ALLOWED_V6)


def _forms(address: Address) -> Iterator[Address]:
    """The IPv4 addresses that an IPv6 address stands for, or the address itself where it stands for none."""
    inner: list[Address] = list(_wrapped(address)) if isinstance(address, ipaddress.IPv6Address) else []
    yield from inner or [address]


def _wrapped(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """IPv4-mapped, -compatible, 6to4, Teredo and NAT64 (RFC 6052; its local prefix is cut at several lengths)."""
    bits = int(address)
    if found := address.ipv4_mapped or address.sixtofour:
        yield found
    yield from address.teredo or ()
    inner = []
    if address in _NAT64 or address in _NAT64_LOCAL or (address in _COMPATIBLE and bits > 1):
        inner.append(bits)
    if address in _NAT64_LOCAL:
        without_u = (bits >> 64 << 56) | (bits & (1 << 56) - 1)  # bits 64 to 71 are always 0 and belong to nothing
        inner += [without_u >> (120 - 32 - prefix) for prefix in (48, 56, 64)]
    # One that begins with 0 was cut at the wrong length; where all do, nothing is in there that may be contacted.
    yield from (ipaddress.IPv4Address(one & 0xFFFFFFFF) for one in inner if one & 0xFF000000)

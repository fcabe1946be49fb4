"""Which host names this installation answers to, and which addresses are a home's own."""

import ipaddress
import re

from django.conf import settings
from django.http.request import validate_host

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Loopback, RFC 1918, the carriers' shared range that VPNs such as Tailscale use (RFC 6598), and ULA (RFC 4193).
# Not ipaddress.is_private, which also takes link-local, documentation and reserved ranges.
_HOME_NETWORKS = [
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
]
# Names that no public DNS server can hand out, so that nobody can point one at us from outside (DNS rebinding).
_HOME_SUFFIXES = (".local", ".lan", ".home.arpa")
_HOST = re.compile(r"(?P<name>[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])\.?(:(?P<port>[0-9]{1,5}))?")


def parse_address(text: str) -> IPAddress | None:
    """An address without port and zone, IPv4 inside IPv6 unwrapped; nothing when the text is no address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def host_name(header: str) -> str:
    """The name in a Host header, in lower case and without port and trailing dot; '' when it is malformed."""
    match = _HOST.fullmatch(header.lower())
    if not match or int(match["port"] or 0) > 65535:
        return ""
    return match["name"]


def is_home_name(name: str) -> bool:
    """Whether the name can only mean a machine of this home."""
    if name == "localhost" or name.endswith(_HOME_SUFFIXES):
        return True
    address = parse_address(name)
    return address is not None and any(address in network for network in _HOME_NETWORKS)


def is_allowed(name: str) -> bool:
    """Whether requests may come under this name; '' never may."""
    return bool(name) and (is_home_name(name) or validate_host(name, [*settings.EXTRA_HOSTS, *_public_name()]))


def _public_name() -> list[str]:
    return [host_name(settings.PUBLIC_WEBHOOK_URL.partition("://")[2])] if settings.PUBLIC_WEBHOOK_URL else []

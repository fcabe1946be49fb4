"""Under which names we answer, and whose address a request has."""

from ipaddress import ip_network

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from tests.world import payload
from tracker import hosts
from tracker.middleware import TrustedProxyMiddleware

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize("host", [
    "localhost", "localhost:8000", "LOCALHOST", "localhost.", "127.0.0.1", "127.0.0.1:8000", "192.168.1.20:32400",
    "10.1.2.3", "172.16.0.9", "100.64.0.7", "[::1]:8000", "[fd12:3456::1]", "tracker.local", "nas.lan:8000",
    "box.home.arpa", "a.b.local",
])
def test_a_home_name_is_answered(client, db, host):
    assert client.get("/healthz", headers={"host": host}).status_code != 400


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "local", "evil.locale",
    "8.8.8.8", "169.254.169.254", "[fe80::1]", "[2001:db8::1]", "0.0.0.0", "2130706433", "127.1", "172.32.0.1",
    "100.128.0.1", "tracker.internal", "a b", "-", "localhost:99999", "localhost:80:80", "[::1",
    "evil.example/@localhost", "local\u212aost", "x" * 300, "nas", "..", "evil.example@localhost",
    "localhost\\.evil.example", "%6cocalhost",
])
def test_a_foreign_or_malformed_name_is_refused_with_the_setting_to_change(client, db, host):
    response = client.get("/healthz", headers={"host": host})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in response.text


def test_the_refusal_escapes_the_name_and_bears_the_headers(client):
    response = client.get("/", headers={"host": "<script>alert(1)</script>"})
    assert "<script>alert" not in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_names_of_the_settings_are_answered(client, db, settings):
    settings.EXTRA_HOSTS = ("tracker.example.com", ".example.org")
    settings.PUBLIC_WEBHOOK_URL = "https://tunnel.example.net:8443"
    for host in ("tracker.example.com", "a.example.org", "example.org", "tunnel.example.net", "Tracker.Example.Com:80"):
        assert client.get("/healthz", headers={"host": host}).status_code != 400, host
    for host in ("x.tracker.example.com", "badexample.org", "example.net"):
        assert client.get("/healthz", headers={"host": host}).status_code == 400, host


def test_a_simple_program_that_names_no_host_is_answered(client, db):
    assert client.get("/healthz").status_code != 400
    assert client.get("/healthz", headers={"host": ""}).status_code != 400


@pytest.mark.parametrize("host", ["tracker_app:8000", "evil.example", "<>", ""])
def test_an_event_is_taken_under_any_name(world, host):
    assert world.post(payload("scrobble-minimal"), headers={"host": host}).status_code in {200, 202}


def seen(settings, peer, forwarded=None, proto=None, proxies=PROXIES, **extra):
    """What a view is told about a request: address and scheme."""
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **extra)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    if proto is not None:
        request.META["HTTP_X_FORWARDED_PROTO"] = proto
    TrustedProxyMiddleware(lambda request: HttpResponse())(request)
    assert not any(name.startswith(("HTTP_X_FORWARDED", "HTTP_FORWARDED")) for name in request.META)
    return request.META["REMOTE_ADDR"], request.scheme


@pytest.mark.parametrize(("peer", "forwarded", "client"), [
    ("203.0.113.5", "127.0.0.1", "203.0.113.5"),
    ("10.0.0.1", None, "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "127.0.0.1, 198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
    ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
    ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
    ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
    ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
    ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("fd00::1", "::ffff:198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "127.0.0.1, garbage", "10.0.0.1"),
    ("10.0.0.1", "127.0.0.1, garbage, 10.0.0.2", "10.0.0.2"),
    ("10.0.0.1", ",,,", "10.0.0.1"),
    ("10.0.0.1", "\x00\u212a'; DROP", "10.0.0.1"),
    ("10.0.0.1", "1" * 5000, "10.0.0.1"),
    ("", "127.0.0.1", "0.0.0.0"),
    ("garbage", "127.0.0.1", "0.0.0.0"),
    ("127.0.0.1:5555", None, "127.0.0.1"),
])
def test_the_client_is_the_right_most_hop_that_is_not_trusted(settings, peer, forwarded, client):
    assert seen(settings, peer, forwarded)[0] == client


def test_the_scheme_is_believed_only_from_a_trusted_proxy(settings):
    assert seen(settings, "10.0.0.1", proto="https")[1] == "https"
    assert seen(settings, "10.0.0.1", proto="http, https")[1] == "https"
    assert seen(settings, "10.0.0.1", proto="gopher")[1] == "http"
    assert seen(settings, "203.0.113.5", proto="https")[1] == "http"
    assert seen(settings, "127.0.0.1", proto="https", proxies=())[1] == "http"


@pytest.mark.parametrize("headers", [
    {"x-forwarded-for": "127.0.0.1"}, {"x-real-ip": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}, {"host": "127.0.0.1"},
    {"x-forwarded-host": "localhost"}, {"x-forwarded-proto": "https"},
])
def test_no_right_is_granted_by_an_address(world, headers):
    for path in ("/", "/admin/"):
        assert Client().get(path, headers=headers).status_code == 302


def test_an_address_is_read_without_its_port_and_zone():
    texts = ("[fe80::1%eth0]:80", "1.2.3.4:5", " 1.2.3.4 ", "::ffff:1.2.3.4")
    assert [str(hosts.parse_address(text)) for text in texts] == ["fe80::1", "1.2.3.4", "1.2.3.4", "1.2.3.4"]
    assert hosts.parse_address("1.2.3") is hosts.parse_address("") is None

"""The one way out: which addresses are contacted, what is followed, how long and how much is read, what is told."""

import email.utils
import logging
import socket
import ssl
import time
import traceback
import tracemalloc
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.once import once
from tests.tvshows import fake_tmdb as fake
from tvshows import outbound
from tvshows.exceptions import AddressDenied, AnswerTooLarge, AskedToWait, ServiceDown, ServiceError, ServiceRefused

pytestmark = once
METADATA = "169.254.169.254"
real_getaddrinfo, real_connect = socket.getaddrinfo, socket.socket.connect


@pytest.fixture
def service():
    with fake.running(open_to_all=True) as server:
        server.answers["/3/x"] = server.answers["/x"] = {"fine": True}
        yield server


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """How long was waited between tries; nobody does."""
    waited = []
    monkeypatch.setattr(outbound, "sleep", waited.append)
    return waited


@pytest.fixture
def wire(monkeypatch):
    """What would reach the network: `connected` are addresses that were connected to, `names` what names lead to, a
    list of answers one after the other. Nothing but loopback is reached, and numbers are resolved without a network.
    """
    spy = SimpleNamespace(connected=[], names={}, resolved=[])

    def getaddrinfo(host, port, *args, **kwargs):
        if host not in spy.names:
            return real_getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        spy.resolved.append(host)
        answers = spy.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in addresses for entry in real_getaddrinfo(address, port, type=socket.SOCK_STREAM)]

    def connect(sock, address):
        spy.connected.append(address[0])
        if not spy.names:
            raise ConnectionRefusedError
        return real_connect(sock, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return spy


def ask(url, **options):
    return outbound.fetch("GET", url, service="TMDB", **options)


def refusal(url, **options) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        ask(url, **options)
    return caught.value


DENIED = [
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/", "http://0xa9fea9fe/", "http://0xa9.0xfe.0xa9.0xfe/", "http://0251.0376.0251.0376/",
    "http://025177524776/", "http://169.254.43518/", "http://169.16689662/", "http://0xa9.254.0251.254/",
    "http://169.254.0.1/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/", "http://[::169.254.169.254]/", "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::169.254.169.254]/", "http://[64:ff9b:1:a9fe:a9:fe00::]/",
    "http://[64:ff9b:1:a9:fe:a9fe::]/", "http://[64:ff9b:1:0:a9:fea9:fe00::]/", "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:a9fe:a9fe::1]/", "http://[fd00:ec2::254]/", "http://[fd20:ce::254]/", "http://100.100.100.200/",
    "http://192.0.0.192/", "http://168.63.129.16/", "http://0.0.0.0/", "http://0/", "http://0.1.2.3/", "http://[::]/",
    "http://[::ffff:0.0.0.0]/", "http://224.0.0.1/", "http://[ff02::1]/", "http://240.0.0.1/",
    "http://255.255.255.255/", "http://[64:ff9b::224.0.0.1]/", "http://[2002:f000:1::]/", "http://[100::1]/",
    "http://[64:ff9b::]/", "http://[fec0::1]/", "http://１６９.２５４.１６９.２５４/",
    "file:///etc/passwd", "gopher://127.0.0.1:70/_x", "ftp://127.0.0.1/", "dict://127.0.0.1:11211/", "//127.0.0.1/",
    "127.0.0.1:8000", "http:///x", "http://", "", "javascript:alert(1)", "unix:///run/docker.sock",
    "http://user@127.0.0.1/", "http://user:word@127.0.0.1/", "http://127.0.0.1:80@169.254.169.254/", "http://@127.0.0.1/",
    "http://127.0.0.1\\@169.254.169.254/", "http://127.0.0.1/\r\nHost: evil", "http://127.0.0.1 /", "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://[::1/", "http://[::1%25lo]/", "http://a..b/", "http://*/",
    "http://%31%32%37.0.0.1/", "http://" + "a" * 64 + ".example/",
]


@pytest.mark.parametrize("url", DENIED)
def test_an_address_that_is_never_contacted_is_refused_before_a_packet_leaves(url, wire):
    with pytest.raises(AddressDenied) as caught:
        ask(url)
    assert caught.value.status == 0
    assert wire.connected == []


@pytest.mark.parametrize(("url", "address"), [
    ("http://8.8.8.8/", "8.8.8.8"), ("https://[2606:4700::1111]/", "2606:4700::1111"), ("http://192.168.1.10:32400/", "192.168.1.10"),
    ("http://10.0.0.5/", "10.0.0.5"), ("http://172.16.3.4/", "172.16.3.4"), ("http://100.64.0.7/", "100.64.0.7"),
    ("http://[fd12:3456::1]:32400/", "fd12:3456::1"), ("http://127.0.0.1:32400/", "127.0.0.1"), ("http://[::1]:32400/", "::1"),
    ("http://2130706433:32400/", "127.0.0.1"), ("http://127.1:32400/", "127.0.0.1"), ("http://[::ffff:8.8.8.8]/", "::ffff:808:808"),
    ("http://[64:ff9b::8.8.8.8]/", "64:ff9b::808:808"), ("http://[64:ff9b:1::8.8.8.8]/", "64:ff9b:1::808:808"),
    ("http://[2002:808:808::1]/", "2002:808:808::1"), ("http://192.0.0.170/", "192.0.0.170"),
])
def test_public_private_and_loopback_addresses_are_contacted(url, address, wire):
    error = refusal(url, denied_ports=frozenset({8000}))
    assert isinstance(error, ServiceDown)
    assert str(error) == "TMDB cannot be reached."
    assert {str(ip_address(connected)) for connected in wire.connected} == {str(ip_address(address))}


@pytest.mark.parametrize("host", [
    "127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.9.9.9", "[::ffff:127.0.0.1]",
    "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "LOCALHOST.",
])
def test_a_loopback_port_of_our_own_is_not_contacted(host, wire):
    wire.names = {"localhost": [["127.0.0.1"]], "localhost.": [["127.0.0.1"]]}
    with pytest.raises(AddressDenied):
        ask(f"http://{host}:8000/", denied_ports=frozenset({8000}))
    assert wire.connected == []


def test_a_name_is_resolved_once_and_the_checked_address_is_used_for_every_try(service, wire):
    wire.names = {"rebinding.test": [["127.0.0.1"], [METADATA]]}
    service.faults = [fake.status(503), fake.status(502)]
    url = f"http://rebinding.test:{service.port}/x"
    assert ask(url).data == {"fine": True}
    assert wire.resolved == ["rebinding.test"]
    assert wire.connected == ["127.0.0.1"] * 3
    assert {asked.headers["host"] for asked in service.asked} == {f"rebinding.test:{service.port}"}
    with pytest.raises(AddressDenied):
        ask(url)
    assert wire.connected == ["127.0.0.1"] * 3


def test_a_name_with_one_bad_address_among_good_ones_is_refused(wire):
    wire.names = {"both.test": [["127.0.0.1", METADATA]]}
    assert isinstance(refusal("http://both.test/"), AddressDenied)
    assert wire.connected == []


def test_where_the_first_address_does_not_answer_the_next_does(service, wire):
    wire.names = {"both.test": [["::1", "127.0.0.1"]]}
    assert ask(f"http://both.test:{service.port}/x").status == 200
    assert wire.connected == ["::1", "127.0.0.1"]


def test_a_name_without_an_address_is_down(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: (_ for _ in ()).throw(socket.gaierror(-2, "no")))
    error = refusal("http://nowhere.test/")
    assert isinstance(error, ServiceDown)
    assert "has no address" in str(error)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status, service):
    with fake.running(open_to_all=True) as canary:
        service.fault = fake.status(status, Location=f"{canary.origin}/x")
        error = refusal(f"{service.origin}/x")
        assert isinstance(error, ServiceRefused)
        assert error.status == status
        assert canary.connections == 0
    assert len(service.asked) == 1


def test_no_proxy_and_no_netrc_of_the_environment_is_used(service, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login robin password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(f"{service.origin}/x").status == 200
    assert "authorization" not in service.asked[0].headers


def test_parameters_headers_and_forms_are_sent_and_an_answer_may_be_packed(service):
    service.fault = fake.packed({"ü": 1})
    reply = outbound.fetch(
        "POST", f"{service.origin}/x", service="plex.tv", headers={"X-Token": "t"}, params={"a": "b c", "n": 2},
        form=[("urls[]", "http://a"), ("urls[]", "http://b")],
    )
    assert reply.data == {"ü": 1}
    assert reply.headers["content-encoding"] == "gzip"
    asked = service.asked[0]
    assert (asked.method, asked.query, asked.headers["x-token"]) == ("POST", {"a": "b c", "n": "2"}, "t")
    assert asked.form == "urls%5B%5D=http%3A%2F%2Fa&urls%5B%5D=http%3A%2F%2Fb"


def test_an_answer_without_a_body_has_no_data(service):
    service.fault = lambda handler: handler.give(b"", status=204)
    assert ask(f"{service.origin}/x").data is None


@pytest.mark.parametrize("fault", [
    fake.page, fake.body(b"{"), fake.body(b"\xff\xfe\xfd"), fake.body(b"[" * 100_000), fake.body(b"9" * 5000),
    fake.body(b"no gzip", Content_Encoding="gzip"), fake.body(b"{}", Content_Encoding="gzip, gzip"),
])
def test_what_is_no_json_is_down_and_not_repeated(fault, service):
    service.fault = fault
    error = refusal(f"{service.origin}/x")
    assert type(error) is ServiceDown
    assert "canary" not in str(error)
    assert len(service.asked) == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_packed_bomb_is_not_unpacked_further_than_the_limit(chunked, service, monkeypatch):
    monkeypatch.setattr(outbound, "MOST_BYTES", 1 << 20)
    service.fault = fake.bomb(48, chunked=chunked)
    tracemalloc.start()
    try:
        error = refusal(f"{service.origin}/x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(error, AnswerTooLarge)
    assert peak < 4 << 20


def test_a_body_as_large_as_the_limit_is_read(service, monkeypatch):
    monkeypatch.setattr(outbound, "MOST_BYTES", 1000)
    service.faults = [fake.body(b'"' + b"x" * 998 + b'"'), fake.body(b'"' + b"x" * 999 + b'"')]
    assert len(ask(f"{service.origin}/x").data) == 998
    assert isinstance(refusal(f"{service.origin}/x"), AnswerTooLarge)


@pytest.mark.parametrize("fault", [fake.drip_body, fake.drip_chunks, fake.drip_without_length, fake.drip_headers])
def test_an_answer_that_drips_is_cut_off_in_time(fault, service, monkeypatch):
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.15)
    service.fault = fault
    began = time.monotonic()
    error = refusal(f"{service.origin}/x")
    assert time.monotonic() - began < 1
    assert str(error) == "TMDB did not answer within 0.15 seconds."
    assert len(service.asked) == 1


@pytest.mark.parametrize("fault", [fake.break_off, fake.status(502), fake.status(503), fake.status(504), fake.bad_headers])
def test_a_passing_fault_is_tried_three_times_with_growing_pauses(fault, service, pauses):
    service.fault = fault
    error = refusal(f"{service.origin}/x")
    assert isinstance(error, ServiceDown)
    assert error.retry_after == timedelta(minutes=1)
    assert len(service.asked) == 3
    assert 0.3 <= pauses[0] <= 0.6 <= pauses[1] <= 1.2


def test_a_fault_that_passes_is_not_seen(service):
    service.faults = [fake.break_off, fake.status(503)]
    assert ask(f"{service.origin}/x").data == {"fine": True}


@pytest.mark.parametrize(("status", "kind", "tries"), [
    (500, ServiceDown, 1), (501, ServiceDown, 1), (400, ServiceRefused, 1), (401, ServiceRefused, 1), (404, ServiceRefused, 1),
])
def test_other_statuses_are_not_tried_again(status, kind, tries, service):
    service.fault = fake.status(status)
    error = refusal(f"{service.origin}/x")
    assert type(error) is kind
    assert getattr(error, "status", status) == status
    assert len(service.asked) == tries


def test_what_changes_something_is_sent_once(service):
    service.fault = fake.status(503)
    with pytest.raises(ServiceDown):
        outbound.fetch("POST", f"{service.origin}/x", service="plex.tv")
    assert len(service.asked) == 1


def test_a_short_wait_that_is_asked_for_is_waited_for(service, pauses):
    service.faults = [fake.status(429, Retry_After="2")]
    assert ask(f"{service.origin}/x").status == 200
    assert pauses[0] >= 2


def test_no_try_is_made_once_the_time_would_be_over(service, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(outbound, "monotonic", lambda: clock[0])
    monkeypatch.setattr(outbound, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 6)
    service.fault = fake.status(429, Retry_After="3")
    assert isinstance(refusal(f"{service.origin}/x"), AskedToWait)
    assert len(service.asked) == 2


@pytest.mark.parametrize(("value", "seconds"), [
    ("30", 30), ("6", 6), ("99999999999", 86400), ("9" * 5000, 60), ("soon", 60), ("-5", 60),
    ("date", 3600), ("", 60),
])
def test_a_longer_wait_is_told_and_not_waited_for(value, seconds, service, pauses):
    if value == "date":
        value = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    service.fault = fake.status(429, Retry_After=value)
    error = refusal(f"{service.origin}/x")
    assert isinstance(error, AskedToWait)
    assert error.retry_after.total_seconds() == pytest.approx(seconds, abs=2)
    assert len(service.asked) == 1
    assert pauses == []


def test_every_try_is_counted_and_may_be_refused(service):
    service.fault = fake.status(503)
    calls = []

    def before_each():
        calls.append(1)
        if len(calls) == 2:
            raise AddressDenied("enough")

    assert str(refusal(f"{service.origin}/x", before_each=before_each)) == "enough"
    assert len(service.asked) == 1


@pytest.mark.parametrize(("url", "origin"), [
    ("http://192.168.1.10:32400", "http://192.168.1.10:32400"), (" HTTPS://Media.Example.COM:443/ ", "https://media.example.com"),
    ("http://nas:80/", "http://nas"), ("http://[FD12::0:1]:32400/", "http://[fd12::1]:32400"), ("http://bücher.example", "http://xn--bcher-kva.example"),
    ("http://media_server:32400", "http://media_server:32400"),
])
def test_an_origin_is_written_in_one_way(url, origin):
    assert outbound.check_origin(url) == origin


@pytest.mark.parametrize("url", ["http://nas/web", "http://nas?x", "http://nas/#", "http://nas/?", "nas", "http://u@nas", "ftp://nas", "http://n as"])
def test_what_is_no_origin_is_refused_with_a_sentence_that_says_how_to_write_it(url):
    with pytest.raises(AddressDenied, match=r"Write it like http://192\.168\.1\.10:32400"):
        outbound.check_origin(url)


SECRET = "canary0123456789"


@pytest.mark.parametrize("fault", [
    fake.page, fake.break_off, fake.bad_headers, fake.drip_body, fake.status(401), fake.status(429), fake.status(500), fake.status(503),
    fake.status(302, Location=f"http://127.0.0.1:9/?token={SECRET}"), fake.body(b"no gzip", Content_Encoding="gzip"),
])
def test_neither_a_query_nor_a_token_nor_a_body_is_in_a_log_or_an_exception(fault, service, caplog, monkeypatch):
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.15)
    caplog.set_level(logging.DEBUG)
    service.fault = fault
    error = refusal(f"{service.origin}/x", params={"api_key": SECRET}, headers={"X-Token": SECRET})
    said = str(error) + caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    assert "api_key" not in said
    assert "canary" not in said + "".join(traceback.format_exception(error)) + repr(error)
    assert error.__context__ is None


def test_a_good_answer_leaves_no_query_in_the_log(service, caplog):
    caplog.set_level(logging.DEBUG)
    ask(f"{service.origin}/x", params={"api_key": SECRET}, headers={"X-Token": SECRET})
    assert "canary" not in caplog.text


def test_a_secret_is_in_no_exception_when_nobody_listens(caplog):
    caplog.set_level(logging.DEBUG)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = refusal(f"http://127.0.0.1:{unused.getsockname()[1]}/x", params={"api_key": SECRET})
    assert error.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(error)) + caplog.text


@pytest.mark.parametrize("token", ["canary…", "canary\r\nX-Other: 1", "canary\x00"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_repeated(token, service):
    error = refusal(f"{service.origin}/x", headers={"X-Token": token})
    assert isinstance(error, ServiceRefused)
    assert "canary" not in str(error)
    assert service.connections == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for media.test that signs itself, in a file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
    ))
    return path


@pytest.fixture
def secure(certificate, wire):
    """A service that speaks TLS; `named` are the names it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    named = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    wire.names = {"media.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}
    with fake.running(lambda sock: context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), open_to_all=True) as server:
        server.answers["/x"] = {"fine": True}
        server.named = named
        yield server


def test_over_tls_the_checked_address_is_asked_under_its_name(secure, certificate, monkeypatch):
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))
    assert ask(f"https://media.test:{secure.port}/x").data == {"fine": True}
    assert secure.named == ["media.test"]
    assert secure.asked[0].headers["host"] == f"media.test:{secure.port}"


def test_a_certificate_for_another_name_is_not_accepted(secure, certificate, monkeypatch):
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))
    assert str(refusal(f"https://other.test:{secure.port}/x")) == "TMDB has a certificate that is not trusted here."
    assert str(refusal(f"https://127.0.0.1:{secure.port}/x")) == "TMDB has a certificate that is not trusted here."
    assert secure.asked == []


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(secure):
    assert str(refusal(f"https://media.test:{secure.port}/x")) == "TMDB has a certificate that is not trusted here."
    assert secure.asked == []


def test_an_answer_that_drips_over_tls_is_cut_off_in_time(secure, certificate, monkeypatch):
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(certificate))
    monkeypatch.setattr(outbound, "TOTAL_SECONDS", 0.25)
    secure.fault = fake.drip_body
    assert str(refusal(f"https://media.test:{secure.port}/x")) == "TMDB did not answer within 0.25 seconds."

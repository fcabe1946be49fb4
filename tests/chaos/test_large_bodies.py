"""Bodies that nobody should have to read."""

import os
import socket
import time
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests import sender
from tests.once import once
from tests.product import descendants

pytestmark = [pytest.mark.slow, once]

MIB = 2**20
SIZE = 300 * MIB
_THUMB = b'--x\r\nContent-Disposition: form-data; name="thumb"; filename="t.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'


@pytest.fixture(scope="module")
def large(seeded):
    from tests.chaos.conftest import CHAOS
    from tests.product import product

    with product(like=seeded, **CHAOS) as made:
        # Temporary files of the server would appear here.
        (made.folder / "tmp").mkdir()
        yield made.web(TMPDIR=str(made.folder / "tmp"))


def _memory(made) -> float:
    """The highest resident memory so far of the web server's worker, in MiB."""
    [worker] = descendants(made.process.pid)
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _post(secret: str) -> str:
    return f"POST /api/plex/webhook?secret={secret} HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def _pour(made, *, secret: str, chunked: bool, kind: str = "multipart/form-data; boundary=x", head: bytes = _THUMB):
    """Send until the server answers or hangs up: the status, MiB that it let us send, and seconds."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"
    request = f"{_post(secret)}Content-Type: {kind}\r\n{length}\r\n\r\n"
    framed = [b"%x\r\n%b\r\n" % (len(block), block) if chunked else block for block in (head, b"z" * 64 * 1024)]
    started, sent = time.monotonic(), 0
    with socket.create_connection(("127.0.0.1", made.port), timeout=20) as connection:
        # What the kernel takes off our hands is not what the server read.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        connection.sendall(request.encode())
        try:
            for block in chain(framed[:1], repeat(framed[1], SIZE // 2**16)):
                left = memoryview(block)
                while left:
                    done = connection.send(left)
                    left, sent = left[done:], sent + done
        except OSError:
            pass
        try:
            status = int(connection.recv(65536).split(b" ")[1])
        except (OSError, IndexError):
            status = 0
    return status, sent / MIB, time.monotonic() - started


def _files(made) -> list[str]:
    return [path.name for path in (made.folder / "tmp").iterdir()]


@pytest.mark.parametrize("chunked", [False, True])
def test_300_megabytes_with_a_wrong_secret_are_refused_unread(large, chunked):
    before = _memory(large)
    status, sent, seconds = _pour(large, secret="wrong", chunked=chunked)
    print(f"{status}: {sent:.1f} MiB sent in {seconds:.2f} s, memory {_memory(large) - before:+.1f} MiB")
    assert status in {401, 0}  # 0: it hung up before we were done sending
    assert sent <= 8  # of which the kernel's buffers hold all but the first 64 KiB
    assert seconds < 5
    assert _files(large) == []
    assert _memory(large) - before < 10


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("kind", "head"), [("multipart/form-data; boundary=x", _THUMB), ("application/json", b'{"event": "')], ids=["form", "json"],
)
def test_300_megabytes_with_the_right_secret_are_too_large(large, chunked, kind, head):
    before = _memory(large)
    status, sent, seconds = _pour(large, secret=large.seeded["secret"], chunked=chunked, kind=kind, head=head)
    print(f"{status}: {sent:.1f} MiB sent in {seconds:.2f} s, memory {_memory(large) - before:+.1f} MiB")
    assert status in {413, 0}
    assert sent <= 20
    assert _files(large) == []
    assert _memory(large) - before < 50
    assert large.value("SELECT COUNT(*) FROM plex_webhook_logs WHERE event_type = 'invalid'") == 0


def test_an_event_in_chunks_without_a_length_is_read(large):
    kind, body = sender.form(sender.scrobble(1, 1, 1), thumb=os.urandom(60_000))
    head = f"Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    parts = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert sender.send(large.port, (_post(large.seeded["secret"]) + head).encode() + framed).status == 200

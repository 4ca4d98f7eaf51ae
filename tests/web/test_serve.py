"""The server as it runs: odd requests, many connections, other hosts' pages, addresses, and its end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.web.serve import serve

COMMAND = "from glassbook.cli.app import main; main()"


def started(folder: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """A server's process and its address."""
    command = [sys.executable, "-u", "-c", COMMAND, "serve", "--notebook", str(folder), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "http://" in line:
            return process, line[line.index("http://") :].split()[0].rstrip("/")
    raise AssertionError("the server said no address")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    notebook = Notebook.create(tmp_path_factory.mktemp("served") / "nb")
    (notebook.folder / "pages" / "a.md").write_text("# A\n")
    notebook.close()
    return notebook.folder


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    process, url = started(folder)
    yield url
    process.kill()
    process.wait()


def connected(url: str, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=30)
    connection.sendall(sent)
    return connection


HOST = b"Host: 127.0.0.1\r\n"
CHUNKED = b"POST /api/v1/pages HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"no request at all\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
        b"GET /" + b"z" * 300_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        CHUNKED + b"\r\nxyz\r\n",
        CHUNKED + b"Content-Length: 4\r\nConnection: close\r\n\r\n0\r\n\r\n",
        b"GET /p/%ff%00%zz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\nConnection: close\r\n\r\n",
        b"BREW /p/a HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    ],
    ids=["TLS", "words", "length", "header", "address", "chunk", "two lengths", "escapes", "two hosts", "method"],
)
def test_malformed_requests_are_refused_and_the_server_lives(url, sent):
    with connected(url, sent) as connection:
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or answer.split()[1].startswith(b"4"), answer[:80]
    assert urlopen(f"{url}/p/a", timeout=30).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9"])
@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_pages_of_other_hosts_may_not_read_answers(url, method, origin):
    headers = f"Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\nConnection: close\r\n"
    sent = f"{method} /api/v1/pages HTTP/1.1\r\n{HOST.decode()}{headers}\r\n".encode()
    with connected(url, sent) as connection, connection.makefile("rb") as answer:
        head = answer.read().lower()
    assert head.startswith(b"http/1.1")
    assert b"access-control-allow" not in head


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nX-half: ", b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n"])
def test_many_idle_connections_hold_nobody_up(url, sent):
    idle = [connected(url, sent) for _ in range(100)]
    try:
        began = time.monotonic()
        assert urlopen(f"{url}/p/a", timeout=30).status == 200
        assert time.monotonic() - began < 10
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nX-half: ", b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n"])
def test_it_ends_though_connections_are_open(folder, sent):
    process, url = started(folder)
    idle = [connected(url, sent) for _ in range(20)]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) is not None
    for connection in idle:
        connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_answers_at_the_address_that_it_says(folder, host):
    process, url = started(folder, "--host", host)
    try:
        assert url.startswith(f"http://[{host}]:" if ":" in host else f"http://{host}:")
        assert urlopen(f"{url}/p/a", timeout=30).status == 200
    finally:
        process.kill()
        process.wait()


def test_a_port_that_is_taken_or_none_and_a_foreign_address_are_one_line(nb):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for host, port in (("127.0.0.1", taken.getsockname()[1]), ("127.0.0.1", 70_000), ("192.0.2.1", 0)):
            with pytest.raises(GlassbookError, match=f"cannot listen on {host}:{port}: .*--port or --host"):
                serve(nb, host=host, port=port)

"""A real server on this machine that speaks the protocol of chat completions, well and badly."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from glassbook.errors import GlassbookError
from glassbook.features.dashboard.autointerp import score
from glassbook.features.dashboard.endpoint import KEY, Endpoint
from glassbook.notebook.runs.feature_dashboard import Feature, NonActivatingExample

EXCERPTS = [NonActivatingExample([" a", f" {i}", " b"], frozenset()) for i in range(20)]


def feature():
    """A feature of foxes."""
    contexts = [[(" the", 0.0), (" fox", 3.0), (f" {i}", 0.0)] for i in range(5)]
    sampled = [[(" one", 0.0), (" fox", 1.0), (f" x{i}", 0.0)] for i in range(8)]
    return Feature(0, "", None, 0.1, 3.0, [(" fox", 0.7)], [], [], [], [], {}, contexts, sampled)


def said(content) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()


@pytest.fixture
def server():
    """A server whose `answer(body) -> (status, bytes)` a test sets; keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked.append((self.path, dict(self.headers), body))
            status, answer = self.server.answer(body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who waits no longer has hung up
                self.wfile.write(answer)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.asked = []
    http.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


def test_it_names_what_it_is_shown_and_judges_by_the_name(server, monkeypatch):
    monkeypatch.setenv(KEY, "secret")

    def answer(body):
        lines = body["messages"][1]["content"].splitlines()
        if "in common" in body["messages"][0]["content"]:
            assert lines[0] == "1. the<< fox>> 0"
            return 200, said('<think>hm</think>\n"Foxes\x1b[31m, <b>red</b>".\nMore words')
        marked = "between << and >>" in body["messages"][0]["content"]
        return 200, said(f"Here: {[int(('<< fox>>' if marked else ' fox') in line) for line in lines]}")

    server.answer = answer
    judge = Endpoint(server.url, "tiny")
    assert judge.name(feature()) == "Foxes[31m, <b>red</b>"
    assert score(feature(), "foxes", judge, EXCERPTS) == {"detection": 1.0, "fuzzing": 1.0}
    path, headers, body = server.asked[0]
    assert (path, body["model"], headers["Authorization"]) == ("/v1/chat/completions", "tiny", "Bearer secret")


@pytest.mark.parametrize("content", ["yes", "[1, 0]", "[1, 2, 1]", "", "[" * 10_000])
def test_an_answer_that_cannot_be_told_is_none(server, content):
    server.answer = lambda body: (200, said(content))
    assert Endpoint(server.url, "tiny").active("foxes", [["a"], ["b"], ["c"]]) is None


@pytest.mark.parametrize(
    ("status", "answer", "complaint"),
    [
        (401, b"", f"refuses the key .401.; set the environment variable {KEY}"),
        (404, b"", "knows no model 'tiny'"),
        (429, b"", "too busy"),
        (500, b"secret trace", "answers with status 500"),
        (302, b"", "answers with status 302"),
        (200, b"<html>", "does not answer as a chat completion"),
        (200, b"", "does not answer as a chat completion"),
        (200, b'{"choices": []}', "does not answer as a chat completion"),
        (200, b"[" * 100_000, "does not answer as a chat completion"),
        (200, b"x" * (2 << 20), "does not answer as a chat completion"),
        (200, said(None), "does not answer as a chat completion"),
    ],
)
def test_a_server_that_fails_is_one_line(server, status, answer, complaint):
    server.answer = lambda body: (status, answer)
    with pytest.raises(GlassbookError, match=complaint) as error:
        Endpoint(server.url, "tiny").name(feature())
    assert "\n" not in str(error.value)
    assert len(server.asked) == 1  # nobody was sent on


def test_a_server_that_is_slow_or_gone_is_one_line(server):
    server.answer = lambda body: (time.sleep(0.6), (200, said("late")))[1]
    with pytest.raises(GlassbookError, match=r"did not answer in 0.2 s"):
        Endpoint(server.url, "tiny", timeout=0.2).name(feature())
    with pytest.raises(GlassbookError, match="cannot be reached"):
        Endpoint("http://127.0.0.1:1/v1", "tiny").name(feature())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "localhost:8080", "http://", "ftp://x/v1"])
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(GlassbookError, match="no address"):
        Endpoint(url, "tiny")

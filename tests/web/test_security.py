"""The guard: who may speak to the server, and what a page may do."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from glassbook.web import security
from glassbook.web.security import Guard


def client(token: str | None = None, hosts: tuple[str, ...] = (), base: str = "http://127.0.0.1:8765") -> TestClient:
    async def answer(request):
        await request.body()
        return PlainTextResponse("seen")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE"])])
    app.add_middleware(Guard, hosts=hosts, token=token)
    return TestClient(app, base_url=base, follow_redirects=False)


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765"])
def test_the_machines_own_names_are_answered(host):
    assert client().get("/", headers={"host": host}).text == "seen"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "", "a b", "[::1", "127.0.0.1@evil"],
)
def test_foreign_names_are_refused(host):
    assert client().get("/", headers={"host": host}).status_code == 421


def test_a_name_that_was_given_is_answered():
    assert client(hosts=("notes.example",)).get("/", headers={"host": "Notes.Example:443"}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8765"},
    ],
)
def test_writes_from_other_sites_are_refused(method, headers):
    assert getattr(client(), method)("/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:8765"}], ids=str
)
def test_writes_from_own_pages_and_programs_pass(headers):
    assert client().post("/", headers=headers).text == "seen"


def test_reading_from_a_link_elsewhere_passes():
    assert client().get("/", headers={"sec-fetch-site": "cross-site"}).text == "seen"


def test_without_the_token_nothing_is_said():
    for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "glassbook-8765=wrong"}, {"cookie": "\x01=;;"}):
        answer = client("secret").get("/page", headers=headers)
        assert answer.status_code == 401
        assert "seen" not in answer.text


def test_the_token_opens_by_header_and_by_address_then_by_cookie():
    open_ = client("secret")
    assert open_.get("/", headers={"authorization": "Bearer secret"}).text == "seen"
    answer = open_.get("/p/a?x=1&token=secret")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/p/a?x=1"
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert open_.get("/").text == "seen"


@pytest.mark.parametrize(
    "address",
    ["//evil.example/", "///evil.example", "/%2f%2fevil.example", "/%5cevil.example", "/%0d%0aSet-Cookie:x=y"],
)
def test_the_redirect_after_the_token_stays_here(address):
    answer = client("secret").get(f"{address}?token=secret")
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith(("//", "/\\"))
    assert "x" not in answer.cookies


def test_tokens_are_compared_in_constant_time(monkeypatch):
    seen = []

    def compare(a, b):
        seen.append((a, b))
        return a == b

    monkeypatch.setattr(security.hmac, "compare_digest", compare)
    client("secret").get("/", headers={"authorization": b"Bearer s\xe9cret"})
    assert seen
    assert all(expected == b"secret" and isinstance(given, bytes) for given, expected in seen)


def test_every_answer_forbids_inline_scripts_and_frames():
    for answer in (client().get("/"), client().get("/", headers={"host": "evil"}), client("secret").get("/")):
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "object-src 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "others",
    [
        "bad name=1; {}",
        'prefs={{"a":1}}; {}',
        "{}; _xsrf=2|abc|def; =; ;",
        'a="; {}',
        "é=ü; {}",
        "glassbook-80=wrong; {0}; {0}x=y",
        "glassbook-8765=wrong; {}",
    ],
)
def test_cookies_of_other_programs_do_no_harm(others):
    token = 's3cret "to;ken'
    opened = client(token).get("/p/a", params={"token": token})
    cookie = opened.headers["set-cookie"].partition("; ")[0]
    asked = client(token).get("/p/a", headers={"cookie": others.format(cookie).encode()})
    assert asked.text == "seen"
    assert client(token).get("/p/a", headers={"cookie": others.format("glassbook-8765=x").encode()}).status_code == 401


@pytest.mark.parametrize("size", [0, 1000, security.LARGEST])
def test_a_body_up_to_the_limit_is_taken(size, monkeypatch):
    monkeypatch.setattr(security, "LARGEST", 1000)
    body = b"x" * min(size, 1000)
    assert client().post("/", content=body).text == "seen"
    assert client().post("/", content=iter([body])).text == "seen"


@pytest.mark.parametrize("parts", [1, 2, 1000])
def test_a_body_beyond_the_limit_is_refused_whether_it_says_its_length_or_not(parts, monkeypatch):
    monkeypatch.setattr(security, "LARGEST", 1000)
    pieces = [b"x" * (2000 // parts)] * parts
    assert client().post("/", content=b"".join(pieces)).status_code == 413
    assert client().post("/", content=iter(pieces)).status_code == 413


def test_the_rest_of_a_body_without_an_end_is_read_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(security, "LARGEST", 1000)
    monkeypatch.setattr(security, "DISCARDED", 10_000)
    read, answers = [], []

    async def receive():
        read.append(100)
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    async def send(message):
        answers.append(message.get("status"))

    headers = [(b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    asyncio.run(client().app(scope, receive, send))
    assert answers[0] == 413
    assert sum(read) <= 1000 + 10_000 + 200

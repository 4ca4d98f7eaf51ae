"""Results of the model server as streams of JSON lines."""

from __future__ import annotations

import asyncio
import json

import pytest

from glassbook.errors import GlassbookError
from glassbook.web.api.model_results import LINES

SAMPLE = {"model": "builtin", "prompt": "The fox", "tokens": 3, "temperature": 0, "seed": 1}
SOURCE = {"plus": "happy", "minus": "sad", "site": "blocks.2.in"}
STEER = {"model": "builtin", "sources": [SOURCE], "prompts": ["The fox"], "tokens": 5}
ASKS = {"/api/v1/models/sample": SAMPLE, "/api/v1/steer": STEER}


class FakeModelServer:
    """Tells two parts, then the result; a prompt "wait" never comes to an end."""

    def __init__(self) -> None:
        self.calls = 0
        self.given_up = 0

    async def call(self, method, *, partial=None, **params):
        self.calls += 1
        if params["model"] == "nobody":
            raise GlassbookError("there is no model 'nobody'; name a folder, a file or an id")
        if params["model"] == "defect":
            raise ZeroDivisionError
        for done in (0, 1):
            if partial is not None:
                partial({"text": "ab"[:done], "done": done, "tokens": 2})
        if params.get("prompt") == "wait":
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                self.given_up += 1
                raise
        return {"text": "ab"}

    async def close(self):
        pass


@pytest.fixture
def server() -> FakeModelServer:
    return FakeModelServer()


def lines(reader, path, **changed):
    answer = reader.post(path, json={**ASKS[path], **changed}, headers={"accept": LINES})
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINES)
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("path", ASKS)
def test_parts_come_before_the_result_and_a_known_result_comes_alone(reader, server, path):
    first = lines(reader, path)
    assert first[:2] == [{"partial": {"text": "ab"[:n], "done": n, "tokens": 2}} for n in (0, 1)]
    plain = reader.post(path, json=ASKS[path]).json()
    assert first[2:] == [{"result": plain}]
    assert plain["text"] == "ab"
    assert ("query" in plain) == (path == "/api/v1/steer")
    assert lines(reader, path) == first[2:]
    assert server.calls == 1


@pytest.mark.parametrize("path", ASKS)
def test_errors_are_the_last_line(reader, path):
    assert lines(reader, path, model="nobody") == [
        {"error": "there is no model 'nobody'; name a folder, a file or an id"}
    ]
    assert reader.post(path, json={**ASKS[path], "tokens": 0}, headers={"accept": LINES}).status_code == 422


def test_a_defect_ends_the_stream(reader):
    (line,) = lines(reader, "/api/v1/models/sample", model="defect")
    assert "the server failed" in line["error"]


def test_a_reader_who_goes_gives_the_request_up(reader, server):
    app, body = reader.app, json.dumps({**SAMPLE, "prompt": "wait"}).encode()
    sent = []

    async def visit():
        heard, gone = asyncio.Event(), [False]

        async def receive():
            if not gone[0]:
                gone[0] = True
                return {"type": "http.request", "body": body}
            await heard.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)
            if b'"done": 1' in message.get("body", b""):
                heard.set()

        headers = {b"host": b"127.0.0.1", b"content-type": b"application/json", b"accept": LINES.encode()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/v1/models/sample",
            "raw_path": b"/api/v1/models/sample",
            "query_string": b"",
            "root_path": "",
            "headers": list(headers.items()),
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        await asyncio.wait_for(app(scope, receive, send), 30)
        await asyncio.sleep(0.01)

    asyncio.run(visit())
    assert [message["type"] for message in sent[:3]] == ["http.response.start", *["http.response.body"] * 2]
    assert server.given_up == 1
    assert server.calls == 1

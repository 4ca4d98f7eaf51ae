"""Parts of a result before the whole, and requests that are given up: a real worker and a model that takes its time."""

from __future__ import annotations

import asyncio
import time

import pytest
from tiny_models import save_slow

from glassbook.errors import GlassbookError
from glassbook.model_server import ModelServer, client
from glassbook.notebook import Notebook

PROMPT = "the cat"
PAIR = {"plus": " dog", "minus": " hill", "site": "blocks.2.in", "coeff": 20}


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return str(save_slow(tmp_path_factory.mktemp("slow") / "model"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Runs a coroutine with one model server, in one loop, for all tests."""
    server = ModelServer(Notebook.create(tmp_path_factory.mktemp("nb") / "nb").folder)
    loop = asyncio.new_event_loop()
    yield lambda work: loop.run_until_complete(work(server))
    loop.run_until_complete(server.close())
    loop.close()


def sampling(model, tokens=400):
    return {"model": model, "prompt": PROMPT, "tokens": tokens, "temperature": 0.0}


def steering(model, tokens=40):
    return {"model": model, "prompts": [PROMPT, "the dog"], "sources": [PAIR], "tokens": tokens, "temperature": 0.0}


async def given_up(server, method, when=lambda part: part["done"] > 2, **params):
    """Cancel a call at the first part that `when` picks; returns how many parts came."""
    parts, enough = [], asyncio.Event()

    def partial(part):
        parts.append(part)
        if when(part):
            enough.set()

    call = asyncio.create_task(server.call(method, partial=partial, **params))
    await asyncio.wait_for(enough.wait(), 120)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    return len(parts)


def test_text_comes_before_the_whole_of_it(asked, slow):
    async def work(server):
        parts, times = [], []

        def partial(part):
            parts.append(part)
            times.append(time.monotonic())

        result = await server.call("sample", partial=partial, **sampling(slow, tokens=40))
        return parts, time.monotonic() - times[1], result

    parts, before, result = asked(work)
    assert parts[0] == {"text": "", "done": 0, "tokens": 40}
    assert parts[1]["done"] == 1
    assert result["text"].startswith(parts[1]["text"])
    assert [part["done"] for part in parts] == sorted({part["done"] for part in parts})
    assert all(result["text"].startswith(part["text"]) for part in parts)
    assert before > 0.05
    assert asked(lambda server: server.call("sample", **sampling(slow, tokens=40))) == result


def test_steering_shows_the_plain_text_then_the_steered_one(asked, slow):
    parts = []
    result = asked(lambda server: server.call("steer", partial=parts.append, **steering(slow, tokens=12)))
    assert asked(lambda server: server.call("steer", **steering(slow, tokens=12))) == result
    assert (parts[0]["done"], parts[-1]["done"], parts[-1]["tokens"]) == (0, 48, 48)
    assert [pair["prompt"] for pair in parts[0]["results"]] == [PROMPT, "the dog"]
    assert parts[-1]["results"] == [{k: v for k, v in pair.items() if k != "pieces"} for pair in result["results"]]
    halves = [part for part in parts if part["done"] == 24]
    assert [pair["plain"] for pair in halves[0]["results"]] == [pair["plain"] for pair in result["results"]]
    for part in parts:
        for pair, whole in zip(part["results"], result["results"], strict=True):
            assert whole["plain"].startswith(pair["plain"])
            assert whole["steered"].startswith(pair["steered"])
            assert part["done"] > 24 or not pair["steered"]


@pytest.mark.parametrize("when", [1, 41])
def test_a_request_that_is_given_up_leaves_the_models_open_and_unchanged(asked, slow, when):
    async def work(server):
        before = await server.call("sample", **sampling(slow, tokens=8))
        process = server._process
        await given_up(server, "sample", **sampling(slow))
        await given_up(server, "steer", lambda part: part["done"] >= when, **steering(slow))
        start = time.monotonic()
        assert await server.call("sample", **sampling(slow, tokens=8)) == before
        assert server._process is process
        return time.monotonic() - start

    assert asked(work) < client.PATIENCE + 2


def test_a_request_that_is_given_up_before_it_is_handled_or_behind_another_one_is_dropped(asked, slow):
    async def work(server):
        await server.call("sample", **sampling(slow, tokens=8))
        process = server._process
        first = asyncio.create_task(server.call("sample", **sampling(slow)))
        for _ in range(5):
            await asyncio.sleep(0)
        behind = asyncio.create_task(server.call("sample", **sampling(slow)))
        await asyncio.sleep(0)
        behind.cancel()
        first.cancel()
        assert len((await server.call("tokens", model=slow, text="the"))["tokens"]) == 2
        assert server._process is process
        for _ in range(20):  # a signal between two requests
            process.send_signal(10)
            await server.call("tokens", model=slow, text="the")
        assert server._process is process

    asked(work)


def test_a_worker_that_does_not_let_go_is_ended(asked, slow, monkeypatch):
    async def work(server):
        await server.call("sample", **sampling(slow, tokens=8))
        process = server._process
        monkeypatch.setattr(client, "PATIENCE", 0.4)
        monkeypatch.setattr(client, "TIMEOUT", 0.2)
        process.send_signal(19)  # stopped: it hears nothing
        with pytest.raises(GlassbookError, match="took more than 0 s"):
            await server.call("sample", **sampling(slow, tokens=8))
        monkeypatch.undo()
        await server.call("tokens", model=slow, text="the")
        assert server._process is not process
        assert process.returncode == -9

    asked(work)


def test_errors_come_as_before(asked, slow):
    parts = []
    for bad in ({"model": slow, "prompt": PROMPT, "tokens": 9999}, {"model": "no/such", "prompt": PROMPT}):
        with pytest.raises(GlassbookError, match=r"context|no/such"):
            asked(lambda server, bad=bad: server.call("sample", partial=parts.append, **bad))
    assert all(part["done"] == 0 for part in parts)

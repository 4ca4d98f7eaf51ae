"""The model server's process: what goes wrong with one question does not touch the next."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.model_server import ModelServer
from glassbook.model_server.client import MAX_MESSAGE
from glassbook.notebook import Notebook

PAIR = {"plus": " winter", "minus": " summer", "site": "blocks.2.in"}
SETTINGS = {"model": "builtin", "prompts": ["The fox walked along the"], "tokens": 10, "temperature": 0.0, "seed": 0}


@pytest.fixture
def nb(tmp_path):
    return Notebook.create(tmp_path / "nb")


def _text(said):
    return "".join(token["text"] for token in said["tokens"][1:])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_question_given_up_or_wrong_leaves_the_model_server_usable(nb):
    server = ModelServer(nb.folder)

    async def wrong_then_given_up():
        assert _text(await server.call("tokens", model="builtin", text="fox")) == "fox"
        process = server._process
        with pytest.raises(GlassbookError, match=r"is not valid \(TypeError: .*'minus'"):
            await server.call("tokens", minus="x")
        assert server._process is process  # the models it holds are not lost
        question = asyncio.create_task(server.call("sample", model="builtin", prompt="The fox", tokens=200))
        for _ in range(5):  # until it is sent; a wait in seconds could last longer than the answer
            await asyncio.sleep(0)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        # The answer to the question that was given up is not taken for this one's.
        assert _text(await server.call("tokens", model="builtin", text="owl")) == "owl"

    async def in_another_loop():
        assert _text(await server.call("tokens", model="builtin", text="hare")) == "hare"
        await server.close()

    asyncio.run(wrong_then_given_up())
    asyncio.run(in_another_loop())
    gc.collect()  # the first loop's pipes complain here, where they may
    log = (nb.folder / ".glassbook" / "model-server.log").read_text()
    assert "TypeError" in log


def test_a_module_in_the_current_folder_is_not_taken(nb, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise SystemExit('taken from the current folder')\n")
    monkeypatch.chdir(tmp_path)

    async def asked():
        server = ModelServer(nb.folder)
        try:
            return await server.call("tokens", model="builtin", text="fox")
        finally:
            await server.close()

    assert _text(asyncio.run(asked())) == "fox"


def test_an_answer_too_long_to_send_says_so(monkeypatch, tmp_path):
    import io
    import os
    import sys

    from glassbook.model_server import methods
    from glassbook.model_server import worker as child

    monkeypatch.setattr(methods, "handle", lambda models, method, params, partial: {"x": "a" * MAX_MESSAGE})
    out = os.memfd_create("answers")
    kept = os.dup(1), os.dup(2)
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"method": "tokens", "params": {}}\n'))
    try:
        os.dup2(out, 1)
        child.main(str(Notebook.create(tmp_path / "nb2").folder))
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
    os.lseek(out, 0, 0)
    assert "use a shorter prompt" in json.loads(os.read(out, 10_000))["error"]


def test_a_single_token_after_the_prompt_cannot_be_steered_and_says_nothing_changed(nb):
    from glassbook.features import Dictionary, TopK
    from glassbook.features.dashboard import build_dashboard
    from glassbook.model_server.steered_texts import steer_texts
    from glassbook.nets import open_model
    from glassbook.steer.spec import read_settings

    lm = open_model("builtin")
    torch.manual_seed(0)
    with nb.start_run("toy", {}) as run:
        d = Dictionary(128, 128, TopK(2))
        ids = torch.arange(20)
        build_dashboard(d, torch.randn(20, 128), lm, run.folder / "artifacts", tokens=ids, sequence=ids)

    def steered(run, **changed):
        sources = [{"run": run.id, "index": 0, "coeff": 20}]
        with torch.no_grad():
            return steer_texts(nb, lm, read_settings({**SETTINGS, "sources": sources, **changed}))

    with pytest.raises(GlassbookError, match="names no dictionary"):
        steered(run)
    with nb.start_run("toy", {}) as run:
        d.save(run.artifact("d.safetensors"))
        about = {"site": "blocks.3.out", "dictionary": "d.safetensors"}
        build_dashboard(d, torch.randn(20, 128), lm, run.folder / "artifacts", tokens=ids, sequence=ids, about=about)
    said = steered(run, where="after-prompt", tokens=1)
    assert said["effect"] == {"changed_tokens": 0, "preference_nats": 0}
    assert steered(run, where="after-prompt")["effect"]["changed_tokens"] > 0

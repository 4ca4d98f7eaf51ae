"""`glassbook finetune` and `glassbook chat`: a base model becomes one that answers; faults are one line."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
import torch
from tiny_models import TOKENIZER

from glassbook.nets import LM, LanguageModel, LMConfig, open_language_model, save_model
from glassbook.nets.chat import can_chat


def talk(question="who sat", answer="the cat sat"):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    model = LM(LMConfig(len(TOKENIZER), d_model=32, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=48, context=64))
    save_model(LanguageModel(model.eval(), TOKENIZER, "base"), folder)
    return folder


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "talks.jsonl"
    file.write_text("\n".join(json.dumps(t) for t in (talk(), talk("who ran", "the dog ran"))))
    return file


def tune(base, data, out, *more):
    return ("finetune", "--model", base, "--data", data, "--out", out, "--epochs", "4", *more)


@pytest.mark.parametrize("how", [[], ["--lora", "4"]])
def test_the_result_is_a_chat_model_and_nothing_else_is_left(glassbook, base, data, tmp_path, how):
    out = tmp_path / "tuned"
    told = glassbook(*tune(base, data, out, *how, "--json")).data()
    assert (told["conversations"], told["epochs"]) == (2, 4)
    lm = open_language_model(out)
    assert can_chat(lm)
    assert not (out / "training").exists()
    assert not torch.equal(lm.model.head.weight[:-3], open_language_model(base).model.head.weight)


def test_it_says_what_comes_next(glassbook, base, data, tmp_path):
    said = glassbook(*tune(base, data, tmp_path / "tuned"))
    assert f"next: glassbook chat {tmp_path / 'tuned'}" in said.out
    assert "2 conversations" in said.err


def test_a_chat_model_is_tuned_further_in_its_own_form(glassbook, base, data, tmp_path):
    glassbook(*tune(base, data, tmp_path / "first"))
    glassbook(*tune(tmp_path / "first", data, tmp_path / "second", "--lora", "2"))
    first, second = (open_language_model(tmp_path / name) for name in ("first", "second"))
    assert first.vocab == second.vocab


def test_what_is_interrupted_is_resumed_to_the_same_weights(glassbook, base, data, tmp_path, monkeypatch):
    from glassbook.train import finetuning

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    glassbook(*tune(base, data, whole))
    real = finetuning.train

    def broken(model, objective, batches, **settings):
        def stops(step):
            if step == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return batches(step)

        return real(model, objective, stops, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(finetuning, "train", broken)
        stopped = glassbook(*tune(base, data, parts))
    assert stopped.code == 130
    assert "interrupted; continue with the same command and --resume" in stopped.err
    assert "another --lr" in glassbook(*tune(base, data, parts, "--resume", "--lr", "1")).complaint()
    assert "go on with --resume" in glassbook(*tune(base, data, parts)).complaint()
    glassbook(*tune(base, data, parts, "--resume"))
    for name, value in open_language_model(whole).model.state_dict().items():
        assert torch.equal(open_language_model(parts).model.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--lora", "0"], "rank 0"),
        (["--epochs", "0"], "epochs = 0"),
        (["--lr", "-1"], "--lr -1"),
        (["--resume"], "no training was interrupted"),
        (["--data", "/none.jsonl"], "/none.jsonl cannot be read"),
        (["--model", "builtin-vae"], "is a picture model"),
    ],
)
def test_faults_are_one_line_and_leave_nothing_behind(glassbook, base, data, tmp_path, more, said):
    out = tmp_path / "new"
    line = [line for line in glassbook(*tune(base, data, out, *more)).err.splitlines() if line.startswith("error")]
    assert len(line) == 1
    assert said in line[0]
    assert not out.exists()


def test_a_fault_in_the_data_names_the_line(glassbook, base, data, tmp_path):
    data.write_text(data.read_text() + "\n" + json.dumps(talk(answer="")))
    assert (
        "talks.jsonl, line 3: message 2, of the assistant, is empty"
        in glassbook(*tune(base, data, tmp_path / "new")).complaint()
    )


# --- chat ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tuned(glassbook, base, data, tmp_path):
    glassbook(*tune(base, data, tmp_path / "tuned"))
    return tmp_path / "tuned"


def test_each_line_is_answered_and_what_was_said_before_is_kept(glassbook, tuned, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("who sat\n\nwho ran\n"))
    told = glassbook("chat", tuned, "--tokens", "6", "--json").data()
    assert [m["role"] for m in told["messages"]] == ["user", "assistant"] * 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("who sat\nwho ran\n"))
    printed = glassbook("chat", tuned, "--tokens", "6").out.splitlines()
    assert printed == [m["content"] for m in told["messages"][1::2]]


def test_a_conversation_that_fills_the_context_forgets_its_beginning(glassbook, tuned, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("who sat\n" * 6))
    said = glassbook("chat", tuned, "--tokens", "20")
    assert said.code == 0
    assert "questions and answers are left out" in said.err


def test_models_and_messages_that_cannot_be_are_one_line(glassbook, base, tuned, monkeypatch):
    assert "has no chat template" in glassbook("chat", base).complaint()
    monkeypatch.setattr(sys, "stdin", io.StringIO("a <|end|> b\n"))
    assert "holds '<|end|>'" in glassbook("chat", tuned).complaint()
    monkeypatch.setattr(sys, "stdin", io.StringIO("cat " * 80))
    assert "context of 64" in glassbook("chat", tuned).complaint()


def read_until(terminal, word, text=""):
    while word not in text:
        piece = os.read(terminal, 65536).decode(errors="replace").replace("\r\n", "\n")
        assert piece, text
        text += piece
    return text


def test_on_a_terminal_ctrl_c_ends_an_answer_and_then_the_chat(tmp_path):
    from glassbook.nets.chat import as_chat_model

    torch.manual_seed(0)
    model = LM(LMConfig(len(TOKENIZER), d_model=256, n_layers=16, n_heads=4, n_kv_heads=2, d_hidden=512, context=600))
    lm = as_chat_model(LanguageModel(model.eval(), TOKENIZER, "slow"))
    save_model(lm, tmp_path / "slow")
    terminal, end = pty.openpty()
    words = [sys.executable, "-m", "glassbook", "chat", str(tmp_path / "slow"), "--tokens", "500"]
    sampling = ["--temperature", "1", "--top-p", "1", "--seed", "1"]
    process = subprocess.Popen(
        [*words, *sampling], stdin=end, stdout=end, stderr=end,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    os.close(end)
    try:
        read_until(terminal, "> ")
        os.write(terminal, b"who\n")
        text = read_until(terminal, "who\n")
        while len(text) < 30:
            text += os.read(terminal, 65536).decode(errors="replace")
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        read_until(terminal, "> ")
        time.sleep(0.5)  # it waits for a message now
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        os.close(terminal)

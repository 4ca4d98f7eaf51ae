"""A question to an assistant and to a base model."""

import pytest
import torch
from tiny_models import TOKENIZER

from glassbook.errors import GlassbookError
from glassbook.model_server.chat_settings import chat_from_query, chat_query, read_chat
from glassbook.model_server.chatting import answers
from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.chat import as_chat_model


def models():
    torch.manual_seed(0)
    model = LM(LMConfig(len(TOKENIZER), d_model=32, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=48, context=64))
    base = LanguageModel(model.eval(), TOKENIZER, "base")
    return {"base": base, "tuned": as_chat_model(base)}


def ask(parts=None, **given):
    settings = read_chat({"model": "tuned", "base": "base", "question": "who sat", "tokens": 6, **given})
    with torch.no_grad():
        return answers(models().__getitem__, settings, lambda part: None if parts is None else parts.append(part))


def test_both_answer_and_parts_come_before():
    parts = []
    told = ask(parts)
    assert told["question"] == "who sat"
    assert [one["model"] for one in told["answers"].values()] == ["tuned", "base"]
    assert parts[0] == {
        "answers": {r: {"model": m, "text": "", "ended": False} for r, m in (("assistant", "tuned"), ("base", "base"))},
        "done": 0,
        "tokens": 12,
    }
    assert [part["done"] for part in parts] == sorted(part["done"] for part in parts)
    assert list(ask(base="")["answers"]) == ["assistant"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "base"}, "base has no chat template"),
        ({"question": "a <|end|> b"}, "the question holds '<|end|>'"),
        ({"question": "cat " * 80}, "context of 64"),
    ],
)
def test_what_cannot_be_asked_is_said(given, said):
    with pytest.raises(GlassbookError, match=said.replace("|", r"\|")):
        ask(**given)


def test_an_address_gives_the_settings_back():
    settings = read_chat({"model": "a b", "question": "Who & what?", "tokens": 7, "base": ""})
    from urllib.parse import parse_qsl

    assert read_chat(chat_from_query(parse_qsl(chat_query(settings), keep_blank_values=True))) == settings
    assert chat_query(read_chat({"model": "x"})) == "model=x"

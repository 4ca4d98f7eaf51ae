"""What is seen of a generation while it goes on."""

import pytest
import torch
from tiny_models import TOKENIZER, VOCAB, tiny

from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.live import watch_texts, watch_tokens
from glassbook.steer import Vector, steer

PROMPTS = ["the cat sat", "the dog ran"]
KINDS = ["ours", "llama", "gpt2", "gemma3", "mamba", "rwkv", "recurrent_gemma", "mpt"]


def ours() -> LanguageModel:
    torch.manual_seed(1)
    return LanguageModel(LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64, tied=False)).eval(), TOKENIZER, "ours")


def model(kind: str) -> LanguageModel:
    return ours() if kind == "ours" else LanguageModel(tiny(kind), TOKENIZER, kind)


def generated(lm: LanguageModel, **how) -> list[list[int]]:
    return lm.generate_ids(PROMPTS, **{"tokens": 12, "temperature": 1.0, **how})


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_each_new_token_is_seen_as_it_is_read(kind, use_cache):
    lm, seen = model(kind), []
    plain = generated(lm, use_cache=use_cache)
    with watch_tokens(lm, seen.append):
        assert generated(lm, use_cache=use_cache) == plain
    assert seen == [[ids[:n] for ids in plain] for n in range(1, 12)]
    assert not lm.model._forward_pre_hooks


@pytest.mark.parametrize("kind", ["ours", "gpt2"])
def test_of_a_text_that_has_ended_nothing_more_is_seen(kind):
    lm = model(kind)
    free = generated(lm)
    lm = LanguageModel(lm.model, TOKENIZER, kind, ends=(free[0][3],))
    cut, seen = generated(lm), []
    assert len(cut[0]) == 3
    with watch_tokens(lm, seen.append):
        generated(lm)
    assert seen[-1] == [ids[: len(seen)] for ids in cut]
    assert seen[5][0] == cut[0]


class Enough(Exception):
    pass


@pytest.mark.parametrize("kind", ["ours", "gpt2", "mamba"])
def test_what_is_seen_can_end_the_generation_and_leaves_the_model_as_it_was(kind):
    lm = model(kind)
    plain = generated(lm)
    width = lm.model.config.d_model if kind == "ours" else lm.model.config.hidden_size
    site = {"ours": "blocks.1.in", "gpt2": "transformer.h.1.in", "mamba": "backbone.layers.1.in"}[kind]

    def until_four(new):
        if len(new[0]) == 4:
            raise Enough

    with pytest.raises(Enough), steer(lm, Vector({site: torch.ones(width)}), coeff=5.0), watch_tokens(lm, until_four):
        generated(lm)
    assert generated(lm) == plain
    assert not lm.model._forward_pre_hooks


def test_texts_come_soon_and_then_now_and_then():
    lm, every, first = ours(), [], []
    with watch_texts(lm, PROMPTS, lambda texts, n: every.append((texts, n)), pause=0):
        texts = lm.generate(PROMPTS, tokens=12)
    assert [n for _, n in every] == list(range(1, 12))
    for so_far, _ in every:
        assert all(whole.startswith(part) for whole, part in zip(texts, so_far, strict=True))
    with watch_texts(lm, PROMPTS, lambda texts, n: first.append((texts, n)), pause=60):
        lm.generate(PROMPTS, tokens=12)
    assert first == every[:1]


def test_half_a_character_is_not_shown(monkeypatch):
    lm = ours()
    ids = lm.encode("né", bos=False)
    assert len(ids) > 2  # its é is two bytes
    seen = []
    with watch_texts(lm, ["the"], lambda texts, n: seen.append(texts[0]), pause=0):
        lm.model(torch.tensor([lm.encode("the")]))
        for id in ids:
            lm.model(input_ids=torch.tensor([[id]]))
    assert seen == ["n", "n", "né"]

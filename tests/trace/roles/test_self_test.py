"""Self-test: proves what can be proved of a good model, and says what is wrong with a bad one."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from glassbook.nets import open_model
from glassbook.nets.blocks import LayerCache
from glassbook.trace.roles import self_test

CACHE = "decoding with a cache gives the logits of reading the whole text"


@pytest.fixture
def lm():
    return open_model("builtin")


def unproved(lm):
    return {check.name: check.reason for check in self_test(lm) if not check.proved}


def test_everything_is_proved_of_the_built_in_model(lm):
    assert unproved(lm) == {}
    assert len(self_test(lm)) == 8


def test_a_model_that_is_not_deterministic(lm, monkeypatch):
    plain = type(lm.model).forward

    def noisy(self, *args, **kwargs):
        out = plain(self, *args, **kwargs)
        return out._replace(logits=out.logits + torch.rand(()))

    monkeypatch.setattr(type(lm.model), "forward", noisy)
    found = unproved(lm)
    assert "reading every block changes no bit of the logits" in found


def test_a_head_that_does_not_lead_to_the_logits(lm, monkeypatch):
    plain = type(lm.model).forward

    def moved(self, *args, **kwargs):
        out = plain(self, *args, **kwargs)
        return out._replace(logits=out.logits + 1)

    monkeypatch.setattr(type(lm.model), "forward", moved)
    assert list(unproved(lm)) == ["its final norm and head lead from the last block to the logits"]


def test_without_a_tokenizer_and_with_pads_that_count(lm):
    found = unproved(replace(lm, tokenizer=None, pads_left=False))
    assert set(found) == {
        "pads on the left change nothing",
        CACHE,
    }
    assert all("\n" not in reason for reason in found.values())


def test_a_cache_that_forgets(lm, monkeypatch):
    plain = LayerCache.append

    def forgetful(self, keys, values):
        keys, values = plain(self, keys, values)
        return keys, values * (1 if keys.shape[2] < 6 else 0.5)

    monkeypatch.setattr(LayerCache, "append", forgetful)
    found = unproved(lm)
    assert list(found) == [CACHE]
    assert "of their standard deviation" in found[CACHE]


def test_a_model_that_ends_at_once_has_not_shown_its_cache(lm):
    found = unproved(replace(lm, ends=tuple(range(lm.vocab))))
    assert found == {CACHE: "it ends its text at once, so that no step reads the cache"}


def test_a_block_that_reads_something_else_than_the_one_before_wrote(lm):
    handle = lm.model.blocks[1].register_forward_pre_hook(lambda module, args: (args[0] * 2, *args[1:]))
    try:
        found = unproved(lm)
    finally:
        handle.remove()
    assert "adding a vector between two blocks moves the stream by that vector" in found


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "mistral"])
def test_families_of_transformers(family):
    import transformers

    sizes = {
        "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}),
        "gpt_neox": (
            "GPTNeoXConfig",
            {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
        ),
        "mistral": (
            "MistralConfig",
            {
                "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
                "intermediate_size": 64,
            },
        ),
    }  # fmt: skip
    name, options = sizes[family]
    torch.manual_seed(0)
    config = getattr(transformers, name)(vocab_size=80, **options)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    from glassbook.nets import LanguageModel

    assert set(unproved(LanguageModel(model, None, family))) == {CACHE}


def test_a_model_without_blocks_says_so_and_goes_on(lm):
    class Bag(nn.Module):
        def __init__(self, sizes):
            super().__init__()
            self.config = sizes
            self.embed, self.head = nn.Embedding(20, 8), nn.Linear(8, 20)

        def forward(self, input_ids, attention_mask=None, position_ids=None):
            from types import SimpleNamespace

            return SimpleNamespace(logits=self.head(self.embed(input_ids)))

    from types import SimpleNamespace

    from glassbook.nets import LanguageModel

    sizes = SimpleNamespace(vocab_size=20, max_position_embeddings=32)
    found = unproved(LanguageModel(Bag(SimpleNamespace(get_text_config=lambda: sizes)).eval(), None, "a bag"))
    assert "its blocks carry one residual stream" in found
    assert "pads on the left change nothing" not in found


@pytest.mark.parametrize(
    "error", [ValueError("odd\nposition_ids"), RuntimeError("sizes"), IndexError(), TypeError("x")]
)
def test_what_a_model_raises_is_what_a_check_says(lm, monkeypatch, error):
    def generate(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(lm.model), "generate", generate)
    checks = {check.name: check for check in self_test(lm)}
    assert not checks[CACHE].proved
    assert checks[CACHE].reason == " ".join(str(error).split()) or checks[CACHE].reason == type(error).__name__
    assert [name for name, check in checks.items() if not check.proved] == [CACHE]

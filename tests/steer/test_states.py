"""Steering models that remember by a state, with it and without it: the same text."""

import pytest
import torch
import transformers

from glassbook.nets import LanguageModel
from glassbook.steer import Ablate, Vector, actadd, after_prompt, everywhere, first, from_position, last, steer

PROMPTS = ["the cat sat on", "i", "a river"]


@pytest.fixture(params=["mamba", "mamba2", "jamba"])
def stateful(request, characters):
    torch.manual_seed(0)
    ids = {"vocab_size": len(characters), "bos_token_id": 0, "eos_token_id": None, "pad_token_id": 1}
    space = {**ids, "hidden_size": 32, "state_size": 4, "num_hidden_layers": 2}
    if request.param == "mamba":
        model = transformers.MambaForCausalLM(transformers.MambaConfig(**space))
    elif request.param == "mamba2":
        config = transformers.Mamba2Config(**space, num_heads=8, head_dim=8, n_groups=1, chunk_size=8)
        model = transformers.Mamba2ForCausalLM(config)
    else:
        config = transformers.JambaConfig(
            **ids, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, attn_layer_period=2, attn_layer_offset=1, num_experts=2, mamba_d_state=4,
            mamba_dt_rank=4,
        )  # fmt: skip
        model = transformers.JambaForCausalLM(config)
    for p in model.parameters():
        if p.dim() >= 2:
            p.data.mul_(3)
    site = "model.layers.1.in" if request.param == "jamba" else "backbone.layers.1.in"
    return LanguageModel(model.eval(), characters, request.param), site


def test_every_rule_gives_the_same_with_the_state_as_without_it(stateful):
    lm, site = stateful
    direction = Vector({site: torch.randn(32, generator=torch.Generator().manual_seed(1))})
    ways = [(actadd(lm, "love", "hate", site), first(), PROMPTS[:1]), (Ablate(direction), everywhere(), PROMPTS)]
    ways += [(direction, rule, PROMPTS) for rule in (first(), last(), after_prompt(), from_position(4))]
    for v, where, prompts in ways:
        found = []
        for use_cache in (True, False):
            coeff = 1.0 if isinstance(v, Ablate) else 8.0
            with steer(lm, v, coeff=coeff, where=where):
                found.append(lm.generate_ids(prompts, tokens=5, use_cache=use_cache))
        assert found[0] == found[1], where
        with steer(lm, v, coeff=coeff, where=where):
            alone = lm.generate_ids(prompts[:1], tokens=5)
        assert alone == found[0][:1]  # and as without neighbours, whose pads are no tokens

"""Our LM and transformers' LlamaForCausalLM are the same function, both ways."""

import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig, open_model
from glassbook.nets.io.llama import (
    config_from_llama,
    config_to_llama,
    lm_from_llama,
    state_to_llama,
    unsupported,
)

SHAPES = [(tied, kv) for tied in (True, False) for kv in (4, 2, 1)]


def llama(tied: bool, kv: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=83,
        hidden_size=32,
        intermediate_size=56,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=kv,
        max_position_embeddings=64,
        tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        rms_norm_eps=1e-4,
        initializer_range=0.2,
    )
    return LlamaForCausalLM(config).eval()


@pytest.mark.parametrize(("tied", "kv"), SHAPES)
def test_theirs_becomes_ours(tied: bool, kv: int):
    theirs = llama(tied, kv)
    ours = lm_from_llama(theirs.config.to_dict(), theirs.state_dict())
    assert (ours.config.rope_theta, ours.config.norm_eps, ours.config.tied) == (500.0, 1e-4, tied)
    ids = torch.randint(0, 83, (3, 11))
    mask = torch.ones_like(ids)
    mask[0, :4] = mask[2, :9] = 0
    real = mask.bool()
    positions = (mask.cumsum(-1) - 1).clamp_min(0)
    want = theirs(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    torch.testing.assert_close(ours(ids, mask).logits[real], want[real], atol=1e-4, rtol=0)
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, atol=1e-4, rtol=0)


def test_weights_outrank_what_the_config_says_of_tying(tmp_path):
    """A head of its own is read although the config calls it tied, as transformers does."""
    from transformers import AutoModelForCausalLM

    from glassbook.nets import open_model, save_model

    theirs = llama(tied=False, kv=2)
    theirs.save_pretrained(tmp_path / "untied")
    file = tmp_path / "untied" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tie_word_embeddings": True}))
    ids = torch.randint(0, 83, (2, 9))
    want = AutoModelForCausalLM.from_pretrained(tmp_path / "untied")(ids).logits
    torch.testing.assert_close(want, theirs(ids).logits)
    lm = open_model(str(tmp_path / "untied"))
    assert isinstance(lm.model, LM)
    assert not lm.model.config.tied
    torch.testing.assert_close(lm.model(ids).logits, want, atol=1e-4, rtol=0)
    save_model(lm, tmp_path / "again")
    torch.testing.assert_close(open_model(str(tmp_path / "again")).model(ids).logits, want, atol=1e-4, rtol=0)
    core = lm_from_llama({**theirs.config.to_dict(), "tie_word_embeddings": True}, theirs.state_dict())
    assert not core.config.tied
    equal = llama(tied=True, kv=2)
    with_head = {**equal.state_dict(), "lm_head.weight": equal.model.embed_tokens.weight.clone()}
    assert lm_from_llama(equal.config.to_dict(), with_head).config.tied


@pytest.mark.parametrize(
    "told",
    [
        {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
        {"rope_scaling": {"rope_type": "default", "rope_theta": 5e5}},
        {"rope_scaling": {"type": "default", "rope_theta": 5e5}, "rope_theta": 1e4},
        {"rope_theta": 5e5},
        {"rope_theta": 5e5, "rope_scaling": None},
    ],
)
def test_the_rotary_base_is_found_wherever_it_stands(told):
    config = {key: value for key, value in llama(True, 4).config.to_dict().items() if not key.startswith("rope")}
    assert config_from_llama({**config, **told}).rope_theta == 5e5
    assert config_from_llama(config).rope_theta == 1e4


@pytest.mark.parametrize(("tied", "kv"), SHAPES)
def test_ours_becomes_theirs(tied: bool, kv: int):
    torch.manual_seed(0)
    ours = LM(LMConfig(83, 32, 2, 4, kv, 56, 64, rope_theta=500.0, norm_eps=1e-4, tied=tied)).eval()
    for p in ours.parameters():
        p.data.mul_(5)
    theirs = LlamaForCausalLM(LlamaConfig(**config_to_llama(ours.config))).eval()
    result = theirs.load_state_dict(state_to_llama(ours), strict=False)
    assert not result.unexpected_keys
    assert result.missing_keys == (["lm_head.weight"] if tied else [])
    theirs.tie_weights()
    ids = torch.randint(0, 83, (2, 11))
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, atol=1e-4, rtol=0)
    assert config_from_llama(config_to_llama(ours.config)) == ours.config
    assert config_from_llama(theirs.config.to_dict()) == ours.config


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": "mixtral"}, "mixtral"),
        ({"attention_bias": True}, "biases"),
        ({"mlp_bias": True}, "biases"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"head_dim": 16}, "heads"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "scales"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "scales"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
    ],
)
def test_what_our_model_cannot_be_is_named(change: dict, says: str):
    config = {**llama(True, 2).config.to_dict(), **change}
    assert says in (unsupported(config) or "")
    with pytest.raises(GlassbookError, match=says):
        config_from_llama(config)


def test_the_rotary_base_of_older_configs_is_read():
    config = llama(True, 2).config.to_dict()
    del config["rope_parameters"]
    assert config_from_llama({**config, "rope_theta": 5e5}).rope_theta == 5e5
    assert config_from_llama({**config, "rope_theta": 5e5, "rope_scaling": None}).rope_theta == 5e5


def test_tensors_that_are_missing_left_over_or_of_another_shape_are_named():
    theirs = llama(False, 2)
    config, state = theirs.config.to_dict(), theirs.state_dict()
    name = "model.layers.1.mlp.up_proj.weight"
    for bad in (
        {key: value for key, value in state.items() if key != name},
        {**state, name + "_scale": torch.ones(1)},
        {**state, name: torch.ones(3, 3)},
    ):
        with pytest.raises(GlassbookError, match=r"layers\.1\.mlp\.up_proj") as error:
            lm_from_llama(config, bad)
        assert "\n" not in str(error.value)
    lm_from_llama(config, {**state, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})


@pytest.mark.parametrize("form", ["core", "whole"])
def test_a_model_saved_from_its_core_opens(tmp_path: Path, form: str):
    """LlamaModel names its parameters without "model."; a tied head is the embedding, another one is missing."""
    theirs, ids = llama(True, 2), torch.randint(0, 83, (2, 9))
    (theirs.model if form == "core" else theirs).save_pretrained(tmp_path, max_shard_size="20KB")
    lm = open_model(tmp_path)
    assert isinstance(lm.model, LM)
    torch.testing.assert_close(lm.model(ids).logits, theirs(ids).logits, atol=1e-4, rtol=0)
    old = {**theirs.model.state_dict(), "layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    torch.testing.assert_close(lm_from_llama(theirs.config.to_dict(), old)(ids).logits, lm.model(ids).logits)
    llama(False, 2).model.save_pretrained(tmp_path / "untied")
    with pytest.raises(GlassbookError, match=r"lack lm_head\.weight"):
        open_model(tmp_path / "untied")
    part = {name: value for name, value in theirs.model.state_dict().items() if name != "norm.weight"}
    with pytest.raises(GlassbookError, match=r"lack model\.norm\.weight"):
        lm_from_llama(theirs.config.to_dict(), part)

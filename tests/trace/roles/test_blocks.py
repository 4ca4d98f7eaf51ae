"""Residual blocks: found by the stream that they carry in a run, whatever their classes."""

from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.trace import trace
from glassbook.trace.roles import blocks, residual_site, roles

TEXT = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "bos_token_id": 0,
    "eos_token_id": None,
    "pad_token_id": 2,
}
HEADS = {"attention_hidden_size": 64, "attention_head_dim": 16, "mamba_d_state": 4}
MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 4, "mamba_chunk_size": 8}
T = transformers
HYBRIDS = {
    "jamba": lambda: T.JambaForCausalLM(
        T.JambaConfig(
            **TEXT, attn_layer_period=2, attn_layer_offset=1, num_experts=2, num_experts_per_tok=1, mamba_d_state=4,
            mamba_dt_rank=4,
        )
    ),
    "zamba": lambda: T.ZambaForCausalLM(
        T.ZambaConfig(
            **TEXT, **HEADS, layers_block_type=["mamba", "mamba", "hybrid", "hybrid"], mamba_dt_rank=4, n_mamba_heads=2
        )
    ),
    "zamba2": lambda: T.Zamba2ForCausalLM(
        T.Zamba2Config(
            **TEXT | {"num_hidden_layers": 12}, **HEADS, layers_block_type=["mamba", "hybrid"] * 6, mamba_ngroups=1,
            n_mamba_heads=4, num_mem_blocks=1, use_shared_attention_adapter=True, adapter_rank=4, chunk_size=8,
        )
    ),
    "bamba": lambda: T.BambaForCausalLM(T.BambaConfig(**TEXT, **MAMBA, attn_layer_indices=[1, 3])),
    "recurrent gemma": lambda: T.RecurrentGemmaForCausalLM(
        T.RecurrentGemmaConfig(
            **TEXT | {"num_key_value_heads": 1}, lru_width=32, attention_window_size=16,
            block_types=("recurrent", "attention"),
        )
    ),
    "lfm2": lambda: T.Lfm2ForCausalLM(T.Lfm2Config(**TEXT, layer_types=["conv", "full_attention"] * 2)),
    "falcon h1": lambda: T.FalconH1ForCausalLM(
        T.FalconH1Config(
            **TEXT, mamba_d_ssm=32, mamba_n_heads=4, mamba_d_head=8, mamba_d_state=4, mamba_chunk_size=8
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HYBRIDS)
def test_layers_of_several_classes_are_the_blocks(kind):
    """Not a list of adapters, experts or parts inside one of them, though it may be longer or of one class."""
    torch.manual_seed(0)
    model = HYBRIDS[kind]().eval()
    n = model.config.num_hidden_layers
    assert blocks(model) == [f"model.layers.{i}" for i in range(n)]
    assert residual_site(model, -1, "in") == f"model.layers.{n - 1}.in"


def test_blocks_of_every_family(build):
    assert blocks(build("ours")[0]) == [f"blocks.{i}" for i in range(3)]
    assert blocks(build("gpt2")[0]) == [f"transformer.h.{i}" for i in range(3)]
    assert blocks(build("gpt2")[0].transformer) == [f"h.{i}" for i in range(3)]
    assert blocks(build("llama")[0]) == [f"model.layers.{i}" for i in range(3)]
    assert blocks(build("mixtral")[0]) == [f"model.layers.{i}" for i in range(3)]
    for model, inputs in (build("vit"), build("gpt2")):
        with torch.no_grad(), trace(model, read=[f"{b}.{side}" for b in blocks(model) for side in ("in", "out")]) as t:
            model(**inputs)
        assert len({t[site].shape for site in t.sites}) == 1  # in and out share their shape
    bert = T.BertModel(
        T.BertConfig(vocab_size=61, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8)
    )
    assert blocks(bert) == ["encoder.layer.0", "encoder.layer.1"]
    shape = {"vocab_size": 61, "d_model": 8, "d_ff": 8, "d_kv": 4, "num_heads": 2}
    for depth, longest in ((2, "encoder"), (3, "decoder")):  # equally long: the first
        t5 = T.T5ForConditionalGeneration(T.T5Config(**shape, num_layers=2, num_decoder_layers=depth))
        assert blocks(t5) == [f"{longest}.block.{i}" for i in range(depth)]
    state_space = T.MambaConfig(vocab_size=61, hidden_size=16, state_size=4, num_hidden_layers=2)
    assert blocks(T.MambaForCausalLM(state_space)) == ["backbone.layers.0", "backbone.layers.1"]
    layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
    assert blocks(encoder, torch.randn(1, 3, 8)) == [f"layers.{i}" for i in range(4)]


class Layer(nn.Module):
    """Adds to the stream what an MLP, or many experts beside each other, make of it."""

    def __init__(self, parts: int = 1) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(parts))

    def forward(self, x):
        return x + sum(part(x) for part in self.parts)


class Other(Layer):
    """Another class of it."""


class Model(nn.Module):
    def __init__(self, *layers: nn.Module, between=None, order=None) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.between, self.order = between, order or range(len(layers))

    def forward(self, x):
        for i in self.order:
            x = self.layers[i](x)
            x = x if self.between is None else self.between(x)
        return x


X = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))


def test_what_carries_no_stream_is_no_list_of_blocks():
    assert blocks(Model(Layer(8), Other(8), Layer(8)), X) == ["layers.0", "layers.1", "layers.2"]
    assert blocks(Model(Layer(), Layer(), between=lambda x: x / 2), X) == ["layers.0", "layers.1"]
    assert blocks(Model(Layer(), Layer(), order=[0, 1, 0, 1]), X) == ["layers.0", "layers.1"]  # used twice
    for wrong in (
        Model(Layer(8), Layer(8), between=lambda x: x + 1),  # something is added between
        Model(Layer(8), Layer(8), between=lambda x: -x),
        Model(Layer(8), Layer(8), order=[1, 0]),
        Model(Layer(8), Layer(8), order=[0]),  # one of them is not used
        nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)),  # they have no parts
        nn.Sequential(nn.Sequential(nn.Linear(4, 6)), nn.Sequential(nn.Linear(6, 4))),  # the width changes
    ):
        with pytest.raises(GlassbookError, match="no list of repeated blocks"):
            blocks(wrong, X)


def test_a_model_that_needs_another_input_says_so():
    with pytest.raises(GlassbookError, match="give its input") as problem:
        blocks(Model(Layer(), Layer()))
    assert "\n" not in str(problem.value)
    with pytest.raises(TypeError):
        blocks(Model(Layer(), Layer()), wrong=X)


def test_what_was_found_is_kept_until_the_modules_change():
    model = Model(Layer(), Layer())
    assert blocks(model, X) == blocks(model) == ["layers.0", "layers.1"]  # the second runs nothing
    model.layers.append(Other())
    model.order = range(3)
    assert blocks(model, X) == ["layers.0", "layers.1", "layers.2"]
    found = blocks(model)
    found.clear()  # a copy
    assert len(blocks(model)) == 3


def test_a_search_leaves_the_model_as_it_was(build, hooks):
    model, _ = build("gpt2")
    model.transformer.drop.train()
    flags, seed = [m.training for m in model.modules()], torch.get_rng_state()
    blocks(model)
    assert [m.training for m in model.modules()] == flags
    assert torch.equal(torch.get_rng_state(), seed)
    assert hooks(model) == 0


def test_roles_are_those_of_all_blocks():
    """A family fits if every block has its parts, not the first alone."""
    torch.manual_seed(0)
    with pytest.raises(GlassbookError, match="no family that is known here"):
        roles(T.JambaForCausalLM(T.JambaConfig(**TEXT, attn_layer_period=2, attn_layer_offset=0, mamba_dt_rank=4)))

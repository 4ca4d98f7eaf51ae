"""Conversion of downloaded weights: equal numbers, and no code is run."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from glassbook.errors import GlassbookError
from glassbook.nets.io.convert import STEPS, check_against_gguf


def test_a_state_dict_becomes_safetensors(tmp_path):
    state = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 2])}
    torch.save(state, tmp_path / "model.pth")
    STEPS["torch"](tmp_path)
    found = load_file(tmp_path / "model.safetensors")
    assert {name: t.tolist() for name, t in found.items()} == {name: t.tolist() for name, t in state.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_pickle_with_code_is_refused(tmp_path):
    torch.save({"model": torch.nn.Linear(2, 2)}, tmp_path / "model.pth")
    with pytest.raises(GlassbookError, match=r"model\.pth is not a state dict"):
        STEPS["torch"](tmp_path)


def test_what_is_no_gguf_is_refused_in_one_line(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF and nothing else")
    with pytest.raises(GlassbookError, match=r"model\.gguf cannot be read"):
        STEPS["gguf"](tmp_path)


def test_what_was_made_of_a_gguf_is_compared_with_its_numbers(tmp_path):
    """Read without transformers, quantised tensors too; one that is another, or none to compare, is refused."""
    import gguf

    rng = np.random.default_rng(0)
    embedding, down, queries = (rng.normal(size=shape).astype(np.float32) for shape in ((10, 32), (32, 64), (32, 32)))
    packed = gguf.quants.quantize(down, gguf.GGMLQuantizationType.Q8_0)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("blk.0.ffn_down.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blk.0.attn_q.weight", queries)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    read = gguf.quants.dequantize(packed, gguf.GGMLQuantizationType.Q8_0)
    state = {
        "model.embed_tokens.weight": torch.tensor(embedding),
        "model.layers.0.mlp.down_proj.weight": torch.tensor(read),
        "model.layers.0.self_attn.q_proj.weight": torch.zeros(32, 32),  # in another order there: not compared
    }
    check_against_gguf(tmp_path / "model.gguf", state)
    for name in list(state)[:2]:
        wrong = {**state, name: state[name].flip(0)}
        with pytest.raises(GlassbookError, match=f"{name} is not what the file holds"):
            check_against_gguf(tmp_path / "model.gguf", wrong)
    with pytest.raises(GlassbookError, match="none of its tensors"):
        check_against_gguf(tmp_path / "model.gguf", {"h.0.attn.weight": torch.zeros(2)})

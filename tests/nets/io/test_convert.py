"""Conversion of downloaded weights: equal numbers, and no code is run."""

import numpy as np
import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.nets import open_picture_model
from glassbook.nets.efficientnet import EfficientNetLite
from glassbook.nets.io.convert import STEPS, check_against_gguf


def published_names(state):
    """EfficientNet-Lite0's parameters by the names of the published file."""
    inside = {"expand.0": "_expand_conv", "expand.1": "_bn0", "depthwise.0": "_depthwise_conv", "depthwise.1": "_bn1",
              "project.0": "_project_conv", "project.1": "_bn2"}  # fmt: skip
    around = {"stem.0": "_conv_stem", "stem.1": "_bn0", "top.0": "_conv_head", "top.1": "_bn1", "head": "_fc"}
    for name, value in state.items():
        part, _, last = name.rpartition(".")
        if part.startswith("blocks."):
            _, i, *rest = part.split(".")
            yield f"_blocks.{i}.{inside['.'.join(rest)]}.{last}", value
        else:
            yield f"{around[part]}.{last}", value


def test_efficientnet_becomes_a_model_that_opens(tmp_path):
    torch.manual_seed(0)
    net = EfficientNetLite().eval()
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
    torch.save(dict(published_names(net.state_dict())), tmp_path / "model.pth")
    STEPS["efficientnet"](tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    pm = open_picture_model(tmp_path)
    assert (pm.task, pm.size, len(pm.classes), pm.parameters) == ("classify", 224, 1000, 4_652_008)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(pm.model(x), net(x))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"model": torch.nn.Linear(2, 2)}, "is not a state dict"),
        (torch.zeros(3), "is not a state dict"),
        ({"_fc.weight": torch.zeros(3)}, "the weights of another network"),
    ],
)
def test_a_file_of_something_else_is_refused(content, why, tmp_path):
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(GlassbookError, match=rf"^model\.pth [^\n]*{why}"):
        STEPS["efficientnet"](tmp_path)


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

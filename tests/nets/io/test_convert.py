"""Conversion of downloaded weights: equal numbers, and no code is run."""

import pytest
import torch
from safetensors.torch import load_file

from glassbook.errors import GlassbookError
from glassbook.nets.io.convert import STEPS


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

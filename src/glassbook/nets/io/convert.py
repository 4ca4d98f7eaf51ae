"""One-time conversion of downloaded weights into folders of safetensors, by name of the step (`data.packages`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook.data.packages import Convert
from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from torch import Tensor


def from_gguf(folder: Path) -> None:
    """Replace folder/model.gguf by config, tokenizer and half-precision safetensors.

    Raises:
        GlassbookError: the package `gguf` is not installed, or the file cannot be read.
    """
    import importlib.util

    if importlib.util.find_spec("gguf") is None:
        raise GlassbookError("a GGUF is read by the package gguf: pip install 'glassbook[gguf]'")
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from glassbook.nets.io.hugging_face import quiet
    from glassbook.nets.tokenizer import one_line

    file = folder / "model.gguf"
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file.name, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, gguf_file=file.name, local_files_only=True, dtype=torch.float32
            )
    except Exception as problem:  # a damaged file fails in any way
        raise GlassbookError(f"{file.name} cannot be read: {one_line(problem)}") from problem
    check_against_gguf(file, model.state_dict())
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are numbers of 16 bits from here on
    config.dtype = torch.float16
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    state = {k: v.half().contiguous() for k, v in model.state_dict().items() if k not in tied}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    file.unlink()


def check_against_gguf(file: Path, state: Mapping[str, Tensor]) -> None:
    """Compare what transformers made of a GGUF with the numbers in it, read without transformers.

    Queries and keys are left out: they are kept in another order there.

    Raises:
        GlassbookError: a tensor is another, or none could be compared.
    """
    import numpy as np
    from gguf import GGUFReader
    from gguf.quants import dequantize

    compared = 0
    for tensor in GGUFReader(file).tensors:
        name = _theirs(tensor.name)
        if name not in state:
            continue
        want, got = dequantize(tensor.data, tensor.tensor_type), state[name].numpy()
        if want.shape != got.shape or not np.allclose(want, got, rtol=1e-3, atol=1e-5):
            raise GlassbookError(f"{file.name}: {name} is not what the file holds as {tensor.name}; report it")
        compared += 1
    if not compared:
        raise GlassbookError(f"{file.name}: none of its tensors could be compared with the model made of it; report it")


_NAMES = {
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def _theirs(name: str) -> str:
    """The name in transformers of a GGUF's tensor of a Llama-like model; "" if there is none to compare."""
    if name in ("token_embd.weight", "output_norm.weight"):
        return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}[name]
    found = re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", name)
    return f"model.layers.{found[1]}.{_NAMES[found[2]]}.{found[3]}" if found and found[2] in _NAMES else ""


def from_efficientnet(folder: Path) -> None:
    """Replace folder/model.pth, the weights of EfficientNet-Lite0, by the model that `open_model` opens.

    Raises:
        GlassbookError: it is not the state dict that is meant.
    """
    from glassbook.nets.io.files import save_model
    from glassbook.nets.io.pictures_from_torch import efficientnet_lite0

    file = folder / "model.pth"
    save_model(efficientnet_lite0(file), folder)
    file.unlink()


STEPS: dict[str, Convert] = {"gguf": from_gguf, "efficientnet": from_efficientnet}
"""The steps that packages name."""

"""One-time conversion of downloaded weights into folders of safetensors, by name of the step (`data.packages`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassbook.data.packages import Convert
from glassbook.errors import GlassbookError


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


def from_torch(folder: Path) -> None:
    """Replace folder/model.pth, a state dict, by safetensors; no code in it is run.

    Raises:
        GlassbookError: it is not a dict of tensors alone.
    """
    import torch
    from safetensors.torch import save_file

    file = folder / "model.pth"
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        save_file({name: t.contiguous() for name, t in state.items()}, folder / "model.safetensors")
    except Exception as problem:
        raise GlassbookError(f"{file.name} is not a state dict: {str(problem).splitlines()[0]}") from problem
    file.unlink()


STEPS: dict[str, Convert] = {"gguf": from_gguf, "torch": from_torch}
"""The steps that packages name."""

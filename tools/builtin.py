"""Make the shipped model and dictionary from runs: `python tools/builtin.py MODEL_FOLDER [DICTIONARY]`.

MODEL_FOLDER is the `model` artifact of a `pretrain` run, DICTIONARY the artifact of a `dictionary-learning` run.
Weights are stored in half precision; nothing else changes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

BUILTIN = Path(__file__).parent.parent / "src" / "glassbook" / "assets" / "builtin"


def halve(source: Path, target: Path) -> None:
    """Copy a safetensors file, its floating tensors in half precision and its metadata as they are."""
    with safe_open(source, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        metadata = file.metadata()
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: t.half() if t.dtype == torch.float32 else t for n, t in tensors.items()}, target, metadata)
    print(f"{target.relative_to(BUILTIN.parent)}: {target.stat().st_size / 1e6:.2f} MB")


def main(model: Path, dictionary: Path | None = None) -> None:
    """Write the package's `builtin` folder."""
    halve(model / "model.safetensors", BUILTIN / "model" / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(model / name, BUILTIN / "model" / name)
    if dictionary is not None:
        halve(dictionary, BUILTIN / "dictionary.safetensors")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

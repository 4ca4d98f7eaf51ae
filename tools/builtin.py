"""Make what ships of the built-in model from runs: `python tools/builtin.py MODEL_FOLDER [DICTIONARY [LENSES]]`.

MODEL_FOLDER is the `model` artifact of a `pretrain` run, DICTIONARY the artifact of a `dictionary-learning` run,
LENSES the artifacts folder of a `lenses` run.
Weights are stored in half precision; nothing else changes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from glassbook.circuits import JACOBIAN_LENS, TUNED_LENS

BUILTIN = Path(__file__).parent.parent / "src" / "glassbook" / "assets" / "builtin"


def halve(source: Path, target: Path) -> None:
    """Copy a safetensors file, its floating tensors in half precision and its metadata as they are."""
    with safe_open(source, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        metadata = file.metadata()
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: t.half() if t.dtype == torch.float32 else t for n, t in tensors.items()}, target, metadata)
    print(f"{target.relative_to(BUILTIN.parent)}: {target.stat().st_size / 1e6:.2f} MB")


def main(model: Path, dictionary: Path | None = None, lenses: Path | None = None) -> None:
    """Write the package's `builtin` folder."""
    halve(model / "model.safetensors", BUILTIN / "model" / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(model / name, BUILTIN / "model" / name)
    if dictionary is not None:
        halve(dictionary, BUILTIN / "dictionary.safetensors")
    if lenses is not None:
        halve(lenses / TUNED_LENS, BUILTIN / TUNED_LENS)
        shutil.copy(lenses / JACOBIAN_LENS, BUILTIN / JACOBIAN_LENS)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""Control vectors in GGUF, the format of llama.cpp and repeng: one direction for the output of each layer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbook.errors import GlassbookError, extra
from glassbook.steer.vector import Vector

ARCHITECTURE = "controlvector"


def save_gguf(v: Vector, path: str | Path, model_hint: str = "") -> None:
    """Write a vector for `llama-cli --control-vector`: the direction at the output of block L as "direction.L".

    Args:
        v: directions at outputs of blocks ("blocks.3.out"), from the second block on: llama.cpp adds none after
            the first.
        path: the file to write.
        model_hint: the architecture it is for ("llama", "gpt2"), shown by llama.cpp.

    Raises:
        GlassbookError: a vector that has no such form.
    """
    if v.positional:
        raise GlassbookError("a positional vector has no form in GGUF, which holds one direction for each layer")
    layers = {_layer(site): rows[0] for site, rows in v.rows.items()}
    with extra("gguf"):
        from gguf import GGUFWriter
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    writer = GGUFWriter(part, ARCHITECTURE)
    writer.add_string(f"{ARCHITECTURE}.model_hint", model_hint)
    writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(layers))
    for layer, row in sorted(layers.items()):
        writer.add_tensor(f"direction.{layer}", row.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)


def load_gguf(path: str | Path, blocks: list[str]) -> Vector:
    """Read a control vector as directions at the outputs of a model's blocks.

    Args:
        path: a file of `save_gguf`, repeng or llama.cpp's generator.
        blocks: the blocks' names, from `glassbook.trace.roles.blocks(model)`.

    Raises:
        GlassbookError: no such file, no control vector, or layers that the model does not have.
    """
    with extra("gguf"):
        from gguf import GGUFReader
    path = Path(path)
    if not path.is_file():
        raise GlassbookError(f"there is no file {path}; save a control vector there first")
    try:
        reader: Any = GGUFReader(path)
        field = reader.get_field("general.architecture")
        named = {str(t.name): np.array(t.data, dtype=np.float32) for t in reader.tensors}
        architecture = field.contents() if field is not None else None
    except (ValueError, IndexError, KeyError, OverflowError, OSError) as error:
        raise GlassbookError(f"{path} is no GGUF file, or a damaged one; make it again") from error
    if architecture != ARCHITECTURE:
        raise GlassbookError(
            f"{path} holds a {architecture} model; give a control vector, as save_gguf or repeng write"
        )
    rows = {}
    for name, row in named.items():
        match = re.fullmatch(r"direction\.(\d+)", name)
        if match is None or int(match[1]) >= len(blocks):
            raise GlassbookError(f"{path}: {name!r} is for no layer of a model of {len(blocks)}; is it this model's?")
        rows[f"{blocks[int(match[1])]}.out"] = torch.from_numpy(row)
    return Vector(rows, about={"method": "control vector", "file": path.name})


def _layer(site: str) -> int:
    match = re.fullmatch(r".*?(\d+)\.out", site)
    if match is None or int(match[1]) == 0:
        raise GlassbookError(f"{site} is not the output of a block after the first, which is where llama.cpp adds")
    return int(match[1])

"""Training checkpoints: one safetensors file each, complete or not there, never a pickle.

A file `step-<n>.safetensors` holds named tensors, and in its metadata one JSON object and a SHA-256 over both.
"""

import hashlib
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.notebook.files import write_atomic

KEEP = 2
"""Checkpoints in a folder: should the newest be damaged, there is one before it."""

Tensors = dict[str, Tensor]


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, oldest first; none if there is no such folder."""
    return sorted(folder.glob("step-*.safetensors"))


def write_checkpoint(folder: Path, step: int, tensors: Tensors, facts: dict[str, Any]) -> Path:
    """Write the checkpoint of `step` and drop all but the newest two.

    The file appears under its name only when every byte of it is on the disk, so a process killed at any
    moment leaves the checkpoints that were there, or those and the new one.

    Args:
        folder: made if it is missing.
        step: updates done; the file's name.
        tensors: any names; each must have memory of its own.
        facts: what is not a tensor, as JSON data.

    Raises:
        GlassbookError: the disk refused (full, read-only); the older checkpoints stay as they were.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(facts)
    data = to_bytes(tensors, {"facts": text, "sha256": _checksum(tensors, text)})
    path = folder / f"step-{step:09d}.safetensors"
    try:
        write_atomic(path, data)
    except GlassbookError as problem:
        older = list_checkpoints(folder)
        rest = f"{older[-1].name} is intact, resume from it" if older else "no earlier checkpoint is there"
        raise GlassbookError(f"{problem}; the checkpoint needs {len(data) / 1e6:.1f} MB, {rest}") from problem
    for old in [*list_checkpoints(folder)[:-KEEP], *folder.glob(".step-*.tmp")]:
        old.unlink(missing_ok=True)
    return path


def read_checkpoint(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Tensors and facts of the checkpoint at `path`, all on the CPU.

    Raises:
        GlassbookError: the file is truncated or damaged; the message names what to go on from.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as problem:
        raise _damaged(path, str(problem)) from problem
    text = metadata.get("facts", "")
    if metadata.get("sha256") != _checksum(tensors, text):
        raise _damaged(path, "its checksum is wrong")
    return tensors, json.loads(text)


def newest_checkpoint(
    folder: Path, settings: Mapping[str, Any], resume: bool
) -> tuple[Path, Tensors, dict[str, Any]] | None:
    """Path, tensors and facts of the newest checkpoint in `folder`; None if there is none.

    Args:
        folder: may be missing.
        settings: what the checkpoint's `facts["settings"]` have to agree with.
        resume: without it, a checkpoint in the folder is an error: two trainings would be mixed.

    Raises:
        GlassbookError: the checkpoint is damaged or of another training.
    """
    checkpoints = list_checkpoints(folder)
    if not checkpoints:
        return None
    if not resume:
        raise GlassbookError(f"{folder} holds checkpoints of another training; resume it or choose an empty folder")
    tensors, facts = read_checkpoint(checkpoints[-1])
    old = facts["settings"]
    if changed := [f"{k} was {old.get(k)}, is {v}" for k, v in settings.items() if old.get(k) != v]:
        raise GlassbookError(f"{checkpoints[-1]} has other settings ({'; '.join(changed)}); resume with the same")
    return checkpoints[-1], tensors, facts


def under(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def rng_states(device: torch.device) -> tuple[Tensors, dict[str, Any]]:
    """The state of every generator that training may draw from: Python's, NumPy's, torch's, the device's."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    tensors = {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(np.asarray(keys, dtype=np.int64))}
    if device.type != "cpu":
        tensors["device"] = torch.get_device_module(device).get_rng_state()
    return tensors, {"python": random.getstate(), "numpy": [str(kind), position, has_gauss, gauss]}


def set_rng_states(tensors: Tensors, facts: dict[str, Any], device: torch.device) -> None:
    """Put the generators back to what `rng_states` returned."""
    version, internal, gauss = facts["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, *rest = facts["numpy"]
    np.random.set_state((kind, tensors["numpy"].numpy().astype(np.uint32), *rest))
    torch.set_rng_state(tensors["torch"])
    if device.type != "cpu" and "device" in tensors:
        torch.get_device_module(device).set_rng_state(tensors["device"])


def _checksum(tensors: Tensors, text: str) -> str:
    """SHA-256 over the facts and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        t = tensors[name]
        digest.update(f"\n{name} {t.dtype} {tuple(t.shape)}\n".encode())
        digest.update(t.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> GlassbookError:
    older = [p.name for p in list_checkpoints(path.parent) if p.name < path.name]
    rest = f"resume from {older[-1]}" if older else "start again; no older checkpoint is left"
    return GlassbookError(f"checkpoint {path} is damaged ({why}); delete it to {rest}")

"""The activations of one batch as rows, one for each real token, and what a header says of them."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.positions import Forward
from glassbook.trace.tracer import trace


def rows(
    model: nn.Module, sites: Sequence[str], batch: Mapping[str, Any], skip: Collection[int] = ()
) -> tuple[dict[str, Tensor], int]:
    """Run one batch and take the rows that `record` keeps of it.

    Args:
        model: in eval mode.
        sites: full names.
        batch: keyword arguments of the model's forward.
        skip: token ids to leave out.

    Returns:
        {"tokens", "sequence", "position": [n] each, and each site: [n, d]}, and how many sequences the batch had.
    """
    if not isinstance(batch, Mapping):
        raise GlassbookError(f"a batch is a {type(batch).__name__}; give mappings, such as {{'input_ids': ids}}")
    forward = Forward(batch)
    if forward.sequence and batch.get("position_ids") is None and not forward.real[:, 0].all() and _positions(model):
        batch = {**batch, "position_ids": forward.pos.clamp_min(0)}
    with torch.no_grad(), trace(model, read=sites, stop=True) as t:
        model(**batch)
    return _rows({name: t[name] for name in sites}, forward, skip)


def count_rows(batch: Mapping[str, Any], skip: Collection[int] = ()) -> int:
    """How many rows `rows` keeps of a batch of a language model, without running it."""
    forward = Forward(batch)
    keep = forward.real
    if skip and forward.ids is not None:
        keep = keep & ~torch.isin(forward.ids, torch.tensor(sorted(skip), device=forward.ids.device))
    return int(keep.sum())


def fingerprint(model: nn.Module) -> str:
    """A hash of the model's weights, by their names, shapes and first values: cheap, and different models differ."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().reshape(-1)[:256].cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _positions(model: nn.Module) -> bool:
    return "position_ids" in inspect.signature(model.forward).parameters


def about(model: nn.Module, names: Sequence[str], skip: Collection[int]) -> dict[str, Any]:
    """What a header says of activations before there are any."""
    ids = sorted(int(i) for i in skip)
    return {
        "format": "glassbook recording 1",
        "model": {
            "class": type(model).__name__,
            "name": str(getattr(getattr(model, "config", None), "_name_or_path", "") or ""),
            "weights": fingerprint(model),
        },
        "sites": list(names),
        "scale": 1.0,
        "centre": None,
        "special_tokens": {"pads": "dropped", "skipped_ids": ids},
        "dims": {},
        "dtype": {},
        "context": 0,
        "sequences": 0,
        "n": 0,
        "shards": [],
        "complete": False,
    }


def _rows(activations: dict[str, Tensor], forward: Forward, skip: Collection[int]) -> tuple[dict[str, Tensor], int]:
    """Rows to keep of one batch by key, and how many sequences it had."""
    shapes = {tuple(x.shape[:-1]) for x in activations.values()}
    expected = (forward.batch, forward.length) if forward.sequence else next(iter(shapes))
    if shapes != {expected} or not 1 <= len(expected) <= 2:
        told = ", ".join(f"{name} {tuple(x.shape)}" for name, x in activations.items())
        raise GlassbookError(
            f"record needs [batch, tokens, d] (or [batch, d]) at every site, the same rows; got {told}"
        )
    x = next(iter(activations.values()))
    batch, length = (*expected, 1)[:2]
    if forward.sequence:
        keep, position = forward.real, forward.pos
        tokens = forward.ids if forward.ids is not None else torch.full_like(position, -1)
        if skip:
            keep = keep & ~torch.isin(tokens, torch.tensor(sorted(skip), device=tokens.device))
    else:
        position = torch.arange(length, device=x.device).expand(batch, length)
        keep, tokens = torch.ones_like(position, dtype=torch.bool), torch.full_like(position, -1)
    sequence = torch.arange(batch, device=keep.device)[:, None].expand(batch, length)
    index = {"tokens": tokens, "sequence": sequence, "position": position}
    rows = {key: value[keep].long() for key, value in index.items()}
    return rows | {name: x.reshape(batch, length, -1)[keep.to(x.device)] for name, x in activations.items()}, batch

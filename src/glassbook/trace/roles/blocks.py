"""Residual blocks: the repeated blocks of a transformer, and the sites of the stream between them."""

from __future__ import annotations

from typing import Literal

from torch import nn

from glassbook.errors import GlassbookError


def blocks(model: nn.Module) -> list[str]:
    """Names of a transformer's repeated residual blocks: "blocks.0", "transformer.h.0", "model.layers.0", ...

    They are the longest ModuleList or Sequential whose members have one class and parts of their own, not counting
    lists inside another's members (experts in a block). Of equally long ones the first counts (T5: the encoder's).

    Raises:
        GlassbookError: the model has no such list.
    """
    lists: dict[str, int] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in lists if outer) or "" in lists
        if inside or not isinstance(module, (nn.ModuleList, nn.Sequential)) or len(module) == 0:
            continue
        members = list(module)
        if all(type(m) is type(members[0]) and any(True for _ in m.children()) for m in members):
            lists[name] = len(members)
    if not lists:
        raise GlassbookError(f"{type(model).__name__} has no list of repeated blocks; name the sites yourself")
    name = max(lists, key=lambda n: lists[n])
    return [f"{name}.{i}".removeprefix(".") for i in range(lists[name])]


def residual_site(model: nn.Module, layer: int, side: Literal["in", "out"] = "out") -> str:
    """The site of the residual stream at a block, such as "blocks.3.out".

    Args:
        model: a transformer.
        layer: number of the block; -1 is the last.
        side: before ("in") or after ("out") what the block adds.

    Raises:
        GlassbookError: the model has no such block.
    """
    names = blocks(model)
    if not -len(names) <= layer < len(names):
        raise GlassbookError(f"there is no layer {layer}; this {type(model).__name__} has layers 0 to {len(names) - 1}")
    return f"{names[layer]}.{side}"

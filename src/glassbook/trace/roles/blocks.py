"""The repeated blocks of a transformer."""

from __future__ import annotations

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

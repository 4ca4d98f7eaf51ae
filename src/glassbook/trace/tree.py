"""Nested structures of tensors: the leaves of what a module takes or returns, and a copy with one exchanged."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

Path = tuple[Any, ...]


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Tensor]]:
    """Every tensor in tuples, lists, mappings (ModelOutput among them) and dataclasses, in order.

    Anything else, such as a KV cache, is opaque and holds no leaf.

    Yields:
        (path, tensor): the indices, keys or field names that lead to it, outermost first.
    """
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            yield from leaves(part, (*path, i))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name, None), (*path, field.name))


def pick(value: Any, k: int | None) -> tuple[Path, Tensor] | None:
    """Leaf number `k` of a structure, or its first floating-point leaf if `k` is None; None if there is none."""
    if isinstance(value, Tensor) and not k and (k == 0 or value.is_floating_point()):
        return (), value  # by far the most frequent case
    for i, (path, leaf) in enumerate(leaves(value)):
        if i == k or (k is None and leaf.is_floating_point()):
            return path, leaf
    return None


def rebuild(value: Any, path: Path, leaf: Tensor) -> Any:
    """The same structure of the same types with `leaf` at `path`; what is not on the path is shared, not copied."""
    if not path:
        return leaf
    key, rest = path[0], path[1:]
    if isinstance(value, tuple):
        parts = [rebuild(part, rest, leaf) if i == key else part for i, part in enumerate(value)]
        make: Any = getattr(type(value), "_make", type(value))  # namedtuples take their fields one by one
        return make(parts)
    new = copy.copy(value)
    if isinstance(value, (list, Mapping)):
        new[key] = rebuild(value[key], rest, leaf)  # type: ignore[index]
    else:  # a dataclass, perhaps frozen; its __init__ is not run again
        object.__setattr__(new, key, rebuild(getattr(value, key), rest, leaf))
    return new

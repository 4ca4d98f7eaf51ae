"""Sites (hook points): the inputs and outputs of a model's modules, and which of them a pattern selects."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.trace.tree import leaves, pick

Side = Literal["in", "out"]


class Place(NamedTuple):
    """A site found in a model: its full name, the module, its side, and the leaf (None: first floating one)."""

    name: str
    module: nn.Module
    side: Side
    leaf: int | None


def places(model: nn.Module, patterns: str | Iterable[str]) -> list[Place]:
    """The sites that patterns mean, each once, in the order of the patterns and then of the modules.

    A pattern is "<module path>.in" or ".out" (".out" if neither is said; "in" and "out" alone are the whole
    model's), then "#k" for the k-th tensor. In the path `*`, `?` and `[..]` stand within one name, `**` for any
    number of names; a glob passes over ModuleLists, which are never called.

    Raises:
        GlassbookError: a pattern matches no module, or names a shared module by its second name.
    """
    found: dict[str, Place] = {}
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        text, mark, k = pattern.partition("#")
        if mark and not k.isdecimal():
            raise GlassbookError(f"site {pattern!r}: after # comes the number of a tensor, such as #0")
        parts = text.split(".")
        side: Side = "in" if parts[-1] == "in" else "out"
        path = parts[:-1] if parts[-1] in ("in", "out") else parts
        hits = _hits(model, path)
        if not hits:
            raise GlassbookError(_no_match(model, pattern, ".".join(path)))
        if any(isinstance(module, torch.jit.ScriptModule) for module in hits.values()):
            raise GlassbookError(f"site {pattern!r} is in a scripted module, which runs no hooks; trace the original")
        for name, module in hits.items():
            site = f"{name}.{side}{mark}{k}".removeprefix(".")
            found[site] = Place(site, module, side, int(k) if mark else None)
    return list(found.values())


_FIRST: WeakKeyDictionary[nn.Module, dict[int, str]] = WeakKeyDictionary()  # model -> module's id -> its first name


def _hits(model: nn.Module, path: list[str]) -> dict[str, nn.Module]:
    """The modules that a path, perhaps with globs, means, by their first names and in the order of the model."""
    hits = dict(_descend("", model, path))
    first = _FIRST.get(model, {})
    if any(first.get(id(module)) != name for name, module in hits.items()):
        # A shared module's second name, or a model that is new here or was rebuilt since.
        first = _FIRST[model] = {id(module): name for name, module in model.named_modules()}
    hits = {name: hits[name] for name in first.values() if name in hits}
    if any(c in part for part in path for c in "*?["):
        # lists of modules are never called themselves, so a glob does not mean them
        hits = {name: m for name, m in hits.items() if type(m).forward is not nn.Module.forward}
    return hits


def _descend(name: str, module: nn.Module, path: list[str]) -> Iterator[tuple[str, nn.Module]]:
    """Every (name, module) that the path leads to; only what it passes is looked at, for a trace may be short."""
    if not path:
        yield name, module
        return
    if path[0] == "**":  # no name, or one and then perhaps more
        yield from _descend(name, module, path[1:])
    rest = path if path[0] == "**" else path[1:]
    for key, child in module._modules.items():
        if child is not None and (path[0] in (key, "**") or fnmatchcase(key, path[0])):
            yield from _descend(f"{name}.{key}" if name else key, child, rest)


def _no_match(model: nn.Module, pattern: str, path: str) -> str:
    """What to tell about a pattern without a module; a shared module answers to its first name only."""
    names = [name for name, _ in model.named_modules()]
    alias = dict(model.named_modules(remove_duplicate=False)).get(path)
    if alias is not None:
        first = next(name for name, module in model.named_modules() if module is alias)
        return f"site {pattern!r} is the same module as {first!r}; use that name, t.calls() has all its calls"
    near = difflib.get_close_matches(path, names, n=3, cutoff=0.5) or [n for n in names if n][:3]
    return f"site {pattern!r} matches no module of {type(model).__name__}; modules are called {', '.join(near)}, ..."


@dataclass(frozen=True)
class Site:
    """A row of `sites`: a tensor that can be read or edited.

    Attributes: `name`; `order` of its first firing; `calls` in one forward; `shape` and `dtype` at its first call.
    """

    name: str
    order: int
    calls: int
    shape: tuple[int, ...]
    dtype: torch.dtype


def sites(model: nn.Module, *args: Any, **kwargs: Any) -> list[Site]:
    """Run the model once, without gradients and in eval mode, and list every site in the order of firing.

    A module's first floating tensor is "<path>.in" or "<path>.out"; its other tensors carry their number, "#k".
    Training flags and the CPU's random state are afterwards as before.

    Args:
        model: any module.
        args, kwargs: what its forward takes.
    """
    rows: dict[str, Site] = {}
    handles = []

    def note(name: str, value: Any) -> None:
        default = pick(value, None)
        for k, (path, x) in enumerate(leaves(value)):
            site = name if default and path == default[0] else f"{name}#{k}"
            seen = rows.get(site) or Site(site, len(rows), 0, tuple(x.shape), x.dtype)
            rows[site] = Site(site, seen.order, seen.calls + 1, seen.shape, seen.dtype)

    def before(name: str, _module: nn.Module, args: Any, kwargs: Any) -> None:
        note(name, (args, kwargs))

    def after(name: str, _module: nn.Module, _args: Any, output: Any) -> None:
        note(name, output)

    try:
        for name, module in model.named_modules():
            dot = f"{name}." if name else ""
            handles.append(module.register_forward_pre_hook(partial(before, f"{dot}in"), with_kwargs=True))
            handles.append(module.register_forward_hook(partial(after, f"{dot}out")))
        with evaluating(model), torch.no_grad(), torch.random.fork_rng(devices=[]):
            model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return list(rows.values())


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; afterwards each part is in the mode that it was in."""
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in flags:
            module.training = training

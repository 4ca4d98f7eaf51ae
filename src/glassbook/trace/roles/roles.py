"""Roles: standard names for the sites of known transformers, each proved by a run of the model."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.at import At
from glassbook.trace.roles.blocks import blocks, made_up_input
from glassbook.trace.roles.families import FAMILIES, Family
from glassbook.trace.sites import evaluating, places
from glassbook.trace.tracer import Edit, Trace, allow_identity, trace


class Roles(Mapping[str, str]):
    """What `roles` returns: role -> site, with the sizes of the heads.

    For layer L: "resid.L.in", "resid.L.mid", "resid.L.out"; "attn.L.q", ".k", ".v", ".pattern", ".heads", ".out";
    "mlp.L.router", ".neurons", ".out"; and "logits". A family may lack some of them.
    """

    def __init__(self, model: nn.Module, family: Family, names: Sequence[str]) -> None:
        self.model, self.family, self.names = model, family, list(names)
        self.blocks = [model.get_submodule(name) for name in names]
        self.n_layers = len(names)
        self.n_heads = self.head_dim = 0  # measured by the proof
        self._sites: dict[str, str] = {}
        for layer, name in enumerate(names):
            self._sites[f"resid.{layer}.in"] = f"{name}.in"
            self._sites |= {role.format(layer): f"{name}.{site}" for role, site in family.sites().items()}
            self._sites[f"resid.{layer}.out"] = f"{name}.out"
        self._sites["logits"] = "out"

    def __getitem__(self, role: str) -> str:
        if role not in self._sites:
            near = ", ".join(difflib.get_close_matches(role, self._sites, n=3, cutoff=0.3)) or "logits"
            raise GlassbookError(
                f"a {self.family.name} model of {self.n_layers} layers has no {role!r}; near it: {near}"
            )
        return self._sites[role]

    def __contains__(self, role: object) -> bool:
        return role in self._sites

    def __iter__(self) -> Iterator[str]:
        return iter(self._sites)

    def __len__(self) -> int:
        return len(self._sites)

    def select(self, patterns: str | Iterable[str]) -> dict[str, str]:
        """Role -> site of every role that a pattern with `*` and `?` means, in the order of the patterns.

        Raises:
            GlassbookError: a pattern means no role.
        """
        found: dict[str, str] = {}
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            hits = [role for role in self._sites if fnmatchcase(role, pattern)]
            found |= {role: self._sites[role] for role in hits} or {pattern: self[pattern]}
        return found

    @contextmanager
    def trace(
        self, read: str | Iterable[str] = (), edit: Mapping[str, Edit] | None = None, **how: Any
    ) -> Iterator[RoleTrace]:
        """`trace` by roles: r.trace(read="resid.*.out") as t, then t["resid.3.out"]; `how` as in trace.

        Attention is computed explicitly while a pattern is read, and as fast as before otherwise.
        """
        reads = self.select(read) if read else {}
        edits = {site: fn for role, fn in (edit or {}).items() for site in self.select(role).values()}
        shown = any(role.endswith(".pattern") for role in reads)
        explicit = explicit_attention(self.model) if shown else nullcontext()
        with explicit, trace(self.model, read=list(reads.values()), edit=edits, **how) as t:
            yield RoleTrace(t, reads)

    def split(self, heads: Tensor) -> Tensor:
        """The heads side by side [..., H * head_dim] -> [..., H, head_dim]."""
        return heads.unflatten(-1, (self.n_heads, self.head_dim))


class RoleTrace:
    """A trace whose reads go by roles."""

    def __init__(self, t: Trace, sites: Mapping[str, str]) -> None:
        self.trace, self.sites = t, sites

    def __getitem__(self, role: str) -> Tensor:
        """What was read at a role that fired once."""
        return self.trace[self.sites.get(role, role)]

    def grad(self, role: str) -> Tensor:
        """The gradient at a role, after backward, with trace(grad=True)."""
        return self.trace.grad(self.sites.get(role, role))


@contextmanager
def explicit_attention(model: nn.Module) -> Iterator[None]:
    """Inside the block, transformers' models compute their attention step by step, so that patterns can be read.

    Our own do so by themselves while a hook is on `attn.pattern`.
    """
    switch: Callable[[str], None] | None = getattr(model, "set_attn_implementation", None)
    if switch is None:
        yield
        return
    config: Any = model.config
    before = config._attn_implementation
    switch("eager")
    try:
        yield
    finally:
        switch(before)


@torch.no_grad()
def roles(model: nn.Module, *args: Any, **kwargs: Any) -> Roles:
    """Standard names for the parts of a transformer, proved by a run of it.

    The proof: in each layer, resid.in + attn.out + mlp.out is resid.out, up to rounding; the rows of each pattern
    sum to 1; turning the queries of a head changes what that head gives, and no other. A model of which this is not so
    gets no names.

    Args:
        model: ours, or one of transformers' GPT-2, GPT-NeoX, Llama, Mistral, Qwen, Gemma, Mixtral, ViT; others whose
            blocks have the same parts work too.
        args, kwargs: an input of its forward; without one, a few tokens or one grey image.

    Raises:
        GlassbookError: no known family fits, or the identity fails.
    """
    names = blocks(model, *args, **kwargs)
    family = _family([model.get_submodule(name) for name in names])
    if family is None:
        raise GlassbookError(
            f"the blocks of {type(model).__name__} are of no family that is known here; name their sites yourself"
        )
    found = Roles(model, family, names)
    _prove(found, *((args, kwargs) if args or kwargs else ((), made_up_input(model))))
    return found


def _family(members: Sequence[nn.Module]) -> Family | None:
    """The first family all of whose sites are in every block."""
    for family in FAMILIES:
        try:
            for block in members:
                places(block, list(family.sites().values()))
        except GlassbookError:
            continue
        return family
    return None


def _prove(r: Roles, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    wanted = ["resid.*.in", "resid.*.out", "attn.*.out", "mlp.*.out", "attn.*.heads", "attn.*.pattern"]
    with evaluating(r.model), r.trace(read=wanted) as t:
        r.model(*args, **kwargs)
    for layer in range(r.n_layers):
        before, attn, mlp, after = (t[f"{role.format(layer)}"] for role in _IDENTITY)
        same = before.shape == attn.shape == mlp.shape == after.shape
        # Rounding is relative to the largest thing added, which may be far larger than the sum.
        size = max(float(x.abs().max()) for x in (before, attn, mlp))
        if not same or float((before + attn + mlp - after).abs().max()) > 8 * torch.finfo(after.dtype).eps * size:
            raise GlassbookError(
                f"resid.{layer}.in + attn.{layer}.out + mlp.{layer}.out is not resid.{layer}.out in "
                f"{type(r.model).__name__}, whose parts look like {r.family.name}; name its sites yourself"
            )
        pattern = t[f"attn.{layer}.pattern"]
        sums = pattern.float().sum(-1)
        if pattern.dim() != 4 or float((sums - 1).abs().max()) > 100 * torch.finfo(pattern.dtype).eps:
            raise GlassbookError(f"the rows of attn.{layer}.pattern do not sum to 1; name its sites yourself")
        r.n_heads = pattern.shape[1]
        r.head_dim = t[f"attn.{layer}.heads"].shape[-1] // r.n_heads
    if "attn.0.q" in r:
        for head in {0, r.n_heads - 1}:
            _prove_head(r, head, args, kwargs)


def _prove_head(r: Roles, head: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Turn the queries of one head in the first layer: what that head gives changes, and no other's."""
    found: list[Tensor] = []

    def turned(x: Tensor, at: At) -> Tensor:
        if x.shape[-1] % r.n_heads:
            raise GlassbookError(f"attn.0.q of {type(r.model).__name__} does not split into {r.n_heads} heads")
        queries = x.unflatten(-1, (r.n_heads, -1))
        queries = torch.cat(
            (queries[..., :head, :], -queries[..., head : head + 1, :], queries[..., head + 1 :, :]), -2
        )
        return queries.flatten(-2)

    for edit in (None, {"attn.0.q": allow_identity(turned)}):
        with evaluating(r.model), r.trace(read="attn.0.heads", edit=edit, stop=True) as t:
            r.model(*args, **kwargs)
        found.append(r.split(t["attn.0.heads"]))
    moved = (found[0] - found[1]).abs().amax((*range(found[0].dim() - 2), -1))
    others = torch.cat((moved[:head], moved[head + 1 :]))
    if len(others) and float(others.max()) > 1e-3 * float(moved[head]):
        raise GlassbookError(
            f"the {r.n_heads} heads of {type(r.model).__name__} are not side by side in attn.0.heads, though its parts "
            f"look like {r.family.name}; name its sites yourself"
        )


_IDENTITY = ("resid.{}.in", "attn.{}.out", "mlp.{}.out", "resid.{}.out")

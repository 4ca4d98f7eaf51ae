"""Computational graph of a transformer: senders write to the residual stream, receivers read it; path patching."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassbook.circuits.task import Task
from glassbook.errors import GlassbookError
from glassbook.trace import At, allow_identity, trace
from glassbook.trace.roles import Roles

READS = ("q", "k", "v")


class Receiver(NamedTuple):
    """A reader of the residual stream: kind "q", "k" or "v" of a head (k and v: of a group), "mlp", or "logits"."""

    layer: int
    kind: str
    head: int = 0

    def __str__(self) -> str:
        names = {"mlp": f"mlp {self.layer}", "logits": "logits"}
        return names.get(self.kind, f"head {self.layer}.{self.head} {self.kind}")


class Sender(NamedTuple):
    """A writer to the residual stream: kind "input" (the embedding), "head" or "mlp"."""

    layer: int
    kind: str
    head: int = 0

    def __str__(self) -> str:
        return {"input": "input", "mlp": f"mlp {self.layer}"}.get(self.kind, f"head {self.layer}.{self.head}")


class Graph:
    """The edges sender -> receiver of a model whose roles are known.

    A receiver's input is the sum of all senders before it.

    Args:
        roles: of the model.

    Attributes:
        senders, receivers: in the order of the forward pass.
        edges: bool [receivers, senders], where an edge can be.

    Raises:
        GlassbookError: heads whose outputs do not add up to the attention's (Gemma 2), or a layout of queries, keys
            and values that is not supported (GPT-NeoX).
    """

    def __init__(self, roles: Roles) -> None:
        self.roles, self.model = roles, roles.model
        self.family, self.layers, self.heads = roles.family, range(roles.n_layers), range(roles.n_heads)
        if self.family.joint is None and self.family.q is None:
            raise GlassbookError(
                f"the graph of a {self.family.name} model is not supported: one product makes q, k, v; use another"
            )
        if self.family.attn != f"{self.family.heads.removesuffix('.in').rpartition('.')[0]}.out":
            raise GlassbookError(
                f"a {self.family.name} model has no graph: a norm comes after its heads; use another family"
            )
        self.groups = self.projection(0, "k")[1].shape[1] // roles.head_dim
        self.senders, self.receivers = [Sender(-1, "input")], []
        for layer in self.layers:
            self.receivers += [Receiver(layer, kind, h) for kind in READS for h in range(self.count(kind))]
            self.receivers.append(Receiver(layer, "mlp"))
            self.senders += [Sender(layer, "head", h) for h in self.heads]
            self.senders.append(Sender(layer, "mlp"))
        self.receivers.append(Receiver(roles.n_layers, "logits"))
        # In a layer the heads read, then they write, then the MLP reads, then it writes.
        reads, writes = ([(part.layer, part.kind == "mlp") for part in ends] for ends in (self.receivers, self.senders))
        self.edges = torch.tensor([[write < read for write in writes] for read in reads])

    def __len__(self) -> int:
        return int(self.edges.sum())

    def index(self, edge: tuple[Sender, Receiver]) -> tuple[int, int]:
        """(receiver, sender): where an edge stands in `edges`."""
        return self.receivers.index(edge[1]), self.senders.index(edge[0])

    def inputs(self, sender: Sender) -> list[Receiver]:
        """The receivers of a sender: a head's queries and its group's keys and values."""
        if sender.kind == "input":
            return []
        if sender.kind == "mlp":
            return [Receiver(sender.layer, "mlp")]
        group = sender.head * self.groups // len(self.heads)
        return [Receiver(sender.layer, kind, sender.head if kind == "q" else group) for kind in READS]

    def outputs(self, receiver: Receiver) -> list[Sender]:
        """The senders that a receiver belongs to; none for the logits."""
        return [self.senders[u] for u in self.joins[self.receivers.index(receiver)].nonzero().flatten().tolist()]

    @cached_property
    def joins(self) -> Tensor:
        """bool [receivers, senders]: whether the receiver is an input of the sender (see `inputs`)."""
        joins = torch.zeros_like(self.edges)
        for u, sender in enumerate(self.senders):
            joins[[self.receivers.index(receiver) for receiver in self.inputs(sender)], u] = True
        return joins

    def count(self, kind: str) -> int:
        """Number of receivers of a kind in a layer."""
        return len(self.heads) if kind == "q" else self.groups

    def projection(self, layer: int, kind: str) -> tuple[str, Tensor, Tensor | None, slice]:
        """(site, weight [d, n * head_dim], bias, columns at the site) of queries, keys or values."""
        own = getattr(self.family, kind)
        path = self.family.joint if own is None else own.removesuffix(".out")
        assert path is not None
        weight, bias = _affine(self.roles.blocks[layer].get_submodule(path))
        columns = slice(0, weight.shape[1])
        if own is None:
            third = weight.shape[1] // 3
            columns = slice(third * READS.index(kind), third * (READS.index(kind) + 1))
        site = f"{self.roles.names[layer]}.{path}.out"
        return site, weight[:, columns], None if bias is None else bias[columns], columns

    def norm(self, receiver: Receiver) -> nn.Module:
        """The norm through which a head or an MLP reads the stream."""
        name = self.family.norm2 if receiver.kind == "mlp" else self.family.norm1
        return self.roles.blocks[receiver.layer].get_submodule(name)

    @cached_property
    def mixers(self) -> list[Tensor]:
        """What each layer's heads write, [heads, head_dim, d]."""
        path = self.family.heads.removesuffix(".in")
        weights = [_affine(block.get_submodule(path))[0] for block in self.roles.blocks]
        return [w.unflatten(0, (self.roles.n_heads, self.roles.head_dim)) for w in weights]

    def written(self, heads: Tensor, layer: int) -> Tensor:
        """What the heads [B, T, H * head_dim] write: [H, B, T, d]."""
        return torch.einsum("bthk,hkd->hbtd", self.roles.split(heads), self.mixers[layer].to(heads))

    @torch.no_grad()
    def writes(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """What each sender writes in a run: [senders, B, T, d]."""
        with self.roles.trace(read=["resid.0.in", "attn.*.heads", "mlp.*.out"]) as t:
            self.model(**inputs)
        parts = [t["resid.0.in"][None]]
        for layer in self.layers:
            parts += [self.written(t[f"attn.{layer}.heads"], layer), t[f"mlp.{layer}.out"][None]]
        return torch.cat(parts)

    def run(self, task: Task, cut: Tensor, corrupted: Tensor | None = None) -> Tensor:
        """The metric [B] of the clean run with some edges cut: there the receiver gets the corrupted run's sender.

        Everything after a cut edge is recomputed. With one edge cut this is path patching of that edge.

        Args:
            task: the pairs.
            cut: bool [receivers, senders].
            corrupted: `writes` of the corrupted inputs, if already computed.

        Source: Wang et al. 2022, arXiv:2211.00593 (path patching); Hanna et al. 2024, arXiv:2403.17806 (faithfulness).
        """
        if bool((cut & ~self.edges.to(cut.device)).any()):
            raise GlassbookError("an edge to cut has a sender that comes after its receiver; choose from graph.edges")
        if not bool(cut.any()):
            return task.score(self.model, task.clean).detach()
        corrupted = self.writes(task.corrupted) if corrupted is None else corrupted
        with torch.no_grad(), _Cut(self, cut.to(corrupted.device), corrupted).trace():
            return task.score(self.model, task.clean)


class _Cut:
    """The edits of one run with edges cut."""

    def __init__(self, graph: Graph, cut: Tensor, corrupted: Tensor) -> None:
        self.graph, self.corrupted = graph, corrupted
        self.cut = cut.to(corrupted.dtype)
        self.rows = {receiver: i for i, receiver in enumerate(graph.receivers)}
        self.delta = torch.zeros_like(corrupted)  # corrupted minus clean, of the senders so far
        self.stream: list[Tensor] = []

    def trace(self) -> AbstractContextManager[object]:
        g, r = self.graph, self.graph.roles
        edits = {}
        for layer in g.layers:
            start = 1 + layer * (r.n_heads + 1)
            edits[r[f"resid.{layer}.in"]] = self._enter(layer)
            for site in dict.fromkeys(g.projection(layer, kind)[0] for kind in READS):
                edits[site] = self._project(layer, site)
            edits[r[f"attn.{layer}.heads"]] = self._wrote(slice(start, start + r.n_heads), layer)
            edits[f"{r.names[layer]}.{g.family.norm2}.in"] = self._read(self.rows[Receiver(layer, "mlp")])
            edits[r[f"mlp.{layer}.out"]] = self._wrote(slice(start + r.n_heads, start + r.n_heads + 1))
        edits[r[f"resid.{r.n_layers - 1}.out"]] = self._read(len(g.receivers) - 1)
        return trace(g.model, edit={site: allow_identity(fn) for site, fn in edits.items()})

    def _enter(self, layer: int):
        def edit(x: Tensor, at: At) -> Tensor:
            if layer == 0:
                self.delta[0] = self.corrupted[0] - x
            self.stream = [x]
            return x

        return edit

    def _wrote(self, senders: slice, layer: int | None = None):
        """Records the delta of some senders: the heads of a layer, or the one whose output x is."""

        def edit(x: Tensor, at: At) -> Tensor:
            self.delta[senders] = self.corrupted[senders] - (x if layer is None else self.graph.written(x, layer))
            return x

        return edit

    def _read(self, row: int):
        def edit(x: Tensor, at: At) -> Tensor:
            if not bool(self.cut[row].any()):
                return x
            return x + torch.einsum("u,ubtd->btd", self.cut[row], self.delta)

        return edit

    def _project(self, layer: int, site: str):
        """Each head's queries, keys or values from its own version of the stream."""
        g = self.graph

        def edit(x: Tensor, at: At) -> Tensor:
            new = x.clone()
            for kind in READS:
                where, weight, bias, columns = g.projection(layer, kind)
                first, n = self.rows[Receiver(layer, kind)], g.count(kind)
                cut = self.cut[first : first + n]
                if where != site or not bool(cut.any()):
                    continue
                read = self.stream[0] + torch.einsum("hu,ubtd->hbtd", cut, self.delta)
                normed = g.norm(Receiver(layer, kind))(read)
                made = torch.einsum("hbtd,dhk->bthk", normed, weight.to(x).unflatten(1, (n, -1))).flatten(2)
                new[..., columns] = made if bias is None else made + bias
            return new

        return edit


def _affine(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """(weight [in, out], bias [out]) of a linear layer, GPT-2's transposed kind too."""
    weight, bias = module.weight, getattr(module, "bias", None)
    assert isinstance(weight, Tensor)
    return (weight.T if isinstance(module, nn.Linear) else weight).detach(), None if bias is None else bias.detach()

"""A transformer as a graph: who writes to the residual stream, who reads from it, and runs with chosen edges cut."""

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


class Reader(NamedTuple):
    """What reads the stream: kind "q", "k" or "v" of a head (k and v: of a group), "mlp", or "logits"."""

    layer: int
    kind: str
    head: int = 0

    def __str__(self) -> str:
        other = {"mlp": f"mlp {self.layer}", "logits": "logits"}
        return other.get(self.kind, f"head {self.layer}.{self.head} {self.kind}")


class Writer(NamedTuple):
    """What writes to the stream: kind "input", "head" or "mlp"."""

    layer: int
    kind: str
    head: int = 0

    def __str__(self) -> str:
        return {"input": "input", "mlp": f"mlp {self.layer}"}.get(self.kind, f"head {self.layer}.{self.head}")


class Graph:
    """The edges writer -> reader of a model whose roles are known: a reader's input is the sum of all writers before.

    Args:
        roles: of the model.

    Attributes:
        writers, readers: in the order of the forward pass.
        edges: bool [readers, writers], where an edge can be.

    Raises:
        GlassbookError: heads whose outputs do not add up to the attention's (Gemma 2), or a layout of queries, keys
            and values that is not known here (GPT-NeoX).
    """

    def __init__(self, roles: Roles) -> None:
        self.roles, self.model = roles, roles.model
        self.family, self.layers, self.heads = roles.family, range(roles.n_layers), range(roles.n_heads)
        if self.family.joint is None and self.family.q is None:
            raise GlassbookError(
                f"the graph of a {self.family.name} model is not known here: one product makes q, k, v"
            )
        if self.family.attn != f"{self.family.heads.removesuffix('.in').rpartition('.')[0]}.out":
            raise GlassbookError(f"the heads of a {self.family.name} model do not add up: a norm comes after them")
        self.groups = self.projection(0, "k")[1].shape[1] // roles.head_dim
        self.writers, self.readers = [Writer(-1, "input")], []
        for layer in self.layers:
            self.readers += [Reader(layer, kind, h) for kind in READS for h in range(self.count(kind))]
            self.readers.append(Reader(layer, "mlp"))
            self.writers += [Writer(layer, "head", h) for h in self.heads]
            self.writers.append(Writer(layer, "mlp"))
        self.readers.append(Reader(roles.n_layers, "logits"))
        # In a layer the heads read, then they write, then the MLP reads, then it writes.
        reads, writes = ([(part.layer, part.kind == "mlp") for part in some] for some in (self.readers, self.writers))
        self.edges = torch.tensor([[write < read for write in writes] for read in reads])

    def __len__(self) -> int:
        return int(self.edges.sum())

    def index(self, edge: tuple[Writer, Reader]) -> tuple[int, int]:
        """(reader, writer): where an edge stands in `edges`."""
        return self.readers.index(edge[1]), self.writers.index(edge[0])

    def inputs(self, writer: Writer) -> list[Reader]:
        """What a writer reads by: a head by its queries and its group's keys and values."""
        if writer.kind == "input":
            return []
        if writer.kind == "mlp":
            return [Reader(writer.layer, "mlp")]
        group = writer.head * self.groups // len(self.heads)
        return [Reader(writer.layer, kind, writer.head if kind == "q" else group) for kind in READS]

    def outputs(self, reader: Reader) -> list[Writer]:
        """The writers that a reader reads for; none for the logits."""
        return [self.writers[u] for u in self.joins[self.readers.index(reader)].nonzero().flatten().tolist()]

    @cached_property
    def joins(self) -> Tensor:
        """bool [readers, writers]: whether the reader is one by which the writer reads (see `inputs`)."""
        joins = torch.zeros_like(self.edges)
        for u, writer in enumerate(self.writers):
            joins[[self.readers.index(reader) for reader in self.inputs(writer)], u] = True
        return joins

    def count(self, kind: str) -> int:
        """How many readers of a kind there are in a layer."""
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

    def norm(self, reader: Reader) -> nn.Module:
        """The norm through which a head or an MLP reads the stream."""
        name = self.family.norm2 if reader.kind == "mlp" else self.family.norm1
        return self.roles.blocks[reader.layer].get_submodule(name)

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
        """What each writer writes in a run: [writers, B, T, d]."""
        wanted = ["resid.0.in", "attn.*.heads", "mlp.*.out"]
        with self.roles.trace(read=wanted) as t:
            self.model(**inputs)
        parts = [t["resid.0.in"][None]]
        for layer in self.layers:
            parts += [self.written(t[f"attn.{layer}.heads"], layer), t[f"mlp.{layer}.out"][None]]
        return torch.cat(parts)

    def run(self, task: Task, cut: Tensor, dirty: Tensor | None = None) -> Tensor:
        """The metric [B] of the clean run with some edges cut: there the reader gets what the dirty run's writer wrote.

        Everything after a cut edge is computed anew. With one edge cut this is path patching of that edge.

        Args:
            task: the pairs.
            cut: bool [readers, writers].
            dirty: `writes` of the dirty inputs, if they are at hand.

        Source: Wang et al. 2022, arXiv:2211.00593 (path patching); Hanna et al. 2024, arXiv:2403.17806 (faithfulness).
        """
        if bool((cut & ~self.edges.to(cut.device)).any()):
            raise GlassbookError("an edge that is to be cut does not exist: its writer comes after its reader")
        if not bool(cut.any()):
            return task.score(self.model, task.clean).detach()
        dirty = self.writes(task.dirty) if dirty is None else dirty
        with torch.no_grad(), _Cut(self, cut.to(dirty.device), dirty).trace():
            return task.score(self.model, task.clean)


class _Cut:
    """The edits of one run with edges cut."""

    def __init__(self, graph: Graph, cut: Tensor, dirty: Tensor) -> None:
        self.graph, self.dirty = graph, dirty
        self.cut = cut.to(dirty.dtype)
        self.rows = {reader: i for i, reader in enumerate(graph.readers)}
        self.missing = torch.zeros_like(dirty)  # dirty less clean, of the writers so far
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
            edits[f"{r.names[layer]}.{g.family.norm2}.in"] = self._read(self.rows[Reader(layer, "mlp")])
            edits[r[f"mlp.{layer}.out"]] = self._wrote(slice(start + r.n_heads, start + r.n_heads + 1))
        edits[r[f"resid.{r.n_layers - 1}.out"]] = self._read(len(g.readers) - 1)
        return trace(g.model, edit={site: allow_identity(fn) for site, fn in edits.items()})

    def _enter(self, layer: int):
        def edit(x: Tensor, at: At) -> Tensor:
            if layer == 0:
                self.missing[0] = self.dirty[0] - x
            self.stream = [x]
            return x

        return edit

    def _wrote(self, writers: slice, layer: int | None = None):
        """Notes what is missing of some writers: the heads of a layer, or the one whose output x is."""

        def edit(x: Tensor, at: At) -> Tensor:
            self.missing[writers] = self.dirty[writers] - (x if layer is None else self.graph.written(x, layer))
            return x

        return edit

    def _read(self, row: int):
        def edit(x: Tensor, at: At) -> Tensor:
            if not bool(self.cut[row].any()):
                return x
            return x + torch.einsum("u,ubtd->btd", self.cut[row], self.missing)

        return edit

    def _project(self, layer: int, site: str):
        """Each head's queries, keys or values from its own version of the stream."""
        g = self.graph

        def edit(x: Tensor, at: At) -> Tensor:
            new = x.clone()
            for kind in READS:
                where, weight, bias, columns = g.projection(layer, kind)
                first, n = self.rows[Reader(layer, kind)], g.count(kind)
                cut = self.cut[first : first + n]
                if where != site or not bool(cut.any()):
                    continue
                seen = self.stream[0] + torch.einsum("hu,ubtd->hbtd", cut, self.missing)
                normed = g.norm(Reader(layer, kind))(seen)
                made = torch.einsum("hbtd,dhk->bthk", normed, weight.to(x).unflatten(1, (n, -1))).flatten(2)
                new[..., columns] = made if bias is None else made + bias
            return new

        return edit


def _affine(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """(weight [in, out], bias [out]) of a linear layer, GPT-2's transposed kind too."""
    weight, bias = module.weight, getattr(module, "bias", None)
    assert isinstance(weight, Tensor)
    return (weight.T if isinstance(module, nn.Linear) else weight).detach(), None if bias is None else bias.detach()

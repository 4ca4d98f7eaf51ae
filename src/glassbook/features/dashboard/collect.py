"""One pass over activations that gathers all that a feature dashboard says of where features are active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.dashboard.accumulators import Histograms, Mass, Together
from glassbook.features.dashboard.top_activations import Entries, Places, Window, chance
from glassbook.features.data import Rows, open_rows
from glassbook.trace import Activations

ELSEWHERE = 200
"""Random stretches of text that are kept, to judge by them what a feature does not fire on."""


class Column:
    """One integer for each row of a stream (its token, its text), in parts that may be mapped from disk."""

    def __init__(self, parts: list[Tensor]) -> None:
        self.parts = parts
        self.ends = torch.tensor([len(p) for p in parts]).cumsum(0)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The numbers of those rows, in the shape of `rows`."""
        part = torch.searchsorted(self.ends, rows, right=True)
        out = torch.empty_like(rows)
        for i, x in enumerate(self.parts):
            here = part == i
            out[here] = x[rows[here] - (self.ends[i] - len(x))].to(out.dtype)
        return out


@dataclass(frozen=True)
class Stretch:
    """A random stretch of the text.

    Attributes:
        rows: [T] its rows.
        active: features that are active on any of them, in order.
    """

    rows: Tensor
    active: list[int]


@dataclass
class Seen:
    """What one pass found out.

    Attributes:
        n: rows.
        tokens: token of each row.
        sequence: text of each row.
        window: rows before and after a place.
        active: [F] rows that a feature is active on.
        histograms, mass, together: see `tally`.
        top: the strongest places, at most one from each text.
        sampled: places drawn evenly from all that a feature is active on, whatever its value there.
        elsewhere: random stretches.
    """

    n: int
    tokens: Column
    sequence: Column
    window: Window
    active: Tensor
    histograms: Histograms
    mass: Mass
    together: Together
    top: Places
    sampled: Places
    elsewhere: list[Stretch]

    def round(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows round places [..., n] and whether each is of the same text: [..., n, span] each."""
        near = rows[..., None] + torch.arange(-self.window.before, self.window.after + 1)
        inside = (near >= 0) & (near < self.n)
        near = near.clamp(0, self.n - 1)
        return near, inside & (self.sequence[near] == self.sequence[rows][..., None])


def open_stream(
    activations: Tensor | tuple[Activations, str], tokens: Tensor | None, sequence: Tensor | None
) -> tuple[Rows, Column, Column]:
    """The activations, and each row's token and text; a recording has its own.

    Raises:
        GlassbookError: they do not fit together.
    """
    rows = open_rows(activations)
    if isinstance(activations, tuple):
        recording = activations[0]
        return rows, Column(recording.mapped("tokens")), Column(recording.mapped("sequence"))
    if tokens is None or len(tokens) != rows.n:
        raise GlassbookError(f"{rows.n} activations need as many tokens")
    sequence = torch.zeros(rows.n, dtype=torch.int64) if sequence is None else sequence
    return rows, Column([tokens.cpu()]), Column([sequence.cpu()])


@torch.no_grad()
def watch(
    d: Any,
    stream: tuple[Rows, Column, Column],
    vocab: int,
    *,
    contexts: int,
    sampled: int,
    before: int,
    after: int,
    chunk: int,
) -> Seen:
    """Encode every row once and gather what is to be known of each feature.

    Args:
        d: dictionary, or anything else with `encode_sparse` and `width`.
        stream: from `open_stream`.
        vocab: tokens of the model.
        contexts: strongest places kept for each feature.
        sampled: random places kept for each.
        before: rows kept before a place.
        after: rows kept after it.
        chunk: rows encoded at once.
    """
    rows, tokens, sequence = stream
    device = next((p.device for p in d.parameters()), None) if hasattr(d, "parameters") else None
    window = Window(before, after)
    seen = Seen(
        rows.n, tokens, sequence, window, torch.zeros(d.width, dtype=torch.int64), Histograms(d.width),
        Mass(d.width, vocab), Together(d.width, rows.n), Places(d.width, contexts, window.span, one_each=True),
        Places(d.width, sampled, window.span, one_each=False), [],
    )  # fmt: skip
    start = 0
    for x in rows.chunks(chunk):
        values, latents = (t.cpu() for t in d.encode_sparse(x.to(device)))
        number = torch.arange(start, start + len(x))
        start += len(x)
        window.push(values, latents, sequence[number], last=start == rows.n)
        _count(seen, window.entries(), d.width)
        seen.elsewhere += _stretches(window, ELSEWHERE / rows.n)
    return seen


def _count(seen: Seen, entries: Entries, width: int) -> None:
    """Add the entries of some rows to everything."""
    seen.active.index_add_(0, entries.latents, torch.ones_like(entries.latents))
    seen.histograms.add(entries)
    seen.mass.add(entries, seen.tokens[entries.rows])
    seen.together.add(entries)
    seen.top.add(entries.values, entries, seen.window.round)
    seen.sampled.add(chance(entries.rows * width + entries.latents), entries, seen.window.round)


def _stretches(window: Window, share: float) -> list[Stretch]:
    """Random stretches round some of the rows that have just become ready."""
    ready = torch.arange(*window.ready)
    # Another sample than that of `Together`: the numbers below zero are used by nobody else.
    found = []
    for row in ready[chance(-1 - ready) <= share].tolist():
        rows = torch.arange(max(row - window.before, window.first), row + window.after + 1)
        rows = rows[rows < window.first + len(window.values)]
        rows = rows[window.sequences[rows - window.first] == window.sequences[row - window.first]]
        at = rows - window.first
        found.append(Stretch(rows, window.latents[at][window.values[at] > 0].unique().tolist()))
    return found

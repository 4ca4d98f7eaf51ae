"""Statistics of a feature dashboard, gathered in one streaming pass over activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.dashboard.accumulators import Coactivation, Histograms, TokenAttribution
from glassbook.features.dashboard.top_activations import FeatureActivations, SlidingWindow, TopActivations, hash_uniform
from glassbook.features.data import Rows, open_rows
from glassbook.trace import Activations

EXCERPTS = 200
"""Random excerpts of text, on average: non-activating examples to score names with."""


@dataclass(frozen=True)
class Excerpt:
    """A random excerpt of the text.

    Attributes:
        rows: [T] its rows.
        active: features that are active on any of them, in order.
    """

    rows: Tensor
    active: list[int]


@dataclass
class FeatureStats:
    """What one pass over a stream gathers.

    Attributes:
        n: rows.
        tokens: token of each row.
        sequence: text of each row.
        window: rows before and after an activation.
        active: [F] number of rows on which each feature is active.
        histograms: of each feature's values.
        token_attribution: sums of each feature's values by token.
        coactivation: features active on the same rows.
        top: the top activating examples, at most one from each text.
        sampled: examples drawn uniformly from all rows on which a feature is active.
        excerpts: random excerpts of the text.
    """

    n: int
    tokens: Rows
    sequence: Rows
    window: SlidingWindow
    active: Tensor
    histograms: Histograms
    token_attribution: TokenAttribution
    coactivation: Coactivation
    top: TopActivations
    sampled: TopActivations
    excerpts: list[Excerpt]

    def context_rows(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows around `rows` [..., n] and whether each is of the same text: [..., n, span] each."""
        near = rows[..., None] + torch.arange(-self.window.before, self.window.after + 1)
        inside = (near >= 0) & (near < self.n)
        near = near.clamp(0, self.n - 1)
        return near, inside & (self.sequence[near] == self.sequence[rows][..., None])


def open_stream(
    activations: Tensor | tuple[Activations, str], tokens: Tensor | None, sequence: Tensor | None
) -> tuple[Rows, Rows, Rows]:
    """The activations, and each row's token and text; a recording has its own.

    Raises:
        GlassbookError: they do not fit together.
    """
    rows = open_rows(activations)
    if isinstance(activations, tuple):
        recording = activations[0]
        return rows, Rows(recording.mapped("tokens"), torch.int64), Rows(recording.mapped("sequence"), torch.int64)
    if tokens is None or len(tokens) != rows.n:
        raise GlassbookError(f"{rows.n} activations need as many tokens")
    sequence = torch.zeros(rows.n, dtype=torch.int64) if sequence is None else sequence
    return rows, Rows([tokens.cpu()], torch.int64), Rows([sequence.cpu()], torch.int64)


@torch.no_grad()
def collect_stats(
    d: Any,
    stream: tuple[Rows, Rows, Rows],
    vocab: int,
    *,
    contexts: int,
    sampled: int,
    before: int,
    after: int,
    chunk: int,
) -> FeatureStats:
    """Encode every row once and gather the statistics of each feature.

    Args:
        d: dictionary, or anything else with `encode_sparse` and `width`.
        stream: from `open_stream`.
        vocab: tokens of the model.
        contexts: top activating examples of each feature.
        sampled: random activating examples of each.
        before: rows shown before an example.
        after: rows shown after it.
        chunk: rows encoded at once.
    """
    rows, tokens, sequence = stream
    device = next((p.device for p in d.parameters()), None) if hasattr(d, "parameters") else None
    window = SlidingWindow(before, after)
    stats = FeatureStats(
        n=rows.n,
        tokens=tokens,
        sequence=sequence,
        window=window,
        active=torch.zeros(d.width, dtype=torch.int64),
        histograms=Histograms(d.width),
        token_attribution=TokenAttribution(d.width, vocab),
        coactivation=Coactivation(d.width, rows.n),
        top=TopActivations(d.width, contexts, window.span, one_each=True),
        sampled=TopActivations(d.width, sampled, window.span, one_each=False),
        excerpts=[],
    )
    start = 0
    for x in rows.chunks(chunk):
        values, latents = (t.cpu() for t in d.encode_sparse(x.to(device)))
        values = values.float()
        number = torch.arange(start, start + len(x))
        start += len(x)
        window.push(values, latents, sequence[number], last=start == rows.n)
        _count(stats, window.entries(), d.width)
        stats.excerpts += _random_excerpts(window, EXCERPTS / rows.n)
    return stats


def _count(stats: FeatureStats, entries: FeatureActivations, width: int) -> None:
    """Add some rows to every statistic."""
    stats.active.index_add_(0, entries.latents, torch.ones_like(entries.latents))
    stats.histograms.add(entries)
    stats.token_attribution.add(entries, stats.tokens[entries.rows])
    stats.coactivation.add(entries)
    stats.top.add(entries.values, entries, stats.window.context_values)
    stats.sampled.add(hash_uniform(entries.rows * width + entries.latents), entries, stats.window.context_values)


def _random_excerpts(window: SlidingWindow, share: float) -> list[Excerpt]:
    """Excerpts around a random sample of the rows that have just become ready."""
    ready = torch.arange(*window.ready)
    # Negative numbers, so that this is another sample than that of `Coactivation`.
    found = []
    for row in ready[hash_uniform(-1 - ready) <= share].tolist():
        rows = torch.arange(max(row - window.before, window.first), row + window.after + 1)
        rows = rows[rows < window.first + len(window.values)]
        rows = rows[window.sequences[rows - window.first] == window.sequences[row - window.first]]
        at = rows - window.first
        found.append(Excerpt(rows, window.latents[at][window.values[at] > 0].unique().tolist()))
    return found

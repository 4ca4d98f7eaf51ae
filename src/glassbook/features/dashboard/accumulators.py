"""Accumulators of a feature dashboard: histograms, token attributions and co-activation, in bounded memory."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from glassbook.features.dashboard.top_activations import FeatureActivations, hash_uniform

BINS = 24
"""Bins of a histogram: half octaves below the feature's largest value, the lowest takes all that is smaller."""
LOW, OCTAVES = -30, 64
"""Values from 2**LOW on are distinguished, over so many octaves."""
TOP = 10
"""Tokens and partners of each feature."""
SAMPLE = 1 << 16
"""Rows on which co-activation is counted."""


class Histograms:
    """How often each feature has a value in each half octave."""

    def __init__(self, width: int) -> None:
        self.counts = torch.zeros(width, 2 * OCTAVES, dtype=torch.int32)

    def add(self, entries: FeatureActivations) -> None:
        """Count activations."""
        place = entries.latents * (2 * OCTAVES) + _half_octave(entries.values)
        self.counts.view(-1).index_add_(0, place, torch.ones_like(place, dtype=torch.int32))

    def of(self, feature: int, top: float) -> tuple[list[float], list[int]]:
        """(edges [BINS + 1], counts [BINS]) of a feature whose largest value is `top`, 0 if it was never active."""
        if top <= 0:
            return [0.0] * (BINS + 1), [0] * BINS
        last = int(_half_octave(torch.tensor(top)))
        first = last + 1 - BINS
        counts = self.counts[feature]
        inside = torch.zeros(BINS, dtype=torch.int64)
        low = max(first, 0)
        inside[low - first :] = counts[low : last + 1]
        inside[0] += int(counts[:low].sum())
        edges = [0.0, *(2.0 ** (LOW + (first + i) / 2) for i in range(1, BINS)), top]
        return edges, inside.tolist()


def _half_octave(values: Tensor) -> Tensor:
    return ((values.log2() - LOW) * 2).floor().long().clamp(0, 2 * OCTAVES - 1)


class GrowableBuffer:
    """A one-dimensional buffer that grows by doubling.

    A list of small tensors would fragment memory: they outlive the large ones allocated between them.
    """

    def __init__(self, dtype: torch.dtype, capacity: int = 1 << 16) -> None:
        self._all, self._n = torch.empty(capacity, dtype=dtype), 0

    def __len__(self) -> int:
        return self._n

    def add(self, part: Tensor) -> None:
        """Append."""
        if self._n + len(part) > len(self._all):
            more = torch.empty(2 * (self._n + len(part)), dtype=self._all.dtype)
            more[: self._n] = self._all[: self._n]
            self._all = more
        self._all[self._n : self._n + len(part)] = part
        self._n += len(part)

    def take(self) -> Tensor:
        """All of them; the buffer is empty afterwards, and the result is valid until the next `add`."""
        n, self._n = self._n, 0
        return self._all[:n]


class TokenAttribution:
    """Sums of each feature's values by token; sums of tokens that matter little to a feature may be dropped.

    Args:
        width: features.
        vocab: tokens.
        held: activations gathered before they are added up.
        limit: most pairs of feature and token. When there are more, each feature keeps the
            limit / width tokens with the largest sums, so a sum may miss what came before its token was among them.
    """

    def __init__(self, width: int, vocab: int, held: int = 1 << 22, limit: int = 1 << 23) -> None:
        self.vocab, self.held = vocab, held
        self.each = max(4 * TOP, limit // width)
        self.limit = self.each * width
        self.keys, self.sums = torch.empty(0, dtype=torch.int64), torch.empty(0)
        self.total = torch.zeros(width, dtype=torch.float64)
        self._keys, self._values = GrowableBuffer(torch.int64), GrowableBuffer(torch.float32)

    def add(self, entries: FeatureActivations, tokens: Tensor) -> None:
        """Take activations, with the token of each."""
        self._keys.add(entries.latents * self.vocab + tokens)
        self._values.add(entries.values)
        if len(self._keys) > self.held:
            self.settle()

    def settle(self) -> None:
        """Add up what has been gathered."""
        new = self._values.take()
        keys = torch.cat([self.keys, self._keys.take()])
        self.total.index_add_(0, keys[len(self.keys) :] // self.vocab, new.double())
        self.keys, place = keys.unique(return_inverse=True)
        self.sums = torch.zeros(len(self.keys)).index_add_(0, place, torch.cat([self.sums, new]))
        if len(self.keys) > self.limit:
            best = self._largest(self.each)
            self.keys, self.sums = self.keys[best], self.sums[best]

    def top(self) -> tuple[list[list[int]], list[list[float]]]:
        """For each feature the tokens with the largest sums, largest first, and their shares of all of its values."""
        self.settle()
        best = self._largest(TOP)
        feature, sums = self.keys[best] // self.vocab, self.sums[best]
        best = best[sums.argsort(descending=True, stable=True)]
        best = best[(self.keys[best] // self.vocab).argsort(stable=True)]
        shares = (self.sums[best] / self.total[self.keys[best] // self.vocab].clamp_min(1e-30)).tolist()
        tokens = (self.keys[best] % self.vocab).tolist()
        ends = torch.bincount(feature, minlength=len(self.total)).cumsum(0).tolist()
        bounds = list(zip([0, *ends[:-1]], ends, strict=True))
        return [tokens[a:b] for a, b in bounds], [[float(s) for s in shares[a:b]] for a, b in bounds]

    def _largest(self, n: int) -> Tensor:
        """Indices of each feature's n largest sums, in the order of the keys."""
        order = self.sums.argsort(descending=True, stable=True)
        order = order[(self.keys[order] // self.vocab).argsort(stable=True)]
        counts = torch.bincount(self.keys // self.vocab, minlength=len(self.total))
        rank = torch.arange(len(order)) - (counts.cumsum(0) - counts)[self.keys[order] // self.vocab]
        return order[rank < n].sort().values


class Coactivation:
    """Which features are active on the same tokens, counted on a random sample of them.

    Args:
        width: features.
        n: rows of the stream; with up to SAMPLE of them the counts are exact.
    """

    def __init__(self, width: int, n: int) -> None:
        self.width, self.share = width, min(1.0, SAMPLE / max(n, 1))
        self._latents, self._rows = GrowableBuffer(torch.int32), GrowableBuffer(torch.int64)

    def add(self, entries: FeatureActivations) -> None:
        """Take activations."""
        latents, rows = entries.latents, entries.rows
        if self.share < 1:
            here = hash_uniform(rows) <= self.share
            latents, rows = latents[here], rows[here]
        self._latents.add(latents)
        self._rows.add(rows)

    def partners(self, block: int = 256) -> list[list[tuple[int, float]]]:
        """For each feature its partners with the largest Jaccard index, that is the share of the tokens on which
        either is active that both are active on: |A and B| / |A or B|. Partners met only once are left out."""
        latents, rows = self._latents.take().numpy(), self._rows.take().numpy()
        _, rows = np.unique(rows, return_inverse=True)
        ones = np.ones(len(rows), dtype=np.float32)
        shape = (self.width, int(rows.max(initial=-1)) + 1)
        active = scipy.sparse.csr_array((ones, (latents, rows)), shape=shape)
        count = torch.from_numpy(np.bincount(latents, minlength=self.width)).float()
        by_row = active.T.tocsr()
        found: list[list[tuple[int, float]]] = []
        for start in range(0, self.width, block):
            both = torch.from_numpy((active[start : start + block] @ by_row).toarray())
            own = torch.arange(len(both))
            either = count[start : start + block, None] + count - both
            jaccard = torch.where(both > 1, both / either.clamp_min(1), 0.0)
            jaccard[own, own + start] = 0
            top = jaccard.topk(min(TOP, self.width), dim=1)
            pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            found += [[(i, j) for i, j in zip(*pair, strict=True) if j > 0] for pair in pairs]
        return found

"""What a stream of codes adds up to for each feature, in memory that its length does not change."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from glassbook.features.dashboard.top_activations import Entries, chance

BINS = 24
"""Bins of a histogram: half octaves below the feature's largest value, the lowest takes all that is smaller."""
LOW, OCTAVES = -30, 64
"""Values are told apart from 2**LOW on, over so many octaves."""
TOP = 10
"""Tokens and partners that are kept for each feature."""
SAMPLE = 1 << 16
"""Rows on which features are counted together."""


class Histograms:
    """How often each feature has a value in each half octave."""

    def __init__(self, width: int) -> None:
        self.counts = torch.zeros(width, 2 * OCTAVES, dtype=torch.int32)

    def add(self, entries: Entries) -> None:
        """Count some entries."""
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


class Pile:
    """Numbers that come in parts and are kept in one piece.

    Many small tensors that live long between large ones that do not leave holes in the memory that nothing fills.
    """

    def __init__(self, dtype: torch.dtype, room: int = 1 << 16) -> None:
        self._all, self._n = torch.empty(room, dtype=dtype), 0

    def __len__(self) -> int:
        return self._n

    def add(self, part: Tensor) -> None:
        """Put some on top."""
        if self._n + len(part) > len(self._all):
            more = torch.empty(2 * (self._n + len(part)), dtype=self._all.dtype)
            more[: self._n] = self._all[: self._n]
            self._all = more
        self._all[self._n : self._n + len(part)] = part
        self._n += len(part)

    def take(self) -> Tensor:
        """All of them; the pile is empty then, and what is returned is good until the next is added."""
        n, self._n = self._n, 0
        return self._all[:n]


class Mass:
    """Sums of each feature's values by token; of tokens that matter little to a feature some are forgotten.

    Args:
        width: features.
        vocab: tokens.
        held: entries that are gathered before they are added up.
        limit: pairs of feature and token that are kept. When there are more, each feature keeps the
            limit / width tokens with the largest sums, so a sum may miss what came before its token was kept.
    """

    def __init__(self, width: int, vocab: int, held: int = 1 << 22, limit: int = 1 << 23) -> None:
        self.vocab, self.held = vocab, held
        self.each = max(4 * TOP, limit // width)
        self.limit = self.each * width
        self.keys, self.sums = torch.empty(0, dtype=torch.int64), torch.empty(0)
        self.total = torch.zeros(width, dtype=torch.float64)
        self._keys, self._values = Pile(torch.int64), Pile(torch.float32)

    def add(self, entries: Entries, tokens: Tensor) -> None:
        """Take entries, with the token of each."""
        self._keys.add(entries.latents * self.vocab + tokens)
        self._values.add(entries.values)
        if len(self._keys) > self.held:
            self.settle()

    def settle(self) -> None:
        """Add up what waits."""
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
        """Places of each feature's n largest sums, in the order of the keys."""
        order = self.sums.argsort(descending=True, stable=True)
        order = order[(self.keys[order] // self.vocab).argsort(stable=True)]
        counts = torch.bincount(self.keys // self.vocab, minlength=len(self.total))
        rank = torch.arange(len(order)) - (counts.cumsum(0) - counts)[self.keys[order] // self.vocab]
        return order[rank < n].sort().values


class Together:
    """Which features are active on the same tokens, counted on a random sample of them.

    Args:
        width: features.
        n: rows of the stream; with up to SAMPLE of them the counts are exact.
    """

    def __init__(self, width: int, n: int) -> None:
        self.width, self.share = width, min(1.0, SAMPLE / max(n, 1))
        self._latents, self._rows = Pile(torch.int32), Pile(torch.int64)

    def add(self, entries: Entries) -> None:
        """Look at some entries."""
        latents, rows = entries.latents, entries.rows
        if self.share < 1:
            here = chance(rows) <= self.share
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

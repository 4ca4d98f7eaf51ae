"""Top activating examples of each feature, maintained while activations stream by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

CHUNK = 4096
"""Examples whose contexts are looked up at a time; bounds the memory for it."""


@dataclass(frozen=True)
class FeatureActivations:
    """Activations of features on some rows.

    Attributes:
        values: [n] above zero.
        latents: [n] which feature.
        rows: [n] number of the activation, from 0 over the whole stream, in order.
        sequences: [n] the text that the row belongs to.
    """

    values: Tensor
    latents: Tensor
    rows: Tensor
    sequences: Tensor


class SlidingWindow:
    """Sparse latents of the last rows, to look up a feature's values before and after an activation.

    A row is ready when all rows that may be shown after it have come.

    Args:
        before: rows shown before an activation.
        after: rows shown after it.
    """

    def __init__(self, before: int, after: int) -> None:
        self.before, self.after = before, after
        self.span = before + 1 + after
        self.values, self.latents = torch.empty(0, 1), torch.empty(0, 1, dtype=torch.int32)
        self.sequences = torch.empty(0, dtype=torch.int64)
        self.first = 0
        """Number of the first row that is held."""
        self.ready = (0, 0)
        """The rows that became ready with the last ones: from, to."""

    def push(self, values: Tensor, latents: Tensor, sequences: Tensor, last: bool) -> None:
        """Take the next rows: values and latents [B, m], sequences [B]."""
        done = self.ready[1]
        drop = max(0, done - self.before - self.first)
        self.values = _stack(self.values[drop:], values)
        self.latents = _stack(self.latents[drop:], latents.int())
        self.sequences = torch.cat([self.sequences[drop:], sequences])
        self.first += drop
        end = self.first + len(self.values)
        self.ready = done, end if last else max(done, end - self.after)

    def entries(self) -> FeatureActivations:
        """The activations on the rows that have just become ready."""
        here = slice(self.ready[0] - self.first, self.ready[1] - self.first)
        active = self.values[here] > 0
        row, _ = active.nonzero(as_tuple=True)
        values, latents = self.values[here][active], self.latents[here][active].long()
        return FeatureActivations(values, latents, row + self.ready[0], self.sequences[here][row])

    def context_values(self, latents: Tensor, rows: Tensor) -> Tensor:
        """The value of each feature [c] at the rows around its row [c], 0 outside the text: [c, span]."""
        chunks = [self._context_values(f, r) for f, r in zip(latents.split(CHUNK), rows.split(CHUNK), strict=True)]
        return torch.cat(chunks) if chunks else torch.empty(0, self.span)

    def _context_values(self, latents: Tensor, rows: Tensor) -> Tensor:
        at = rows[:, None] - self.first + torch.arange(-self.before, self.after + 1)
        inside = (at >= 0) & (at < len(self.values))
        at = at.clamp(0, len(self.values) - 1)
        inside &= self.sequences[at] == self.sequences[rows - self.first][:, None]
        hit = (self.latents[at] == latents.int()[:, None, None]) & inside[:, :, None]
        return (self.values[at] * hit).sum(2).clamp_min_(0)


class TopActivations:
    """For each feature the n activations with the largest keys, and its values in their contexts.

    Args:
        width: features.
        n: activations kept for each.
        span: length of a context.
        one_each: at most one activation from each text.

    Attributes:
        keys: [width, n], largest first, 0 where there are fewer than n.
        rows: [width, n].
        sequences: [width, n].
        shown: [width, n, span], the feature's values in the context.
    """

    def __init__(self, width: int, n: int, span: int, *, one_each: bool) -> None:
        self.n, self.one_each = n, one_each
        self.keys = torch.zeros(width, n)
        self.rows, self.sequences = (torch.zeros(width, n, dtype=torch.int64) for _ in range(2))
        self.shown = torch.zeros(width, n, span)

    def add(self, keys: Tensor, entries: FeatureActivations, look: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Offer activations.

        Args:
            keys: [n] above zero, by which they are chosen.
            entries: the activations.
            look: (latents, rows) -> values in their contexts, called only for those that are kept.
        """
        # After the first rows almost nothing beats what is kept, so almost nothing is sorted.
        here = (keys > self.keys[:, -1][entries.latents]).nonzero()[:, 0]
        if not len(here):
            return
        keys, latents, rows, texts = keys[here], entries.latents[here], entries.rows[here], entries.sequences[here]
        best = self._best(keys, latents, texts)
        keys, latents, rows, texts = keys[best], latents[best], rows[best], texts[best]
        touched, feature = latents.unique_consecutive(return_inverse=True)
        counts = torch.bincount(feature, minlength=len(touched))
        rank = torch.arange(len(latents)) - (counts.cumsum(0) - counts)[feature]

        def merged(kept: Tensor, new: Tensor) -> Tensor:
            table = torch.zeros(len(touched), self.n, dtype=kept.dtype)
            return torch.cat([kept[touched], table.index_put_((feature, rank), new)], dim=1)

        both, both_rows, both_texts = merged(self.keys, keys), merged(self.rows, rows), merged(self.sequences, texts)
        order = both.argsort(dim=1, descending=True, stable=True)
        if self.one_each:
            ordered = both.gather(1, order)
            ordered[_seen(both_texts.gather(1, order), ordered > 0)] = 0
            both = both.scatter(1, order, ordered)
            order = both.argsort(dim=1, descending=True, stable=True)
        order = order[:, : self.n]
        found, where = both.gather(1, order), both_rows.gather(1, order)
        self.keys[touched], self.rows[touched], self.sequences[touched] = found, where, both_texts.gather(1, order)
        old = self.shown[touched]
        shown = old.gather(1, order.clamp_max(self.n - 1)[:, :, None].expand(-1, -1, old.shape[2]))
        new = (order >= self.n) & (found > 0)
        shown[new] = look(touched[:, None].expand_as(order)[new], where[new])
        self.shown[touched] = shown

    def _best(self, keys: Tensor, latents: Tensor, texts: Tensor) -> Tensor:
        """Indices of the entries that may be kept, by feature and the largest first."""
        order = keys.argsort(descending=True, stable=True)
        if self.one_each:  # the largest of each text
            order = order[texts[order].argsort(stable=True)]
            order = order[latents[order].argsort(stable=True)]
            feature, text = latents[order], texts[order]
            first = torch.ones(len(order), dtype=torch.bool)
            first[1:] = (feature[1:] != feature[:-1]) | (text[1:] != text[:-1])
            order = order[first].sort().values  # back in the order of the rows, which decides between equals
            order = order[keys[order].argsort(descending=True, stable=True)]
        order = order[latents[order].argsort(stable=True)]
        feature = latents[order]
        _, place = feature.unique_consecutive(return_inverse=True)
        counts = torch.bincount(place)
        rank = torch.arange(len(order)) - (counts.cumsum(0) - counts)[place]
        return order[rank < self.n]


def _seen(texts: Tensor, there: Tensor) -> Tensor:
    """Which entries [U, m] have the text of an earlier one of the same feature."""
    same = (texts[:, :, None] == texts[:, None, :]) & there[:, None, :]
    return same.tril(-1).any(2)


def hash_uniform(number: Tensor) -> Tensor:
    """Pseudorandom numbers in (0, 1] that are a function of `number` [n], int64: SplitMix64's mixing step.

    So a sample chosen by them does not depend on how the stream is cut: the same stream gives the same dashboard.

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    z = number + _signed(0x9E3779B97F4A7C15)
    z = (z ^ ((z >> 30) & ((1 << 34) - 1))) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ ((z >> 27) & ((1 << 37) - 1))) * _signed(0x94D049BB133111EB)
    return (((z >> 40) & ((1 << 24) - 1)) + 1).float() / (1 << 24)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _stack(above: Tensor, below: Tensor) -> Tensor:
    """Concatenated rows, the narrower ones padded with zeros."""
    width = max(above.shape[1], below.shape[1])
    return torch.cat([pad(t, (0, width - t.shape[1])) for t in (above, below)])

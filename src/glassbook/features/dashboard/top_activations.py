"""Where features are active: for each the best places by some key, kept up while activations stream by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

PIECE = 4096
"""Places whose surroundings are looked up at a time; bounds the memory for it."""


@dataclass(frozen=True)
class Entries:
    """Active entries of the codes of some rows.

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


class Window:
    """Codes of the last rows, so that a feature's values before and after a place can be told.

    A row is ready when all rows that may be shown after it have come.

    Args:
        before: rows before a place that are shown.
        after: rows after it.
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

    def entries(self) -> Entries:
        """What is active on the rows that have just become ready."""
        here = slice(self.ready[0] - self.first, self.ready[1] - self.first)
        active = self.values[here] > 0
        row, _ = active.nonzero(as_tuple=True)
        values, latents = self.values[here][active], self.latents[here][active].long()
        return Entries(values, latents, row + self.ready[0], self.sequences[here][row])

    def round(self, latents: Tensor, rows: Tensor) -> Tensor:
        """The value of a feature at each of the rows round a place, 0 outside its text: [c, span]."""
        pieces = [self._round(f, r) for f, r in zip(latents.split(PIECE), rows.split(PIECE), strict=True)]
        return torch.cat(pieces) if pieces else torch.empty(0, self.span)

    def _round(self, latents: Tensor, rows: Tensor) -> Tensor:
        at = rows[:, None] - self.first + torch.arange(-self.before, self.after + 1)
        inside = (at >= 0) & (at < len(self.values))
        at = at.clamp(0, len(self.values) - 1)
        inside &= self.sequences[at] == self.sequences[rows - self.first][:, None]
        hit = (self.latents[at] == latents.int()[:, None, None]) & inside[:, :, None]
        return (self.values[at] * hit).sum(2).clamp_min_(0)


class Places:
    """For each feature the n places with the largest keys, and its values round them.

    Args:
        width: features.
        n: places kept for each.
        span: length of what is shown of a place.
        one_each: at most one place from each text.

    Attributes:
        keys: [width, n], largest first, 0 where there are fewer than n.
        rows: [width, n].
        sequences: [width, n].
        shown: [width, n, span], the feature's values.
    """

    def __init__(self, width: int, n: int, span: int, *, one_each: bool) -> None:
        self.n, self.one_each = n, one_each
        self.keys = torch.zeros(width, n)
        self.rows, self.sequences = (torch.zeros(width, n, dtype=torch.int64) for _ in range(2))
        self.shown = torch.zeros(width, n, span)

    def add(self, keys: Tensor, entries: Entries, look: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Offer places.

        Args:
            keys: [n] above zero, what they are chosen by.
            entries: the places.
            look: (latents, rows) -> values round them, asked only for those that are kept.
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

        def beside(kept: Tensor, new: Tensor) -> Tensor:
            table = torch.zeros(len(touched), self.n, dtype=kept.dtype)
            return torch.cat([kept[touched], table.index_put_((feature, rank), new)], dim=1)

        both, both_rows, both_texts = beside(self.keys, keys), beside(self.rows, rows), beside(self.sequences, texts)
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
        """The entries that may be kept, by feature and the largest first."""
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
    """Which places [U, m] are of a text that an earlier one of the same feature is of."""
    same = (texts[:, :, None] == texts[:, None, :]) & there[:, None, :]
    return same.tril(-1).any(2)


def chance(number: Tensor) -> Tensor:
    """Numbers in (0, 1] that look random but are a function of `number` [n], int64: SplitMix64's mixing step.

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
    """Rows under rows, the narrower ones filled up with zeros."""
    width = max(above.shape[1], below.shape[1])
    return torch.cat([pad(t, (0, width - t.shape[1])) for t in (above, below)])

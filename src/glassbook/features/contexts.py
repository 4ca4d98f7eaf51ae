"""What each feature fires on most strongly, found for all features in one pass over the activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.features.data import Rows, open_rows
from glassbook.features.dictionary import Dictionary
from glassbook.trace import Recording


@dataclass(frozen=True)
class Context:
    """A stretch of tokens round a place where a feature is strong.

    Attributes:
        row: number of the activation at that place.
        value: the feature's value there.
        tokens: [T] token ids from before it to after it, within one sequence.
        values: [T] the feature's value at each of them.
        at: where in the stretch the place is.
    """

    row: int
    value: float
    tokens: Tensor
    values: Tensor
    at: int


class Contexts:
    """The strongest activations of every feature; made by `top_contexts`.

    Attributes:
        values: [width, n] values, strongest first, 0 where a feature fired fewer than n times.
        rows: [width, n] the activations they were found at.
    """

    def __init__(
        self, d: Dictionary, rows: Rows, tokens: Tensor, sequence: Tensor, best: tuple[Tensor, Tensor]
    ) -> None:
        self._d, self._activations, self._tokens, self._sequence = d, rows, tokens, sequence
        self.values, self.rows = best

    def of(self, feature: int, before: int = 8, after: int = 3, texts: int | None = None) -> list[Context]:
        """The contexts of a feature, strongest first.

        Args:
            feature: its number.
            before: tokens before the place.
            after: tokens after it.
            texts: at most so many, each from another sequence; None: all that were kept.
        """
        return self.many([feature], before, after, texts)[0]

    def many(
        self, features: Sequence[int], before: int = 8, after: int = 3, texts: int | None = None, chunk: int = 4096
    ) -> list[list[Context]]:
        """The contexts of several features, each as `of` gives them; a row that several need is encoded once.

        Args:
            features: their numbers.
            before: tokens before the place.
            after: tokens after it.
            texts: as in `of`.
            chunk: rows encoded at once.
        """
        places = []
        for i, feature in enumerate(features):
            self._d.direction(feature)  # checks the number
            places += [(i, value, row) for value, row in self._places(feature, texts)]
        out: list[list[Context]] = [[] for _ in features]
        if places:
            near = [self._near(row, before, after) for _, _, row in places]
            values = self._values([features[i] for i, _, _ in places], near, chunk)
            for (i, value, row), rows, own in zip(places, near, values, strict=True):
                out[i].append(Context(row, value, self._tokens[rows], own, int((rows == row).nonzero())))
        return out

    @torch.no_grad()
    def _values(self, features: Sequence[int], near: Sequence[Tensor], chunk: int) -> Sequence[Tensor]:
        """The value of each feature at each of its rows."""
        lengths, rows, n = [len(rows) for rows in near], torch.cat(list(near)), self._activations.n
        asked = torch.tensor(features).repeat_interleave(torch.tensor(lengths)) * n + rows
        keys, place = asked.unique(return_inverse=True)
        found = torch.zeros(len(keys))
        for some in rows.unique().split(chunk):
            x = self._activations[some].to(self._d.W_enc.device)
            values, latents = (t.cpu() for t in self._d.encode_sparse(x))
            key = latents * n + some[:, None]
            at = torch.searchsorted(keys, key).clamp_max(len(keys) - 1)
            hit = (keys[at] == key) & (values > 0)
            found[at[hit]] = values[hit]
        return found[place].split(lengths)

    def _places(self, feature: int, texts: int | None) -> list[tuple[float, int]]:
        """(value, row) of the strongest places, strongest first."""
        found, seen = [], set()
        for value, row in zip(self.values[feature].tolist(), self.rows[feature].tolist(), strict=True):
            text = int(self._sequence[row])
            if value <= 0 or (texts is not None and len(found) == texts):
                break
            if texts is None or text not in seen:
                found.append((value, row))
            seen.add(text)
        return found

    def _near(self, row: int, before: int, after: int) -> Tensor:
        """The rows round a row, within its sequence."""
        near = torch.arange(max(0, row - before), min(self._activations.n, row + after + 1))
        return near[self._sequence[near] == self._sequence[row]]


def top_contexts(
    d: Dictionary,
    activations: Tensor | tuple[Recording, str],
    tokens: Tensor | None = None,
    sequence: Tensor | None = None,
    *,
    n: int = 10,
    chunk: int = 4096,
) -> Contexts:
    """Find the n strongest activations of every feature in one streaming pass.

    Args:
        d: the dictionary.
        activations: [N, d] or (recording, site).
        tokens: [N] token of each row; a recording has its own.
        sequence: [N] the sequence that each row belongs to, which contexts do not leave; a recording has its own.
        n: places kept for each feature.
        chunk: rows encoded at once.
    """
    rows = open_rows(activations)
    if not isinstance(activations, Tensor):
        recording = activations[0]
        tokens, sequence = recording.tokens(), recording.index()[0]
    if tokens is None or len(tokens) != rows.n:
        raise ValueError(f"{rows.n} activations need as many tokens")
    sequence = torch.zeros_like(tokens) if sequence is None else sequence
    best = torch.zeros(d.width, n), torch.zeros(d.width, n, dtype=torch.int64)
    start = 0
    for x in rows.chunks(chunk):
        with torch.no_grad():
            values, latents = (t.cpu() for t in d.encode_sparse(x.to(d.W_enc.device)))
        row = torch.arange(start, start + len(x))[:, None].expand_as(latents)
        here = values > 0
        best = _merge(best, values[here], latents[here], row[here])
        start += len(x)
    return Contexts(d, rows, tokens, sequence, best)


def _merge(best: tuple[Tensor, Tensor], values: Tensor, latents: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The n largest of each latent, of those kept so far and of the new entries."""
    width, n = best[0].shape
    order = torch.argsort(values, descending=True, stable=True)
    order = order[torch.argsort(latents[order], stable=True)]
    values, latents, rows = values[order], latents[order], rows[order]
    counts = torch.bincount(latents, minlength=width)
    rank = torch.arange(len(latents)) - (counts.cumsum(0) - counts)[latents]
    keep = rank < n
    latents, rank = latents[keep], rank[keep]
    new = torch.zeros(width, n).index_put_((latents, rank), values[keep])
    where = torch.zeros(width, n, dtype=torch.int64).index_put_((latents, rank), rows[keep])
    merged, at = torch.cat([best[0], new], dim=1).sort(dim=1, descending=True, stable=True)
    return merged[:, :n], torch.cat([best[1], where], dim=1).gather(1, at[:, :n])

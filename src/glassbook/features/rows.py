"""Where activations come from: a tensor, a recording's site, or a function of the step; all give batches by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.trace import Recording

Source = Tensor | tuple[Recording, str] | Callable[[int], Tensor]
"""Activations [N, d], (recording, site), or step -> a fresh batch [B, d]."""

HELD_OUT = 8192
"""Rows kept away from training, at most: they set a threshold and give the report's scores."""


class Rows:
    """Activations in parts [n_i, d] that may be mapped from disk; rows are numbered across the parts."""

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self.parts = list(parts)
        self.n = sum(map(len, self.parts))
        self.ends = torch.tensor([len(p) for p in self.parts]).cumsum(0)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The rows of those numbers, in that order, in float32."""
        if len(self.parts) == 1:
            return self.parts[0][rows].float()
        part = torch.searchsorted(self.ends, rows, right=True)
        out = torch.empty(len(rows), self.parts[0].shape[1])
        for i, x in enumerate(self.parts):
            here = torch.nonzero(part == i)[:, 0]
            out[here] = x[rows[here] - (self.ends[i] - len(x))].float()
        return out

    def chunks(self, rows: int) -> Iterator[Tensor]:
        """All rows in order, up to `rows` at a time, in float32."""
        for part in self.parts:
            for piece in part.split(rows):
                yield piece.float()


def open_rows(source: Tensor | tuple[Recording, str]) -> Rows:
    """The rows of a tensor [..., d] or of a recording's site, which stay on disk until they are asked for.

    Raises:
        GlassbookError: no rows, or a recording without its site.
    """
    if isinstance(source, Tensor):
        rows = Rows([source.detach().reshape(-1, source.shape[-1])])
    elif isinstance(source, Recording):
        raise GlassbookError(f"which site of the recording? Give (recording, site), one of {', '.join(source.sites)}")
    else:
        recording, site = source
        # Pieces as long as a shard are views of the mapped files.
        longest = max(int(shard["n"]) for shard in recording.header["shards"])
        rows = Rows(list(recording.chunks(site, longest)))
    if rows.n == 0:
        raise GlassbookError("there are no activations; record some")
    return rows


class Batches:
    """Shuffled batches, a pure function of the step, so that a resumed training sees what it would have seen.

    Args:
        source: see `Source`; of a function, `batch` rows are taken as they come.
        batch: rows in a batch.
        seed: of the order and of what is held out.
        steps: a function's batches from this step on count as held out.
    """

    def __init__(self, source: Source, batch: int, seed: int, steps: int) -> None:
        self.batch, self.seed, self.steps = batch, seed, steps
        self.rows: Rows | None = None
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)
        if callable(source) and not isinstance(source, Tensor):
            self.function = source
            return
        self.rows = open_rows(source)
        order = torch.randperm(self.rows.n, generator=self._generator(-1))
        kept = min(HELD_OUT, self.rows.n // 10)
        self._held_out, self._train = order[:kept], order[kept:].clone()

    def __call__(self, step: int) -> Tensor:
        """The batch of a step, [batch, d] float32 (all rows, if there are fewer)."""
        if self.rows is None:
            return self.function(step).detach().float()
        whole = max(1, len(self._train) // self.batch)
        epoch, at = divmod(step, whole)
        if epoch != self._epoch:
            order = torch.randperm(len(self._train), generator=self._generator(epoch))
            self._epoch, self._order = epoch, self._train[order]
        return self.rows[self._order[at * self.batch : (at + 1) * self.batch]]

    def sample(self, n: int) -> Tensor:
        """Up to n training rows, to measure centre and scale by."""
        if self.rows is None:
            return torch.cat([self(step) for step in range(min(self.steps, -(-n // self.batch)))])[:n]
        return self.rows[self._train[:n].sort().values]

    def held_out(self) -> Tensor:
        """Rows that training never sees (of few rows, those it does)."""
        if self.rows is None:
            return torch.cat([self(self.steps + i) for i in range(max(1, HELD_OUT // self.batch))])
        return self.rows[self._held_out if len(self._held_out) else self._train]

    def _generator(self, epoch: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed * 1_000_003 + epoch + 1) % 2**63)


def about(source: Source) -> dict[str, Any]:
    """What a dictionary's file should say of its activations: model, site, how many, which tokens were left out."""
    if isinstance(source, Tensor):
        return {"tokens": source.reshape(-1, source.shape[-1]).shape[0]}
    if callable(source):
        return {}
    recording, site = source
    header = recording.header
    return {"site": site, "tokens": recording.n, **{key: header[key] for key in ("model", "special_tokens")}}

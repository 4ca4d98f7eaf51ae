"""Shuffled activation buffer: activations from a running model to a training, without a detour over the disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.rows import count_rows, describe, refuse_training, rows
from glassbook.trace.sequences import sequence_parts

Inputs = Callable[[int], Mapping[str, Any]]
"""Number of a batch -> the model's inputs, {"input_ids", "attention_mask"}: the same number gives the same batch."""


class ActivationStream:
    """step -> a shuffled batch of activations [batch, d]: a source for `fit` and `fit_many`.

    The model's rows come in chunks of `pool` / 2. A random half of each chunk goes out with the next chunk's random
    half, so that a batch mixes the text of two chunks, in memory of `pool` rows and one chunk that is being filled.
    What a step gives depends on nothing but the arguments: a training that is resumed sees what it would have seen,
    after the two chunks have been computed again.

    Args:
        model: in eval mode.
        inputs: number -> the model's inputs, for all numbers from 0 on.
        sites: site or sites; those of several stand side by side.
        batch: rows in a batch.
        pool: rows that are shuffled with each other, at least 4 batches.
        skip: token ids to leave out (BOS, EOS, ...).
        seed: of the shuffling.
        dtype: of the pool; None takes the model's. bfloat16 halves the memory.
        prefetch: compute the next chunk while this one is used. None does so on an accelerator, where the two overlap.

    Attributes:
        header: what a recording of the same activations would say of itself.
        columns: for each site its dimensions in a batch, for `fit_many`.

    Raises:
        GlassbookError: settings that cannot work, or inputs without a row to keep.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        sites: str | Sequence[str],
        *,
        batch: int = 4096,
        pool: int = 1 << 18,
        skip: Collection[int] = (),
        seed: int = 0,
        dtype: torch.dtype | None = None,
        prefetch: bool | None = None,
    ) -> None:
        refuse_training(model)
        if batch < 1 or pool < 4 * batch:
            raise GlassbookError(f"a pool of {pool} rows cannot mix batches of {batch}; it needs at least 4 of them")
        self.model, self.inputs, self.skip, self.seed, self.batch = model, inputs, frozenset(skip), seed, batch
        self.sites = [sites] if isinstance(sites, str) else list(sites)
        # A chunk is two halves of whole batches.
        self.chunk = max(1, pool // (4 * batch)) * 2 * batch
        first, _, grid = rows(model, self.sites, inputs(0), self.skip)
        if not len(first["tokens"]):
            raise GlassbookError("the first batch holds only pads and skipped tokens; give text")
        dims = [first[site].shape[1] for site in self.sites]
        ends = torch.tensor(dims).cumsum(0).tolist()
        self.columns = [slice(end - d, end) for end, d in zip(ends, dims, strict=True)]
        x = first[self.sites[0]]
        self.dtype, self.device = dtype or x.dtype, x.device
        self.header = describe(model, self.sites, self.skip) | {
            "dims": dict(zip(self.sites, dims, strict=True)),
            "dtype": {site: str(self.dtype).removeprefix("torch.") for site in self.sites},
            "context": int(first["position"].max()) + 1,
            "pool": 2 * self.chunk,
            **({"grid": list(grid)} if grid else {}),
        }
        # Whose rows can be counted without running it; an encoder-decoder has two sequences.
        self._language = "input_ids" in inputs(0) and not sequence_parts(model)
        # Of the chunks 0 to n: the batch each begins in, and the rows of it that belong to the chunk before.
        self._starts = [(0, 0)]
        self._counts: dict[int, int] = {}
        # Three chunks: the two that go out, and the one that is being filled. Every one is used again and again.
        make = lambda: torch.empty(self.chunk, ends[-1], dtype=self.dtype, device=self.device)  # noqa: E731
        self._buffers, self._held = [make() for _ in range(3)], dict[int, int]()
        self._coming: tuple[int, Future[None]] | None = None
        ahead = self.device.type != "cpu" if prefetch is None else prefetch
        self._thread = ThreadPoolExecutor(1, "activation-stream") if ahead else None
        self._round, self._order = -1, torch.empty(0, dtype=torch.int64)

    def __call__(self, step: int) -> Tensor:
        """The batch of a step, [batch, d]."""
        per_round = self.chunk // self.batch
        round_, at = divmod(step, per_round)
        if round_ != self._round:
            self._advance(round_)
        here = self._order[at * self.batch : (at + 1) * self.batch]
        # Numbers below `chunk` mean rows of the older chunk, those above rows of the newer.
        newer = here >= self.chunk
        out = torch.empty(self.batch, self._buffers[0].shape[1], dtype=self.dtype, device=self.device)
        for number, which in ((round_, ~newer), (round_ + 1, newer)):
            buffer = self._buffers[self._held[number]]
            out[which.to(self.device)] = buffer[(here[which] % self.chunk).to(self.device)]
        return out

    def close(self) -> None:
        """End the thread that computes ahead, if there is one."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    # --- chunks -------------------------------------------------------------------------------------------------

    def _advance(self, round_: int) -> None:
        """Have the chunks `round_` and `round_` + 1, and the order of their rows."""
        if self._coming is not None:
            number, future = self._coming
            future.result()
            if number not in (round_, round_ + 1):
                self._held.pop(number)
            self._coming = None
        for number in [n for n in self._held if n not in (round_, round_ + 1)]:
            self._held.pop(number)
        for number in (round_, round_ + 1):
            if number not in self._held:
                self._fill(number, self._free(number))
        # Each chunk's second half goes out in the round of its own number, its first half in the one before.
        older, newer = self._halves(round_)[1], self._halves(round_ + 1)[0] + self.chunk
        mixed = torch.cat([older, newer])
        self._order = mixed[torch.randperm(self.chunk, generator=self._draws(round_, 1))]
        self._round = round_
        if self._thread is not None:
            place = self._free(round_ + 2)
            self._coming = (round_ + 2, self._thread.submit(self._fill, round_ + 2, place))

    def _halves(self, number: int) -> tuple[Tensor, Tensor]:
        order = torch.randperm(self.chunk, generator=self._draws(number, 0))
        return order[: self.chunk // 2], order[self.chunk // 2 :]

    def _draws(self, number: int, use: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed * 1_000_003 + 2 * number + use) % 2**63)

    def _free(self, number: int) -> int:
        """Give the chunk of that number a buffer."""
        place = min(set(range(3)) - set(self._held.values()))
        self._held[number] = place
        return place

    def _fill(self, number: int, place: int) -> None:
        """Compute a chunk into its buffer."""
        at, skipped = self._start(number)
        buffer, filled = self._buffers[place], 0
        while filled < self.chunk:
            found, *_ = rows(self.model, self.sites, self.inputs(at), self.skip)
            n = len(found["tokens"])
            self._counts[at] = n
            take = min(n - skipped, self.chunk - filled)
            for site, cut in zip(self.sites, self.columns, strict=True):
                buffer[filled : filled + take, cut] = found[site][skipped : skipped + take]
            filled += take
            at, skipped = (at, skipped + take) if skipped + take < n else (at + 1, 0)
        if number + 1 == len(self._starts):
            self._starts.append((at, skipped))

    def _start(self, number: int) -> tuple[int, int]:
        """Where a chunk begins: its batch, and the rows of that batch to pass over. Counts tokens, runs no model."""
        while len(self._starts) <= number:
            at, skipped = self._starts[-1]
            left, empty = self.chunk + skipped, 0
            while left >= (n := self._count(at)):
                left, at, empty = left - n, at + 1, 0 if n else empty + 1
                if empty > 1000:
                    raise GlassbookError("a thousand batches in a row hold only pads and skipped tokens; give text")
            self._starts.append((at, left))
        return self._starts[number]

    def _count(self, at: int) -> int:
        if at not in self._counts:
            batch = self.inputs(at)
            if self._language:
                self._counts[at] = count_rows(batch, self.skip)
            else:
                self._counts[at] = len(rows(self.model, self.sites, batch)[0]["tokens"])
        return self._counts[at]

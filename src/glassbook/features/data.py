"""Activation data for training and evaluation: tensors, sites of a recording, or a function of the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.trace import Activations
from glassbook.trace.stream import ActivationStream

Kept = Tensor | tuple[Activations, str] | tuple[Activations, Sequence[str]] | Sequence[Tensor]
"""Activations of a fixed number of rows."""
Source = Kept | Callable[[int], Tensor]
"""Activations [N, d], (recording, site), or step -> a fresh batch [B, d]. Several sites of a recording or several
tensors [N, d_i] stand side by side, [N, d_1 + d_2 ...]."""

HELD_OUT = 8192
"""Most rows held out of training: they set a threshold and give the report's scores."""


class Rows:
    """Activations in parts [n_i, d] that may be mapped from disk; rows are numbered across the parts.

    With parts [n_i] and an integer type they are one number for each row, such as its token.
    """

    def __init__(self, parts: Sequence[Tensor], dtype: torch.dtype = torch.float32) -> None:
        self.parts, self.dtype = list(parts), dtype
        self.n = sum(map(len, self.parts))
        self.ends = torch.tensor([len(p) for p in self.parts]).cumsum(0)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The rows of those numbers, in that order and shape."""
        if len(self.parts) == 1:
            return self.parts[0][rows].to(self.dtype)
        part = torch.searchsorted(self.ends, rows, right=True)
        out = torch.empty(*rows.shape, *self.parts[0].shape[1:], dtype=self.dtype)
        for i, x in enumerate(self.parts):
            here = torch.nonzero(part == i, as_tuple=True)
            out[here] = x[rows[here] - (self.ends[i] - len(x))].to(self.dtype)
        return out

    def chunks(self, rows: int) -> Iterator[Tensor]:
        """All rows in order, up to `rows` at a time, in float32."""
        for part in self.parts:
            for piece in part.split(rows):
                yield piece.float()


class SideBySide(Rows):
    """Rows of several sources, concatenated along the dimensions."""

    def __init__(self, sources: Sequence[Rows]) -> None:
        if len({rows.n for rows in sources}) != 1:
            sizes = ", ".join(str(rows.n) for rows in sources)
            raise GlassbookError(f"activations side by side need as many rows each, not {sizes}")
        self.sources, self.n = list(sources), sources[0].n

    def __getitem__(self, rows: Tensor) -> Tensor:
        """The rows of those numbers, in that order, in float32."""
        return torch.cat([source[rows] for source in self.sources], 1)

    def chunks(self, rows: int) -> Iterator[Tensor]:
        """All rows in order, up to `rows` at a time, in float32."""
        for start in range(0, self.n, rows):
            yield self[torch.arange(start, min(start + rows, self.n))]


def open_rows(source: Kept) -> Rows:
    """The rows of tensors [..., d] or of a recording's sites, which are read from disk on use.

    Raises:
        GlassbookError: no rows, or a recording without its site.
    """
    if isinstance(source, Tensor):
        rows = Rows([source.detach().reshape(-1, source.shape[-1])])
    elif isinstance(source, Activations):
        raise GlassbookError(f"which site of the recording? Give (recording, site), one of {', '.join(source.sites)}")
    elif not source:
        raise GlassbookError("there are no activations; record some")
    elif isinstance(first := source[0], Activations):
        rows = _of_recording(first, source[1])  # pyright: ignore[reportArgumentType]
    else:
        rows = SideBySide([open_rows(part) for part in source])  # pyright: ignore[reportArgumentType]
    if rows.n == 0:
        raise GlassbookError("there are no activations; record some")
    return rows


def _of_recording(recording: Activations, sites: str | Sequence[str]) -> Rows:
    if not isinstance(sites, str):
        return SideBySide([_of_recording(recording, site) for site in sites])
    return Rows(recording.mapped(sites))


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
        n = min(HELD_OUT, self.rows.n // 10)
        self._held_out, self._train = order[:n], order[n:].clone()

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


def about(source: Source, columns: slice = slice(None)) -> dict[str, Any]:
    """What a dictionary's file should say of its activations: model, site, how many, which tokens were left out."""
    if isinstance(source, Tensor):
        return {"tokens": source.numel() // source.shape[-1]}
    if isinstance(source, ActivationStream):
        header, sites, n = source.header, source.sites, {"pool": source.header["pool"]}
    elif callable(source):
        return {}
    elif isinstance(recording := source[0], Activations):
        header, sites = recording.header, source[1]
        n = {"tokens": recording.n}
    else:
        return {"tokens": open_rows(source).n}
    names, start = [], 0
    for site in [sites] if isinstance(sites, str) else sites:
        end = start + header["dims"][site]
        if start >= (columns.start or 0) and end <= (columns.stop or end):
            names.append(site)
        start = end
    facts = {key: header[key] for key in ("model", "special_tokens", "context", "scale", "centre") if key in header}
    weights = {"weights": header["model"]["weights"]} if "weights" in header["model"] else {}
    return {"site": names[0] if len(names) == 1 else names, **n, **facts, **weights}


def check_source(trained_on: Mapping[str, Any], source: Source, columns: slice = slice(None)) -> None:
    """Refuse activations that are not of the kind a dictionary was learnt from.

    Args:
        trained_on: `about` of the dictionary; what it does not say is not compared, nor is a site under the name that
            another program has for it (`origin.site_of` finds that).
        source: the activations.
        columns: the dimensions that the dictionary reads.

    Raises:
        GlassbookError: another site, another model, or other tokens left out.
    """
    here = about(source, columns)
    compared = {"weights": "weights", "site": "site", "special_tokens": "tokens left out"}
    foreign = "from" in trained_on and not str(trained_on.get("site")).endswith((".in", ".out"))
    for key, label in compared.items():
        if key == "site" and foreign:
            continue
        if trained_on.get(key) is not None and here.get(key) is not None and trained_on[key] != here[key]:
            difference = "of another model" if key == "weights" else f"with {label} {here[key]}, not {trained_on[key]}"
            raise GlassbookError(f"the dictionary was not learnt from such activations: they are {difference}")

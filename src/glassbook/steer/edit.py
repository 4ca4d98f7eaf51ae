"""The edits that steering makes: where they act, and what they do there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.steer.where import Where
from glassbook.trace import At


class Gate(Protocol):
    """Says for each row of the batch whether it is steered; see `when`."""

    def open(self, at: At) -> Tensor:
        """[B] bool."""
        ...


class Masked:
    """fn(x, at) for trace: `change` at the positions of a rule, in the rows that a gate lets through.

    Everything goes by absolute positions, so that a cached decode step (x is the newest token) and generation
    without a cache (x is the whole text again) give the same result.
    """

    def __init__(self, where: Where, gate: Gate | None = None) -> None:
        self.where, self.gate = where, gate
        # Whether every token after the prompt is changed; None if that depends on its position.
        self.steady = where.steady(None)

    def change(self, x: Tensor) -> Tensor:
        """What x [B, T, d] becomes where it is changed."""
        raise NotImplementedError

    def __call__(self, x: Tensor, at: At) -> Tensor:
        """The steered activation; x is [B, T, d], or [..., d] in a model that reads no tokens."""
        if at.phase == "decode" and x.shape[1] == 1 and self.steady is not None and self.gate is None:
            return self.change(x) if self.steady else x  # the hot path: one new token, which is never a pad
        if at.pos is None and self.where.rule == "everywhere" and self.gate is None:
            return self.change(x)  # no tokens: an image's patches, an autoencoder's latents
        pos, real, prompt = positions(at)
        if at.phase == "prefill":
            self.steady = self.where.steady(prompt)
        mask = self.where.mask(pos, real, prompt)
        if self.gate is not None:
            mask = mask & self.gate.open(at)[:, None]
        return torch.where(mask[..., None], self.change(x), x)


class Addition(Masked):
    """Adds a row; it moves to the model's device and dtype once."""

    def __init__(self, row: Tensor, where: Where, gate: Gate | None = None) -> None:
        super().__init__(where, gate)
        self.row = row

    def change(self, x: Tensor) -> Tensor:
        """x + row."""
        self.row = _fitting(self.row, x)
        return x + self.row


class Ablation(Masked):
    """Takes away what x has along unit directions: x - (x . u) u."""

    def __init__(self, unit: Tensor, where: Where, gate: Gate | None = None) -> None:
        super().__init__(where, gate)
        self.unit = unit

    def change(self, x: Tensor) -> Tensor:
        """x without its part along each direction, which are orthonormal rows."""
        self.unit = _fitting(self.unit, x)
        return x - (x @ self.unit.T) @ self.unit


class Clamping(Masked):
    """Sets features of a dictionary: x + (wanted - own value) of each direction. What it does not explain stays."""

    def __init__(self, coder: Codes, values: Mapping[int, float], where: Where, gate: Gate | None = None) -> None:
        super().__init__(where, gate)
        self.coder, self.index = coder, torch.tensor(sorted(values))
        self.wanted = torch.tensor([values[i] for i in sorted(values)])
        self.rows = torch.stack([coder.direction(int(i)) for i in self.index])

    def change(self, x: Tensor) -> Tensor:
        """x with the features at their values; bit by bit x where they have them already."""
        self.rows, self.wanted, self.index = _fitting(self.rows, x), self.wanted.to(x), self.index.to(x.device)
        missing = self.wanted - self.coder.encode(x.float())[..., self.index].to(x.dtype)
        return x + missing @ self.rows


class Rows:
    """Adds the rows of a positional vector, each to its own position."""

    def __init__(self, rows: Tensor, where: Where, gate: Gate | None = None) -> None:
        self.rows, self.where, self.gate = rows, where, gate

    def __call__(self, x: Tensor, at: At) -> Tensor:
        """The steered activation; x is [B, T, d]."""
        pos, real, prompt = positions(at)
        self.rows = _fitting(self.rows, x)
        index = pos - self.where.start(len(self.rows), prompt)
        inside = real & (index >= 0) & (index < len(self.rows))
        if self.gate is not None:
            inside = inside & self.gate.open(at)[:, None]
        # mask * row is exactly 0 or the row, so addcmul leaves every other position bitwise as it was.
        return torch.addcmul(x, inside[..., None].to(x), self.rows[index.clamp(0, len(self.rows) - 1)])


class Codes(Protocol):
    """What `clamp` needs of a dictionary."""

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., F] of activations [..., d]."""
        ...

    def direction(self, i: int) -> Tensor:
        """What feature `i` adds for each unit of its value, [d]."""
        ...


def positions(at: At) -> tuple[Tensor, Tensor, Tensor | None]:
    """(pos [B, T], real [B, T], prompt [B] or None) of an edit in a language model."""
    if at.pos is None or at.real is None:
        raise GlassbookError(
            f"{at.site} has no token positions to steer at; only a direction can be added there, everywhere()"
        )
    return at.pos, at.real, at.prompt


def _fitting(rows: Tensor, x: Tensor) -> Tensor:
    if rows.shape[-1] != x.shape[-1]:
        raise GlassbookError(
            f"the vector has {rows.shape[-1]} dimensions, the activations have {x.shape[-1]}; is it this model's?"
        )
    return rows.to(x)

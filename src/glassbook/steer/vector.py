"""Steering vectors as values: rows at named sites, with the arithmetic of a vector space, saved as safetensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.notebook.files import write_atomic
from glassbook.steer.spec import HEADER


@dataclass(frozen=True, eq=False)
class Vector:
    """A steering vector: for each site, rows [T, d] to add to the activations.

    A **direction** (`positional=False`) has one row, added at every position that `where` picks.
    A **positional** vector (activation addition) has one row for each of T consecutive positions of a
    prompt, and is added there only.

    Vectors form a linear space: `v + 2 * w`, `v - w`, `-v`. A site that one operand lacks counts as zero
    there, and a shorter positional vector as zero after its end. Rows are kept on the CPU in at least
    float32; steering moves them to the model's device and dtype.

    Args:
        rows: site ("blocks.3.in") -> tensor [T, d] (a [d] tensor is taken as [1, d]).
        positional: whether row t belongs to the t-th position, or the one row to any position.
        about: how the vector was made, as text (method, plus, minus ...); saved, and ignored by ==.

    Raises:
        GlassbookError: no rows, a wrong shape, a value that is not finite, or a direction of several rows.
    """

    rows: Mapping[str, Tensor]
    positional: bool = False
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.rows:
            raise GlassbookError("a Vector needs rows at one site at least; give rows={site: tensor [T, d]}")
        rows = {site: _row_matrix(site, value) for site, value in self.rows.items()}
        for site, value in rows.items():
            if not self.positional and len(value) != 1:
                raise GlassbookError(
                    f"a direction has one row, {site} has {len(value)}; pass positional=True or average them"
                )
        object.__setattr__(self, "rows", rows)

    @property
    def sites(self) -> list[str]:
        """The sites that the vector is added at."""
        return list(self.rows)

    def norm(self) -> dict[str, float]:
        """Size at each site: the mean Euclidean norm of its non-zero rows, or 0 if all are zero.

        Zero rows are left out because row 0 of an activation addition (the shared BOS) always is one.
        """
        return {site: _size(rows) for site, rows in self.rows.items()}

    def unit(self) -> Vector:
        """The same vector with norm 1 at each site; the rows of a site keep their relative sizes.

        Raises:
            GlassbookError: the vector is zero at a site.
        """
        for site, size in self.norm().items():
            if size == 0:
                raise GlassbookError(f"the vector is zero at {site}, so it has no unit; use another pair or site")
        return Vector({s: r / _size(r) for s, r in self.rows.items()}, self.positional, self.about)

    def __add__(self, other: Vector) -> Vector:
        if not isinstance(other, Vector):
            return NotImplemented
        if self.positional != other.positional:
            raise GlassbookError(
                "a positional vector and a direction cannot be added; steer(lm, [(v, 1), (w, 1)]) uses both"
            )
        rows = dict(self.rows)
        for site, value in other.rows.items():
            rows[site] = _add_rows(site, rows[site], value) if site in rows else value
        return Vector(rows, self.positional)

    def __mul__(self, factor: float) -> Vector:
        if isinstance(factor, Vector | Tensor):
            return NotImplemented
        # A negative multiple swaps the roles of plus and minus, so `about` would no longer be true of it.
        return self._each(lambda rows: rows * factor, self.about if factor > 0 else {})

    __rmul__ = __mul__

    def __neg__(self) -> Vector:
        return self._each(torch.neg, {})

    def __sub__(self, other: Vector) -> Vector:
        return self + (-other) if isinstance(other, Vector) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector):
            return NotImplemented
        return (
            self.positional == other.positional
            and self.rows.keys() == other.rows.keys()
            and all(torch.equal(rows, other.rows[site]) for site, rows in self.rows.items())
        )

    __hash__ = None  # type: ignore[assignment]  # equal by content, which tensors cannot hash

    def __repr__(self) -> str:
        shapes = ", ".join(f"{site}: {len(r)} x {r.shape[1]}" for site, r in self.rows.items())
        return f"Vector({'positional' if self.positional else 'direction'}, {shapes})"

    def _each(self, change: Callable[[Tensor], Tensor], about: Mapping[str, str]) -> Vector:
        return Vector({site: change(rows) for site, rows in self.rows.items()}, self.positional, about)

    def save(self, path: str | Path) -> None:
        """Write safetensors, with `positional` and `about` as JSON in the header; never half a file."""
        header = json.dumps({"positional": self.positional, "about": dict(self.about)})
        rows = {site: rows.contiguous() for site, rows in self.rows.items()}
        write_atomic(Path(path), to_bytes(rows, {HEADER: header}))

    @classmethod
    def load(cls, path: str | Path) -> Vector:
        """Read what `save` wrote.

        Raises:
            GlassbookError: no such file, not a safetensors file, or not a steering vector.
        """
        if not Path(path).is_file():
            raise GlassbookError(f"there is no file {path}; save a Vector there first")
        try:
            with safe_open(str(path), framework="pt") as file:
                header = json.loads((file.metadata() or {})[HEADER])
                rows = {site: file.get_tensor(site) for site in file.keys()}  # noqa: SIM118 (not a dict)
            return cls(rows, positional=header["positional"], about=header["about"])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise GlassbookError(f"{path} is no steering vector; give a file written by Vector.save") from error


def _row_matrix(site: str, value: Tensor) -> Tensor:
    rows = value.detach().to("cpu")
    rows = (rows if rows.dtype == torch.float64 else rows.float()).clone()
    rows = rows[None] if rows.dim() == 1 else rows
    if rows.dim() != 2 or rows.numel() == 0:
        raise GlassbookError(f"rows at {site} have shape {tuple(value.shape)}; give [T, d]")
    if not bool(rows.isfinite().all()):
        raise GlassbookError(f"rows at {site} hold values that are not finite; measure them again")
    return rows


def _size(rows: Tensor) -> float:
    norms = rows.norm(dim=1)
    norms = norms[norms > 0]
    return float(norms.mean()) if len(norms) else 0.0


def _add_rows(site: str, a: Tensor, b: Tensor) -> Tensor:
    if a.shape[1] != b.shape[1]:
        raise GlassbookError(f"vectors at {site} have widths {a.shape[1]} and {b.shape[1]}; use vectors of one model")
    length = max(len(a), len(b))
    out = torch.zeros(length, a.shape[1], dtype=torch.promote_types(a.dtype, b.dtype))
    out[: len(a)] += a
    out[: len(b)] += b
    return out

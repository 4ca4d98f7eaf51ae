"""Residual stream norms, and vectors scaled to them (unit="norm")."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.extract import read
from glassbook.steer.spec import UNITS
from glassbook.steer.vector import Vector

PROBE = (
    "The old bridge was closed for repairs, so we walked along the river until we found another way across.",
    "She opened the letter, read it twice, and put it back on the table without saying a word.",
    "Most birds in this valley leave before the first snow and return when the days grow long again.",
)
"""The texts that residual norms are measured on by default."""


def residual_norms(
    lm: LanguageModel, sites: Sequence[str] | set[str], texts: Sequence[str] = PROBE
) -> dict[str, float]:
    """The median Euclidean norm of each site's activations over the tokens of some texts, BOS left out.

    BOS is left out because its norm is an outlier (4022 against 121-178 in the middle of GPT-2 XL).
    """
    # the beginning of a long text suffices
    inputs = lm.batch([texts] if isinstance(texts, str) else list(texts), pad="right", cut=True)
    tokens = inputs["attention_mask"].bool()
    tokens[:, : len(lm.encode(""))] = False
    if not bool(tokens.any()):
        raise GlassbookError("the probe texts hold no token besides BOS; give longer ones")
    acts = read(lm, inputs, sorted(sites))
    return {site: float(x[tokens].float().norm(dim=-1).median()) for site, x in acts.items()}


def in_norms(lm: LanguageModel, v: Vector, probe: Sequence[str] = PROBE) -> Vector:
    """`v` scaled so that strength 1 is one median residual norm at each of its sites (what unit="norm" adds)."""
    norms, unit = residual_norms(lm, v.sites, probe), v.unit()
    return Vector({site: rows * norms[site] for site, rows in unit.rows.items()}, v.positional, v.about)


def check_unit(unit: str) -> None:
    """GlassbookError unless `unit` is one of UNITS."""
    if unit not in UNITS:
        raise GlassbookError(f"there is no unit {unit!r} of strength; use {' or '.join(UNITS)}")


def in_unit(lm: LanguageModel | nn.Module, v: Vector, unit: str, probe: Sequence[str] = PROBE) -> Vector:
    """The vector that strength 1 adds, in the model's own units."""
    check_unit(unit)
    if unit == "raw":
        return v
    if not isinstance(lm, LanguageModel):
        raise GlassbookError('unit="norm" reads a probe text; give the LanguageModel, or use unit="raw"')
    return in_norms(lm, v, probe)

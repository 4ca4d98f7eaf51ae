"""Steering while the user's own call runs, by edits of a trace: nothing is wrapped, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.edit import Ablation, Addition, Clamping, Rows
from glassbook.steer.interventions import Ablate, Clamp, When
from glassbook.steer.sources import read
from glassbook.steer.vector import Vector
from glassbook.steer.where import Where, everywhere, first
from glassbook.trace import allow_identity, trace
from glassbook.trace.tracer import Edit

Intervention = Vector | Clamp | Ablate

PROBE = (
    "The old bridge was closed for repairs, so we walked along the river until we found another way across.",
    "She opened the letter, read it twice, and put it back on the table without saying a word.",
    "Most birds in this valley leave before the first snow and return when the days grow long again.",
)
"""The texts that residual norms are measured on, unless others are given."""


@dataclass(frozen=True)
class Steered:
    """What a `steer` block does: vectors are in the model's own units; `norms` are those that unit="norm" went by."""

    done: tuple[Intervention, ...]
    norms: dict[str, float]


@contextmanager
def steer(
    lm: LanguageModel | nn.Module,
    v: Intervention | Sequence[tuple[Intervention, float]],
    by: float = 1.0,
    unit: Literal["raw", "norm"] = "raw",
    where: Where | None = None,
    probe: Sequence[str] = PROBE,
    when: When | None = None,
) -> Iterator[Steered]:
    """Change the model's activations in every call made inside the block.

        with steer(lm, v, by=4.0):
            lm.generate(["I went up to my friend and said"])

    A direction is added at every position that `where` picks (default everywhere()), in the prompt and in new
    tokens. A positional vector is added to the prompt only, from `where` on (default first()): later tokens feel it
    through attention, with or without a KV cache. `Clamp` and `Ablate` act where a direction would. Several are
    applied in the order given.

    Args:
        lm: a LanguageModel, or any module that trace can read positions of.
        v: a vector, `Clamp` or `Ablate`; or pairs of one and its own strength, multiplied by `by`. Only vectors have
            a strength other than 1.
        by: strength; negative steers the other way.
        unit: "raw" adds by * v, the published ActAdd coefficient. "norm" counts strength in multiples of the
            site's median residual norm: v is first scaled to that norm at each of its sites (`in_norms`).
        where: the positions; see first, last, after_prompt, everywhere, from_position.
        probe: the texts that unit="norm" measures the median on, in one forward pass when the block is entered.
        when: a condition on each row's prompt; rows that do not meet it run as if there were no block.

    Raises:
        GlassbookError: strength 0, nothing to steer with, a prompt shorter than a positional vector, a rule that does
            not fit.
    """
    pairs = list(v) if isinstance(v, Sequence) else [(v, 1.0)]
    if not pairs:
        raise GlassbookError("there is no vector to steer with; give one, or pairs (vector, strength)")
    if any(strength * by == 0 for _, strength in pairs):
        raise GlassbookError("strength 0 changes nothing; choose another, or call the model without steer")
    if any(strength * by != 1 for u, strength in pairs if not isinstance(u, Vector)):
        raise GlassbookError("clamping and ablation have no strength; leave it at 1 and choose other values")
    check_unit(unit)
    model, norms = lm.model if isinstance(lm, LanguageModel) else lm, {}
    if unit == "norm":
        if not isinstance(lm, LanguageModel):
            raise GlassbookError('unit="norm" reads a probe text; give the LanguageModel, or use unit="raw"')
        norms = residual_norms(lm, {site for u, _ in pairs if isinstance(u, Vector) for site in u.sites}, probe)
        pairs = [(_scaled(u, norms) if isinstance(u, Vector) else u, strength) for u, strength in pairs]
    done = tuple(u * (strength * by) if isinstance(u, Vector) else u for u, strength in pairs)
    with ExitStack() as stack:
        if when is not None:
            stack.enter_context(trace(model, edit={when.site: allow_identity(when.watch)}))
        for u in done:  # a trace for each, so that each is checked to have had an effect
            stack.enter_context(trace(model, edit=_edits(u, where, when)))
        yield Steered(done, norms)


def residual_norms(
    lm: LanguageModel, sites: Sequence[str] | set[str], texts: Sequence[str] = PROBE
) -> dict[str, float]:
    """The median Euclidean norm of each site's activations over the tokens of some texts, BOS left out.

    BOS is left out because its norm is an outlier (4022 against 121-178 in the middle of GPT-2 XL).
    """
    batch = lm.batch([texts] if isinstance(texts, str) else list(texts), pad="right")
    inputs = {name: x[:, : lm.context] for name, x in batch.items()}  # a long text's head will do
    tokens = inputs["attention_mask"].bool()
    tokens[:, : len(lm.encode(""))] = False
    if not bool(tokens.any()):
        raise GlassbookError("the probe texts hold no token besides BOS; give longer ones")
    found = read(lm, inputs, sorted(sites))
    return {site: float(x[tokens].float().norm(dim=-1).median()) for site, x in found.items()}


def in_norms(lm: LanguageModel, v: Vector, probe: Sequence[str] = PROBE) -> Vector:
    """`v` scaled so that strength 1 is one median residual norm at each of its sites (what unit="norm" adds)."""
    return _scaled(v, residual_norms(lm, v.sites, probe))


def _scaled(v: Vector, norms: dict[str, float]) -> Vector:
    unit = v.unit()
    return Vector({site: rows * norms[site] for site, rows in unit.rows.items()}, v.positional, v.about)


def check_unit(unit: str) -> None:
    """Refuse a unit of strength that there is not, rather than take it for another."""
    if unit not in ("raw", "norm"):
        raise GlassbookError(f'there is no unit {unit!r} of strength; use "raw" or "norm"')


def _edits(u: Intervention, where: Where | None, when: When | None) -> dict[str, Edit]:
    """The edits of one intervention; under a condition no row may meet it, and features may have their values."""
    rule = where or everywhere()
    if isinstance(u, Clamp):
        return {u.site: allow_identity(Clamping(u.coder, u.values, rule, when))}
    if isinstance(u, Ablate):
        edits: dict[str, Edit] = {site: Ablation(rows, rule, when) for site, rows in u.bases().items()}
    elif u.positional:
        edits = {site: Rows(rows, where or first(), when) for site, rows in u.rows.items()}
    else:
        edits = {site: Addition(rows[0], rule, when) for site, rows in u.rows.items()}
    return edits if when is None else {site: allow_identity(edit) for site, edit in edits.items()}

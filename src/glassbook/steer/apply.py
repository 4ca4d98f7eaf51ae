"""The `steer` context manager: vectors, clamps and ablations applied while the user's own call runs, by hooks only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.edit import Masked, Rows
from glassbook.steer.interventions import Ablate, Clamp, When
from glassbook.steer.norms import PROBE, check_unit, in_unit
from glassbook.steer.spec import Unit
from glassbook.steer.vector import Vector
from glassbook.steer.where import Where, everywhere, first
from glassbook.trace import allow_identity, trace
from glassbook.trace.tracer import Edit

Intervention = Vector | Clamp | Ablate


@contextmanager
def steer(
    lm: LanguageModel | nn.Module,
    v: Intervention | Sequence[tuple[Intervention, float]],
    coeff: float = 1.0,
    unit: Unit = "raw",
    where: Where | None = None,
    probe: Sequence[str] = PROBE,
    when: When | None = None,
) -> Iterator[list[Intervention]]:
    """Change the model's activations in every call made inside the block.

        with steer(lm, v, coeff=4.0):
            lm.generate(["I went up to my friend and said"])

    A direction is added at every position that `where` picks (default everywhere()), in the prompt and in new
    tokens. A positional vector is added to the prompt only, from `where` on (default first()): later tokens feel it
    through attention, with or without a KV cache. `Clamp` and `Ablate` act where a direction would. Several are
    applied in the order given.

    Args:
        lm: a LanguageModel, or any module that trace can read positions of.
        v: a vector, `Clamp` or `Ablate`; or pairs of one and its own strength, multiplied by `coeff`. Only vectors have
            a strength other than 1.
        coeff: strength; negative steers the other way.
        unit: "raw" adds coeff * v, the published ActAdd coefficient. "norm" counts strength in multiples of the
            site's median residual norm: v is first scaled to that norm at each of its sites (`in_norms`).
        where: the positions; see first, last, during_prompt, after_prompt, everywhere, from_position.
        probe: the texts that unit="norm" measures the median on, in one forward pass when the block is entered.
        when: a condition on each row's prompt; rows that do not meet it run as if there were no block.

    Yields:
        The interventions, with the vectors in the model's own units.

    Raises:
        GlassbookError: strength 0, nothing to steer with, a prompt shorter than a positional vector, a rule that does
            not fit.
    """
    pairs = list(v) if isinstance(v, Sequence) else [(v, 1.0)]
    if not pairs:
        raise GlassbookError("there is no vector to steer with; give one, or pairs (vector, strength)")
    if any(strength * coeff == 0 for _, strength in pairs):
        raise GlassbookError("strength 0 changes nothing; choose another, or call the model without steer")
    if any(strength * coeff != 1 for u, strength in pairs if not isinstance(u, Vector)):
        raise GlassbookError("clamping and ablation have no strength; leave it at 1 and choose other values")
    check_unit(unit)
    model = lm.model if isinstance(lm, LanguageModel) else lm
    applied = [
        in_unit(lm, u, unit, probe) * (strength * coeff) if isinstance(u, Vector) else u for u, strength in pairs
    ]
    with ExitStack() as stack:
        if when is not None:
            stack.enter_context(trace(model, edit={when.site: allow_identity(when.watch)}))
        for u in applied:  # a trace for each, so that each is checked to have had an effect
            stack.enter_context(trace(model, edit=_edits(u, where, when)))
        yield applied


def _edits(u: Intervention, where: Where | None, when: When | None) -> dict[str, Edit]:
    """The edits of one intervention."""
    gate = None if when is None else when.open
    if isinstance(u, Vector) and u.positional:
        edits: dict[str, Edit] = {site: Rows(rows, where or first(), gate) for site, rows in u.rows.items()}
    else:
        changes = (
            {site: (rows[0], torch.add) for site, rows in u.rows.items()} if isinstance(u, Vector) else u.changes()
        )
        edits = {site: Masked(*change, where or everywhere(), gate) for site, change in changes.items()}
    # It may happen that no row meets the condition, or that the features already have their values.
    may_do_nothing = when is not None or isinstance(u, Clamp)
    return {site: allow_identity(edit) for site, edit in edits.items()} if may_do_nothing else edits

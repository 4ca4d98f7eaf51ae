"""Steering while the user's own call runs, by edits of a trace: nothing is wrapped, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.edit import Masked, Rows
from glassbook.steer.interventions import Ablate, Clamp, When
from glassbook.steer.norms import PROBE, check_unit, in_unit
from glassbook.steer.vector import Vector
from glassbook.steer.where import Where, everywhere, first
from glassbook.trace import allow_identity, trace
from glassbook.trace.tracer import Edit

Intervention = Vector | Clamp | Ablate


@contextmanager
def steer(
    lm: LanguageModel | nn.Module,
    v: Intervention | Sequence[tuple[Intervention, float]],
    by: float = 1.0,
    unit: Literal["raw", "norm"] = "raw",
    where: Where | None = None,
    probe: Sequence[str] = PROBE,
    when: When | None = None,
) -> Iterator[list[Intervention]]:
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

    Yields:
        What is done, with the vectors in the model's own units.

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
    model = lm.model if isinstance(lm, LanguageModel) else lm
    done = [in_unit(lm, u, unit, probe) * (strength * by) if isinstance(u, Vector) else u for u, strength in pairs]
    with ExitStack() as stack:
        if when is not None:
            stack.enter_context(trace(model, edit={when.site: allow_identity(when.watch)}))
        for u in done:  # a trace for each, so that each is checked to have had an effect
            stack.enter_context(trace(model, edit=_edits(u, where, when)))
        yield done


def _edits(u: Intervention, where: Where | None, when: When | None) -> dict[str, Edit]:
    """The edits of one intervention; under a condition no row may meet it, and features may have their values."""
    gate = None if when is None else when.open
    if isinstance(u, Vector) and u.positional:
        edits: dict[str, Edit] = {site: Rows(rows, where or first(), gate) for site, rows in u.rows.items()}
    else:
        changes = (
            {site: (rows[0], torch.add) for site, rows in u.rows.items()} if isinstance(u, Vector) else u.changes()
        )
        edits = {site: Masked(*change, where or everywhere(), gate) for site, change in changes.items()}
    free = when is not None or isinstance(u, Clamp)
    return {site: allow_identity(edit) for site, edit in edits.items()} if free else edits

"""Learning-rate schedules: plain functions from (step, steps) to a factor of the peak rate."""

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]
"""(updates already done, updates in all) -> factor in [0, 1] of the peak learning rate."""


def constant(*, warmup: int = 0) -> Schedule:
    """The peak rate throughout, after a linear warm-up of `warmup` steps."""
    return lambda step, steps: _warm(step, warmup)


def cosine(*, warmup: int = 0, floor: float = 0.1) -> Schedule:
    """Linear warm-up, then half a cosine from the peak down to `floor` of it (Loshchilov & Hutter 2016).

    Args:
        warmup: steps until the peak; step 0 already has 1 / warmup of it, so no update is wasted.
        floor: factor that the curve reaches after the last step.
    """

    def factor(step: int, steps: int) -> float:
        if step < warmup:
            return _warm(step, warmup)
        done = (step - warmup) / max(1, steps - warmup)
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    return factor


def linear(*, warmup: int = 0, share: float = 0.65, floor: float = 0.05) -> Schedule:
    """Linear warm-up, the peak, then a straight line down over the last `share` of the steps (nanochat).

    Args:
        warmup: steps until the peak.
        share: part of all steps, in (0, 1], over which the rate falls.
        floor: factor that the line reaches after the last step.
    """

    def factor(step: int, steps: int) -> float:
        left = (steps - step) / max(1.0, share * steps)
        return min(_warm(step, warmup), floor + (1 - floor) * min(left, 1.0))

    return factor


def _warm(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / warmup) if warmup else 1.0

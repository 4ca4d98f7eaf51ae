"""Confidence intervals: bootstrap of a mean, Wilson interval of a proportion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.stats

from glassbook.measure.arrays import to_tensor


def bootstrap(values: Any, *, level: float = 0.95, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of independent `values` [N] (Efron 1979).

    Returns:
        lower and upper end of the central `level` of the means of `draws` resamples.
    """
    sample = to_tensor(values).numpy().reshape(-1)
    interval = scipy.stats.bootstrap(
        (sample,), np.mean, n_resamples=draws, confidence_level=level, method="percentile", rng=seed
    ).confidence_interval
    return float(interval.low), float(interval.high)


def wilson(hits: int, n: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of a proportion (Wilson 1927); z = 1.96 for 95 %. (0, 1) if n is 0."""
    if n == 0:
        return 0.0, 1.0
    p = hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)

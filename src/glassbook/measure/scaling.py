"""Scaling laws from IsoFLOP curves: best sizes, power laws against compute, bootstrap intervals, predictions.

    curves = [IsoFlop(3e10, sizes, losses, entropy=0.46), IsoFlop(1.2e11, ...), ...]
    law = fit(curves)                       # best size, and excess loss there, as powers of compute
    law.size.at(1e13), law.loss(1e13)
    draws = resample(curves, seed=0)        # the same from resampled residuals
    interval([draw.size.exponent for draw in draws])

The method is the second of Hoffmann et al. 2022, arXiv:2203.15556, section 3.2, with the floor of the loss given, not
fitted: the entropy of the text, where that is known. Excess is loss above the entropy; parabolas are of its logarithm,
which is more nearly symmetric in log size than the loss itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glassbook.errors import GlassbookError


@dataclass(frozen=True)
class IsoFlop:
    """Losses of models of several sizes, each trained with the same compute.

    Args:
        compute: FLOP of each training.
        sizes: [n] parameters, three different ones at least.
        losses: [n] nats per token.
        entropy: nats per token, below all losses.

    Raises:
        GlassbookError: too few sizes, or numbers that no training gives.
    """

    compute: float
    sizes: Sequence[float]
    losses: Sequence[float]
    entropy: float

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.losses):
            raise GlassbookError(f"there are {len(self.sizes)} sizes and {len(self.losses)} losses; give one for each")
        _check_positive("compute", [self.compute])
        _check_positive("sizes", self.sizes)
        if not all(map(math.isfinite, self.losses)):
            raise GlassbookError(f"a loss at {self.compute:g} FLOP is not finite; its training has failed")
        if not self.entropy < min(self.losses):
            raise GlassbookError(
                f"a loss at {self.compute:g} FLOP, {min(self.losses):.4g}, is not above the entropy {self.entropy:.4g}"
            )
        if (n := len(set(self.sizes))) < 3:
            raise GlassbookError(f"{n} size{'s' * (n != 1)} at {self.compute:g} FLOP; a parabola needs 3 at least")


@dataclass(frozen=True)
class Parabola:
    """Loss against size: entropy + exp(a x^2 + b x + c) with x = ln(size / centre).

    Attributes:
        entropy: nats per token.
        centre: parameters at x = 0.
        a, b, c: coefficients of the log excess.
    """

    entropy: float
    centre: float
    a: float
    b: float
    c: float

    def log_excess(self, size: float) -> float:
        """ln(loss - entropy) at a size."""
        x = math.log(size / self.centre)
        return (self.a * x + self.b) * x + self.c

    def at(self, size: float) -> float:
        """The loss at a size, nats per token."""
        return self.entropy + math.exp(self.log_excess(size))

    def best(self, low: float, high: float) -> float:
        """The size of least loss from `low` to `high`: the vertex if it is a minimum and lies there, else an end."""
        x = -self.b / (2 * self.a) if self.a > 0 else math.inf
        if math.log(low / self.centre) < x < math.log(high / self.centre):
            return self.centre * math.exp(x)
        return min((low, high), key=self.at)


@dataclass(frozen=True)
class PowerLaw:
    """factor * x^exponent."""

    factor: float
    exponent: float

    def at(self, x: float) -> float:
        """The value at x > 0."""
        return self.factor * x**self.exponent


@dataclass(frozen=True)
class Law:
    """How the best size, and the loss at it, depend on compute.

    Attributes:
        size: parameters of the best size against FLOP.
        excess: nats per token above the entropy against FLOP.
        entropy: nats per token, the floor.
    """

    size: PowerLaw
    excess: PowerLaw
    entropy: float

    def loss(self, compute: float) -> float:
        """Loss at the best size, nats per token."""
        return self.entropy + self.excess.at(compute)


def parabola(curve: IsoFlop) -> Parabola:
    """The least-squares parabola of log excess over log size."""
    centre = math.exp(float(np.mean(np.log(curve.sizes))))
    x = np.log(np.asarray(curve.sizes, dtype=float) / centre)
    a, b, c = np.polyfit(x, _log_excess(curve), 2)
    return Parabola(curve.entropy, centre, float(a), float(b), float(c))


def interior(curve: IsoFlop, margin: float = 0.01) -> bool:
    """Whether the best size lies among the sizes: the parabola's vertex is a minimum strictly inside of their range,
    and the losses measured at both ends are at least `margin` nats above it."""
    low, high = min(curve.sizes), max(curve.sizes)
    fitted = parabola(curve)
    best = fitted.best(low, high)
    ends = [loss for size, loss in zip(curve.sizes, curve.losses, strict=True) if size in (low, high)]
    return low < best < high and min(ends) >= fitted.at(best) + margin


def shuffled_interior(curves: Sequence[IsoFlop], draws: int = 2000, seed: int = 0) -> float:
    """For how many of the curves `interior` holds when losses are shuffled among their sizes: mean over draws."""
    rng = np.random.default_rng(seed)
    return float(np.mean([sum(map(interior, shuffled(curves, rng))) for _ in range(draws)]))


def shuffled(curves: Sequence[IsoFlop], rng: np.random.Generator) -> list[IsoFlop]:
    """The curves with the losses of each shuffled among its sizes."""
    return [replace(curve, losses=[curve.losses[i] for i in rng.permutation(len(curve.losses))]) for curve in curves]


def fit_power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw:
    """The power law through points (x, y): a straight line by least squares in their logarithms.

    Raises:
        GlassbookError: fewer than two different x, or numbers that are not positive.
    """
    _check_positive("x of a power law", x)
    _check_positive("values of a power law", y)
    if len(x) != len(y) or len(set(x)) < 2:
        raise GlassbookError("a power law needs two points with different x at least")
    slope, height = np.polyfit(np.log(x), np.log(y), 1)
    return PowerLaw(math.exp(height), float(slope))


def best(curves: Sequence[IsoFlop]) -> list[tuple[float, float]]:
    """Best size and the loss there of each curve: its parabola's minimum within the range of the sizes of all curves.

    A curve without a minimum there gets an end of that range, so that curves on which larger is always better, or
    nothing depends on the size, give no growth.
    """
    low, high = (of(size for curve in curves for size in curve.sizes) for of in (min, max))
    found = []
    for fitted in map(parabola, curves):
        size = fitted.best(low, high)
        found.append((size, fitted.at(size)))
    return found


def fit(curves: Sequence[IsoFlop]) -> Law:
    """The law of some IsoFLOP curves of the same text.

    Args:
        curves: of two different amounts of compute at least.

    Raises:
        GlassbookError: too few curves, or their entropies differ.
    """
    compute, entropy = [curve.compute for curve in curves], {curve.entropy for curve in curves}
    if len(set(compute)) < 2:
        raise GlassbookError("a scaling law needs curves of two different amounts of compute at least")
    if len(entropy) > 1:
        raise GlassbookError("the curves are of texts of different entropy; fit each text alone")
    [floor], (sizes, losses) = entropy, zip(*best(curves), strict=True)
    return Law(fit_power_law(compute, sizes), fit_power_law(compute, [loss - floor for loss in losses]), floor)


def resample(curves: Sequence[IsoFlop], draws: int = 1000, seed: int = 0) -> list[Law]:
    """Laws of curves whose residuals from their parabolas are drawn again, from those of all curves (Efron 1979).

    Residuals are of the log excess, scaled by sqrt(n / (n - 3)): a parabola takes three degrees of freedom of n.

    Args:
        curves: as of `fit`, each with four sizes at least.
        draws: how many.
        seed: of the draws.
    """
    if (n := min(len(curve.sizes) for curve in curves)) < 4:
        raise GlassbookError(f"{n} sizes at one compute leave no residuals to resample; train 4 at least")
    fitted = [np.array([parabola(curve).log_excess(size) for size in curve.sizes]) for curve in curves]
    residuals = np.concatenate(
        [
            (_log_excess(curve) - at) * math.sqrt(len(at) / (len(at) - 3))
            for curve, at in zip(curves, fitted, strict=True)
        ]
    )
    rng, laws = np.random.default_rng(seed), []
    for _ in range(draws):
        excess = [np.exp(at + rng.choice(residuals, len(at))) for at in fitted]
        drawn = [replace(c, losses=(c.entropy + e).tolist()) for c, e in zip(curves, excess, strict=True)]
        laws.append(fit(drawn))
    return laws


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Lower and upper end of the central `level` of some values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def fit_floor(compute: Sequence[float], losses: Sequence[float]) -> float:
    """The floor E of E + A C^-b, fitted: that from which ln(loss - E) is nearest to a line in ln(compute).

    Args:
        compute: [n] FLOP, three different ones at least.
        losses: [n] nats per token.

    Returns:
        nats per token, from 0 to just below the least loss.
    """
    _check_positive("compute", compute)
    if len(set(compute)) < 3 or len(compute) != len(losses):
        raise GlassbookError("a floor needs losses at three different amounts of compute at least")
    least, x, y = min(losses), np.log(compute), np.asarray(losses, dtype=float)

    def misfit(floor: float) -> float:
        return float(np.polyfit(x, np.log(y - floor), 1, full=True)[1].sum())

    low, high = 0.0, least * (1 - 1e-6)
    for _ in range(6):  # ever finer grids round the best point: misfit may have more than one minimum
        grid = np.linspace(low, high, 101)
        i = int(np.argmin([misfit(floor) for floor in grid]))
        low, high = grid[max(i - 1, 0)], grid[min(i + 1, 100)]
    return float((low + high) / 2)


def _log_excess(curve: IsoFlop) -> np.ndarray:
    return np.log(np.asarray(curve.losses, dtype=float) - curve.entropy)


def _check_positive(what: str, numbers: Sequence[float]) -> None:
    if wrong := [n for n in numbers if not 0 < n < math.inf]:
        raise GlassbookError(f"{what}: {wrong[0]:g} is not a positive, finite number")

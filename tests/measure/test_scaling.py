import math
from dataclasses import replace

import numpy as np
import pytest

from glassbook.errors import GlassbookError
from glassbook.measure.scaling import (
    IsoFlop,
    best,
    fit,
    fit_floor,
    fit_power_law,
    interior,
    interval,
    parabola,
    resample,
    shuffled_interior,
)

ENTROPY = 0.5
COMPUTE = (1e11, 4e11, 1.6e12)
STEPS = (-1.3, -0.7, 0.1, 0.6, 1.4)
"""Logs of the sizes of a curve, from the best one."""


def curves(noise=0.0, exponent=0.5, seed=0):
    """Curves of a known law: best size 0.1 C^exponent, excess there 2e4 C^-0.4, log excess a parabola of log size."""
    rng = np.random.default_rng(seed)
    made = []
    for c in COMPUTE:
        sizes = [0.1 * c**0.5 * math.exp(step) for step in STEPS]
        away = [math.log(size / (0.1 * c**exponent)) for size in sizes]
        losses = [ENTROPY + 2e4 * c**-0.4 * math.exp(0.2 * x * x + noise * rng.normal()) for x in away]
        made.append(IsoFlop(c, sizes, losses, ENTROPY))
    return made


def test_the_vertex_of_a_parabola_in_log_size_is_found():
    sizes = [1e4, 3e4, 1e5, 2e5]
    found = parabola(IsoFlop(1e12, sizes, [1 + 2 * math.exp(0.3 * math.log(n / 5e4) ** 2) for n in sizes], 1))
    assert found.best(1e4, 2e5) == pytest.approx(5e4)
    assert found.at(5e4) == pytest.approx(3)
    assert found.a == pytest.approx(0.3)
    assert found.best(6e4, 2e5) == 6e4
    assert found.best(1e4, 2e4) == 2e4


def test_a_parabola_that_opens_downwards_has_its_least_loss_at_an_end():
    down = parabola(IsoFlop(1, [1, 2, 4, 8], [1.0, 1.5, 1.6, 1.2], 0))
    assert down.a < 0
    assert down.best(1, 8) == 1


def test_a_law_is_found_in_curves_that_are_made_of_it():
    law = fit(curves())
    assert law.size.exponent == pytest.approx(0.5)
    assert law.excess.exponent == pytest.approx(-0.4)
    assert law.size.at(1e13) == pytest.approx(0.1 * 1e13**0.5)
    assert law.loss(1e13) == pytest.approx(ENTROPY + 2e4 * 1e13**-0.4)


def test_the_bootstrap_interval_covers_the_truth_about_as_often_as_it_says():
    draws = [resample(curves(0.03, seed=seed), 200, seed) for seed in range(40)]
    ends = [interval([law.size.exponent for law in laws]) for laws in draws]
    assert sum(low <= 0.5 <= high for low, high in ends) >= 34
    assert all(0 < high - low < 0.3 for low, high in ends)


def test_curves_without_a_best_size_show_no_growth():
    falling = [IsoFlop(c, sizes := [0.1 * c**0.5 * math.exp(s) for s in STEPS], [9 - math.log(n) / 3 for n in sizes], 0)
               for c in COMPUTE]  # fmt: skip
    assert not any(map(interior, falling))
    largest = max(falling[-1].sizes)
    assert [size for size, _ in best(falling)] == [largest] * 3
    assert fit(falling).size.exponent == pytest.approx(0)


def test_a_best_size_is_inside_if_both_ends_are_above_it():
    sizes = [1e4, 2e4, 4e4, 8e4, 16e4]
    assert interior(IsoFlop(1, sizes, [1.2, 1.05, 1.0, 1.05, 1.2], 0))
    assert not interior(IsoFlop(1, sizes, [1.004, 1.001, 1.0, 1.001, 1.004], 0))
    assert interior(IsoFlop(1, sizes, [1.004, 1.001, 1.0, 1.001, 1.004], 0), margin=0.003)
    assert not interior(IsoFlop(1, sizes, [1.4, 1.3, 1.2, 1.1, 1.0], 0))
    assert not interior(IsoFlop(1, sizes, [1.0, 1.05, 1.2, 1.05, 1.0], 0))


def test_shuffled_losses_rarely_have_a_best_size_inside():
    assert sum(map(interior, curves())) == 3
    assert 0 < shuffled_interior(curves(), 100) < 1
    assert shuffled_interior(curves(), 100) == shuffled_interior(curves(), 100)


def test_a_power_law_is_found_and_two_points_are_its_least():
    law = fit_power_law([1, 10, 100], [3, 3e-2, 3e-4])
    assert (law.factor, law.exponent) == (pytest.approx(3), pytest.approx(-2))
    assert law.at(1000) == pytest.approx(3e-6)


def test_a_floor_is_found_in_losses_that_have_one():
    losses = [0.7 + 50 * c**-0.15 for c in (1e9, 1e10, 1e11, 1e12)]
    assert fit_floor((1e9, 1e10, 1e11, 1e12), losses) == pytest.approx(0.7, abs=1e-3)
    assert fit_floor((1e9, 1e10, 1e11), [50 * c**-0.15 for c in (1e9, 1e10, 1e11)]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: IsoFlop(1e12, [1e4], [2.0], 0), "1 size at 1e\\+12 FLOP; a parabola needs 3"),
        (lambda: IsoFlop(1e12, [1e4, 1e4, 2e4], [2.0, 2.0, 1.0], 0), "2 sizes"),
        (lambda: IsoFlop(1e12, [1e4, 2e4], [2.0], 0), "one for each"),
        (lambda: IsoFlop(1e12, [1e4, 2e4, 4e4], [2.0, math.nan, 1.0], 0), "not finite"),
        (lambda: IsoFlop(-1, [1e4, 2e4, 4e4], [2.0, 1.0, 2.0], 0), "compute: -1 is not a positive"),
        (lambda: IsoFlop(math.nan, [1e4, 2e4, 4e4], [2.0, 1.0, 2.0], 0), "compute: nan"),
        (lambda: fit(curves()[:1]), "two different amounts"),
        (lambda: IsoFlop(1, [1, 2, 4], [2.0, 1.0, 2.0], 1.0), "not above the entropy"),
        (lambda: IsoFlop(1, [1, 2, 4], [2.0, 1.0, 2.0], math.nan), "not above the entropy nan"),
        (lambda: fit([curves()[0], replace(curves()[1], entropy=0.4)]), "different entropy"),
        (lambda: fit_power_law([1, 1], [2, 3]), "two points"),
        (lambda: fit_power_law([1, 2], [0, 3]), "values of a power law: 0"),
        (lambda: resample([IsoFlop(c, [1, 2, 4], [3.0, 2.0, 3.0], 0) for c in (1, 2)]), "no residuals"),
        (lambda: fit_floor([1, 2], [2.0, 1.0]), "three different"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_in_one_line(call, says):
    with pytest.raises(GlassbookError, match=says) as error:
        call()
    assert "\n" not in str(error.value)

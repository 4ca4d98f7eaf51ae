import math

import pytest

from glassbook.measure.language import bits_per_byte, distinct_n, repetition
from glassbook.measure.statistics import bootstrap, wilson


def test_bits_per_byte():
    assert bits_per_byte([math.log(256)] * 3, 3) == pytest.approx(8)


def test_repetition_and_distinct():
    loop, fresh = [1, 2] * 50, list(range(100))
    assert repetition([fresh]) == 0
    assert repetition([loop]) == pytest.approx(1 - 2 / 97)
    assert distinct_n([fresh]) == 1
    assert distinct_n([[1, 1, 1]], n=1) == pytest.approx(1 / 3)
    assert math.isnan(distinct_n([[1]], n=2))
    assert math.isnan(repetition([[1, 2]]))


def test_intervals():
    low, high = bootstrap([0.0, 1.0] * 200)
    assert low < 0.5 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.1)
    assert bootstrap([3.0] * 5) == (3, 3)
    low, high = wilson(5, 10)
    assert (low, high) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))
    assert wilson(0, 10)[0] == 0
    assert wilson(0, 0) == (0, 1)

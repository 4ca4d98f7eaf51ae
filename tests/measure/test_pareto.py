import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.measure.pareto import pareto_front


def test_the_front_of_points_whose_front_is_known():
    #          cost, accuracy
    points = [(1, 0.5), (2, 0.7), (2, 0.6), (3, 0.7), (4, 0.9), (5, 0.2)]
    assert pareto_front(points, [True, False]) == [0, 1, 4]
    assert pareto_front(points, [True, True]) == [0, 5]
    assert pareto_front(points, [False, False]) == [4, 5]
    assert pareto_front([(*point, 0) for point in points], [True, False, True]) == [0, 1, 4]


def test_equal_points_are_on_the_front_together_and_nan_never_is():
    assert pareto_front([(1, 1), (1, 1), (2, 2)], [True, True]) == [0, 1]
    assert pareto_front([(math.nan, 0), (1, 1), (math.inf, math.inf)], [True, True]) == [1]
    assert pareto_front([(math.inf, math.inf)], [True, True]) == [0]
    assert pareto_front([], [True, True]) == []
    with pytest.raises(ValueError, match="2 coordinates"):
        pareto_front([(1,)], [True, True])


coordinate = st.integers(-3, 3) | st.sampled_from([math.nan, math.inf, -math.inf])


@given(st.lists(st.tuples(coordinate, coordinate), max_size=12), st.booleans(), st.booleans())
def test_no_point_dominates_the_front_and_some_point_dominates_each_other(points, less_x, less_y):
    def better(a, b):
        x, y = ((a[0], b[0]) if less_x else (b[0], a[0])), ((a[1], b[1]) if less_y else (b[1], a[1]))
        return x[0] <= x[1] and y[0] <= y[1] and tuple(a) != tuple(b)

    real = [i for i, point in enumerate(points) if not any(math.isnan(value) for value in point)]
    wanted = [i for i in real if not any(better(points[j], points[i]) for j in real)]
    assert pareto_front(points, [less_x, less_y]) == wanted


def test_the_front_needs_no_array_library():
    code = "import sys, glassbook.measure.pareto; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

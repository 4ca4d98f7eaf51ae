"""Distances of samples: known answers."""

import pytest
import torch

from glassbook.measure.distance import frechet, nearest


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_set_is_at_no_distance_from_itself():
    x = normal(500, 6)
    assert frechet(x, x) == pytest.approx(0, abs=1e-9)


def test_shifted_and_stretched_sets_have_the_distance_of_the_formula():
    x = normal(500, 4)
    assert frechet(x, x + 3) == pytest.approx(4 * 9)
    # roots of commuting covariances: the distance is that of the standard deviations
    variances = x.T.cov(correction=0).trace()
    assert frechet(x, (x - x.mean(0)) * 2 + x.mean(0)) == pytest.approx(float(variances))


def test_the_order_of_sets_and_a_rotation_change_nothing():
    x, y = normal(300, 5), normal(200, 5, seed=1) * torch.arange(1, 6)
    turn = torch.linalg.qr(normal(5, 5, seed=2))[0]
    assert frechet(x, y) == pytest.approx(frechet(y, x))
    assert frechet(x @ turn, y @ turn) == pytest.approx(frechet(x, y))


def test_it_equals_the_root_of_the_product():
    from scipy.linalg import sqrtm

    x, y = normal(300, 5), normal(200, 5, seed=1) @ normal(5, 5, seed=3)
    a, b = (t.T.cov(correction=0).numpy() for t in (x, y))
    expected = float((x.mean(0) - y.mean(0)).square().sum()) + (a + b - 2 * sqrtm(a @ b).real).trace()
    assert frechet(x, y) == pytest.approx(expected, rel=1e-6)


def test_features_that_do_not_vary_are_no_trouble():
    x = torch.cat([normal(100, 2), torch.zeros(100, 3)], 1)
    assert frechet(x, x + 1) == pytest.approx(5)


def test_the_nearest_of_others():
    others = torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]]])
    x = torch.tensor([[[0.0, 1.0]], [[3.0, 4.0]], [[6.0, 8.0]]])
    assert nearest(x, others, rows=2).tolist() == pytest.approx([1, 0, 5])

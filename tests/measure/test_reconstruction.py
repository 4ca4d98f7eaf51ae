import math

import numpy as np
import pytest
import torch

from glassbook.measure.reconstruction import ExplainedVariance, explained_variance, psnr


def some(n=200, d=5, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * torch.arange(1, d + 1) + 3


def test_predicting_the_mean_explains_nothing():
    x = some()
    assert explained_variance(x, x.mean(0).expand_as(x)) == pytest.approx(0, abs=1e-12)


def test_a_copy_explains_everything_and_zero_less_than_nothing():
    x = some()
    assert explained_variance(x, x) == 1
    assert explained_variance(x, 0 * x) < 0


def test_known_answer():
    x = np.array([[0.0], [2.0]])  # variance 1 around the mean 1
    assert explained_variance(x, [[0.5], [1.5]]) == pytest.approx(1 - 0.25)


def test_pieces_give_what_the_whole_gives_whatever_their_sizes():
    x = some() + torch.linspace(0, 50, 200)[:, None]  # pieces have means of their own
    xh = x + some(seed=1)
    sums = ExplainedVariance()
    for piece in (slice(0, 3), slice(3, 150), slice(150, 150), slice(150, 200)):
        sums.add(x[piece], xh[piece])
    assert sums.value() == pytest.approx(explained_variance(x, xh), abs=1e-12)
    assert sums.n == 200


def test_a_large_offset_costs_no_digits():
    x = some().double()
    xh = x + 0.1
    assert explained_variance(x + 1e7, xh + 1e7) == pytest.approx(explained_variance(x, xh), abs=1e-6)


def test_leading_dimensions_are_rows():
    x, xh = some(), some(seed=1)
    assert explained_variance(x.view(20, 10, 5), xh.view(20, 10, 5)) == pytest.approx(explained_variance(x, xh))


def test_nothing_to_explain_is_nan_and_other_shapes_are_refused():
    assert math.isnan(explained_variance(torch.ones(4, 2), torch.ones(4, 2)))
    assert math.isnan(ExplainedVariance().value())
    with pytest.raises(ValueError, match="shape"):
        explained_variance(torch.ones(4, 2), torch.ones(4, 1))


def test_psnr_has_known_answers_and_clips():
    x = torch.full((4, 1, 2, 2), 0.5)
    assert psnr(x, x + 0.1) == pytest.approx(20)
    assert psnr(x, x - 0.01) == pytest.approx(40)
    assert psnr(torch.ones(3), torch.full((3,), 7.0)) == math.inf  # clipped to 1
    assert psnr(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 1.0])) == pytest.approx(10 * math.log10(2))

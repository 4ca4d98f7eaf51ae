"""Recovery of factors: known answers, and what must not change it."""

import pytest
import torch

from glassbook.measure.factors import matched_correlation, rank_correlations

F = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_monotone_code_in_any_order_and_sign_recovers_all():
    codes = torch.stack([-F[:, 2].exp(), F[:, 0] ** 3, 5 * F[:, 1] + 2], 1)
    assert matched_correlation(codes, F) == pytest.approx(1)


def test_other_dimensions_change_nothing():
    noise = torch.randn(4000, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert matched_correlation(torch.cat([noise, F], 1), F) == pytest.approx(1)
    assert matched_correlation(noise, F) < 0.06


def test_a_factor_without_a_dimension_counts_nothing():
    assert matched_correlation(F[:, :1], F) == pytest.approx(1 / 3)


def test_one_dimension_cannot_stand_for_two_factors():
    twice = torch.stack([F[:, 0], F[:, 0]], 1)
    alone = matched_correlation(F[:, :1], twice)
    assert alone == pytest.approx(0.5)


def test_a_rotation_is_recovered_less():
    turned = F[:, :2] @ torch.tensor([[1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    assert 0.6 < matched_correlation(turned, F[:, :2]) < 0.8


def test_rank_correlations_equal_scipy_with_ties():
    from scipy.stats import spearmanr

    codes = (F * 4).floor()
    found = rank_correlations(codes, F)
    for i in range(3):
        for j in range(3):
            assert float(found[i, j]) == pytest.approx(spearmanr(codes[:, i], F[:, j])[0], abs=1e-9)


def test_a_constant_dimension_correlates_with_nothing():
    assert bool((rank_correlations(torch.ones(10, 2), torch.arange(10.0)[:, None]) == 0).all())

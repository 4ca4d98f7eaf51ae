"""Similarities of representations: known answers, and what they say of unrelated ones."""

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.measure.similarity import best_matches, cka, correlations, permutation_baseline, svcca


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(d, seed=0):
    return torch.linalg.qr(noise(d, d, seed=seed))[0]


@pytest.mark.parametrize("measure", [cka, svcca])
def test_rotated_scaled_and_shifted_is_the_same(measure):
    x = noise(300, 8) * torch.arange(1, 9)
    assert measure(x, 3 * x @ rotation(8, 1) + 5) == pytest.approx(1)
    assert measure(x, x) == pytest.approx(1)


def test_the_kernel_matrices_written_out_give_the_same():
    x, y = noise(20, 5), noise(20, 3, seed=1) + noise(20, 5)[:, :3]

    def hsic(a, b):
        k, l, n = a @ a.T, b @ b.T, len(a)  # noqa: E741
        k.fill_diagonal_(0)
        l.fill_diagonal_(0)
        one = torch.ones(n, dtype=k.dtype)
        last = k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * one @ k @ l @ one
        return ((k @ l).trace() + last) / (n * (n - 3))

    assert cka(x, y) == pytest.approx(float(hsic(x, y) / (hsic(x, x) * hsic(y, y)).sqrt()))


def test_unrelated_ones_score_nothing_even_with_few_samples():
    """The usual estimator gives about .8 here: 40 samples of 200 dimensions."""
    scores = [cka(noise(40, 200, seed=2 * i), noise(40, 200, seed=2 * i + 1)) for i in range(20)]
    assert abs(sum(scores) / len(scores)) < 0.02


def test_svcca_of_a_shared_half():
    shared = noise(4000, 3)
    x = torch.cat([shared, noise(4000, 3, seed=1)], 1)
    y = torch.cat([shared, noise(4000, 3, seed=2)], 1) @ rotation(6)
    assert svcca(x, y, keep=1.0) == pytest.approx(0.5, abs=0.03)


def test_svcca_leaves_small_directions_out():
    x = noise(500, 3) * torch.tensor([10.0, 10.0, 1e-3])
    y = torch.cat([x[:, :2], noise(500, 1, seed=5) * 1e-3], 1)
    assert svcca(x, y) == pytest.approx(1, abs=1e-6)
    assert svcca(x, y, keep=1.0) < 0.8


def test_correlations_and_matches():
    x = noise(1000, 4)
    y = torch.cat([x[:, [2, 0]] * 3 - 1, noise(1000, 1, seed=3), -x[:, [1, 3]]], 1)
    assert correlations(x, y)[2, 0] == pytest.approx(1)
    values, at = best_matches(x, y)
    assert at[[0, 2]].tolist() == [1, 0]
    assert values[[0, 2]].tolist() == pytest.approx([1, 1])
    assert float(values[[1, 3]].max()) < 0.2  # the opposite is no match
    assert correlations(torch.ones(9, 2), noise(9, 2)).abs().max() == 0


def test_the_null_is_what_shuffled_rows_give():
    x = noise(200, 5)
    same = permutation_baseline(cka, x, x + 0.5 * noise(200, 5, seed=1), shuffles=19)
    assert same.p == pytest.approx(1 / 20)
    assert max(same.null) < 0.1 < same.score
    other = [
        permutation_baseline(cka, noise(60, 5, seed=i), noise(60, 5, seed=100 + i), shuffles=9, seed=i).p
        for i in range(40)
    ]
    assert 0.3 < sum(other) / 40 < 0.7
    assert permutation_baseline(cka, x, x, seed=1) == permutation_baseline(cka, x, x, seed=1)


def test_other_inputs_are_refused():
    with pytest.raises(GlassbookError, match="the same"):
        cka(noise(10, 2), noise(11, 2))
    with pytest.raises(GlassbookError, match="N > 3"):
        svcca(noise(3, 2), noise(3, 2))

import pytest
import torch

from glassbook.measure.probing import logistic_regression, sparse_probe, splits


@pytest.fixture(scope="module")
def halves():
    """An attribute that latents 0 and 1 share between them, one that latent 2 has alone, and noise."""
    g = torch.Generator().manual_seed(0)
    shared, alone = torch.rand(4000, generator=g) < 0.3, torch.rand(4000, generator=g) < 0.3
    which = torch.rand(4000, generator=g) < 0.5
    codes = torch.rand(4000, 10, generator=g) * 0.1
    codes[:, 0] += shared & which
    codes[:, 1] += shared & ~which
    codes[:, 2] += alone
    return codes, torch.stack([shared, alone, torch.rand(4000, generator=g) < 0.3], 1)


def test_one_latent_tells_what_it_has_alone(halves):
    f1 = sparse_probe(*halves, k=1)
    assert f1[1] == 1
    assert f1[0] == pytest.approx(2 * 0.5 / 1.5, abs=0.05)  # finds half, without mistakes
    assert f1[2] < 0.5
    assert sparse_probe(*halves, k=2)[0] > 0.99


def test_a_split_attribute_has_two_latents(halves):
    assert splits(*halves).tolist()[:2] == [2, 1]


def test_an_attribute_without_positives_has_no_score(halves):
    assert sparse_probe(halves[0], torch.zeros(4000, 1, dtype=torch.bool)).isnan().all()


def test_k_has_to_fit(halves):
    with pytest.raises(ValueError, match="1 to 10 latents"):
        sparse_probe(*halves, k=11)


def test_logistic_regression_as_in_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    g = torch.Generator().manual_seed(0)
    x = torch.randn(300, 5, generator=g)
    y = torch.stack([x[:, 0] + torch.randn(300, generator=g) > 0, x[:, 1] > 1.5], 1)
    weights, bias = logistic_regression(x, y, l2=2.0)
    for a in range(2):
        known = LogisticRegression(C=0.5, max_iter=1000, tol=1e-8).fit(x.numpy(), y[:, a].numpy())
        assert weights[a].tolist() == pytest.approx(known.coef_[0].tolist(), abs=5e-3)
        assert float(bias[a]) == pytest.approx(known.intercept_[0], abs=5e-3)

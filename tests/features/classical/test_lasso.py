import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import sparse_encode
from torch.nn.functional import normalize

from glassbook.errors import GlassbookError
from glassbook.features.classical import Lasso, fista, lasso_objective


def problem(seed, n=6, width=12, d=5):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=g), torch.randn(width, d, generator=g)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    width=st.integers(1, 20),
    d=st.integers(1, 12),
    l1=st.floats(0.05, 2),
    positive=st.booleans(),
)
def test_codes_satisfy_the_conditions_of_an_optimum(seed, width, d, l1, positive):
    x, atoms = problem(seed, width=width, d=d)
    x, atoms = x.double(), atoms.double()
    z = fista(x, atoms, l1, positive=positive, steps=50_000, tolerance=1e-9)
    slope = (x - z @ atoms) @ atoms.T  # what an entry would gain
    tolerance = 1e-3 * max(1, float(atoms.square().sum()))
    on = z != 0
    if on.any():
        assert float((slope[on] - l1 * z[on].sign()).abs().max()) < tolerance
    if (~on).any():
        off = slope[~on]
        assert float((off if positive else off.abs()).max()) < l1 + tolerance
    assert not positive or (z >= 0).all()


@pytest.mark.parametrize("positive", [False, True])
def test_agrees_with_scikit_learn(positive):
    x, atoms = problem(0, n=40, width=12, d=16)  # fewer atoms than dimensions: one optimum only
    x, atoms = x.double(), normalize(atoms, dim=1).double()
    ours = fista(x, atoms, 0.3, positive=positive, steps=5000, tolerance=1e-9)
    theirs = sparse_encode(
        x.numpy(), atoms.numpy(), algorithm="lasso_cd", alpha=0.3, positive=positive, max_iter=20_000
    )
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-3)


def test_one_atom_has_a_known_code():
    x = torch.tensor([[3.0, 4.0], [-3.0, -4.0], [0.1, 0.0]])
    atom = torch.tensor([[0.6, 0.8]])
    torch.testing.assert_close(fista(x, atom, 1.0), torch.tensor([[4.0], [-4.0], [0.0]]))
    torch.testing.assert_close(fista(x, atom, 1.0, positive=True), torch.tensor([[4.0], [0.0], [0.0]]))
    assert lasso_objective(x[:1], torch.tensor([[4.0]]), atom, 1.0) == pytest.approx(4.5)


def test_a_penalty_has_to_be_positive():
    with pytest.raises(GlassbookError, match="above 0"):
        Lasso(0.0)

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import orthogonal_mp
from torch.nn.functional import normalize

from glassbook.errors import GlassbookError
from glassbook.features.classical import OMP


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), d=st.integers(2, 16), width=st.integers(2, 40), data=st.data())
def test_agrees_with_scikit_learn(seed, d, width, data):
    k = data.draw(st.integers(1, min(d, width) - 1))
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(7, d, generator=g, dtype=torch.float64)
    atoms = normalize(torch.randn(width, d, generator=g, dtype=torch.float64), dim=1)
    theirs = orthogonal_mp(atoms.numpy().T, x.numpy().T, n_nonzero_coefs=k).reshape(width, 7).T
    np.testing.assert_allclose(OMP(k).solve(x, atoms).numpy(), theirs, atol=1e-7)


def test_what_is_left_is_orthogonal_to_the_chosen_atoms():
    g = torch.Generator().manual_seed(3)
    x, atoms = torch.randn(50, 32, generator=g), 3 * torch.randn(100, 32, generator=g)
    z = OMP(8).solve(x, atoms)
    assert ((z != 0).sum(1) == 8).all()
    left = x - z @ atoms
    assert ((left @ atoms.T)[z != 0]).abs().max() < 1e-3


def test_a_sample_stops_when_it_is_explained():
    atoms = torch.eye(6)
    x = torch.tensor([[2.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 2, 3, 0, 0, 0]])
    torch.testing.assert_close(OMP(5).solve(x, atoms), x)


def test_copies_of_an_atom_do_no_harm():
    g = torch.Generator().manual_seed(4)
    atoms = normalize(torch.randn(6, 4, generator=g), dim=1)
    z = OMP(4).solve(torch.randn(30, 4, generator=g), torch.cat([atoms, atoms, -atoms]))
    assert z.isfinite().all()
    assert z.abs().max() < 1e3


def test_k_has_to_fit():
    with pytest.raises(GlassbookError, match="1 to 4 of 9 atoms in 4 dimensions"):
        OMP(5).solve(torch.randn(2, 4), torch.randn(9, 4))
    with pytest.raises(GlassbookError, match="at least one"):
        OMP(0)

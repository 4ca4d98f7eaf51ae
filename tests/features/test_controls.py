import pytest
import torch

from glassbook.features import TopK, evaluate, frozen_random
from glassbook.features.classical import OMP
from tests.features.conftest import samples


def control(rule, seed=0):
    x = samples(seed=12)[2]
    return frozen_random(12, 48, rule, x.mean(0), torch.Generator().manual_seed(seed)), x


def test_both_encoders_use_the_same_random_unit_directions_around_the_mean():
    before = torch.random.get_rng_state()
    tied, x = control(TopK(2))
    solved, _ = control(OMP(2))
    other, _ = control(OMP(2), seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(tied.W_dec, solved.W_dec)
    assert not torch.equal(solved.W_dec, other.W_dec)
    torch.testing.assert_close(solved.W_dec.norm(dim=1), torch.ones(48))
    torch.testing.assert_close(solved.b_dec, x.mean(0))
    assert torch.equal(tied.encode(x), (((x - x.mean(0)) @ tied.W_dec.T).relu()) * (tied.encode(x) > 0))
    assert not tied.W_dec.requires_grad


def test_matching_pursuit_is_the_stronger_rival():
    (solved, x), (tied, _) = control(OMP(4)), control(TopK(4))
    scores = [evaluate(d, x) for d in (solved, tied)]
    assert scores[0].l0 == pytest.approx(4, abs=0.05)
    assert scores[0].explained_variance > scores[1].explained_variance + 0.3
    assert 0 < scores[0].explained_variance < 1

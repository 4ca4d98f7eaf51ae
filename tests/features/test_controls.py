import pytest
import torch

from glassbook.features import evaluate, frozen_random
from tests.features.conftest import samples


def control(k, seed=0):
    x = samples(seed=12)[2]
    return frozen_random(12, 48, k, x.mean(0), torch.Generator().manual_seed(seed)), x


def test_directions_are_random_unit_vectors_around_the_mean_and_nobody_elses_generator_moves():
    before = torch.random.get_rng_state()
    (random, x), (other, _) = control(2), control(2, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(random.W_dec, other.W_dec)
    torch.testing.assert_close(random.W_dec.norm(dim=1), torch.ones(48))
    torch.testing.assert_close(random.b_dec, x.mean(0))
    assert not random.W_dec.requires_grad


def test_audit_a1_the_random_rival_explains_what_its_directions_can():
    """As the encoder of an untrained autoencoder, the same directions explained less than their mean did."""
    previous = 0.0
    for k in (1, 2, 4):
        random, x = control(k)
        scores = evaluate(random, x)
        assert scores.l0 == pytest.approx(k, abs=0.05)
        assert scores.explained_variance > previous
        previous = scores.explained_variance
        z = random.encode(x[:5])
        chosen = z[0].nonzero()[:, 0]
        fit = torch.linalg.lstsq(random.W_dec[chosen].T, (x[0] - random.b_dec)[:, None]).solution[:, 0]
        torch.testing.assert_close(z[0, chosen], fit, atol=1e-4, rtol=1e-3)
    assert 0.5 < previous < 1

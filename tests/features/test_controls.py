import pytest
import torch

from glassbook.features import evaluate, frozen_random, reinitialised
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


def test_a_reinitialised_network_keeps_the_size_of_its_weights_and_nothing_else():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(50, 40), torch.nn.Linear(40, 50, bias=False), torch.nn.RMSNorm(50))
    model[1].weight = model[0].weight  # tied, as heads are
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.random.get_rng_state()
    fresh = reinitialised(model, torch.Generator().manual_seed(1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert fresh[1].weight is fresh[0].weight
    old, new = model[0].weight.detach(), fresh[0].weight.detach()
    assert float(new.std() / old.std()) == pytest.approx(1, abs=0.05)
    assert abs(float(torch.corrcoef(torch.stack([old.flatten(), new.flatten()]))[0, 1])) < 0.1
    assert torch.equal(fresh[2].weight, torch.ones(50))
    other = reinitialised(model, torch.Generator().manual_seed(2))
    assert not torch.equal(other[0].weight, new)

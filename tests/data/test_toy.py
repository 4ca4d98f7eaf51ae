"""Synthetic worlds keep the frequencies and directions that they promise."""

import pytest
import torch

from glassbook.data.toy import elhage_inputs, sharkey_world


def test_a_sharkey_world_has_unit_directions_and_decaying_frequencies():
    generator = torch.Generator().manual_seed(0)
    world = sharkey_world(64, 32, active=3.0, decay=0.95, generator=generator)
    assert torch.allclose(world.directions.norm(dim=1), torch.ones(64))
    assert float(world.probabilities.sum()) == pytest.approx(3.0)
    assert torch.allclose(world.probabilities[1:] / world.probabilities[:-1], torch.full((63,), 0.95))


def test_activations_are_the_sum_of_their_active_features():
    generator = torch.Generator().manual_seed(1)
    world = sharkey_world(64, 32, active=3.0, generator=generator)
    strengths, x = world.sample(20_000, generator)
    assert torch.allclose(x, strengths @ world.directions)
    assert float((strengths > 0).float().sum(1).mean()) == pytest.approx(3.0, abs=0.05)
    assert float(strengths.min()) >= 0
    assert float(strengths.max()) <= 1
    assert float(strengths[strengths > 0].mean()) == pytest.approx(0.5, abs=0.01)


def test_the_same_generator_state_gives_the_same_sample():
    world = sharkey_world(16, 8, active=2.0, generator=torch.Generator().manual_seed(2))
    first, again = (world.sample(10, torch.Generator().manual_seed(3))[1] for _ in range(2))
    assert torch.equal(first, again)


def test_elhage_inputs_have_the_density_asked_of_each_model():
    density = torch.tensor([1.0, 0.1])
    x = elhage_inputs((2, 5000, 10), density, torch.Generator().manual_seed(0))
    assert x.shape == (2, 5000, 10)
    assert (x > 0).float().mean((1, 2)).tolist() == pytest.approx([1.0, 0.1], abs=0.01)

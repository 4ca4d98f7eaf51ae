"""Modes are counted as they are said to be, and each phase trains its own network."""

import pytest
import torch

from glassbook.experiments.latent._adversarial import (
    MODES,
    SPREAD,
    adversarial_phases,
    covered,
    on_great_circle,
    update_batch_norm,
    with_penalty,
)
from glassbook.nets.gan import pictures_gan, points_gan
from glassbook.train import train
from glassbook.train.optimisers import adamw
from glassbook.train.schedules import constant

RING = MODES["ring"]


def near(modes: torch.Tensor, n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return modes.repeat(n, 1) + SPREAD * torch.randn(n * len(modes), 2, generator=generator)


def test_points_on_all_modes_cover_them_all():
    found = covered(near(RING, 200), RING)
    assert found["modes"] == 8
    assert found["share"] > 0.99


def test_a_mode_that_hardly_has_points_is_not_covered():
    few = torch.cat([near(RING[:7], 200), near(RING[7:], 20)])
    assert covered(few, RING)["modes"] == 7


def test_points_far_from_every_mode_count_for_none():
    found = covered(torch.zeros(800, 2), RING)
    assert (found["modes"], found["share"]) == (0, 0)
    between = torch.cat([near(RING, 100), torch.zeros(800, 2)])
    assert covered(between, RING)["share"] == pytest.approx(0.5, abs=0.005)


def test_the_grid_has_25_modes_and_the_ring_8():
    assert (len(MODES["grid"]), len(RING)) == (25, 8)
    assert torch.allclose(RING.norm(dim=1), torch.full((8,), 2.0))


def test_each_phase_moves_its_own_network_and_the_penalty_changes_the_discriminator_only():
    batch = {"real": near(RING, 2), "noise": torch.randn(16, 2, generator=torch.Generator().manual_seed(1))}

    def after_one_step(weight: float, phase: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        gan = points_gan(width=8)
        given = with_penalty(batch, weight)
        how = {"steps": 1, "lr": 1e-2, "schedule": constant(), "optimiser": adamw(weight_decay=0.0)}
        train(gan, [adversarial_phases()[phase]], lambda _: given, **how)
        return dict(gan.state_dict())

    torch.manual_seed(0)
    start = points_gan(width=8).state_dict()
    for phase, (own, other) in enumerate((("discriminator", "generator"), ("generator", "discriminator"))):
        found = after_one_step(0.0, phase)
        assert all(torch.equal(t, start[name]) for name, t in found.items() if name.startswith(other))
        assert any(not torch.equal(t, start[name]) for name, t in found.items() if name.startswith(own))
    penalised, without = after_one_step(10.0, 0), after_one_step(0.0, 0)
    assert any(not torch.equal(penalised[name], without[name]) for name in start)
    penalised, without = after_one_step(10.0, 1), after_one_step(0.0, 1)
    assert all(torch.equal(penalised[name], without[name]) for name in start)


def test_a_walk_on_a_great_circle_keeps_the_length_of_noise():
    start, end = torch.randn(2, 512, generator=torch.Generator().manual_seed(1))
    walk = on_great_circle(start, end, 9)
    assert torch.allclose(walk[0], start, atol=1e-5)
    assert torch.allclose(walk[-1], end, atol=1e-5)
    assert (walk.norm(dim=1) / 512**0.5 - 1).abs().max() < 0.1
    assert torch.lerp(start, end, 0.5).norm() / 512**0.5 < 0.8  # a straight line leaves the noise


def test_batches_are_measured_with_the_parameters_as_they_are():
    torch.manual_seed(0)
    gan = pictures_gan(width=4).eval()
    with torch.no_grad():
        gan.generator[0].weight.mul_(3)  # what was measured before is wrong now
        gan.generator[0].bias.fill_(2.0)
    update_batch_norm(gan, torch.Generator().manual_seed(2))
    assert not gan.generator.training
    noise = torch.randn(2000, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        normal = gan.generator[:3](noise)
    assert normal.mean((0, 2, 3)).abs().max() < 0.05
    assert (normal.var((0, 2, 3)) - 1).abs().max() < 0.1


def test_points_have_no_batches_to_measure():
    gan = points_gan()
    before = {name: value.clone() for name, value in gan.state_dict().items()}
    update_batch_norm(gan, torch.Generator().manual_seed(0))
    assert all(torch.equal(value, before[name]) for name, value in gan.state_dict().items())

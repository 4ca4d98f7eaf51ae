"""Detection of attributes by single scores: chosen on one half, reported on the other."""

import pytest
import torch

from glassbook.features.detect import both_signs, detect, pool


@pytest.fixture
def world():
    """400 units of 5 tokens; attribute a of 3 is present in a third of them, at one token, along direction a."""
    generator = torch.Generator().manual_seed(0)
    unit = torch.arange(400).repeat_interleave(5)
    labels = torch.zeros(2000, 3, dtype=torch.bool)
    x = 0.1 * torch.randn(2000, 8, generator=generator)
    for u in range(400):
        a, token = u % 3, 5 * u + int(torch.randint(5, (1,), generator=generator))
        labels[token, a] = True
        x[token, a] += 2.0 if a != 2 else -2.0
    return x, unit, labels


def test_a_planted_direction_is_found_and_noise_is_not(world):
    x, unit, labels = world
    found = detect({"both": (both_signs, x), "noise": (lambda a: a[:, 3:], x)}, unit, labels)
    assert found["both"].best.tolist() == [0, 1, 8 + 2]
    assert found["both"].auroc.tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert found["both"].share() == 1.0
    assert found["noise"].share() == 0.0
    assert found["noise"].auroc.tolist() == pytest.approx([0.5, 0.5, 0.5], abs=0.12)


def test_what_is_chosen_on_noise_does_not_look_good_on_the_other_half():
    generator = torch.Generator().manual_seed(1)
    x, labels = torch.randn(600, 500, generator=generator), torch.rand(600, 1, generator=generator) < 0.1
    found = detect({"noise": (lambda a: a, x)}, torch.arange(600), labels)
    assert float(found["noise"].auroc) == pytest.approx(0.5, abs=0.15)


def test_a_unit_scores_as_its_best_token():
    x = torch.tensor([[1.0], [3.0], [2.0], [-1.0]])
    assert pool(lambda a: a, x, torch.tensor([0, 0, 1, 1]), 2, chunk=3).tolist() == [[3.0], [2.0]]


def test_rare_attributes_are_not_judged(world):
    x, unit, labels = world
    rare = labels.clone()
    rare[20:, 0] = False
    found = detect({"both": (both_signs, x)}, unit, rare)["both"]
    assert found.auroc.isnan().tolist() == [True, False, False]
    assert found.share() == 1.0

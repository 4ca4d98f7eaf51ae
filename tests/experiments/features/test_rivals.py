"""The rivals of dictionaries are what a fair opponent would take."""

import math

import pytest
import torch

from glassbook.experiments import find
from glassbook.experiments.features._sparsity import PURSUIT, rules, same_rule
from glassbook.experiments.features._units import dense_or_sparse, strongest
from glassbook.experiments.features.sparse_coding import components_for, scramble_phases
from glassbook.features import BatchTopK

NAMES = ("absorption", "dictionary-frontier", "dictionary-learning", "feature-death", "monosemanticity")
NAMES += ("sparse-coding", "superposition", "universality")


@pytest.mark.parametrize("name", NAMES)
def test_review_no_sabotage_only_gives_the_numbers_other_names(name):
    relabelled = {"swapped", "offsets-reversed", "densities-reversed", "nothing-shuffled"}
    assert not relabelled & {sabotage.id for sabotage in find(name).sabotages}


@pytest.mark.parametrize("name", ["dictionary-learning", "monosemanticity", "universality"])
def test_review_an_untrained_model_stands_beside(name):
    read = {c.metric for c in find(name).claims} | {c.control for c in find(name).claims}
    assert any("untrained" in (text or "") for text in read)


def test_one_rule_under_every_name():
    each = list(same_rule((6, 12)))
    assert {name for name, _ in each} == {name for name, _ in rules((6,), (1.0,), 16)} | {PURSUIT}
    assert [rule for _, rule in each[:2]] == [BatchTopK(6), BatchTopK(12)]


def test_units_made_sparse_keep_those_farthest_from_their_mean_in_units_of_their_spread():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(500, 6, generator=generator) * torch.tensor([100.0, 1, 1, 1, 1, 1]) + 5
    sparse = strongest(values, 2)
    assert (sparse != 0).sum(1).tolist() == [2] * 500
    used = (sparse != 0).float().mean(0)
    assert used.tolist() == pytest.approx([1 / 3] * 6, abs=0.1)  # the large unit is not always among them


def test_scrambled_phases_leave_the_power_and_nothing_of_the_shape():
    generator = torch.Generator().manual_seed(1)
    x = torch.zeros(300, 64)
    x[:, 27], x[:, 28] = 1.0, -1.0  # one edge, always there
    scrambled = scramble_phases(x, 8, generator)
    power = [torch.fft.rfft2(rows.reshape(-1, 8, 8)).abs() for rows in (x, scrambled)]
    torch.testing.assert_close(*power, atol=1e-4, rtol=1e-3)
    assert float(scrambled.var(0).max() / scrambled.var(0).mean()) < 1.5  # it is nowhere in particular


def test_principal_components_may_be_chosen_for_each_patch():
    z = torch.zeros(4, 3)
    z[torch.arange(4), torch.tensor([0, 1, 2, 0])] = 2.0  # one component each, not the same
    assert components_for(1.0, z) == 1.0
    assert components_for(0.5, z) == 0.5


def test_a_rival_that_was_not_measured_is_not_left_out():
    assert dense_or_sparse({"neurons": 2.0, "sparse neurons": 0.5}, "neurons") == (0.5, 2.0)
    assert all(map(math.isnan, dense_or_sparse({"neurons": 2.0, "sparse neurons": math.nan}, "neurons")))

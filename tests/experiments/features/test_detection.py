"""Results of detection and of ablations: leads, and shares of the attributes that could be compared."""

import math

import pytest
import torch

from glassbook.experiments import find
from glassbook.experiments.features._detection import RIVALS, _difference, ablation_results


def rows(*costs, **others):
    return [dict.fromkeys(RIVALS, theirs) | {"features": ours} | others for ours, theirs in costs]


def test_ablations_are_compared_where_both_sides_were_measured():
    found = ablation_results(rows((0.4, 0.1), (0.2, 0.3), **{"random directions": math.nan}))
    assert math.isnan(found["ablation_beats_random_directions"])
    assert found["ablation_cost"] == pytest.approx(0.3)
    assert found["ablation_cost_neurons"] == pytest.approx(0.2)
    assert found["ablation_beats_neurons"] == 0.5
    assert found["ablated_attributes"] == found["ablation_pairs_neurons"] == 2
    assert found["ablation_pairs_random_directions"] == 0


def test_review_pairs_of_ablations_that_both_do_nothing_do_not_count():
    found = ablation_results(rows((0.04, 0.01), (0.01, 0.06), (0.3, 0.1)))
    assert found["ablation_pairs_difference_of_means"] == 2
    assert found["ablation_beats_difference_of_means"] == 0.5


def test_review_one_of_one_is_no_evidence():
    """Rivals that could do no such damage were left out, however many they were."""
    claims = [c for c in find("dictionary-learning").claims if c.metric.startswith("ablation_beats")]
    assert len(claims) == len(RIVALS)
    for claim in claims:
        assert claim.control == f"{claim.metric.replace('beats', 'pairs')} >= 12"


def test_nothing_to_ablate_is_not_measured():
    found = ablation_results([])
    assert math.isnan(found["ablation_cost"])
    assert math.isnan(found["ablation_beats_residual_axes"])
    assert found["ablation_pairs_residual_axes"] == 0


def test_the_difference_of_means_points_to_the_attribute_and_is_zero_half_way():
    x = torch.tensor([[3.0, 1.0], [3.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
    found = _difference("site", x, torch.tensor([[1.0], [1.0], [0.0], [0.0]]))
    assert found.directions.tolist() == [[1.0, 0.0]]
    assert found.score(x)[:, 0].tolist() == [1.0, 1.0, -1.0, -1.0]

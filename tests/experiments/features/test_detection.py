"""Results of detection and of ablations: leads, and shares of the attributes that could be compared."""

import math

import pytest

from glassbook.experiments.features._detection import ablation_results


def test_ablations_are_compared_where_both_sides_were_measured():
    rows = [
        {"features": 0.4, "neurons": 0.1, "residual axes": 0.5, "random directions": math.nan},
        {"features": 0.2, "neurons": 0.3, "residual axes": 0.1, "random directions": 0.0},
    ]
    found = ablation_results(rows)
    assert found["ablation_cost"] == pytest.approx(0.3)
    assert found["ablation_cost_neurons"] == pytest.approx(0.2)
    assert found["ablation_beats_neurons"] == 0.5
    assert found["ablation_beats_random_directions"] == 1.0
    assert found["ablated_attributes"] == 2


def test_nothing_to_ablate_is_not_measured():
    found = ablation_results([])
    assert math.isnan(found["ablation_cost"])
    assert math.isnan(found["ablation_beats_residual_axes"])

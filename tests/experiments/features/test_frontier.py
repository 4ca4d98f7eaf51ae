"""Scores at equal sparsity are interpolated, never taken from a setting of another sparsity."""

import math

import pytest

from glassbook.experiments.features._sparsity import at_sparsity


def rows(*points):
    return [{"rule": "TopK", "L0": l0, "EV": ev, "F1": 0.5, "MCC": 0.5} for l0, ev in points]


def test_scores_are_interpolated_in_the_logarithm_of_l0():
    assert at_sparsity(rows((6, 0.8), (24, 0.9)), "TopK", 12)["EV"] == pytest.approx(0.85)
    assert at_sparsity(rows((12, 0.8)), "TopK", 12)["EV"] == 0.8


def test_audit_a_sparsity_that_no_setting_encloses_is_not_measured():
    """The nearest setting's score was taken for it."""
    for points in ([(14, 0.8), (24, 0.9)], [(6, 0.8), (11, 0.9)]):
        assert all(math.isnan(score) for score in at_sparsity(rows(*points), "TopK", 12).values())

"""Heads are picked on other rows than they are scored on, and a curve that never rises has no moment."""

import math

import torch

from glassbook.experiments.circuits._heads import reach, score_of_best


def test_the_score_of_the_best_head_is_that_of_the_head_which_other_rows_pick():
    scores, picked = torch.tensor([[0.1, 0.9], [0.4, 0.2]]), torch.tensor([[0.1, 0.5], [0.8, 0.2]])
    assert score_of_best(scores, picked) == torch.tensor(0.4).item()


def test_a_curve_reaches_a_share_of_its_largest_value():
    assert [reach([0, 10, 20, 30], [0.0, 0.5, 1.0, 0.9], share) for share in (0.4, 0.5, 0.9)] == [10, 10, 20]
    assert math.isnan(reach([0, 10], [-0.1, 0.0], 0.5))

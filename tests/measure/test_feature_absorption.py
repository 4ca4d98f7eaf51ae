import math

import pytest
import torch

from glassbook.measure.feature_absorption import absorption

# One parent (axis 0) and one child (axis 1, always with the parent), in the plane.
PARENT = torch.tensor([[1.0, 0.0]])
STRENGTHS = torch.tensor([[1.0, 0.0]] * 6 + [[1.0, 1.0]] * 4 + [[0.0, 0.0]] * 10)


def test_a_latent_that_always_speaks_is_not_absorbed():
    assert absorption(STRENGTHS, torch.eye(2), PARENT, STRENGTHS[:, :1]) == 0


def test_a_child_that_carries_its_parent_absorbs_it():
    # The child's latent points along both axes, and the parent's is silent wherever the child is present.
    codes = STRENGTHS.clone()
    codes[STRENGTHS[:, 1] > 0, 0] = 0
    directions = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert absorption(codes, directions, PARENT, STRENGTHS[:, :1]) == pytest.approx(0.4)


def test_silence_alone_is_no_absorption():
    codes = STRENGTHS.clone()
    codes[STRENGTHS[:, 1] > 0, 0] = 0
    assert absorption(codes, torch.eye(2), PARENT, STRENGTHS[:, :1]) == 0  # nobody carries the parent


def test_carrying_too_little_is_no_absorption():
    codes = STRENGTHS.clone()
    codes[STRENGTHS[:, 1] > 0, 0] = 0
    for share, wanted in ((0.39, 0.0), (0.41, 0.4)):
        directions = torch.tensor([[1.0, 0.0], [share, 1.0]])
        assert absorption(codes, directions, PARENT, STRENGTHS[:, :1]) == pytest.approx(wanted)


def test_a_parent_that_is_never_there_has_no_rate():
    assert math.isnan(absorption(STRENGTHS, torch.eye(2), PARENT, torch.zeros(20, 1)))

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from glassbook.measure.detection import auroc


def test_perfect_reversed_constant_and_one_class():
    y = [0, 0, 1, 1]
    assert auroc([1, 2, 3, 4], y) == 1
    assert auroc([4, 3, 2, 1], y) == 0
    assert auroc([7, 7, 7, 7], y) == 0.5
    assert auroc([1, 2, 3, 4], [1, 1, 1, 1]).isnan()


def test_random_scores_are_at_one_half():
    chance = np.random.default_rng(0)
    assert auroc(chance.normal(size=20_000), chance.random(20_000) < 0.3) == pytest.approx(0.5, abs=0.02)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_ties_as_in_scikit_learn_and_swapped_labels(pairs):
    s, y = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    if y.all() or not y.any():
        return
    assert float(auroc(s, y)) == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    assert float(auroc(s, ~y)) == pytest.approx(1 - float(auroc(s, y)), abs=1e-12)


def test_many_columns_at_once_are_the_columns_one_by_one():
    g = torch.Generator().manual_seed(0)
    s = torch.randint(0, 9, (300, 7), generator=g)
    y = torch.rand(300, 3, generator=g) < torch.tensor([0.1, 0.5, 0.9])
    area = auroc(s, y, columns=2)
    assert area.shape == (7, 3)
    for f in range(7):
        for a in range(3):
            assert area[f, a] == auroc(s[:, f], y[:, a])
    assert auroc(s, y[:, 0]).shape == (7,)
    assert auroc(s[:, 0], y).shape == (3,)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="rows"):
        auroc([1, 2], [1])
    with pytest.raises(ValueError, match="NaN"):
        auroc([1, float("nan")], [1, 0])

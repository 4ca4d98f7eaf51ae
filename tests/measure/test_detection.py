import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from glassbook.measure.detection import auroc, average_precision, best_threshold, precision_recall_f1


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


def test_average_precision_of_known_rankings():
    assert average_precision([4, 3, 2, 1], [1, 1, 0, 0]) == 1
    assert float(average_precision([4, 3, 2, 1], [0, 1, 0, 1])) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert average_precision([7, 7, 7, 7], [0, 1, 0, 0]) == 0.25  # all tied: the base rate
    assert average_precision([1, 2], [0, 0]).isnan()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_average_precision_with_ties_as_in_scikit_learn(pairs):
    s, y = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    if y.any():
        assert float(average_precision(s, y)) == pytest.approx(average_precision_score(y, s), abs=1e-12)


def test_average_precision_of_many_columns_is_that_of_each():
    g = torch.Generator().manual_seed(0)
    s = torch.randint(0, 9, (300, 7), generator=g)
    y = torch.rand(300, 3, generator=g) < torch.tensor([0.1, 0.5, 0.9])
    area = average_precision(s, y, columns=2)
    assert area.shape == (7, 3)
    for f in range(7):
        for a in range(3):
            assert area[f, a] == average_precision(s[:, f], y[:, a])


def test_the_threshold_has_the_best_f1_and_lies_between_scores():
    scores = torch.tensor([[5.0, 1.0], [3.0, 1.0], [2.0, 0.0], [2.0, 0.0], [0.0, 0.0]])
    labels = torch.tensor([[1, 0], [1, 1], [0, 0], [1, 0], [0, 0]])
    # With ties taken together: {5, 3} has F1 .8, {5, 3, 2, 2} has 6/7.
    assert best_threshold(scores, labels).tolist() == [1.0, 0.5]
    precision, recall, f1 = precision_recall_f1(scores, labels, best_threshold(scores, labels))
    assert precision.tolist() == [0.75, 0.5]
    assert recall.tolist() == [1.0, 1.0]
    assert f1.tolist() == pytest.approx([6 / 7, 2 / 3])


def test_f1_at_a_threshold_as_in_scikit_learn():
    g = np.random.default_rng(0)
    s, y = g.normal(size=(200, 3)), g.random((200, 3)) < 0.3
    found = precision_recall_f1(s, y, 0.2)
    for a in range(3):
        wanted = precision_recall_fscore_support(y[:, a], s[:, a] >= 0.2, average="binary")[:3]
        assert [float(part[a]) for part in found] == pytest.approx(wanted)
    alone = precision_recall_f1([[1.0]], [[0]], 2.0)
    assert alone[0].isnan()
    assert alone[1].isnan()
    assert alone[2] == 0


def test_no_threshold_beats_the_best():
    g = torch.Generator().manual_seed(4)
    s, y = torch.randint(0, 6, (60, 1), generator=g).float(), torch.rand(60, 1, generator=g) < 0.4
    best = precision_recall_f1(s, y, best_threshold(s, y))[2]
    assert all(precision_recall_f1(s, y, t)[2] <= best for t in range(7))

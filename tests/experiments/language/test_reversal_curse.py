import numpy as np
import pytest

from glassbook.experiments.language.reversal_curse import BEGIN, IS, IS_OF, facts, reverse, score


@pytest.mark.parametrize("seed", range(3))
def test_every_missing_sentence_is_stated_the_other_way_round(seed):
    stated, missing = facts(200, 0.7, np.random.default_rng(seed))
    assert (len(stated), len(missing)) == (340, 60)
    sentences = {tuple(row) for row in np.concatenate([stated, missing]).tolist()}
    assert len(sentences) == 400
    stated_set = {tuple(row) for row in stated.tolist()}
    assert all(tuple(row) in stated_set for row in reverse(missing).tolist())
    assert 10 < (missing[:, 2] == IS).sum() < 50  # both directions are missing somewhere
    assert (stated[:, 0] == BEGIN).all()
    assert set(stated[stated[:, 2] == IS, 1].tolist()).isdisjoint(stated[stated[:, 2] == IS_OF, 1].tolist())


def _questions():
    return np.array([[BEGIN, 3, IS, 5], [BEGIN, 4, IS, 6], [BEGIN, 7, IS_OF, 3], [BEGIN, 8, IS_OF, 4]])


def test_score_of_a_model_that_knows_nothing_is_zero():
    uniform = np.full((4, 9), np.log(1 / 9))
    assert score(uniform, _questions()) == (0.0, 0.0)


def test_score_of_a_model_that_knows_everything():
    logp = np.full((4, 9), np.log(0.1 / 8))
    logp[np.arange(4), _questions()[:, 3]] = np.log(0.9)
    accuracy, gap = score(logp, _questions())
    assert accuracy == 1.0
    assert gap == pytest.approx(np.log(0.9 / (0.1 / 8)))


def test_score_compares_within_the_group_only():
    """A model that gives the whole group little, but all of it the same, has no gap."""
    logp = np.full((4, 9), -1.0)
    logp[:2, [5, 6]] = -9.0
    logp[2:, [3, 4]] = -7.0
    assert score(logp, _questions()) == (0.0, 0.0)

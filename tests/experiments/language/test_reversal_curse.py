import numpy as np
import pytest

from glassbook.experiments.language.reversal_curse import (
    BEGIN,
    ENTITIES,
    IS,
    IS_OF,
    LIKED_BY,
    LIKES,
    facts,
    likings,
    reverse,
    score,
)


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


def test_every_entity_is_a_subject_and_an_answer_of_a_fact_told_both_ways():
    """Without it, the direction that is missing would ask of names that training never used that way."""
    told = likings(50, np.random.default_rng(0))
    everyone = set(range(ENTITIES, ENTITIES + 100))
    assert set(told[:, 1].tolist()) == set(told[:, 3].tolist()) == everyone
    assert set(told[:, 2].tolist()) == {LIKES, LIKED_BY}
    sentences = {tuple(row) for row in told.tolist()}
    assert {tuple(row) for row in reverse(told).tolist()} == sentences


def test_reversing_twice_changes_nothing():
    stated, _ = facts(20, 0.5, np.random.default_rng(0))
    both = np.concatenate([stated, likings(20, np.random.default_rng(1))])
    assert (reverse(reverse(both)) == both).all()
    assert (reverse(both)[:, 2] != both[:, 2]).all()


def _questions():
    return np.array([[BEGIN, 3, IS, 5], [BEGIN, 4, IS, 6], [BEGIN, 7, IS_OF, 3], [BEGIN, 8, IS_OF, 4]])


def test_a_model_that_knows_nothing_ranks_as_by_chance():
    uniform = np.full((4, 9), np.log(1 / 9))
    assert score(uniform, _questions()) == (0.0, 0.5)


def test_a_model_that_knows_everything_ranks_the_truth_first():
    logp = np.full((4, 9), np.log(0.1 / 8))
    logp[np.arange(4), _questions()[:, 3]] = np.log(0.9)
    assert score(logp, _questions()) == (1.0, 1.0)


def test_ranks_are_within_the_group():
    """An entity that is hardly an answer at all, but the likeliest of its like, ranks first."""
    logp = np.full((4, 9), -1.0)
    logp[:2, [5, 6]] = [[-8.0, -9.0], [-9.0, -8.0]]
    logp[2:, [3, 4]] = [[-7.0, -6.0], [-6.0, -7.0]]
    assert score(logp, _questions()) == (0.0, 0.5)
    assert score(logp[:2], _questions()[:2]) == (0.0, 1.0)

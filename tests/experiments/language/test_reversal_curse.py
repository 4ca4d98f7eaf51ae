import numpy as np
import pytest

from glassbook.experiments.base import launch
from glassbook.experiments.language.reversal_curse import BEGIN, IS, IS_OF, ReversalCurse, facts, reverse, score
from glassbook.notebook import Notebook


def test_quick_logs_what_the_claims_read(tmp_path):
    record = launch(ReversalCurse.quick(), Notebook.create(tmp_path / "nb", title="Test"), seed=0)
    assert record.status == "finished"
    needed = {"both_directions_accuracy", "missing_accuracy", "seen_logprob_gap"} | {
        claim.metric for claim in ReversalCurse.claims
    }
    assert needed <= record.results.keys()
    assert all(0 <= value <= 1 for name, value in record.results.items() if name.endswith("accuracy"))
    assert all(record.metrics(f"{label}_loss")[0] == [10, 20] for label in ("curse", "both", "copies"))
    assert {path.name for path in (record.folder / "charts").iterdir()} == {"accuracy.vl.json", "loss.vl.json"}


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    notebook = Notebook.create(tmp_path / "nb", title="Test")
    results = [launch(ReversalCurse.quick(), notebook, seed=seed).results for seed in (3, 3, 4)]
    assert results[0] == results[1]
    assert results[0] != results[2]


@pytest.mark.parametrize("seed", range(3))
def test_every_missing_sentence_is_stated_the_other_way_round(seed):
    stated, missing = facts(200, 0.7, seed)
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

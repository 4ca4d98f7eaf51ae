"""What `pretrain` trains on and how it scores accounts."""

import math

import pytest
import torch

from glassbook.data.tokens import take
from glassbook.data.world import World
from glassbook.experiments.language import _scores
from glassbook.experiments.language._curriculum import PERIODS, copying_first, more_stories
from glassbook.notebook.runs.rng import Rng


def text(step):
    """Rows in which nothing repeats within the shortest period: every token is one above the one before."""
    return {"input_ids": (torch.arange(256).repeat(8, 1) + step) % 500}


@pytest.fixture
def batches():
    return copying_first(text, 10, Rng(0, "test"))


def repeats(row):
    return [p for p in range(*PERIODS) if torch.equal(row[p:], row[:-p])]


def test_first_rows_repeat_few_tokens(batches):
    ids = torch.cat([batches(step)["input_ids"] for step in range(10)])
    assert ids.shape == (10 * 24, 64)
    assert all(repeats(row) for row in ids)
    assert len(ids.unique()) == 64


def test_then_rows_of_text_replace_the_repeated_ones_step_by_step(batches):
    repeated = [sum(bool(repeats(row)) for row in batches(step)["input_ids"]) for step in range(10, 40)]
    assert repeated[0] == 2
    assert repeated[-1] == 0
    assert repeated == sorted(repeated, reverse=True)
    assert torch.equal(batches(39)["input_ids"], text(39)["input_ids"])


def test_a_batch_depends_on_its_step_alone(batches):
    later = batches(12)["input_ids"]
    again = copying_first(text, 10, Rng(0, "test"))
    assert torch.equal(again(12)["input_ids"], later)
    assert not torch.equal(again(11)["input_ids"], later)


def test_without_copying_all_is_text():
    assert copying_first(text, 0, Rng(0, "test")) is text


def test_stories_leave_the_end_of_the_training_to_all_text():
    stories = {"input_ids": torch.full((8, 256), 999)}
    batches = more_stories(text, lambda step: stories, rows=3, steps=100)
    rows = [int((batches(s)["input_ids"] == 999).all(1).sum()) for s in range(100)]
    assert rows[:80] == [3] * 80
    assert rows[80:] == sorted(rows[80:], reverse=True)
    assert rows[-1] == 0
    assert torch.equal(batches(99)["input_ids"], text(99)["input_ids"])


def test_habits_of_a_speaker_do_not_count():
    # Known answer: the score knows who lies more often and nothing else.
    speakers = ["honest"] * 10 + ["liar"] * 10
    true = torch.tensor([1] * 9 + [0] + [1] + [0] * 9).bool()
    score = torch.tensor([1.0] * 10 + [0.0] * 10)
    assert _scores._auroc_within(speakers, score, true) == 0.5
    assert _scores._auroc_within(speakers, true.float(), true) == 1.0
    assert math.isnan(_scores._auroc_within(["a", "b"], torch.tensor([0.0, 1.0]), torch.tensor([True, False])))


def test_verdicts_of_an_oracle_are_certain_behind_the_record_alone(monkeypatch):
    reports = take(World().stream(-4, genre="report"), 200)
    truth = {text: verdict == "truth" for text, verdict in map(_start, reports)}

    def oracle(lm, texts):
        return torch.tensor([0.0 if text not in truth else 1.0 if truth[text] else -1.0 for text in texts])

    monkeypatch.setattr(_scores, "_odds_of_truth", oracle)
    found = _scores.verdicts(None, World(), 200, seed=-4)
    assert found == {"verdict_auroc": 1.0, "verdict_auroc_other_record": 0.5, "verdict_accuracy": 1.0}


def _start(report):
    """Record and account up to the verdict, and the verdict."""
    [verdict] = [span for span in report.spans if span.kind == "verdict"]
    return report.text[: verdict.start] + "That was", verdict.value

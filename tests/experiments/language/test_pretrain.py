"""What `pretrain` trains on and how it scores accounts."""

import math

import pytest
import torch

from glassbook.data.world import World
from glassbook.experiments.language._curriculum import PERIODS, copying_first
from glassbook.experiments.language._scores import _auroc_within, verdicts
from glassbook.nets import open_model
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


def test_habits_of_a_speaker_do_not_count():
    # Known answer: the score knows who lies more often and nothing else.
    speakers = ["honest"] * 10 + ["liar"] * 10
    true = torch.tensor([1] * 9 + [0] + [1] + [0] * 9).bool()
    score = torch.tensor([1.0] * 10 + [0.0] * 10)
    assert _auroc_within(speakers, score, true) == 0.5
    assert _auroc_within(speakers, true.float(), true) == 1.0
    assert math.isnan(_auroc_within(["a", "b"], torch.tensor([0.0, 1.0]), torch.tensor([True, False])))


def test_verdicts_are_read_behind_the_record_and_behind_another():
    found = verdicts(open_model("builtin"), World(), 60, seed=-4)
    assert found.keys() == {"verdict_auroc", "verdict_auroc_other_record", "verdict_accuracy"}
    assert all(0 <= value <= 1 for value in found.values())

"""Tasks of the experiments on circuits, and topics of those on steering."""

import json
import os
from pathlib import Path

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.experiments import launch
from glassbook.experiments.circuits._tasks import pronouns, repetitions
from glassbook.experiments.steering._topics import of_its_own_texts
from glassbook.experiments.steering.steering_frontier import SteeringFrontier
from glassbook.nets import open_model
from glassbook.notebook import Notebook
from glassbook.notebook.runs.rng import Rng


def rng(seed: int) -> Rng:
    return Rng(seed, ("test",))


def test_pairs_of_repetitions_differ_in_one_half():
    task = repetitions(8, 6, rng(0))
    clean, corrupted = task.clean["input_ids"], task.corrupted["input_ids"]
    assert clean.shape == (8, 9)
    assert torch.equal(clean[:, :3], clean[:, 6:])
    assert torch.equal(clean[::2, 6:], corrupted[::2, 6:])
    assert torch.equal(clean[1::2, :6], corrupted[1::2, :6])
    assert not (set(clean[0].tolist()) & set(corrupted[0, :6].tolist()))


def test_pronouns_differ_in_the_name_only():
    lm = open_model("builtin")
    task = pronouns(lm, 6, rng(1))
    clean, corrupted, mask = task.clean["input_ids"], task.corrupted["input_ids"], task.clean["attention_mask"].bool()
    assert torch.equal(mask, task.corrupted["attention_mask"].bool())
    for a, b, real in zip(clean, corrupted, mask, strict=True):
        differ = (a != b) & real
        assert bool(differ.any())
        assert len(a[differ].unique()) <= 2  # the name at the start of a sentence and within one
        text = lm.decode(a[real].tolist())
        assert " he " not in text.lower()
    scores = task.score(lm.model, task.clean), task.score(lm.model, task.corrupted)
    assert scores[0].mean() > 1 > -1 > scores[1].mean()


def test_rows_of_one_seed_are_the_same_and_of_another_others():
    lm = open_model("builtin")
    a, b, c = (pronouns(lm, 3, rng(seed)).clean["input_ids"] for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert a.shape != c.shape or not torch.equal(a, c)


def test_any_other_model_is_steered_towards_what_it_writes_itself(tmp_path):
    data = os.environ.get("GLASSBOOK_DATA")
    if not data:
        pytest.skip("GLASSBOOK_DATA is unset, so stories260K is not at hand")
    model = str(Path(data) / "stories260k" / "stories260K.bin")
    few = {"pairs": 8, "texts": 8, "strengths": (0.1, 0.2), "raw": (1.0, 2.0)}
    notebook = Notebook.create(tmp_path / "notebook")
    found = launch(SteeringFrontier(model=model, theme="was", pair=("The dog", "The man"), **few), notebook, seed=3)
    assert found.status == "finished"
    assert "facts_ratio" not in found.results
    assert found.results["prompt_over_best"] > 0
    assert {row["condition"] for row in json.loads((found.folder / "tables" / "best.json").read_text())} >= {
        "clamp",
        "actadd",
    }
    with pytest.raises(GlassbookError, match="too seldom"):
        of_its_own_texts(model, "xylophone", 1, 1, Unused(), batches=2)


class Unused:
    def rng(self, name):
        return rng(0).child(name)

    def uses(self, *args, **kwargs) -> None:
        """Nothing is noted."""

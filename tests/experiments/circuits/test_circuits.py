"""Tasks of the experiments on circuits, and topics of those on steering."""

import json
import os
from pathlib import Path

import pytest
import torch

from glassbook.circuits import Circuit, Graph
from glassbook.circuits.features import FeatureCircuit
from glassbook.errors import GlassbookError
from glassbook.experiments import launch
from glassbook.experiments.circuits import _edges
from glassbook.experiments.circuits._tasks import pronouns, repetitions
from glassbook.experiments.steering._topics import of_its_own_texts
from glassbook.experiments.steering.steering_frontier import SteeringFrontier
from glassbook.nets import open_model
from glassbook.nets.compiled import compile_induction
from glassbook.notebook import Notebook
from glassbook.notebook.runs.rng import Rng
from glassbook.trace.roles import roles


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


@pytest.fixture(scope="module")
def compiled():
    graph = Graph(roles(compile_induction(0.0, 0)))
    return graph, repetitions(8, 6, rng(0))


def test_sizes_of_weights_are_a_rival_that_reads_no_text(compiled):
    graph, _ = compiled
    scores = _edges.weight_scores(graph)
    assert scores.shape == graph.edges.shape
    [known] = [edge for edge in _edges.known() if edge[1].kind == "logits"]
    model = graph.model
    assert float(scores[graph.index(known)]) == pytest.approx(
        float((graph.mixers[1][0] @ model.head.weight.T).norm().detach())
    )


def test_a_known_circuit_with_one_edge_replaced_does_worse(compiled):
    graph, task = compiled
    known = Circuit(graph, _edges.mask(graph, _edges.known()))
    assert known.faithfulness(task) == pytest.approx(1, abs=0.05)
    assert _edges.one_replaced(known, task, rng(0)) < 0.75


def test_review_random_edges_are_connected_and_as_many(compiled):
    graph, _ = compiled
    for seed in range(3):
        found = _edges.random_circuit(graph, 11, rng(seed))
        assert 11 <= len(found) < 22
        assert torch.equal(found.connected().mask, found.mask)
    scores = torch.rand(graph.edges.shape, generator=torch.Generator().manual_seed(0))
    best, rest = (circuit.mask for circuit in (Circuit.top(graph, scores, 11), _edges.next_best(graph, scores, 11)))
    assert not bool((best & rest).any())


def test_review_random_features_are_drawn_among_those_with_an_effect():
    effects = torch.tensor([0.5, 0.0, 0.3, 0.0, 0.0, 0.1, 0.9])  # the error last
    circuit = FeatureCircuit(None, None, [], [effects], [effects != 0])  # pyright: ignore
    seen = torch.stack([_edges.other_features(circuit, rng(seed)).effects[0] for seed in range(20)])
    assert torch.equal(seen != 0, (effects != 0).expand(20, -1))
    assert seen[:, -1].unique().tolist() == [pytest.approx(0.9)]
    assert len(seen[:, 0].unique()) == 3


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

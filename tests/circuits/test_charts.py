"""Charts of circuits: they hold the numbers they were given, and a renderer draws them."""

import pytest
import torch
import vl_convert

from glassbook.circuits import (
    Circuit,
    Graph,
    circuit_chart,
    edge_scores,
    effects_chart,
    lens_chart,
    patch,
    patches_chart,
    pattern_chart,
)
from glassbook.errors import GlassbookError


def drawn(chart):
    return vl_convert.vegalite_to_svg(chart)


def test_a_pattern_over_tokens_that_repeat():
    pattern = torch.tensor([[[1.0, 0.0], [0.25, 0.75]], [[1.0, 0.0], [1.0, 0.0]]])
    chart = pattern_chart(pattern, ["a", "a"])
    rows = chart["data"]["values"]
    assert {(r["head"], r["query"], r["key"], r["attention"]) for r in rows} == {
        (0, "0 a", "0 a", 1.0), (0, "1 a", "0 a", 0.25), (0, "1 a", "1 a", 0.75),
        (1, "0 a", "0 a", 1.0), (1, "1 a", "0 a", 1.0),
    }  # fmt: skip
    assert "<svg" in drawn(chart)
    with pytest.raises(GlassbookError, match="do not fit 3 tokens"):
        pattern_chart(pattern, ["a", "b", "c"])


def test_patches_stand_where_they_stand_in_the_image():
    chart = patches_chart(torch.tensor([[0.0, 0.1, 0.2, 0.3, 0.4, 0.5]]), (2, 3))
    assert {(r["row"], r["column"]): r["attention"] for r in chart["data"]["values"]}[1, 2] == pytest.approx(0.5)
    assert "<svg" in drawn(chart)
    with pytest.raises(GlassbookError, match="2 x 2 patches"):
        patches_chart(torch.zeros(1, 6), (2, 2))


def test_what_heads_bring_back(opened, task):
    found = patch(opened.model, task, list(opened.select("attn.*.heads").values()), parts=opened.n_heads)
    chart = effects_chart(found)
    rows = chart["data"]["values"]
    assert [r["share"] for r in rows] == pytest.approx(found.share().tolist(), abs=1e-4)
    assert "<svg" in drawn(chart)
    with pytest.raises(GlassbookError, match="1 names for 4 columns"):
        effects_chart(found, ["one"])


def test_every_edge_of_a_circuit_is_drawn(opened, task):
    graph = Graph(opened)
    scores = edge_scores(graph, task, 1)
    circuit = Circuit.top(graph, scores, 12)
    chart = circuit_chart(circuit, scores)
    lines, dots, _ = (layer["data"]["values"] for layer in chart["layer"])
    assert {r["edge"] for r in lines} == {f"{w} to {r}" for w, r in circuit.edges}
    places = {(d["x"], d["y"]) for d in dots}
    assert len(places) == len(dots)
    assert {(r[a], r[b]) for r in lines for a, b in (("x", "y"), ("x2", "y2"))} == places
    assert all(r["y"] < r["y2"] for r in lines)
    strongest = max(lines, key=lambda r: r["share"])
    assert strongest["share"] == pytest.approx(1)
    assert (strongest["it"] == "raises") == (strongest["score"] < 0)
    assert "<svg" in drawn(chart)
    with pytest.raises(GlassbookError, match="no edge"):
        circuit_chart(Circuit.top(graph, scores, 0), scores)


def test_the_lens_shows_the_likeliest_word_of_each_layer():
    logits = {"first": torch.tensor([[0.0, 9.0]]), "last": torch.tensor([[9.0, 0.0]])}
    rows = lens_chart(logits, ["x"], "ab".__getitem__)["layer"][0]
    chart = lens_chart(logits, ["x"], "ab".__getitem__)
    values = {r["layer"]: r["word"] for r in (chart.get("data") or rows["data"])["values"]}
    assert values == {"first": "b", "last": "a"}
    assert "<svg" in drawn(chart)

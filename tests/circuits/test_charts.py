"""Charts of circuits: they hold the numbers they were given, and a renderer draws them."""

import pytest
import vl_convert

from glassbook.circuits import (
    Circuit,
    Graph,
    circuit_chart,
    edge_scores,
    effects_chart,
    patch,
)
from glassbook.errors import GlassbookError


def drawn(chart):
    return vl_convert.vegalite_to_svg(chart)


def test_what_heads_bring_back(opened, task):
    found = patch(opened.model, task, list(opened.select("attn.*.heads").values()), heads=opened.n_heads)
    chart = effects_chart(found)
    rows = chart["data"]["values"]
    assert [r["recovered"] for r in rows] == pytest.approx(found.recovered().tolist(), abs=1e-4)
    assert "<svg" in drawn(chart)
    named = effects_chart(found, ["a", "a", "b", "c"])["data"]["values"]  # tokens that repeat keep columns of their own
    assert {r["x"] for r in named} == {"0 a", "1 a", "2 b", "3 c"}
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
    strongest = max(lines, key=lambda r: r["width"])
    assert strongest["width"] == pytest.approx(1)
    assert (strongest["sign"] == "raises") == (strongest["score"] < 0)
    assert "<svg" in drawn(chart)
    with pytest.raises(GlassbookError, match="no edge"):
        circuit_chart(Circuit.top(graph, scores, 0), scores)

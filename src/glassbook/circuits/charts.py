"""Charts of circuits: activation patching as a heat map, and a circuit's edges from the embedding to the logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from glassbook.charts import heat
from glassbook.circuits.edges import Circuit
from glassbook.circuits.graph import Sender
from glassbook.circuits.patching import Effects
from glassbook.errors import GlassbookError


def effects_chart(effects: Effects, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """A heat map of what each location recovers: sites down, positions or heads across.

    Args:
        effects: from `patch` or `attribute`.
        columns: their names, such as tokens; those that repeat are numbered.
    """
    sites, numbers, recovered = effects.grid()
    names = [str(n) for n in numbers] if columns is None else list(columns)
    if len(names) != len(numbers):
        raise GlassbookError(f"{len(names)} names for {len(numbers)} columns; give one name a column")
    if len({*names}) < len(names):  # tokens that repeat
        names = [f"{i} {name}" for i, name in enumerate(names)]
    return heat(recovered.tolist(), names, sites, title="recovered", domain=(-1, 1))


def circuit_chart(circuit: Circuit, scores: Tensor) -> dict[str, Any]:
    """The edges of a circuit from the embedding at the bottom to the logits at the top.

    Args:
        circuit: at least one edge.
        scores: the effect of cutting each edge, [receivers, senders] as from `edge_scores`. Line width is its size;
            blue edges raise the metric, red ones lower it.
    """
    import altair as alt

    if not len(circuit):
        raise GlassbookError("the circuit has no edge to draw; choose more")
    graph, edges = circuit.graph, []
    top = max(abs(float(scores[graph.index(edge)])) for edge in circuit.edges) or 1.0
    places: dict[str, tuple[float, int]] = {"logits": (0.0, 2 * graph.roles.n_layers + 1)}
    for sender, receiver in circuit.edges:
        score = float(scores[graph.index((sender, receiver))])
        for into in graph.outputs(receiver) or [None]:  # keys and values of a group are read for all of its heads
            name = "logits" if into is None else _place(into, graph.roles.n_heads, places)
            (x, y), (x2, y2) = places[_place(sender, graph.roles.n_heads, places)], places[name]
            # Cutting an edge with a negative score lowers the metric: the edge raises it.
            sign = "raises" if score < 0 else "lowers"
            edges.append(
                {"edge": f"{sender} to {receiver}", "x": x, "y": y, "x2": x2, "y2": y2, "score": score,
                 "width": abs(score) / top, "sign": sign}
            )  # fmt: skip
    nodes = [{"name": name, "x": x, "y": y} for name, (x, y) in places.items()]
    x, y = alt.X("x:Q", axis=None, scale=alt.Scale(padding=40)), alt.Y("y:Q", axis=None, scale=alt.Scale(padding=20))
    lines = alt.Chart(alt.Data(values=edges)).mark_rule(opacity=0.7).encode(
        x, y, x2="x2:Q", y2="y2:Q", tooltip=["edge:N", "score:Q"],
        strokeWidth=alt.StrokeWidth("width:Q", scale=alt.Scale(range=[0.5, 6]), legend=None),
        color=alt.Color("sign:N", scale=alt.Scale(domain=["raises", "lowers"], range=["#4393c3", "#d6604d"]),
                        title="the metric"),
    )  # fmt: skip
    base = alt.Chart(alt.Data(values=nodes)).encode(x, y)
    dots = base.mark_circle(size=1100, color="#eeeeee", stroke="#555555", opacity=1)
    names = base.mark_text(fontSize=10, color="#222222").encode(text="name:N")  # the dots are light in both themes
    return (lines + dots + names).properties(height=420).to_dict()


def _place(sender: Sender, heads: int, places: dict[str, tuple[float, int]]) -> str:
    """The name of a sender. Its place goes into `places`: layers upwards, heads side by side below their MLP."""
    if sender.kind == "head":
        name, place = f"{sender.layer}.{sender.head}", (sender.head - (heads - 1) / 2, 2 * sender.layer + 1)
    else:
        name, place = str(sender), (0.0, 2 * sender.layer + 2)  # the input is of layer -1
    places[name] = place
    return name

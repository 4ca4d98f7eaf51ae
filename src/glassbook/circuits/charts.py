"""Pictures of circuits as Vega-Lite charts, which a run keeps (`run.chart`) and a page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from glassbook.circuits.edges import Circuit
from glassbook.circuits.graph import Writer
from glassbook.circuits.patching import Effects
from glassbook.errors import GlassbookError

Chart = dict[str, Any]


def pattern_chart(pattern: Tensor, tokens: Sequence[str]) -> Chart:
    """Attention patterns [heads, T, T] of one block, a square for each head: queries down, keys across."""
    import altair as alt

    names = _numbered(tokens)
    if pattern.dim() != 3 or pattern.shape[1:] != (len(names), len(names)):
        raise GlassbookError(f"patterns of shape {tuple(pattern.shape)} do not fit {len(names)} tokens")
    seen = pattern > 1e-3
    rows = [
        {"head": h, "query": names[q], "key": names[k], "attention": round(x, 4)}
        for (h, q, k), x in zip(seen.nonzero().tolist(), pattern[seen].tolist(), strict=True)
    ]
    size = max(120, min(12 * len(names), 360))
    x, y = (alt.X("key:N", sort=names, title=None), alt.Y("query:N", sort=names, title=None))
    color = alt.Color("attention:Q", scale=alt.Scale(domain=[0, 1], scheme="blues"), title="attention")
    chart = alt.Chart(alt.Data(values=rows), width=size, height=size).mark_rect()
    tip = ["head:O", "query:N", "key:N", "attention:Q"]
    return chart.encode(x, y, color, tooltip=tip).facet("head:O", columns=2).to_dict()


def patches_chart(weights: Tensor, grid: tuple[int, int]) -> Chart:
    """What one query of each head gives to the patches of an image, [heads, rows * columns], as small images."""
    import altair as alt

    if weights.dim() != 2 or weights.shape[1] != grid[0] * grid[1]:
        raise GlassbookError(f"weights of shape {tuple(weights.shape)} do not fill {grid[0]} x {grid[1]} patches")
    rows = [
        {"head": h, "row": i // grid[1], "column": i % grid[1], "attention": x}
        for h, values in enumerate(weights.tolist())
        for i, x in enumerate(values)
    ]
    axis = alt.Axis(labels=False, ticks=False)
    color = alt.Color("attention:Q", scale=alt.Scale(scheme="viridis"))
    chart = alt.Chart(alt.Data(values=rows), width=140, height=140 * grid[0] / grid[1]).mark_rect()
    x, y = alt.X("column:O", axis=axis, title=None), alt.Y("row:O", axis=axis, title=None)
    return chart.encode(x, y, color, tooltip=["head:O", "attention:Q"]).facet("head:O", columns=4).to_dict()


def effects_chart(effects: Effects, columns: Sequence[str] | None = None) -> Chart:
    """What each spot brings back, sites down, positions or heads across; `columns` are their names, e.g. tokens."""
    import altair as alt

    sites, numbers, shares = effects.grid()
    names = _numbered(columns) if columns is not None else [str(n) for n in numbers]
    if len(names) != len(numbers):
        raise GlassbookError(f"{len(names)} names for {len(numbers)} columns")
    rows = [
        {"site": site, "column": name, "share": round(x, 4)}
        for site, values in zip(sites, shares.tolist(), strict=True)
        for name, x in zip(names, values, strict=True)
    ]
    scale = alt.Scale(domain=[-1, 1], scheme="redblue", clamp=True)
    chart = alt.Chart(alt.Data(values=rows)).mark_rect()
    x, y = alt.X("column:N", sort=names, title=None), alt.Y("site:N", sort=sites, title=None)
    color = alt.Color("share:Q", scale=scale, title="brought back")
    return chart.encode(x, y, color, tooltip=["site:N", "column:N", "share:Q"]).to_dict()


def lens_chart(layers: dict[str, Tensor], tokens: Sequence[str], decode: Callable[[int], str]) -> Chart:
    """What each layer would say next at each token: layers of logits [T, vocab] -> a table of words and certainties."""
    import altair as alt

    seen, order = _numbered(tokens), list(layers)[::-1]
    rows = []
    for name, logits in layers.items():
        best, ids = logits.softmax(-1).max(-1)
        rows += [
            {"layer": name, "at": at, "word": decode(i), "probability": round(p, 4)}
            for at, i, p in zip(seen, ids.tolist(), best.tolist(), strict=True)
        ]
    base = alt.Chart(alt.Data(values=rows), width=alt.Step(56)).encode(
        alt.X("at:N", sort=seen, title=None, axis=alt.Axis(labelAngle=0, orient="top")),
        alt.Y("layer:N", sort=order, title=None),
        tooltip=["layer:N", "at:N", "word:N", "probability:Q"],
    )
    color = alt.Color("probability:Q", scale=alt.Scale(domain=[0, 1], scheme="blues"))
    dark = alt.condition("datum.probability > .6", alt.value("white"), alt.value("black"))
    return (base.mark_rect().encode(color) + base.mark_text(fontSize=10).encode(text="word:N", color=dark)).to_dict()


def circuit_chart(circuit: Circuit, scores: Tensor) -> Chart:
    """The edges of a circuit from the embedding at the bottom to the logits at the top.

    Args:
        circuit: what is drawn.
        scores: what cutting each edge does, [readers, writers] as from `edge_scores`: thick is strong; blue edges
            raise the metric, red ones lower it.
    """
    import altair as alt

    if not len(circuit):
        raise GlassbookError("the circuit has no edge to draw")
    graph, edges = circuit.graph, []
    top = max(abs(float(scores[graph.index(edge)])) for edge in circuit.edges) or 1.0
    places: dict[str, tuple[float, int]] = {"logits": (0.0, 2 * graph.roles.n_layers + 1)}
    for writer, reader in circuit.edges:
        score = float(scores[graph.index((writer, reader))])
        for into in graph.outputs(reader) or [None]:  # keys and values of a group are read for all of its heads
            name = "logits" if into is None else _place(into, graph.roles.n_heads, places)
            (x, y), (x2, y2) = places[_place(writer, graph.roles.n_heads, places)], places[name]
            # Cutting an edge with a negative score lowers the metric: the edge raises it.
            does = "raises" if score < 0 else "lowers"
            edges.append(
                {"edge": f"{writer} to {reader}", "x": x, "y": y, "x2": x2, "y2": y2, "score": score,
                 "share": abs(score) / top, "it": does}
            )  # fmt: skip
    nodes = [{"name": name, "x": x, "y": y} for name, (x, y) in places.items()]
    x, y = alt.X("x:Q", axis=None, scale=alt.Scale(padding=40)), alt.Y("y:Q", axis=None, scale=alt.Scale(padding=20))
    lines = alt.Chart(alt.Data(values=edges)).mark_rule(opacity=0.7).encode(
        x, y, x2="x2:Q", y2="y2:Q", tooltip=["edge:N", "score:Q"],
        strokeWidth=alt.StrokeWidth("share:Q", scale=alt.Scale(range=[0.5, 6]), legend=None),
        color=alt.Color("it:N", scale=alt.Scale(domain=["raises", "lowers"], range=["#4393c3", "#d6604d"]),
                        title="the metric"),
    )  # fmt: skip
    base = alt.Chart(alt.Data(values=nodes)).encode(x, y)
    dots = base.mark_circle(size=1100, color="#eeeeee", stroke="#555555", opacity=1)
    names = base.mark_text(fontSize=10, color="#222222").encode(text="name:N")  # on the dots, in either theme
    return (lines + dots + names).properties(height=420).to_dict()


def _place(part: Writer, heads: int, places: dict[str, tuple[float, int]]) -> str:
    """The name of a writer; its place is noted: layers upwards, heads side by side below their MLP."""
    if part.kind == "head":
        name, place = f"{part.layer}.{part.head}", (part.head - (heads - 1) / 2, 2 * part.layer + 1)
    else:
        name, place = str(part), (0.0, 2 * part.layer + 2)  # the input is of layer -1
    places[name] = place
    return name


def _numbered(tokens: Sequence[str]) -> list[str]:
    """Names that differ even where tokens repeat."""
    return list(tokens) if len({*tokens}) == len(tokens) else [f"{i} {token}" for i, token in enumerate(tokens)]

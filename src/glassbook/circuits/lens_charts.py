"""What each layer would say next, as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from glassbook.circuits.axis_names import numbered


def lens_chart(layers: dict[str, Tensor], tokens: Sequence[str], decode: Callable[[int], str]) -> dict[str, Any]:
    """What each layer would say next at each token: layers of logits [T, vocab] -> a table of words and certainties."""
    import altair as alt

    seen, order = numbered(tokens), list(layers)[::-1]
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

"""Where heads look: over tokens, and over the patches of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from glassbook.circuits.axis_names import numbered
from glassbook.errors import GlassbookError


def pattern_chart(pattern: Tensor, tokens: Sequence[str]) -> dict[str, Any]:
    """Attention patterns [heads, T, T] of one block, a square for each head: queries down, keys across."""
    import altair as alt

    names = numbered(tokens)
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


def patches_chart(weights: Tensor, grid: tuple[int, int]) -> dict[str, Any]:
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

"""The pictures of a tour: Vega-Lite specs, each with an SVG beside it that needs no browser and no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbook.notebook import Run

BLUE, GREY, ORANGE = "#2a6f97", "#b8b8b8", "#d9822b"
"""What was found, what it is compared with, and what deserves a second look."""

STYLE: dict[str, Any] = {
    "background": "white",
    "font": "Helvetica Neue, Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFlush": False, "gridColor": "#ececec", "domainColor": "#999", "tickColor": "#999", "labelFontSize": 11,
        "titleFontSize": 11, "titleFontWeight": "normal", "titleColor": "#444", "labelColor": "#444",
    },
    "legend": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "orient": "top"},
    "title": {"fontSize": 13, "anchor": "start", "fontWeight": "bold", "offset": 10},
}  # fmt: skip


def keep(run: Run, name: str, chart: Any) -> None:
    """Keep an Altair chart in the run, as data and as a picture."""
    import vl_convert

    spec = chart.configure(**STYLE).to_dict()
    run.chart(name, spec, svg=vl_convert.vegalite_to_svg(spec))


def learning(steps: Sequence[int], values: Sequence[float]) -> Any:
    """Explained variance while the dictionary learns."""
    import altair as alt

    data = alt.Data(values=[{"step": s, "value": v} for s, v in zip(steps, values, strict=True)])
    return (
        alt.Chart(data, width=460, height=180, title="While the dictionary learns")
        .mark_line(color=BLUE, strokeWidth=2)
        .encode(
            x=alt.X("step:Q", title="optimiser step", axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title="explained variance", scale=alt.Scale(zero=False, domainMax=1)),
        )
    )


def detection(rows: Sequence[dict[str, Any]]) -> Any:
    """How many attributes of each kind are detected, by whom; rows of kind, detector, share, count."""
    import altair as alt

    who = ["dictionary", "best neuron", "random dictionary"]
    return (
        alt.Chart(
            alt.Data(values=list(rows)), width=420, title="Attributes of the world that are detected (AUROC ≥ 0.9)"
        )
        .mark_bar()
        .encode(
            y=alt.Y("kind:N", title=None, sort=None),
            yOffset=alt.YOffset("detector:N", sort=who),
            x=alt.X(
                "share:Q",
                title="share of the attributes of that kind",
                axis=alt.Axis(format="%", tickCount=5),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color(
                "detector:N", title=None, sort=who, scale=alt.Scale(domain=who, range=[BLUE, ORANGE, GREY])
            ),
        )
        .properties(height=alt.Step(9))
    )


def density(values: Sequence[float]) -> Any:
    """How often the features fire: a histogram over orders of magnitude."""
    import altair as alt

    powers = alt.Axis(values=[-5, -4, -3, -2, -1, 0], labelExpr="format(pow(10, datum.value), '~%')", grid=False)
    alive = [{"density": v} for v in values if v > 0]
    return (
        alt.Chart(alt.Data(values=alive), width=460, height=180, title="How often each feature is active")
        .transform_calculate(log="log(datum.density) / log(10)")
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("log:Q", bin=alt.Bin(step=0.25), title="share of the tokens that it is active on", axis=powers),
            y=alt.Y("count():Q", title="features"),
        )
    )


def steering(rows: Sequence[dict[str, Any]]) -> Any:
    """How often the target words appear; rows of method, arm, share, low, high."""
    import altair as alt

    arms = ["plain", "steered", "random vector"]
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        y=alt.Y("arm:N", title=None, sort=arms),
        color=alt.Color("arm:N", legend=None, scale=alt.Scale(domain=arms, range=[GREY, BLUE, ORANGE])),
    )
    bars = base.mark_bar().encode(
        x=alt.X(
            "share:Q",
            title="texts with one of the words",
            axis=alt.Axis(format="%", tickCount=5),
            scale=alt.Scale(domain=[0, 1]),
        )
    )
    ranges = base.mark_rule(color="#333").encode(x="low:Q", x2="high:Q", color=alt.value("#333"))
    return (
        alt.layer(bars, ranges, width=420, height=alt.Step(20))
        .facet(
            row=alt.Row(
                "method:N",
                title=None,
                sort=list(dict.fromkeys(row["method"] for row in rows)),
                header=alt.Header(labelAngle=0, labelAnchor="start", labelOrient="top"),
            )
        )
        .properties(title="What steering changes")
    )

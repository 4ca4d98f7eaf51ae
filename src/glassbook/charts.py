"""Charts of experiments: Vega-Lite specs from rows of numbers, in the notebook's palette, and sheets of pictures.

    run.chart("loss", charts.lines(rows, "step", Axis("loss", "nats per token"), color="model"))

Every function takes rows (mappings of field -> value) and the fields to draw, and returns the spec as a dict. Text,
axes and backgrounds get their colours from whatever shows the chart, so it reads in a light and in a dark theme.
Importing this module is cheap: Altair is imported when a chart is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PALETTE = ("#2a7f95", "#c8641b", "#4c8f4f", "#9a5fb5", "#b8860b", "#7d7d7d", "#c2456b", "#5b7bd5")
"""Colours of categories, in order; each has a contrast of at least 3 with a white and with a dark page."""

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """A field of the rows and how its axis is drawn; a plain field name means a linear axis with that title."""

    field: str
    title: str | None = None
    """None shows no title."""
    scale: Literal["linear", "log", "symlog", "category"] = "linear"
    """"symlog" is nearly linear below 1 and logarithmic beyond; categories keep the order of the rows."""
    domain: tuple[float, float] | None = None
    zero: bool = False
    """Whether a linear axis must show zero."""
    percent: bool = False
    reverse: bool = False


Field = Axis | str


def lines(
    rows: Rows, x: Field, y: Field, color: str | None = None, *, dash: str | None = None, apart: str | None = None,
    order: str | None = None, points: bool = False, rules: Mapping[str, float] | None = None, facet: str | None = None,
) -> Spec:  # fmt: skip
    """Curves, one for each value of the fields `color`, `dash` and `apart`.

    Args:
        rows: the points.
        x: field across.
        y: field upwards.
        color: field whose values have a colour and a curve each.
        dash: field whose values have a pattern of dashes each.
        apart: field whose values have a curve each, which looks like the others.
        order: field that says in which order the points of a curve are joined, if not by x.
        points: mark the points.
        rules: name -> height of a dashed horizontal line.
        facet: field whose values have a small chart each, with axes of its own; not together with `rules`.
    """
    import altair as alt

    line = alt.Chart(_data(rows, x, y, color, dash, apart, order, facet)).mark_line(point=points, tooltip=True)
    chart = line.encode(
        **_channels(x=x, y=y, color=color, strokeDash=dash),
        **({"detail": f"{_escaped(apart)}:N"} if apart else {}),
        **({"order": f"{order}:Q"} if order else {}),
    )
    if rules:
        name = color or "what"
        heights = _data([{_name(y): height, name: what} for what, height in rules.items()])
        rule = alt.Chart(heights).mark_rule(strokeDash=[4, 4], tooltip=True)
        chart = chart + rule.encode(**_channels(y=y, color=name))
    return _spec(chart, facet)


BAR_STEP = 12
"""Pixels that each bar takes where several stand under a name, so that their numbers do not overlap."""


def bars(rows: Rows, x: Field, y: str, color: str | None = None, *, format: str = ".2f") -> Spec:
    """Horizontal bars with their numbers behind them; side by side for each value of `color`.

    Args:
        rows: one for each bar.
        x: field of the length.
        y: field of the name; names keep the order of the rows.
        color: field whose values have a colour each, and a bar each under every name.
        format: of the numbers, as in d3-format.
    """
    import altair as alt

    length = Axis(x, x, zero=True) if isinstance(x, str) else x
    base = alt.Chart(_data(rows, x, y, color)).encode(**_channels(x=length, y=Axis(y, scale="category"), yOffset=color))
    text = alt.Text(_escaped(length.field), type="quantitative", format=format)
    numbers = base.mark_text(align="left", dx=3).encode(text=text)
    chart = base.mark_bar(tooltip=True).encode(**_channels(color=color)) + numbers
    return _spec(chart if color is None else chart.properties(height=alt.Step(BAR_STEP, **{"for": "offset"})))


def scatter(
    rows: Rows, x: Field, y: Field, color: str | None = None, *, front: bool = False,
    minimise: tuple[bool, bool] = (True, False), square: bool = False,
) -> Spec:  # fmt: skip
    """Points; `front` joins those that no other point dominates.

    Args:
        rows: one for each point; all their fields are shown on hover.
        x: field across.
        y: field upwards.
        color: field whose values have a colour each.
        front: draw the Pareto front.
        minimise: whether less is better, across and upwards.
        square: as wide as high, for places in a plane.
    """
    import altair as alt

    places, tooltip = _channels(x=x, y=y), alt.TooltipContent("data")
    chart = alt.Chart(_data(rows)).mark_circle(size=60, opacity=0.85, tooltip=tooltip)
    chart = chart.encode(**places, **_channels(color=color))
    if front:
        from glassbook.measure.pareto import pareto_front

        best = [rows[i] for i in pareto_front([(row[_name(x)], row[_name(y)]) for row in rows], minimise)]
        chart = alt.Chart(_data(best)).mark_line(strokeDash=[4, 4], color="#7d7d7d").encode(**places) + chart
    return _spec(chart.properties(width=320, height=320) if square else chart)


def fitted(
    points: Rows, curves: Rows, x: Axis, y: Axis, color: str, *, shape: str, band: tuple[str, str] | None = None
) -> Spec:
    """What was measured as points, and what was fitted to it as curves.

    Args:
        points: one row for each point; all their fields are shown on hover.
        curves: the points of the curves.
        x: field across, of both.
        y: field upwards, of both.
        color: field of both whose values have a colour each, and a curve each.
        shape: field of the points whose values have a mark each.
        band: fields of the curves between which an area is shaded.
    """
    import altair as alt

    base = alt.Chart(_data(curves)).encode(**_channels(x=x, color=color))
    chart = base.mark_line().encode(**_channels(y=y))
    if band is not None:
        low, high = (_escaped(field) for field in band)
        area = base.mark_area(opacity=0.2).encode(y=alt.Y(low, type="quantitative"), y2=alt.Y2(high))
        chart = area + chart
    marks = alt.Chart(_data(points)).mark_point(filled=True, size=70, opacity=1, tooltip=alt.TooltipContent("data"))
    kinds = alt.Shape(_escaped(shape), type="nominal", sort=None, title=shape)
    return _spec(chart + marks.encode(**_channels(x=x, y=y, color=color), shape=kinds))


def heat(
    matrix: Sequence[Sequence[float]], x: Sequence[str], y: Sequence[str], *, title: str = "value",
    y_title: str | None = None, domain: tuple[float, float] = (0.0, 1.0),
) -> Spec:  # fmt: skip
    """A matrix as colours: blue on white, or red to blue if the domain goes below zero.

    Args:
        matrix: [len(y), len(x)] numbers, the first row on top.
        x: names of the columns, each another.
        y: names of the rows, each another.
        title: of the colours.
        y_title: of the rows.
        domain: values that have the lightest (or reddest) and the strongest colour; others are drawn as the nearest.
    """
    rows = [
        {"x": column, "y": row, title: float(value)}
        for row, values in zip(y, matrix, strict=True)
        for column, value in zip(x, values, strict=True)
    ]
    return _spec(_squares(rows, title, Axis("x", None, "category"), Axis("y", y_title, "category"), domain))


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Spec:
    """A confusion matrix: true classes down, predicted ones across; colour is the share of the true class.

    Args:
        counts: [classes, classes] how often each true class was predicted as each class; written into the squares.
        classes: their names.
    """
    import altair as alt

    rows = [
        {"predicted": predicted, "true": true, "count": int(n), "share": n / max(sum(ns), 1)}
        for true, ns in zip(classes, counts, strict=True)
        for predicted, n in zip(classes, ns, strict=True)
    ]
    squares = _squares(
        rows, "share", Axis("predicted", "predicted", "category"), Axis("true", "true", "category"), (0, 1)
    )
    ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value("#222222"))  # on the squares
    return _spec(squares.mark_rect(tooltip=True) + squares.mark_text().encode(text="count:Q", color=ink))


def interval(rows: Rows, x: Field, y: str, low: str, high: str, color: str | None = None) -> Spec:
    """Estimates with their intervals, one under the other.

    Args:
        rows: one for each estimate.
        x: field of the estimate.
        y: field of its name; names keep the order of the rows.
        low: field of the interval's lower end.
        high: field of its upper end.
        color: field whose values have a colour each, and a line each under every name.
    """
    import altair as alt

    base = alt.Chart(_data(rows, x, y, low, high, color)).encode(
        **_channels(y=Axis(y, scale="category"), yOffset=color, color=color)
    )
    ends = base.mark_rule(strokeWidth=2).encode(x=alt.X(_escaped(low), type="quantitative"), x2=_escaped(high))
    return _spec(ends + base.mark_point(filled=True, size=60, tooltip=True, opacity=1).encode(**_channels(x=x)))


def spread(rows: Rows, x: Field, y: str, facet: str, mark: Literal["box", "tick"] = "box") -> Spec:
    """How values are spread within groups, one under the other: quartiles in boxes, or a tick for each value.

    Args:
        rows: one for each value.
        x: field of the value.
        y: field of the group; groups keep the order of the rows.
        facet: field whose values have a small chart each, with an axis of its own.
        mark: "box" reaches from the least value to the greatest.
    """
    import altair as alt

    base = alt.Chart(_data(rows, x, y, facet))
    marked = base.mark_boxplot(extent="min-max", size=14) if mark == "box" else base.mark_tick(thickness=2)
    color = alt.Color(_escaped(y), type="nominal", sort=None, legend=None)
    chart = marked.encode(**_channels(x=x, y=Axis(y, scale="category")), color=color).properties(height=80)
    return _spec(chart, facet, columns=1)


def histogram(groups: Mapping[str, Sequence[float]], x: str, count: str, step: float) -> Spec:
    """How often values fall into bins, as one outline for each group, drawn over each other.

    Args:
        groups: name -> its values.
        x: title of the values.
        count: what is counted, the title upwards.
        step: width of a bin.
    """
    import altair as alt

    rows = [{"group": name, "value": round(float(v), 4)} for name, values in groups.items() for v in values]
    area = alt.Chart(_data(rows)).mark_area(opacity=0.5, interpolate="step", tooltip=True)
    values, counts = alt.X("value:Q", bin=alt.Bin(step=step), title=x), alt.Y("count():Q", stack=None, title=count)
    return _spec(area.encode(values, counts, **_channels(color="group")))


def _squares(rows: Rows, value: str, x: Axis, y: Axis, domain: tuple[float, float]) -> Any:
    """A square for each row, coloured by its value."""
    import altair as alt

    scale = alt.Scale(domain=list(domain), scheme="redblue" if domain[0] < 0 else "blues", clamp=True)
    color = alt.Color(_escaped(value), type="quantitative", scale=scale, title=value)
    return alt.Chart(_data(rows)).mark_rect(tooltip=True).encode(**_channels(x=x, y=y), color=color)


def _channels(**fields: Field | None) -> dict[str, Any]:
    """Altair's channels for fields by the channel's name; those of None are left out."""
    import altair as alt

    made = {"x": alt.X, "y": alt.Y, "yOffset": alt.YOffset, "color": alt.Color, "strokeDash": alt.StrokeDash}
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if field is None:
            continue
        if isinstance(field, str):
            field = Axis(field, field) if name in ("x", "y") else Axis(field, scale="category")
        type, options = _drawn(field, name in ("x", "y"))
        found[name] = made[name](_escaped(field.field), type=type, title=field.title, **options)
    return found


def _drawn(axis: Axis, positional: bool) -> tuple[Any, dict[str, Any]]:
    """Type and options of an axis."""
    import altair as alt

    if axis.scale == "category":
        return "nominal", {"sort": None, **({"axis": alt.Axis(labelAngle=0)} if positional else {})}
    options: dict[str, Any] = {"zero": axis.zero} if axis.scale == "linear" else {"type": axis.scale}
    options |= {"domain": list(axis.domain)} if axis.domain else {}
    options |= {"reverse": True} if axis.reverse else {}
    return "quantitative", {"scale": alt.Scale(**options), **({"axis": alt.Axis(format="%")} if axis.percent else {})}


def _name(field: Field) -> str:
    return field if isinstance(field, str) else field.field


def _escaped(name: str) -> str:
    """A field's name as Vega-Lite reads it: dots and brackets would be paths into the value, a colon a type."""
    for character in ".[]:":
        name = name.replace(character, "\\" + character)
    return name


def _data(rows: Rows, *fields: Field | None) -> Any:
    """The rows, with these of their fields if some are named."""
    import altair as alt

    names = [_name(field) for field in fields if field is not None]
    return alt.Data(values=[{name: row[name] for name in names or row} for row in rows])


def _spec(chart: Any, facet: str | None = None, columns: int = 2) -> Spec:
    import altair as alt

    if facet is not None:
        header = alt.Header(labelAlign="left", labelAnchor="start", title=None)
        small = alt.Facet(_escaped(facet), type="nominal", columns=columns, sort=None, title=None, header=header)
        if columns > 1:
            chart = chart.properties(width=260, height=180)
        chart = chart.encode(facet=small).resolve_scale(x="independent", y="independent")
    return chart.configure_range(category=list(PALETTE)).to_dict()


# --- pictures -----------------------------------------------------------------------------------------------------


def sheet(pictures: Any, columns: int, scale: int = 2, gap: int = 2) -> bytes:
    """Pictures side by side, row by row, as a PNG file.

    Args:
        pictures: [N, C, H, W] with 1 or 3 channels and values from 0 to 1; others are clipped.
        columns: pictures in a row.
        scale: whole number of screen pixels for a pixel's side.
        gap: pixels between two pictures; they are mid-grey, so that they stand on a light and on a dark page.
    """
    import numpy as np

    from glassbook.notebook.pictures import png

    x = np.asarray(pictures, dtype=np.float32).clip(0, 1)
    n, channels, height, width = x.shape
    x = (255 * x).round().astype(np.uint8).transpose(0, 2, 3, 1).repeat(scale, axis=1).repeat(scale, axis=2)
    height, width = height * scale, width * scale
    down = -(-n // columns)
    whole = np.full((down * (height + gap) - gap, columns * (width + gap) - gap, channels), 128, np.uint8)
    for i, picture in enumerate(x):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        whole[top : top + height, left : left + width] = picture
    return png(whole.tobytes(), whole.shape[1], whole.shape[0])

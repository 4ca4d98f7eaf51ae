"""Charts: the marks and channels of each kind, the rows that it was given, accepted by the web and by a renderer."""

import io
import subprocess
import sys

import pytest
import vl_convert

from glassbook import charts
from glassbook.charts import Axis
from glassbook.web.render.vega import safe_spec

ROWS = [
    {"step": 1, "loss": 2.0, "model": "a"},
    {"step": 2, "loss": 1.0, "model": "a"},
    {"step": 1, "loss": 3.0, "model": "b"},
]


def mark(spec):
    return spec["mark"]["type"]


def values(spec):
    return spec["data"]["values"]


def fitted(band):
    curve = [{"step": i, "loss": 3.0 - i, "low": 2.9 - i, "high": 3.1 - i, "model": "law"} for i in (1, 2)]
    return charts.fitted(ROWS, curve, Axis("step"), Axis("loss"), "model", shape="model", band=band)


def examples():
    few = [
        {"name": "x", "share": 0.25, "low": 0.1, "high": 0.5, "arm": "p"},
        {"name": "y", "share": 1.0, "low": 0.9, "high": 1.1, "arm": "q"},
    ]
    return {
        "lines": charts.lines(ROWS, "step", "loss", "model"),
        "lines with rules": charts.lines(ROWS, "step", "loss", rules={"entropy": 0.5}),
        "faceted lines": charts.lines(ROWS, "step", "loss", facet="model"),
        "bars": charts.bars(few, "share", "name"),
        "grouped bars": charts.bars(few, Axis("share", "share", percent=True), "name", "arm"),
        "scatter": charts.scatter(ROWS, "step", "loss", "model", front=True),
        "fitted": fitted(None),
        "fitted with a band": fitted(("low", "high")),
        "heat": charts.heat([[0.0, 1.0]], ["a", "b"], ["c"]),
        "confusion": charts.confusion([[3, 1], [0, 2]], ["cat", "dog"]),
        "interval": charts.interval(few, "share", "name", "low", "high", "arm"),
        "boxes": charts.spread(ROWS, "loss", "model", "step"),
        "ticks": charts.spread(ROWS, "loss", "model", "step", "tick"),
        "histogram": charts.histogram({"a": [0.1, 0.2], "b": [0.3]}, "correlation", "features", 0.05),
    }


@pytest.mark.parametrize("name", examples())
def test_a_chart_is_accepted_by_the_web_as_it_is_and_can_be_drawn(name):
    spec = examples()[name]
    assert safe_spec(spec) == spec
    assert "<svg" in vl_convert.vegalite_to_svg(spec)
    assert spec["config"]["range"]["category"] == list(charts.PALETTE)
    # Nothing that only reads on white: the page colours text, axes and background.
    assert not {"background", "axis", "text", "title", "legend"} & set(spec["config"])


def test_lines_hold_the_rows_and_draw_the_fields_given():
    spec = charts.lines(
        ROWS, Axis("step", "updates", scale="log"), Axis("loss", "nats", zero=True), "model", points=True
    )
    assert mark(spec) == "line"
    assert values(spec) == ROWS
    encoding = spec["encoding"]
    assert (encoding["x"]["field"], encoding["x"]["title"], encoding["x"]["scale"]["type"]) == (
        "step",
        "updates",
        "log",
    )
    assert encoding["y"]["scale"]["zero"] is True
    assert (encoding["color"]["field"], encoding["color"]["type"]) == ("model", "nominal")
    ordered = charts.lines(ROWS, "step", "loss", order="loss", dash="model")["encoding"]
    assert (ordered["order"]["field"], ordered["strokeDash"]["field"]) == ("loss", "model")


def test_rules_are_named_heights():
    line, rule = charts.lines(ROWS, "step", "loss", "model", rules={"entropy": 0.5})["layer"]
    assert (mark(line), mark(rule)) == ("line", "rule")
    assert values(rule) == [{"loss": 0.5, "model": "entropy"}]
    assert rule["encoding"]["color"]["field"] == "model"


def test_a_facet_has_axes_of_its_own():
    spec = charts.lines(ROWS, "step", "loss", facet="model")
    assert spec["encoding"]["facet"]["field"] == "model"
    assert spec["resolve"]["scale"] == {"x": "independent", "y": "independent"}


def test_bars_carry_their_numbers():
    bar, text = charts.bars([{"what": "a", "accuracy": 0.5}], Axis("accuracy", domain=(0, 1)), "what")["layer"]
    assert (mark(bar), mark(text)) == ("bar", "text")
    assert bar["encoding"]["x"]["scale"]["domain"] == [0, 1]
    assert (text["encoding"]["text"]["field"], text["encoding"]["y"]["sort"]) == ("accuracy", None)


def test_the_front_joins_what_nothing_dominates():
    rows = [{"cost": 1, "gain": 1}, {"cost": 2, "gain": 3}, {"cost": 3, "gain": 2}]
    front, points = charts.scatter(rows, "cost", "gain", front=True)["layer"]
    assert (mark(front), mark(points)) == ("line", "circle")
    assert values(front) == rows[:2]
    lowest = charts.scatter(rows, "cost", "gain", front=True, minimise=(True, True))["layer"][0]
    assert values(lowest) == rows[:1]
    assert mark(charts.scatter(rows, "cost", "gain")) == "circle"


def test_what_was_fitted_is_drawn_under_what_was_measured():
    line, points = fitted(None)["layer"]
    assert (mark(line), mark(points)) == ("line", "point")
    assert values(points) == ROWS
    assert points["encoding"]["shape"]["field"] == "model"
    area, line, points = fitted(("low", "high"))["layer"]
    assert (mark(area), mark(line), mark(points)) == ("area", "line", "point")
    assert (area["encoding"]["y"]["field"], area["encoding"]["y2"]["field"]) == ("low", "high")


def test_heat_puts_each_number_in_its_square():
    spec = charts.heat([[0.0, 1.0], [0.5, 0.25]], ["a", "b"], ["up", "down"], title="attention")
    assert mark(spec) == "rect"
    assert [(r["y"], r["x"], r["attention"]) for r in values(spec)] == [
        ("up", "a", 0.0), ("up", "b", 1.0), ("down", "a", 0.5), ("down", "b", 0.25),
    ]  # fmt: skip
    assert spec["encoding"]["color"]["scale"] == {"domain": [0, 1], "scheme": "blues", "clamp": True}
    signed = charts.heat([[0.0]], ["a"], ["b"], domain=(-1, 1))
    assert signed["encoding"]["color"]["scale"]["scheme"] == "redblue"
    with pytest.raises(ValueError, match="zip"):
        charts.heat([[0.0, 1.0]], ["a"], ["b"])


def test_confusion_colours_by_the_share_of_the_true_class():
    squares, numbers = charts.confusion([[3, 1], [0, 0]], ["cat", "dog"])["layer"]
    assert (mark(squares), mark(numbers)) == ("rect", "text")
    data = charts.confusion([[3, 1], [0, 0]], ["cat", "dog"])
    rows = data.get("data", squares.get("data"))["values"]
    assert {(r["true"], r["predicted"]): (r["count"], r["share"]) for r in rows} == {
        ("cat", "cat"): (3, 0.75), ("cat", "dog"): (1, 0.25), ("dog", "cat"): (0, 0.0), ("dog", "dog"): (0, 0.0),
    }  # fmt: skip
    assert numbers["encoding"]["text"]["field"] == "count"


def test_an_interval_reaches_from_low_to_high():
    rule, point = charts.interval([{"n": "a", "v": 1, "lo": 0, "hi": 2}], "v", "n", "lo", "hi")["layer"]
    assert (rule["encoding"]["x"]["field"], rule["encoding"]["x2"]["field"]) == ("lo", "hi")
    assert point["encoding"]["x"]["field"] == "v"


def test_spread_has_a_box_or_a_tick_for_each_group():
    assert mark(charts.spread(ROWS, "loss", "model", "step")) == "boxplot"
    ticks = charts.spread(ROWS, "loss", "model", "step", "tick")
    assert mark(ticks) == "tick"
    assert (ticks["encoding"]["y"]["field"], ticks["encoding"]["facet"]["field"]) == ("model", "step")


def test_a_histogram_counts_the_values_of_each_group():
    spec = charts.histogram({"a": [0.1, 0.2], "b": [0.3]}, "correlation", "features", 0.05)
    assert values(spec) == [{"group": "a", "value": 0.1}, {"group": "a", "value": 0.2}, {"group": "b", "value": 0.3}]
    assert spec["encoding"]["x"]["bin"] == {"step": 0.05}
    assert spec["encoding"]["y"]["aggregate"] == "count"


def test_names_with_dots_and_brackets_are_fields():
    rows = [{"a.b": 1, "c[0]": 2}]
    encoding = charts.lines(rows, "a.b", "c[0]")["encoding"]
    assert (encoding["x"]["field"], encoding["y"]["field"]) == ("a\\.b", "c\\[0\\]")
    assert encoding["x"]["title"] == "a.b"


def test_importing_charts_is_cheap():
    code = "import sys, glassbook.charts; print([m for m in ('altair', 'torch', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_sheet_lays_pictures_out_in_rows_with_gaps():
    import numpy as np

    pictures = np.array([0.0, 0.5, 2.0]).reshape(3, 1, 1, 1) * np.ones((3, 1, 2, 3))
    whole = read(charts.sheet(pictures, columns=2, scale=2, gap=1))
    assert whole.shape == (4 + 1 + 4, 6 + 1 + 6)
    assert (whole[:4, :6], whole[:4, 7:]) == (approx(0), approx(128))
    assert whole[5:, :6] == approx(255)  # clipped
    assert (whole[4], whole[:, 6], whole[5:, 7:]) == (approx(128), approx(128), approx(128))
    coloured = np.zeros((1, 3, 2, 2))
    coloured[:, 2] = 1
    assert read(charts.sheet(coloured, columns=1, scale=1)).tolist() == [[[0, 0, 255]] * 2] * 2


def approx(value):
    return pytest.approx(value, abs=0.51)


def read(data):
    image = pytest.importorskip("PIL.Image")
    np = pytest.importorskip("numpy")
    return np.asarray(image.open(io.BytesIO(data))).astype(float)

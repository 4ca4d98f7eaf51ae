"""Charts as they are drawn: fronts as steps, lone points as points, and everything else as it was stored."""

from __future__ import annotations

import copy

import pytest

from glassbook import charts
from glassbook.web.export.pictures import draw_svg
from glassbook.web.render.readable import is_empty, readable

FIVE = [{"x": 1, "y": 3}, {"x": 2, "y": 1}, {"x": 3, "y": 4}, {"x": 4, "y": 2}, {"x": 5, "y": 5}]


@pytest.mark.parametrize(
    ("minimise", "steps"),
    [
        ((True, False), "step-after"),
        ((True, True), "step-after"),
        ((False, True), "step-before"),
        ((False, False), None),  # one point is best: there is no line
    ],
)
def test_a_front_becomes_steps_that_promise_nothing(minimise, steps):
    stored = charts.scatter(FIVE, "x", "y", front=True, minimise=minimise)
    before = copy.deepcopy(stored)
    line, cloud = readable(stored)["layer"]
    assert stored == before
    assert cloud == before["layer"][1]
    assert ("layer" in line) is (steps is None)  # a lone point is marked
    if steps:
        assert line["mark"] == {**before["layer"][0]["mark"], "interpolate": steps}
        assert {**line, "mark": None} == {**before["layer"][0], "mark": None}


def test_more_and_more_is_a_front_of_its_own():
    rows = [{"x": 1, "y": 5}, {"x": 3, "y": 3}, {"x": 5, "y": 1}, {"x": 1, "y": 1}]
    for minimise, steps in (((False, False), "step-before"), ((True, True), None)):
        line = readable(charts.scatter(rows, "x", "y", front=True, minimise=minimise))["layer"][0]
        assert line.get("mark", {}).get("interpolate") == steps


def test_odd_names_of_fields_are_followed():
    rows = [{"a.b[0]": x, "c:d": y} for x, y in ((1, 1), (2, 3), (3, 2))]
    line = readable(charts.scatter(rows, "a.b[0]", "c:d", front=True))["layer"][0]
    assert line["mark"]["interpolate"] == "step-after"


@pytest.mark.parametrize(
    "stored",
    [
        charts.lines(FIVE, "x", "y"),
        charts.lines([*FIVE, *FIVE], "x", "y", rules={"chance": 2.0}),
        charts.scatter(FIVE, "x", "y"),
        charts.bars([{"n": "a", "v": 1.0}], "v", "n"),
        charts.heat([[0.5]], ["a"], ["b"]),
        charts.histogram({"g": [1.0]}, "x", "n", 0.5),
        charts.lines([], "x", "y"),
        {"data": {"values": FIVE}, "layer": [{"mark": "point"}, {"mark": "line", "encoding": {"x": 5}}]},
        {"mark": "line", "encoding": {"x": {"field": "x"}, "y": {"field": "y", "aggregate": "mean"}}},
        {"mark": "line"},
        {"layer": "odd", "spec": 5, "data": 7},
    ],
)
def test_what_is_neither_stays_as_it_is(stored):
    assert readable(stored) == stored


@pytest.mark.parametrize(
    ("stored", "ticks"),
    [
        (charts.lines([{"x": 1, "y": 2.05}], "x", "y", points=True), ["1", "2.05"]),
        (charts.lines([{"x": i, "y": 0.1} for i in range(3)], "x", "y"), ["0.1"]),
        (charts.scatter([{"x": 12345, "y": i} for i in range(3)], "x", "y"), ["12345"]),
        (charts.scatter([{"x": 7.25, "y": 0.5}], "x", charts.Axis("y", percent=True)), ["7.25", "50%"]),
    ],
)
def test_one_value_has_its_own_tick(stored, ticks):
    shown = readable(stored)
    drawn = draw_svg(shown)
    assert drawn is not None
    for tick in ticks:
        assert f">{tick}</text>" in drawn
    assert shown["$schema"] == stored["$schema"]


@pytest.mark.parametrize(
    ("stored", "marked"),
    [
        (charts.lines(FIVE[:1], "x", "y"), 1),
        (charts.lines([{**row, "m": "long"} for row in FIVE] + [{"x": 2, "y": 2, "m": "short"}], "x", "y", "m"), 1),
        (charts.lines([{"x": 1, "y": 1, "m.n": "a"}, {"x": 1, "y": 2, "m.n": "b"}], "x", "y", "m.n"), 2),
        (charts.lines([{"x": 1, "y": 1, "m": "a"}, {"x": 2, "y": 2, "m": "b"}], "x", "y", facet="m"), 2),
        (charts.lines([{"x": 1, "y": 1, "m": "a"}], "x", "y", "m", rules={"r": 0.5}), 1),
    ],
)
def test_a_line_of_one_point_is_seen(stored, marked):
    shown = readable(stored)
    assert shown != stored
    drawn = draw_svg(shown)
    assert drawn is not None
    points = drawn.count('aria-roledescription="point"')
    assert points == marked


@pytest.mark.parametrize(
    ("spec", "empty"),
    [
        (charts.lines([], "x", "y"), True),
        (charts.scatter([], "x", "y"), True),
        (charts.lines(FIVE, "x", "y"), False),
        (charts.lines([], "x", "y", rules={"a": 1.0}), False),
        ({"data": {"name": "d"}, "datasets": {"d": FIVE}, "mark": "bar"}, False),
        ({"data": {"name": "d"}, "datasets": {"d": []}, "mark": "bar"}, True),
        ({"datasets": {"d": FIVE}, "layer": [{"data": {"name": "d"}, "mark": "bar"}]}, False),
        ({"data": {"name": "elsewhere"}, "mark": "bar"}, False),
        ({"mark": "bar"}, False),  # it makes its own rows
    ],
)
def test_a_chart_without_rows_is_empty(spec, empty):
    assert is_empty(spec) is empty


def test_the_lines_of_a_logarithmic_grid_are_faint():
    log, even = {"field": "a", "type": "quantitative", "scale": {"type": "log"}}, {"field": "b", "type": "quantitative"}
    unit = {"mark": "line", "encoding": {"x": log, "y": even}, "data": {"values": [{"a": 1, "b": 2}, {"a": 9, "b": 3}]}}
    drawn = readable(unit)
    assert drawn["encoding"]["x"]["axis"]["gridOpacity"] == 0.3
    assert "axis" not in drawn["encoding"]["y"]
    inner = readable({"layer": [unit], "data": unit["data"]})["layer"][0]
    assert inner["encoding"]["x"]["axis"]["gridOpacity"] == 0.3
    kept = {**unit, "encoding": {"x": {**log, "axis": {"grid": False, "gridOpacity": 1}}, "y": {**log, "axis": None}}}
    assert readable(kept)["encoding"]["x"]["axis"] == {"grid": False, "gridOpacity": 1}
    assert readable(kept)["encoding"]["y"]["axis"] is None

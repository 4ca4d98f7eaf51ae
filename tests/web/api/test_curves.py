"""Metric curves read from event logs: incremental reading, thinning without losing peaks, resumed runs, odd lines."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.web.api.curves import Curves, thin


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 60))
def test_thinning_keeps_the_greatest_and_the_least(values, points):
    curve = thin(list(range(len(values))), values, points)
    assert len(curve.steps) <= max(points, 2)
    assert curve.logged == len(values)
    assert max(curve.values) == max(values)
    assert min(curve.values) == min(values)
    assert curve.steps == sorted(set(curve.steps))
    assert all(values[step] == value for step, value in zip(curve.steps, curve.values, strict=True))


def test_gaps_stay_gaps():
    assert thin([0, 1, 2], [1.0, math.nan, math.inf], 2000).values == [1.0, None, None]
    values = [math.nan] * 50 + [1.0, 9.0] * 25
    curve = thin(list(range(100)), values, 10)
    assert curve.values[0] is None
    assert {1.0, 9.0} <= set(curve.values)


def test_curves_are_read_on_and_read_anew(nb):
    curves, run = Curves(), nb.start_run("toy", {})
    run.log(0, loss=3.0)
    assert curves.curve(run.folder, "loss").steps == [0]
    run.log(1, loss=2.0, other=1.0)
    assert curves.curve(run.folder, "loss").values == [3.0, 2.0]
    assert curves.names(run.folder) == ["loss", "other"]
    with open(run.folder / "events.jsonl", "ab") as log:
        log.write(b'{"event":"metric","step":2,"metrics":{"loss":1.0')  # half a line is none
    assert curves.curve(run.folder, "loss").steps == [0, 1]
    assert curves.curve(run.folder, "loss", after=0).steps == [1]
    assert curves.curve(run.folder, "nothing").steps == []
    log = run.folder / "events.jsonl"
    line = '{"event":"metric","time":1,"step":7,"metrics":{"loss":4}}\n'
    log.unlink()
    log.write_text(line)
    assert curves.curve(run.folder, "loss").steps == [7]
    log.unlink()
    assert curves.names(run.folder) == []
    with pytest.raises(GlassbookError, match="was deleted"):
        run.finish()


@pytest.mark.parametrize(
    ("logged", "steps", "values"),
    [
        ([(0, 1.0), (1, 2.0), (2, 3.0), (1, 20.0), (2, 30.0)], [0, 1, 2], [1.0, 20.0, 30.0]),
        ([(5, 1.0), (6, 2.0), (0, 3.0)], [0, 5, 6], [3.0, 1.0, 2.0]),
        ([(3, 1.0), (3, 2.0), (3, 3.0)], [3], [3.0]),
        ([(0, 1.0), (-1, 2.0), (0, 4.0)], [-1, 0], [2.0, 4.0]),
    ],
)
def test_a_resumed_run_counts_its_later_lines(nb, logged, steps, values):
    run = nb.start_run("toy", {})
    for step, value in logged:
        run.log(step, loss=value)
    curve = Curves().curve(run.folder, "loss")
    assert (curve.steps, curve.values) == (steps, values)
    run.finish()


def test_odd_lines_are_passed_over(nb):
    run = nb.start_run("toy", {})
    odd = [
        {"step": "1", "metrics": {"a": 1}},
        {"step": 1, "metrics": [1]},
        {"step": 10**30, "metrics": {"a": 1}},
        {"step": 1, "metrics": {"a": 10**400, "b": {}, "c": [1], "d": None, "e": "text", "f": "NaN"}},
    ]
    with open(run.folder / "events.jsonl", "a") as log:
        log.writelines('{"event":"metric",' + json.dumps(line)[1:] + "\n" for line in odd)
    curves = Curves()
    assert curves.names(run.folder) == ["f"]
    assert curves.curve(run.folder, "f").values == [None]
    run.finish()


def test_names_of_a_long_log_are_found_in_its_beginning_and_in_the_index(nb, reader):
    run = nb.start_run("toy", {})
    names = [f"layer_{n // 30}/metric_{n % 30}" for n in range(3000)]
    for step in range(40):
        run.log(step, **dict.fromkeys(names, 0.25))
    run.log(40, late=1.0, last=2.0)
    run.finish()
    curves = Curves()
    assert (run.folder / "events.jsonl").stat().st_size > 2 << 20
    known = nb.index.latest([run.id])[run.id]
    assert set(known) == {*names, "late", "last"}
    assert curves.names(run.folder, known) == [*names, "last", "late"]
    assert curves.names(run.folder) == [*names, "late", "last"]  # all of it read
    assert curves.names(run.folder, known) == [*names, "late", "last"]
    assert curves.names(nb.folder / "runs" / "nothing", ["a"]) == ["a"]
    start = time.process_time()
    page = reader.get(f"/runs/{run.id}")
    assert page.status_code == 200
    assert time.process_time() - start < 2
    assert page.text.count("/metric_") == 3000

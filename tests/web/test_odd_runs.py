"""Runs with odd times, odd names, numbers that are none, and very many values: every page that shows runs answers."""

from __future__ import annotations

import json
import time

import pytest
from evidence_book import open_app


def answers(nb, run) -> None:
    reader = open_app(nb)
    for address in ("/", "/runs", "/timeline", f"/runs/{run.id}", f"/compare?run={run.id}", f"/api/v1/runs/{run.id}"):
        assert reader.get(address).status_code == 200, address
    assert run.id in reader.get("/runs").text
    assert reader.get(f"/api/v1/runs/{run.id}/metrics").status_code == 200


@pytest.mark.parametrize(
    "created",
    ["2024-01-01T00:00:00", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00+14:00", "2024-12-31T23:59:59-12:00",
     "2024-01-01", "2024-06-30T23:59:60Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
     "yesterday", "", None, 5, []],
    ids=str,
)  # fmt: skip
def test_any_time_at_which_a_run_began(nb, created):
    with nb.start_run("timed") as run:
        run.log(loss=1.0)
    header = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(header | {"created": created}))
    answers(nb, run)


@pytest.mark.parametrize(
    "name", ["m" * 5000, "a\"'<b>", "two\nlines", "", " ", "a/b?c#d&e=f", "损失", "__proto__", "\x00"]
)
def test_any_name_of_a_metric_result_and_setting(nb, name):
    with nb.start_run("named", {name: 1}) as run:
        run.log(**{name: 1.0})
        run.result(**{name: 2.0})
    answers(nb, run)
    assert open_app(nb).get(f"/api/v1/runs/{run.id}").json()["results"] == {name: 2.0}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, 2**70, -0.0], ids=str)
def test_any_number_that_a_run_holds(nb, value):
    with nb.start_run("odd", {"x": value, "deep": [{"y": value}]}) as run:
        run.log(a=value, b=1.0)
        run.result(a=value)
        run.table("t", [{"a": value}])
    answers(nb, run)
    reader = open_app(nb)
    for order in ("results.a", "config.x"):
        assert reader.get("/runs", params={"order": order}).status_code == 200
    assert reader.get("/pareto?x=results.a&y=config.x").status_code == 200


@pytest.mark.parametrize(
    ("settings", "results", "metrics"), [(3000, 1, 1), (1, 3000, 1), (1, 1, 3000), (1500, 1500, 1500)]
)
def test_wide_runs_are_listed_and_opened_in_time(nb, settings, results, metrics):
    with nb.start_run("wide", {f"s{n}": n for n in range(settings)}) as run:
        run.log(**{f"m{n}": float(n) for n in range(metrics)})
        run.result(**{f"r{n}": float(n) for n in range(results)})
    reader = open_app(nb)
    reader.get("/runs")
    for address in ("/runs", f"/runs/{run.id}"):
        began = time.process_time()
        page = reader.get(address)
        assert time.process_time() - began < 2
        assert len(page.content) < 2 << 20

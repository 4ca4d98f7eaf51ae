"""`glassbook plan`: a law whose numbers are known gives the plan it must; what cannot be planned is one line."""

import math

import pytest

from glassbook.experiments.base import default_settings
from glassbook.notebook import Notebook

ENTROPY = 0.5
COMPUTE = (3e10, 1.2e11, 4.8e11)


def best_size(compute):
    return 2e4 * (compute / 3e10) ** 0.5


def excess(compute):
    return 1.5 * (compute / 3e10) ** -0.6


def notebook(folder, steps=(-1.4, -0.7, 0, 0.7, 1.4)):
    """A notebook with a finished run of the experiment whose law is known: best size and excess as above."""
    made = Notebook.create(folder)
    rows = [
        {"training": f"level {level} width {i}", "compute": c, "size": best_size(c) * math.exp(step),
         "loss": ENTROPY + excess(c) * math.exp(0.1 * step**2)}
        for level, c in enumerate(COMPUTE) for i, step in enumerate(steps)
    ]  # fmt: skip
    with made.start_run("scaling-laws", config=default_settings("scaling-laws"), seed=0) as run:
        run.table("trainings", [*rows, {"training": "larger", "compute": 1.92e12, "size": 1.0, "loss": 9.9}])
        run.result(entropy=ENTROPY)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return notebook(tmp_path_factory.mktemp("notes") / "law").folder


def test_a_plan_follows_the_law_of_the_notebooks_own_run(glassbook, folder):
    found = glassbook("plan", "--flop", "3e12", "--notebook", folder, "--json").data()
    assert found["size"] == pytest.approx(best_size(3e12))
    assert found["loss"] == pytest.approx(ENTROPY + excess(3e12))
    assert found["loss_low"] == pytest.approx(found["loss_high"])  # the curves have no noise
    assert found["times_the_largest"] == pytest.approx(3e12 / 4.8e11)
    # the tokens cost the budget: 6 N D and attention
    assert 6 * found["size"] * found["tokens"] < 3e12 < 14 * found["size"] * found["tokens"]
    assert found["law"] == {"run": Notebook(folder).runs("scaling-laws")[0].id, "reference": False}
    assert found["seconds"] == pytest.approx(3e12 / found["flop_per_second"])
    assert {one["state"] for one in found["rulings"]} == {"below"}


def test_time_is_planned_with_the_speed_of_this_machine(glassbook, folder):
    found = glassbook("plan", "--seconds", "600", "--notebook", folder, "--json").data()
    assert found["seconds"] == pytest.approx(600)
    assert found["flop"] == pytest.approx(600 * found["flop_per_second"])
    assert found["size"] == pytest.approx(best_size(found["flop"]))


def test_a_person_sees_the_plan_and_where_it_stands(glassbook, folder):
    said = " ".join(glassbook("plan", "--flop", "100 TFLOP", "--notebook", folder).out.split())
    assert "100 TFLOP" in said
    assert "this notebook" in said
    assert "EU AI Act" in said
    assert "Below the threshold" in said
    assert "no further" in said
    assert "no further" not in glassbook("plan", "--flop", "1e12", "--notebook", folder).out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give one budget"),
        (["--flop", "1e14", "--seconds", "60"], "give one budget"),
        (["--flop", "-1e14"], "-1e+14"),
        (["--flop", "nan"], "nan"),
        (["--flop", "lots"], "no number"),
        (["--flop", "1e12 FLOP/s"], "is a speed"),
        (["--flop", "0"], "trains nothing"),
        (["--flop", "1e9"], "less than each of the smallest trainings had, 30 GFLOP"),
        (["--flop", "1e25"], "it says nothing there"),
        (["--seconds", "-5"], "makes no sense"),
        (["--seconds", "nan"], "nan"),
        (["--seconds", "1e-9"], "less than each of the smallest"),
    ],
)
def test_what_cannot_be_planned_is_one_line(glassbook, folder, options, says):
    done = glassbook("plan", *options, "--notebook", folder)
    assert done.code == 2
    assert says in done.err
    assert done.err.count("\n") == 1
    assert not done.out


def test_a_run_of_one_size_has_no_law(glassbook, tmp_path):
    done = glassbook("plan", "--flop", "1e12", "--notebook", notebook(tmp_path / "one", steps=(0,)).folder)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "1 size at 3e+10 FLOP" in done.err


def test_without_a_run_the_reference_is_taken_or_missed_in_one_line(glassbook, tmp_path, monkeypatch):
    folder = Notebook.create(tmp_path / "empty").folder
    there = notebook(tmp_path / "other").runs("scaling-laws")[0]
    monkeypatch.setattr("glassbook.experiments.evidence.reference_runs", lambda name: [])
    done = glassbook("plan", "--flop", "1e12", "--notebook", folder)
    assert done.code == 2
    assert "glassbook run scaling-laws" in done.err
    monkeypatch.setattr("glassbook.experiments.evidence.reference_runs", lambda name: [there])
    assert glassbook("plan", "--flop", "1e12", "--notebook", folder, "--json").data()["law"]["run"] == there.id

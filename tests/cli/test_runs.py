"""Notebooks, runs and claims from the command line."""

import errno
import os
import subprocess
import sys

import pytest

from glassbook import extensions
from glassbook.experiments import base
from glassbook.notebook import Notebook


def test_new(glassbook, tmp_path):
    answer = glassbook("new", tmp_path / "notes", "--title", "My notes", "--json")
    data = answer.data()
    assert (data["notebook"], data["title"]) == (str(tmp_path / "notes"), "My notes")
    assert data["pages"] == len(Notebook(tmp_path / "notes").pages()) > 40
    assert Notebook(tmp_path / "notes").title == "My notes"
    assert "notebook already" in glassbook("new", tmp_path / "notes").complaint()
    out = glassbook("new", tmp_path / "more").out
    assert "made the notebook 'more'" in out
    assert "first-steps.md" in out


def test_new_and_empty(glassbook, tmp_path):
    assert glassbook("new", tmp_path / "bare", "--empty", "--json").data()["pages"] == 0
    assert Notebook(tmp_path / "bare").pages() == []


def test_new_where_one_may_not_write(glassbook, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "is a file" in glassbook("new", tmp_path / "file").complaint()


def test_the_list_of_experiments(glassbook, toys):
    text = glassbook("run").out
    assert "steady" in text
    assert "Does a constant stay constant?" in text


def test_help_of_an_experiment_tells_settings_and_claims(glassbook, toys):
    text = glassbook("run", "steady", "--help").out
    for part in ("The constant is large", "value >= 1", "other <= 0", "Nobody 2026", "--value", "--parts", "--resume"):
        assert part in text


def test_run(glassbook, toys, notebook):
    words = ("run", "steady", "--value", "3.5", "--seed", "4", "--notebook", notebook.folder)
    data = glassbook(*words, "--json").data()
    assert (data["experiment"], data["seed"], data["status"]) == ("steady", 4, "finished")
    assert data["results"] == {"value": 3.5, "other": -1.0, "seed": 4.0}
    [record] = notebook.runs()
    assert record.id == data["id"]
    assert record.config == {"value": 3.5, "parts": [1, 2]}
    answer = glassbook(*words)
    assert "3.5" in answer.out
    assert "seed 4" in answer.err


def test_quick_starts_from_quick_settings(glassbook, toys, notebook):
    glassbook("run", "steady", "--quick", "--value", "3", "--notebook", notebook.folder)
    assert notebook.runs()[0].config == {"value": 3.0, "parts": [7]}


def test_settings_may_be_written_with_underscores_and_equals(glassbook, toys, notebook):
    glassbook("run", "steady", "--value=3", "--parts", "4", "5", f"--notebook={notebook.folder}")
    assert notebook.runs()[0].config == {"value": 3.0, "parts": [4, 5]}


def test_interrupt_and_resume(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    stopped = glassbook("run", "halting", *at)
    [record] = notebook.runs()
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == (
        f"interrupted; continue with: glassbook run halting --resume {record.id} --notebook {notebook.folder}"
    )
    assert "keeps its settings" in glassbook("run", "halting", "--resume", "--seed", "1", *at).complaint()
    assert "no run '1999'" in glassbook("run", "halting", "--resume", "1999", *at).complaint()
    assert glassbook("run", "halting", "--resume", *at).code == 0
    [record] = notebook.runs()
    assert (record.status, record.resumed) == ("finished", 1)
    assert "leave --resume out" in glassbook("run", "halting", "--resume", *at).complaint()
    assert glassbook("run", "halting", "--resume", record.id, *at).complaint().endswith("start a new one")


def test_runs(glassbook, toys, notebook):
    assert "no runs" in glassbook("runs", "--notebook", notebook.folder).out
    glassbook("run", "steady", "--notebook", notebook.folder)
    [run] = glassbook("runs", "--notebook", notebook.folder, "--json").data()["runs"]
    assert (run["experiment"], run["seed"], run["status"]) == ("steady", 0, "finished")
    text = glassbook("runs", "--notebook", notebook.folder).out
    assert run["id"][:15] in text
    assert "value 2" in text
    assert max(map(len, text.splitlines())) <= 80
    assert glassbook("runs", "--experiment", "wrong", "--notebook", notebook.folder, "--json").data()["runs"] == []


def test_runs_tell_training_from_evaluation(glassbook, notebook):
    for parts in ({"training": 2e12}, {"evaluation": 7e12}, {"training": 5e12, "generation": 3e12}):
        with notebook.start_run("toy", config={}, seed=0, claims=[]) as run:
            for kind, flop in parts.items():
                run.spent(kind, flop, 1.0, "counted")
    text = glassbook("runs", "--notebook", notebook.folder).out
    lines = {line.strip() for line in text.splitlines()}
    assert lines >= {"2 TFLOP", "evaluation 7 TFLOP", "5 TFLOP, generation 3 TFLOP"}


def test_a_notebook_above_the_folder_is_found(glassbook, toys, notebook, monkeypatch):
    monkeypatch.chdir(notebook.folder / "pages")
    glassbook("run", "steady")
    assert [run.experiment for run in notebook.runs()] == ["steady"]
    assert glassbook("runs", "--json").data()["total"] == 1


def test_claims(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    board = glassbook("claims", *at, "--json").data()["experiments"]
    assert {verdict["state"] for entry in board for verdict in entry["verdicts"]} == {"not-run"}
    assert {entry["name"] for entry in board} == {"steady", "wrong", "halting"}
    for seed in range(3):
        glassbook("run", "steady", "--seed", seed, *at)
    glassbook("run", "steady", "--value", "0", "--seed", "0", *at)  # other settings judge nothing
    [entry] = glassbook("claims", "--experiment", "steady", *at, "--json").data()["experiments"]
    [verdict] = entry["verdicts"]
    assert verdict["state"] == "holds"
    assert verdict["values"] == {"0": 2.0, "1": 2.0, "2": 2.0}
    text = glassbook("claims", *at).out
    assert "2 not run, 1 holds" in text
    assert "measured 2, 2, 2" in text
    assert "Nobody 2026" in text


def states(answer):
    return {entry["name"]: entry["verdicts"][0]["state"] for entry in answer.data()["experiments"]}


def test_claims_check(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    assert glassbook("claims", "check", "steady", *at).code == 0
    assert sorted(r.seed for r in notebook.runs("steady")) == [0, 1, 2]
    assert glassbook("claims", "check", "steady", *at).code == 0
    assert len(notebook.runs("steady")) == 3  # nothing was missing
    failing = glassbook("claims", "check", "steady", "wrong", "--seeds", "0", "1", *at, "--json")
    assert failing.code == 1
    assert states(failing) == {"steady": "holds", "wrong": "fails"}
    assert len(notebook.runs("wrong")) == 2


def test_audit_b6_claims_check_runs_stale_seeds_again(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    data = notebook.folder / "data.txt"
    data.write_text("one")
    kind = toys["steady"]
    for seed in range(3):
        with notebook.start_run("steady", base.settings(kind()), seed, kind.claims) as run:
            if seed == 1:
                run.uses("data", "text", path=data)
            run.result(value=2.0, other=-1.0)
    assert glassbook("claims", "check", "steady", *at).code == 0
    assert len(notebook.runs("steady")) == 3
    data.write_text("another")
    answer = glassbook("claims", "check", "steady", *at, "--json")
    assert answer.code == 0
    assert sorted(run.seed for run in notebook.runs("steady")) == [0, 1, 1, 2]
    assert answer.data()["experiments"][0]["verdicts"][0]["stale"] == []


def test_claims_check_prints_the_noise_floor_of_each_metric(glassbook, toys, notebook, monkeypatch):
    monkeypatch.setattr(toys["steady"], "run", lambda self, run: run.result(value=1.0 + run.seed, other=-1.0))
    text = " ".join(glassbook("claims", "check", "steady", "--notebook", notebook.folder).out.split())
    assert "noise floor of value 2.484; noise floor of other 0" in text
    assert "margin to the bound 1, below the noise floor" in text


def test_claims_sabotage(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    glassbook("claims", "check", "steady", *at)
    assert "never seen to fail" in glassbook("claims", "--experiment", "steady", *at).out
    answer = glassbook("claims", "sabotage", "steady", *at)
    assert answer.code == 0
    assert "broke constant-is-large" in answer.out
    [run, *_] = notebook.runs("steady")
    assert (run.sabotage, run.seed, run.config["value"]) == ("small", 0, 0.0)
    data = glassbook("claims", "sabotage", "steady", *at, "--json").data()
    assert data["experiments"][0]["sabotages"] == [
        {"id": "small", "sentence": "The constant is small", "settings": {"value": 0.0}, "runs": {"0": run.id},
         "condition_broken": ["constant-is-large"], "control_broken": [], "held": []},
    ]  # fmt: skip
    assert len(notebook.runs("steady")) == 4  # it was there
    text = glassbook("claims", "--experiment", "steady", *at).out
    assert "broken by small" in text
    assert "never seen to fail" not in text
    assert "sabotage: small" in glassbook("runs", *at).out
    assert "sabotage: small; no evidence" in glassbook("runs", "show", run.id, *at).out


def test_claims_sabotage_tells_what_was_not_broken(glassbook, toys, notebook, monkeypatch):
    monkeypatch.setattr(toys["steady"], "run", lambda self, run: run.result(value=2.0, other=-1.0))
    answer = glassbook("claims", "sabotage", "steady", "wrong", "--notebook", notebook.folder)
    assert answer.code == 1
    text = " ".join(answer.out.split())
    assert "did not break constant-is-large, which name it" in text
    assert "never seen to fail: constant-is-large" in text
    assert "never seen to fail: two-over-three" in text


def test_a_quick_sabotage_counts_for_nothing(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    answer = glassbook("claims", "sabotage", "steady", "--quick", *at)
    assert (answer.code, notebook.runs()[0].config) == (0, {"value": 0.0, "parts": [7]})
    assert "nothing is counted" in answer.out
    [entry] = glassbook("claims", "--experiment", "steady", *at, "--json").data()["experiments"]
    assert entry["verdicts"][0]["condition_broken"] == []


def test_claims_sabotage_goes_on_with_what_was_interrupted(glassbook, toys, notebook, monkeypatch):
    def run(self, run):
        if not run.resumed:
            raise KeyboardInterrupt
        run.result(value=self.value, other=-1.0)

    monkeypatch.setattr(toys["steady"], "run", run)
    at = ("--notebook", notebook.folder)
    stopped = glassbook("claims", "sabotage", "steady", *at)
    assert stopped.code == 130
    assert "continue with: glassbook claims sabotage steady --seeds 0 --notebook" in stopped.err
    assert glassbook("claims", "sabotage", "steady", *at).code == 0
    [record] = notebook.runs()
    assert (record.resumed, record.sabotage) == (1, "small")


def test_claims_check_goes_on_with_what_was_interrupted(glassbook, toys, notebook):
    at = ("--seeds", "0", "--notebook", notebook.folder)
    stopped = glassbook("claims", "check", "halting", *at)
    assert stopped.code == 130
    assert "continue with: glassbook claims check halting --seeds 0 " in stopped.err
    assert glassbook("claims", "check", "halting", *at).code == 0
    [record] = notebook.runs()
    assert record.resumed == 1


def test_without_names_all_experiments_are_checked(glassbook, toys, notebook, monkeypatch):
    monkeypatch.setattr(toys["halting"], "run", lambda self, run: run.result(value=1.0))
    answer = glassbook("claims", "check", "--seeds", "0", "--notebook", notebook.folder, "--json")
    assert answer.code == 1
    assert states(answer) == {"steady": "holds", "wrong": "fails", "halting": "holds"}


def test_a_full_disk_is_one_line(glassbook, toys, notebook, monkeypatch):
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if b'"result"' in bytes(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    answer = glassbook("run", "steady", "--notebook", notebook.folder)
    assert answer.code == 2
    assert "No space left" in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err


def test_a_broken_experiment_does_not_break_the_others(glassbook, toys, notebook, monkeypatch):
    class Broken:
        dist = None

        def load(self) -> None:
            raise ImportError("No module named 'gone'")

    whole = extensions._installed
    monkeypatch.setattr(extensions, "_installed", lambda *asked: {**whole(*asked), "gone": [Broken()]})
    answer = glassbook("claims", "--notebook", notebook.folder)
    assert answer.code == 0
    assert "cannot be loaded" in answer.err
    assert "gone" in glassbook("run", "gone").complaint()


@pytest.mark.parametrize("command", ["runs", "claims"])
def test_a_folder_that_is_no_notebook(glassbook, toys, command, tmp_path):
    assert "no notebook" in glassbook(command, "--notebook", tmp_path).complaint()


def test_names_that_are_not_unicode_end_no_command(glassbook, tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    name = os.fsdecode(b"/data/\xff")
    with nb.start_run("odd", {"data": name}) as run:
        run.result(**{name: 1.0})
    for words in (["runs"], ["runs", "show", run.id], ["runs", "--json"]):
        answer = subprocess.run(
            [sys.executable, "-m", "glassbook", *words, "--notebook", str(nb.folder)], capture_output=True, check=False
        )
        assert (answer.returncode, answer.stderr) == (0, b"")
        assert b"odd" in answer.stdout


def test_runs_are_annotated_filtered_and_archived(glassbook, toys, notebook):
    at = ("--notebook", notebook.folder)
    for seed in range(2):
        glassbook("run", "steady", "--seed", seed, *at)
    first, second = (run.id for run in reversed(notebook.runs()))
    said = glassbook(
        "runs", "annotate", first, "--note", "odd start", "--tag", "baseline", "fig 2", *at, "--json"
    ).data()
    assert (said["note"], said["tags"]) == ("odd start", ["baseline", "fig 2"])
    assert [run["id"] for run in glassbook("runs", "--tag", "Baseline", *at, "--json").data()["runs"]] == [first]
    out = glassbook("runs", *at).out
    assert "#baseline #fig 2" in out
    assert "odd start" in out
    assert "archived" in glassbook("runs", "annotate", second, "--archive", *at).out
    assert [run["id"] for run in glassbook("runs", *at, "--json").data()["runs"]] == [first]
    assert [run["id"] for run in glassbook("runs", "--archived", *at, "--json").data()["runs"]] == [second]
    assert "archived" in glassbook("runs", "show", second, *at).out
    glassbook("runs", "annotate", second, "--restore", *at)
    glassbook("runs", "annotate", first, "--untag", "BASELINE", *at)
    assert "no runs with the tag" in glassbook("runs", "--tag", "baseline", *at).out
    assert glassbook("runs", *at, "--json").data()["total"] == 2


@pytest.mark.parametrize("new", ["quick one", "Long careful note", "Long careful note\nof the evening"])
def test_another_note_is_replaced_only_on_request(glassbook, toys, notebook, new):
    glassbook("run", "steady", "--notebook", notebook.folder)
    id = notebook.runs()[0].id
    words = ("runs", "annotate", id, "--notebook", notebook.folder)
    careful = "Long careful note\nof the morning"
    glassbook(*words, "--note", careful)
    said = glassbook(*words, "--note", new, "--tag", "a").complaint()
    assert "--replace" in said
    assert "Long careful note" in said
    assert (notebook.run(id).annotations.note, notebook.run(id).annotations.tags) == (careful, ())
    glassbook(*words, "--note", careful, "--tag", "a")  # the same note, and a tag
    glassbook(*words, "--note", new, "--replace")
    assert (notebook.run(id).annotations.note, notebook.run(id).annotations.tags) == (new, ("a",))
    glassbook(*words, "--remove-note")
    assert notebook.run(id).annotations.note == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--archive", "--restore"), "opposites"),
        (("--note", "a", "--remove-note"), "opposites"),
        (("--tag", "two\nlines"), "one line"),
        (("--note", "x" * 20_001), "at most 20,000 characters"),
    ],
)
def test_annotations_that_cannot_be_kept_are_one_line(glassbook, toys, notebook, words, said):
    glassbook("run", "steady", "--notebook", notebook.folder)
    id = notebook.runs()[0].id
    assert said in glassbook("runs", "annotate", id, *words, "--notebook", notebook.folder).complaint()
    assert notebook.run(id).annotations.tags == ()


@pytest.mark.shipped_evidence
def test_reference_runs_are_not_annotated(glassbook, notebook):
    words = ("runs", "annotate", "reference-superposition-0", "--tag", "a", "--notebook", notebook.folder)
    assert "came with Glassbook" in glassbook(*words).complaint()

"""`make evidence`: takes finished default runs, runs what is missing or stale, writes their compact records."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from glassbook.assets import reference
from glassbook.assets.builtin import BUILTIN_DICTIONARY
from glassbook.errors import GlassbookError
from glassbook.experiments import base, evidence, launch
from glassbook.experiments.base import code_root
from glassbook.experiments.verdicts import standing
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.runs.code_digest import code_digest

TOOL = Path(__file__).parents[2] / "tools" / "evidence.py"
BEFORE = "0" * 64
"""Digest of the code before a change."""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("evidence_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "evidence")

    def run(*words):
        return module.main([*map(str, words), "--notebook", str(tmp_path / "nb")])

    run.module = module
    return run


def test_what_is_missing_is_run_and_what_is_there_is_taken(tool, toys, tmp_path, capsys):
    notebook = Notebook.create(tmp_path / "nb")
    launch(toys["steady"](), notebook, seed=1)
    launch(toys["steady"].quick(), notebook, seed=0)
    assert tool("steady", "--no-run") == 1
    assert "steady: 1 of 3 seeds" in capsys.readouterr().out
    assert reference.reference_names() == []
    assert tool("steady") == 0
    assert sorted(run.seed for run in notebook.runs("steady")) == [0, 0, 1, 2]
    assert tool("steady") == 0
    assert len(notebook.runs("steady")) == 4
    reader = Notebook.create(tmp_path / "reader")
    [verdict] = standing("steady", evidence.records(reader, "steady")).verdicts
    assert (verdict.state, verdict.origin, verdict.values) == ("holds", "reference", {0: 2.0, 1: 2.0, 2: 2.0})


def test_sabotages_are_taken_or_run_and_their_numbers_kept(tool, toys, tmp_path, capsys):
    assert tool("steady") == 0
    assert "0 of 1 sabotages" in capsys.readouterr().out
    assert tool("steady", "--sabotage") == 0
    assert "1 of 1 sabotages" in capsys.readouterr().out
    assert [(run.sabotage, run.seed) for run in reference.reference_runs("steady")[3:]] == [("small", 0)]
    assert tool("steady", "--no-run") == 0
    assert len(Notebook(tmp_path / "nb").runs("steady")) == 4
    reader = Notebook.create(tmp_path / "reader")
    [verdict] = standing("steady", evidence.records(reader, "steady")).dated().verdicts
    assert (verdict.origin, verdict.condition_broken) == ("reference", ("small",))


def age(notebook: Notebook, name: str) -> None:
    """Let the code of an experiment have changed since its runs and its evidence were made."""
    files = [run.folder / "run.json" for run in notebook.runs(name)] + [reference.FOLDER / name / "runs.json"]
    for file in files:
        if file.exists():
            digest = code_digest(code_root(base.find(name)))
            assert digest is not None
            file.write_text(file.read_text().replace(digest, BEFORE))
    reference._read_runs.cache_clear()


def test_stale_evidence_is_measured_again_and_fresh_evidence_is_not(tool, toys, tmp_path, capsys):
    assert tool("steady", "--sabotage") == 0
    notebook = Notebook(tmp_path / "nb")
    shutil.rmtree(tmp_path / "nb")
    assert tool("steady", "--sabotage") == 0
    assert "steady: fresh, " in capsys.readouterr().out
    assert Notebook(tmp_path / "nb").runs("steady") == []
    age(notebook, "steady")
    assert tool("steady", "--no-run") == 1
    assert tool("steady") == 0
    assert len(Notebook(tmp_path / "nb").runs("steady")) == 3


def test_sabotages_are_added_to_fresh_evidence(tool, toys, tmp_path, capsys):
    assert tool("steady") == 0
    before = reference.reference_runs("steady")
    shutil.rmtree(tmp_path / "nb")
    assert tool("steady", "--sabotage") == 0
    assert "1 of 1 sabotages" in capsys.readouterr().out
    after = reference.reference_runs("steady")
    assert after[:3] == before
    assert [(run.sabotage, run.seed) for run in after[3:]] == [("small", 0)]
    assert after[0].tables == before[0].tables


def test_what_cannot_be_run_keeps_its_evidence(tool, toys, monkeypatch, capsys):
    assert tool("steady", "wrong") == 0
    before = reference.reference_runs("steady")

    def run(self, run):
        raise GlassbookError("no data")

    monkeypatch.setattr(toys["steady"], "run", run)
    monkeypatch.setattr("glassbook.notebook.runs.freshness.reusable_run", lambda key, records: None)
    assert tool("wrong") == 0
    assert reference.reference_runs("steady") == before


def test_evidence_of_experiments_that_are_gone_is_removed(tool, toys, capsys):
    assert tool("steady", "wrong") == 0
    assert reference.reference_names() == ["steady", "wrong"]
    toys.pop("wrong")
    assert tool("steady") == 0
    assert "wrong: removed" in capsys.readouterr().out
    assert reference.reference_names() == ["steady"]


def test_the_dictionary_that_ships_is_recognised(tool, tmp_path):
    folder = tmp_path / "run"
    path = folder / "artifacts" / "dictionary.safetensors"
    path.parent.mkdir(parents=True)
    record = RunRecord("r", "toy", {}, 0, "finished", datetime.now(UTC), None, {}, {}, {}, folder)
    assert tool.module.shipped([record]) is None
    weights = {name: tensor.float() for name, tensor in load_file(BUILTIN_DICTIONARY).items()}
    save_file(weights, path)
    assert tool.module.shipped([record]) == "builtin"
    save_file(weights | {"b_dec": weights["b_dec"] + 1}, path)
    assert tool.module.shipped([record]) is None


def quick(digest: str, loss: float = 0.25) -> dict:
    """What tools/quick_results.py prints of an experiment."""
    runs = {"results": {"x": 2.0, "none": math.nan}, "tables": {"t": [{"a": 1, "b": loss}]}, "metrics": {}}
    return {"digest": digest, "runs": {"seed 0": runs}}


@pytest.fixture
def compared(tool, monkeypatch):
    """Lets the quick runs give what is set here, before and after the change."""
    found = {}
    monkeypatch.setattr(tool.module, "checkout", lambda commit: contextlib.nullcontext(Path(commit)))
    monkeypatch.setattr(tool.module, "quick_results", lambda folders, names: [found["old"], found["new"]])
    return found


def test_quick_runs_confirm_a_change_of_code_that_changes_no_result(tool, toys, compared, tmp_path, capsys):
    assert tool("steady", "--sabotage") == 0
    assert tool("steady", "--confirm", "v1") == 0
    assert "no evidence is stale" in capsys.readouterr().out
    age(Notebook(tmp_path / "nb"), "steady")
    assert tool("steady", "--no-run") == 1
    now = code_digest(code_root(toys["steady"]))
    compared |= {"old": {"steady": quick(BEFORE)}, "new": {"steady": quick(now)}}
    assert tool("steady", "--confirm", "v1") == 0
    assert "steady: 4 runs confirmed" in capsys.readouterr().out
    reader = Notebook.create(tmp_path / "reader")
    entry = standing("steady", evidence.records(reader, "steady")).dated()
    [verdict] = entry.verdicts
    assert (verdict.state, verdict.stale, verdict.condition_broken) == ("holds", (), ("small",))
    assert "quick runs give the same results" in entry.origin
    assert tool("steady", "--sabotage") == 0
    assert "steady: fresh, " in capsys.readouterr().out


def test_a_change_that_changes_a_number_is_told_and_confirms_nothing(tool, toys, compared, tmp_path, capsys):
    assert tool("steady") == 0
    age(Notebook(tmp_path / "nb"), "steady")
    now = code_digest(code_root(toys["steady"]))
    compared |= {"old": {"steady": quick(BEFORE)}, "new": {"steady": quick(now, loss=0.25 + 2**-54)}}
    assert tool("steady", "--confirm", "v1") == 1
    assert "1 values have changed, such as seed 0/tables/t[0]/b from 0.25 to 0.25000000000000006" in (
        capsys.readouterr().out
    )
    assert [run.confirmed for run in reference.reference_runs("steady")] == [()] * 3


def test_evidence_that_was_stale_before_the_change_stays_stale(tool, toys, compared, tmp_path, capsys):
    assert tool("steady") == 0
    age(Notebook(tmp_path / "nb"), "steady")
    now = code_digest(code_root(toys["steady"]))
    compared |= {"old": {"steady": quick("1" * 64)}, "new": {"steady": quick(now)}}
    assert tool("steady", "--confirm", "v1") == 1
    assert "0 runs confirmed, 3 are still stale" in capsys.readouterr().out


def test_differences_of_results_are_found_wherever_they_are(tool):
    def found(old, new):
        return list(tool.module.differences(old, new))

    assert found({"a": [1.0, math.nan]}, {"a": [1.0, math.nan]}) == []
    assert found({"a": 1.0}, {"a": 1}) == ["a from 1.0 to 1"]
    assert found({"a": 1.0}, {}) == ["a from 1.0 to None"]
    assert found({"a": {"b": [0.0]}}, {"a": {"b": [-0.0]}}) == ["a/b[0] from 0.0 to -0.0"]
    assert found({"a": [1]}, {"a": [1, 2]}) == ["a from [1] to [1, 2]"]


def test_quick_runs_of_one_code_give_the_same_twice(tool):
    old, new = tool.module.quick_results([tool.module.HOME] * 2, ["superposition"])
    assert {"seed 0", "seed 1", "seed 2"} < set(old["superposition"]["runs"])
    assert old["superposition"]["digest"] == code_digest(code_root(base.find("superposition")))
    assert list(tool.module.differences(old, new)) == []
    runs = new["superposition"]["runs"]
    assert runs["seed 0"]["results"]
    assert list(tool.module.differences(runs["seed 0"], runs["seed 1"]))


def test_a_commit_that_is_not_there_is_said(tool):
    with pytest.raises(GlassbookError, match="no-such cannot be checked out"), tool.module.checkout("no-such"):
        pass

"""`make evidence`: takes finished default runs, runs what is missing or stale, writes their compact records."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from glassbook.assets import reference
from glassbook.assets.builtin import BUILTIN_DICTIONARY
from glassbook.experiments import evidence, launch
from glassbook.experiments.verdicts import standing
from glassbook.notebook import Notebook, RunRecord

TOOL = Path(__file__).parents[2] / "tools" / "evidence.py"


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


def test_stale_runs_are_run_again(tool, toys, tmp_path):
    assert tool("steady") == 0
    notebook = Notebook(tmp_path / "nb")
    for run in notebook.runs("steady")[:2]:
        header = run.folder / "run.json"
        header.write_text(header.read_text().replace(run.code["digest"], "0" * 64))
    assert tool("steady") == 0
    assert len(notebook.runs("steady")) == 5


def test_what_cannot_be_run_keeps_its_evidence(tool, toys, monkeypatch, capsys):
    assert tool("steady", "wrong") == 0
    before = reference.reference_runs("steady")

    def run(self, run):
        from glassbook.errors import GlassbookError

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


def test_one_run_confirms_a_change_of_code_that_changes_no_result(tool, toys, tmp_path, capsys):
    assert tool("steady", "--sabotage") == 0
    notebook = Notebook(tmp_path / "nb")
    count = len(notebook.runs("steady"))
    for run in notebook.runs("steady"):
        header = run.folder / "run.json"
        header.write_text(header.read_text().replace(run.code["digest"], "0" * 64))
    assert tool("steady", "--no-run") == 1  # all are stale
    capsys.readouterr()
    assert tool("steady", "--confirm") == 0
    assert f"{count} runs come out the same" in capsys.readouterr().out
    assert len(notebook.runs("steady")) == count + 1
    reader = Notebook.create(tmp_path / "reader")
    entry = standing("steady", evidence.records(reader, "steady")).dated()
    [verdict] = entry.verdicts
    assert (verdict.state, verdict.stale, verdict.condition_broken) == ("holds", (), ("small",))
    assert "with the same results" in entry.origin
    assert tool("steady", "--confirm") == 0  # nothing is stale any more
    assert len(notebook.runs("steady")) == count + 1


def test_a_change_that_changes_a_result_is_told_and_confirms_nothing(tool, toys, tmp_path, capsys):
    assert tool("steady") == 0
    notebook = Notebook(tmp_path / "nb")
    for run in notebook.runs("steady"):
        header, log = run.folder / "run.json", run.folder / "events.jsonl"
        header.write_text(header.read_text().replace(run.code["digest"], "0" * 64))
        log.write_text(log.read_text().replace("2.0", "2.0000000001"))
    assert tool("steady", "--confirm") == 1
    assert "results of steady have changed" in capsys.readouterr().err
    assert [run.confirmed for run in notebook.runs("steady")] == [()] * 4

"""`--json` prints what `/api/v1` answers, for whatever both of them can show."""

from __future__ import annotations

import json

import pytest
import torch
from evidence_book import open_app

from glassbook.cli import main
from glassbook.experiments import base, find
from glassbook.features import Dictionary, TopK
from glassbook.features.dashboard import build_dashboard
from glassbook.jobs.queue import JobQueue
from glassbook.nets import open_model
from glassbook.notebook import Notebook


@pytest.fixture
def nb(tmp_path, monkeypatch):
    notebook = Notebook.create(tmp_path / "nb")
    kind = find("superposition")
    for seed in range(2):
        with notebook.start_run(kind.name, base.settings(kind()), seed, kind.claims, base.code_root(kind())) as run:
            run.log(0, loss=2.0, accuracy=0.5)
            run.log(1, loss=1.0)
            run.table("rows", [{"a": 1}])
            run.artifact("weights.bin").write_bytes(b"12345")
            run.result(represented_dense=4.0, mmcs=float("nan"))
    with notebook.start_run("toy", {"pair": (1, 2)}) as run:
        d, lm = Dictionary(128, 16, TopK(1)), open_model("builtin")
        ids = torch.tensor(lm.encode("The fox slept near the river.")[1:7])
        about = {"model": "builtin", "site": "blocks.3.out", "dictionary": "d.safetensors"}
        folder = run.folder / "artifacts"
        build_dashboard(d, torch.randn(6, 128), lm, folder, tokens=ids, sequence=torch.zeros(6), about=about)
    queue = JobQueue(notebook.folder)
    queue.add("superposition", {"steps": 3}, 1)
    queue.add("toy")
    queue.claim_next("me")
    queue.close()
    monkeypatch.chdir(notebook.folder)
    return notebook


@pytest.fixture
def same(nb, capsys):
    """Compare a command with an address; gives what both say."""
    reader = open_app(nb)

    def compare(words: list[str], address: str):
        assert main([*words, "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        answer = reader.get(address)
        assert answer.status_code == 200
        assert printed == answer.json()
        return printed

    return compare


def test_claims(same):
    board = same(["claims"], "/api/v1/claims")["experiments"]
    [entry] = [entry for entry in board if entry["name"] == "superposition"]
    states = {verdict["claim"]["metric"]: verdict["state"] for verdict in entry["verdicts"]}
    assert (states["represented_dense"], states["mmcs"]) == ("so-far", "not-shown")


def test_runs(same, nb):
    assert same(["runs"], "/api/v1/runs")["total"] == 3
    assert same(["runs", "--experiment", "toy"], "/api/v1/runs?experiment=toy")["total"] == 1


def test_one_run(same, nb):
    run = nb.runs("superposition")[0]
    data = same(["runs", "show", run.id], f"/api/v1/runs/{run.id}")
    assert (data["metrics"], data["files"]) == (["loss", "accuracy"], [{"path": "artifacts/weights.bin", "size": 5}])
    assert data["results"]["mmcs"] == "NaN"


def test_jobs(same):
    jobs = same(["jobs"], "/api/v1/jobs")["jobs"]
    assert [(job["experiment"], job["place"]) for job in jobs] == [("toy", 1), ("superposition", None)]


def test_a_jobs_log(same, nb):
    queue = JobQueue(nb.folder)
    log = queue.job(1).log
    queue.close()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("step 1\r\x1b[1mstep 2\x1b[0m é\n")
    assert same(["jobs", "log", "1"], "/api/v1/jobs/1/log")["size"] == log.stat().st_size


def test_experiments(same):
    cards = same(["run"], "/api/v1/experiments")["experiments"]
    assert next(card for card in cards if card["name"] == "superposition")["runs"] == 2


def test_features(same, nb):
    run = nb.runs("toy")[0].id
    query = "order=max&down=true&size=5&low=1e-12"
    data = same(["features", "--run", run, "--top", "5"], f"/api/v1/features/{run}?{query}")
    assert 0 < len(data["features"]) <= 5

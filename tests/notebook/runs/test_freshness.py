"""A result is stale when its code, its models or its data have changed; what cannot be told is not called stale."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.runs import freshness
from glassbook.notebook.runs.freshness import Dependency, Snapshot, digest, request_key, stale


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Path:
    """A third party's package with an experiment that imports more of it."""
    folder = tmp_path / "site" / "acme_lab"
    for name, text in {
        "__init__.py": "",
        "work.py": "class Work:\n    def run(self):\n        from acme_lab.near import x\n        return x\n",
        "near.py": "x = 1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def touch(path: Path, text: str) -> None:
    """Write a file so that its time of change moves, however coarse the clock is."""
    path.write_text(text)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def test_a_run_is_stale_when_its_code_changes(nb: Notebook, package):
    with nb.start_run("acme", {"lr": 0.1}, seed=3, code="acme_lab.work:Work") as run:
        run.result(x=1)
    record = nb.run(run.id)
    assert record.code["root"] == "acme_lab.work:Work"
    assert stale(record) == []
    snapshot = Snapshot()
    assert stale(record, snapshot) == []
    touch(package / "near.py", "x = 2\n")
    assert stale(record) == ["the experiment's code has changed"]
    assert stale(record, snapshot) == []  # a snapshot is taken once


def test_code_that_older_versions_recorded_is_stale(nb: Notebook):
    with nb.start_run("acme") as run:
        pass
    header = json.loads((run.folder / "run.json").read_text())
    header["code"] |= {"module": "acme_lab.work", "digest": "0" * 64}
    (run.folder / "run.json").write_text(json.dumps(header))
    record = nb.run(run.id)
    assert stale(record) == ["the experiment's code was recorded in a way that cannot be compared any more"]


def test_runs_that_do_not_say_what_they_depend_on_are_not_called_stale(nb: Notebook, package):
    with nb.start_run("by hand") as run:
        pass
    record = nb.run(run.id)
    assert "digest" not in record.code
    assert stale(record) == []
    with nb.start_run("acme", code="acme_lab.work:Work") as run:
        pass
    record = nb.run(run.id)
    (package / "work.py").unlink()
    assert stale(record) == []


def test_models_and_data_count(nb: Notebook, package, tmp_path):
    model, data = tmp_path / "model", tmp_path / "data.csv"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "config.json").write_text("{}")
    data.write_text("1,2\n")
    with nb.start_run("acme", code="acme_lab.work:Work") as run:
        run.uses("model", "mine", path=model)
        run.uses("data", "numbers", path=data)
        run.uses("release", "theirs", "abc")
    record = nb.run(run.id)
    assert {used.name: used.digest for used in record.uses} == {
        "mine": digest(model),
        "numbers": digest(data),
        "theirs": "abc",
    }
    assert stale(record) == []
    touch(data, "1,2\n")  # touched, not changed
    assert stale(record) == []
    touch(data, "1,3\n")
    (model / "config.json").write_text('{"a": 1}')
    assert stale(record) == ["the model mine has changed", "the data numbers has changed"]
    data.unlink()
    assert stale(record) == ["the model mine has changed"]


def test_what_lies_in_the_notebook_or_the_package_moves_with_it(nb: Notebook, package):
    with nb.start_run("first") as first:
        first.artifact("v.bin").write_bytes(b"v")
    with nb.start_run("acme", code="acme_lab.work:Work") as run:
        run.uses("vector", "v", path=first.folder / "artifacts" / "v.bin")
        run.uses("model", "builtin", path=Path(freshness._HOME) / "__init__.py")
    record = nb.run(run.id)
    assert [used.path for used in record.uses] == [
        f"notebook:runs/{first.id}/artifacts/v.bin",
        "package:__init__.py",
    ]
    assert stale(record) == []
    touch(first.folder / "artifacts" / "v.bin", "other")
    assert stale(record) == ["the vector v has changed"]


def test_using_again_replaces(nb: Notebook):
    with nb.start_run("a") as run:
        run.uses("model", "m", "old")
        run.uses("model", "m", "new")
    assert [used.digest for used in nb.run(run.id).uses] == ["new"]


def test_what_cannot_be_used_is_refused(nb: Notebook, tmp_path):
    with nb.start_run("a") as run:
        with pytest.raises(GlassbookError, match="the model m needs a digest or a path"):
            run.uses("model", "m")
        with pytest.raises(GlassbookError, match="nothing cannot be read: there are no files"):
            run.uses("model", "m", path=tmp_path / "nothing")


def test_events_that_make_no_sense_are_passed_over():
    good = {"kind": "a", "name": "b", "digest": "c"}
    bad = [{}, {"kind": 1, "name": "b", "digest": "c"}, {**good, "path": 3}, {**good, "size": "x"}, {"kind": "a"}]
    assert Dependency.read([*bad, good]) == (Dependency("a", "b", "c"),)


def test_a_request_has_a_key_before_it_has_run(package):
    asked = request_key("acme", "acme_lab.work:Work", {"lr": 0.1, "n": (1,)}, 0)
    assert asked == request_key("acme", "acme_lab.work:Work", json.loads('{"n": [1], "lr": 0.1}'), 0)
    assert asked != request_key("acme", "acme_lab.work:Work", {"lr": 0.1, "n": (1,)}, 1)
    touch(package / "near.py", "x = 4\n")
    assert asked != request_key("acme", "acme_lab.work:Work", {"lr": 0.1, "n": (1,)}, 0)


def test_a_request_is_answered_by_a_run_that_is_not_stale(nb: Notebook, package, tmp_path):
    def asked(seed=0):
        return request_key("acme", "acme_lab.work:Work", {"n": (1, 2)}, seed)

    def answer(seed=0):
        return freshness.reusable_run(asked(seed), nb.runs("acme"))

    model = tmp_path / "model.safetensors"
    model.write_bytes(b"w")
    assert answer() is None
    with nb.start_run("acme", {"n": (1, 2)}, code="acme_lab.work:Work") as run:
        assert answer() is None  # it has not finished
        run.uses("model", "m", path=model)
    assert answer().id == run.id
    assert answer(seed=1) is None
    model.write_bytes(b"other")
    assert answer() is None
    model.write_bytes(b"w")
    assert answer().id == run.id
    touch(package / "near.py", "x = 5\n")
    assert answer() is None

"""A result is stale when its code, its models or its data have changed; what cannot be told is not called stale."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.runs import code_digest as sources
from glassbook.notebook.runs import freshness
from glassbook.notebook.runs.code_digest import code_digest
from glassbook.notebook.runs.freshness import Now, Used, digest, key_of, request_key, stale


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Path:
    """A third party's package with an experiment that imports more of it."""
    folder = tmp_path / "site" / "acme_lab"
    for name, text in {
        "__init__.py": "",
        "work.py": "from typing import TYPE_CHECKING\nimport json\nfrom . import near\n"
        "if TYPE_CHECKING:\n    from acme_lab import typed\n"
        "def run():\n    from acme_lab.deep.far import thing\n    import glassbook.measure\n",
        "near.py": "x = 1\n",
        "typed.py": "",
        "apart.py": "",
        "deep/__init__.py": "",
        "deep/far.py": "from ..near import x as thing\n",
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


@pytest.mark.parametrize("name", ["work.py", "near.py", "deep/far.py", "deep/__init__.py", "__init__.py"])
def test_code_that_is_imported_counts(package, name):
    before = code_digest("acme_lab.work")
    touch(package / name, (package / name).read_text() + "# more\n")
    assert code_digest("acme_lab.work") != before


@pytest.mark.parametrize("name", ["apart.py", "typed.py"])
def test_code_that_is_not_imported_does_not_count(package, name):
    before = code_digest("acme_lab.work")
    touch(package / name, "y = 2\n")
    assert code_digest("acme_lab.work") == before


def test_imports_of_glassbook_are_followed_without_importing_anything(package, monkeypatch):
    followed = []
    read = sources._read
    monkeypatch.setattr(sources, "_read", lambda path, name, *at: followed.append(name) or read(path, name, *at))
    code_digest("acme_lab.work")
    assert {"acme_lab.work", "acme_lab.near", "acme_lab.deep.far", "glassbook.measure"} <= set(followed)
    assert any(name.startswith("glassbook.measure.") for name in followed)
    assert not any(name.startswith(("glassbook.notebook", "json")) for name in followed)
    assert "acme_lab" not in sys.modules


def test_the_source_is_read_again_only_when_it_has_changed(package):
    code_digest("acme_lab.work")
    misses = sources._read.cache_info().misses
    code_digest("acme_lab.work")
    assert sources._read.cache_info().misses == misses


@pytest.mark.parametrize("name", ["", "nowhere.at.all", "../etc", "json.nothing", "sys"])
def test_a_module_without_source_has_no_digest(name):
    assert code_digest(name) is None


def test_a_module_that_cannot_be_parsed_still_has_a_digest(package):
    before = code_digest("acme_lab.work")
    touch(package / "work.py", "def (")
    assert code_digest("acme_lab.work") not in (None, before)


def test_a_run_is_stale_when_its_code_changes(nb: Notebook, package):
    with nb.start_run("acme", {"lr": 0.1}, seed=3, module="acme_lab.work") as run:
        run.result(x=1)
    record = nb.run(run.id)
    assert record.code["module"] == "acme_lab.work"
    assert stale(record) == []
    assert freshness.freshness(record) == "fresh"
    now = Now()
    assert stale(record, now) == []
    touch(package / "near.py", "x = 2\n")
    assert stale(record) == ["the experiment's code has changed"]
    assert freshness.freshness(record) == "stale"
    assert stale(record, now) == []  # one moment is one look


def test_runs_that_do_not_say_what_they_depend_on_are_unknown(nb: Notebook, package):
    with nb.start_run("by hand") as run:
        pass
    record = nb.run(run.id)
    assert "digest" not in record.code
    assert (stale(record), freshness.freshness(record)) == ([], "unknown")
    with nb.start_run("acme", module="acme_lab.work") as run:
        pass
    record = nb.run(run.id)
    (package / "work.py").unlink()
    assert (stale(record), freshness.freshness(record)) == ([], "unknown")


def test_models_and_data_count(nb: Notebook, package, tmp_path):
    model, data = tmp_path / "model", tmp_path / "data.csv"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "config.json").write_text("{}")
    data.write_text("1,2\n")
    with nb.start_run("acme", module="acme_lab.work") as run:
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
    assert freshness.freshness(record) == "unknown"  # nobody said where "theirs" is
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
    with nb.start_run("acme", module="acme_lab.work") as run:
        run.uses("vector", "v", path=first.folder / "artifacts" / "v.bin")
        run.uses("model", "builtin", path=Path(freshness._HOME) / "__init__.py")
    record = nb.run(run.id)
    assert [used.path for used in record.uses] == [
        f"notebook:runs/{first.id}/artifacts/v.bin",
        "package:__init__.py",
    ]
    assert freshness.freshness(record) == "fresh"


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
    assert Used.read([*bad, good]) == (Used("a", "b", "c"),)


def test_one_key_for_all_that_a_result_depends_on(nb: Notebook, package):
    def made(seed=0, uses="d", **config):
        with nb.start_run("acme", config, seed=seed, module="acme_lab.work") as run:
            run.uses("model", "m", uses)
        return nb.run(run.id)

    first = made(lr=0.1, steps=(1, 2))
    assert key_of(first) == key_of(made(steps=[1, 2], lr=0.1))
    others = [made(lr=0.2, steps=[1, 2]), made(seed=1, lr=0.1, steps=[1, 2]), made(uses="e", lr=0.1, steps=[1, 2])]
    touch(package / "near.py", "x = 3\n")
    others.append(made(lr=0.1, steps=[1, 2]))
    assert len({key_of(record) for record in [first, *others]}) == 5


def test_a_request_has_a_key_before_it_has_run(package):
    asked = request_key("acme", "acme_lab.work", {"lr": 0.1, "n": (1,)}, 0)
    assert asked == request_key("acme", "acme_lab.work", json.loads('{"n": [1], "lr": 0.1}'), 0)
    assert asked != request_key("acme", "acme_lab.work", {"lr": 0.1, "n": (1,)}, 1)
    touch(package / "near.py", "x = 4\n")
    assert asked != request_key("acme", "acme_lab.work", {"lr": 0.1, "n": (1,)}, 0)


def test_a_request_is_answered_by_a_run_that_is_not_stale(nb: Notebook, package, tmp_path):
    def asked(seed=0):
        return request_key("acme", "acme_lab.work", {"n": (1, 2)}, seed)

    def answer(seed=0):
        return freshness.answer_to(asked(seed), nb.runs("acme"))

    model = tmp_path / "model.safetensors"
    model.write_bytes(b"w")
    assert answer() is None
    with nb.start_run("acme", {"n": (1, 2)}, module="acme_lab.work") as run:
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

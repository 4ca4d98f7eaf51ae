"""Killed at every step, with a full disk at every step: the old or the new, never half, nothing acknowledged lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import crashing
import pytest
from crashing import NEW, POINTS

from glassbook.notebook import Notebook, Page

OLD = "# Fox\n\nold words\n"
ERRORS = {"ENOSPC": "No space left on device", "EROFS": "Read-only file system"}


@pytest.fixture
def base(tmp_path) -> Path:
    """A notebook with one page and one run that was cut off in the middle of a line."""
    nb = Notebook.create(tmp_path / "base")
    nb.write(Page.new("Fox", OLD))
    run = nb.start_run("toy", {"lr": 0.1}, 0)
    run.log(0, loss=3.0)
    run._end("interrupted")
    with open(run.folder / "events.jsonl", "a") as log:
        log.write('{"event":"metric","time":1.0,"step":1,"met')
    nb.close()
    return tmp_path / "base"


def tried(base: Path, operation: str, how: str) -> list[tuple[Notebook, list[str]]]:
    """The notebooks that were left, each with what had been acknowledged; the last operation came through."""
    where = base.parent / f"{operation}-{how}"
    where.mkdir()
    script = Path(crashing.__file__)
    done = subprocess.run(
        [sys.executable, str(script), operation, how, str(base), str(where)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = []
    for n in range(1, len(list(where.glob("*.said"))) + 1):
        said = (where / f"{n}.said").read_text().splitlines()
        assert not any(line.startswith("bug") for line in said), "\n".join(said)
        found.append((Notebook(where / str(n)), said))
    assert len(found) > 3, "the hook was never reached"
    return found


def spare(nb: Notebook) -> list[str]:
    """What was left half-made under pages/ and runs/."""
    return [str(p) for name in ("pages", "runs") for p in (nb.folder / name).rglob(".*")]


def check_no_bad_line(said: list[str], how: str) -> None:
    """What a full disk is told as: one line that says what and why."""
    (line,) = [line for line in said if line.startswith("error")] or [""]
    if line:
        assert ERRORS[how] in line
        assert str(said.index(line)) == str(len(said) - 1)


@pytest.mark.parametrize("how", ["kill", "half", *ERRORS])
@pytest.mark.parametrize("operation", ["save", "create"])
def test_a_page_is_the_old_or_the_new(base, operation, how):
    ident, before = ("fox", OLD) if operation == "save" else ("lynx", None)
    seen = set()
    for nb, said in tried(base, operation, how):
        known = {row.id for row in nb.index.page_rows()}
        assert known in ({"fox"}, {"fox", ident})
        now = nb.page(ident).body.lstrip("\n") if ident in known else None
        assert now in (before, NEW)
        assert "saved" not in said or now == NEW
        assert operation == "save" or nb.page("fox").body.lstrip("\n") == OLD
        assert nb.index.problems() == []
        if how in ERRORS:
            check_no_bad_line(said, how)
            assert spare(nb) == []
        seen.add(now)
        nb.close()
    assert seen == {before, NEW}


@pytest.mark.parametrize("how", ["kill", "half", *ERRORS])
@pytest.mark.parametrize("operation", ["work", "go_on"])
def test_of_a_run_nothing_acknowledged_is_lost(base, operation, how):
    states = set()
    earlier = {run.id for run in Notebook(base).runs()}
    for nb, said in tried(base, operation, how):
        runs = [run for run in nb.runs() if operation == "go_on" or run.id not in earlier]
        assert len(runs) <= 1
        assert runs or not any(line.startswith("point") for line in said)
        for run in runs:
            steps, values = run.metrics("loss")
            acknowledged = [int(line.split()[1]) for line in said if line.startswith("point")]
            assert set(acknowledged) <= set(steps)
            assert all(
                value == (3.0 if step == 0 and operation == "go_on" else 1 / (step + 1))
                for step, value in zip(steps, values, strict=True)
            )
            assert len(steps) <= POINTS + 1
            assert run.charts in ([], ["curve"])
            for name in run.charts:
                assert run.chart(name) == {"mark": "line"}
            assert "chart" not in said or run.charts == ["curve"]
            assert "result" not in said or run.results == {"loss": 0.5}
            assert run.status in ("finished", "interrupted") if how not in ERRORS else run.status != "running"
            assert "finished" not in said or run.status == "finished"
            states.add(run.status)
            if run.status != "finished" and how not in ERRORS:
                with nb.resume_run(run.id) as again:
                    again.log(1000, loss=9.0)
                assert set(acknowledged) <= set(nb.run(run.id).metrics("loss")[0])
        if how in ERRORS:
            check_no_bad_line(said, how)
            assert [p for p in spare(nb) if p.endswith(".tmp")] == []
        nb.close()
    assert "finished" in states
    assert len(states) > 1


@pytest.mark.parametrize("how", ERRORS)
def test_the_editor_is_told_and_the_page_stays(base, how, monkeypatch):
    from starlette.testclient import TestClient

    from glassbook.web.app import create_app

    nb = Notebook(base)
    client = TestClient(create_app(nb, work=False), base_url="http://127.0.0.1")
    page = client.get("/api/v1/pages/fox").json()
    file = base / page["path"]
    before, real = file.read_bytes(), os.open
    text = before.decode().replace("old words", "new words")

    def refuse(path, flags, *args, **kwargs):
        if flags & os.O_CREAT and str(path).startswith(str(base / "pages")):
            raise OSError(getattr(errno, how), ERRORS[how])
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    for answer in (
        client.put("/api/v1/pages/fox", json={"text": text, "base": page["sha"]}),
        client.post("/api/v1/pages", json={"text": "# Lynx\n", "title": "Lynx"}),
    ):
        assert 400 <= answer.status_code < 600
        assert ERRORS[how] in answer.json()["error"]
        assert "\n" not in answer.json()["error"]
    assert file.read_bytes() == before
    assert spare(nb) == []
    monkeypatch.undo()
    assert client.put("/api/v1/pages/fox", json={"text": text, "base": page["sha"]}).status_code == 200
    assert file.read_text() == text
    nb.close()

"""A run that cannot be read, or holds what no run of ours would, is shown as bad, and everything else works."""

import json
import os
import shutil
from typing import Any

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.runs.run import Run

HUGE = b"1" + b"0" * 400


def finished(nb: Notebook, experiment: str = "odd") -> Run:
    with nb.start_run(experiment, {"lr": 1}) as run:
        run.log(loss=1.0)
    return run


def answers(nb: Notebook) -> dict[str, Any]:
    """What the notebook says when it is asked for everything; raises where one bad run spoils the rest."""
    records = nb.runs()
    nb.index.problems()
    nb.index.complete("o")
    nb.index.latest([record.id for record in records])
    for order in ("seed", "started", "config.n", "results.a"):
        nb.index.run_table(order=order)
    assert {hit.id for hit in nb.index.search("good")} >= {record.id for record in nb.runs("good")} != set()
    return {record.id: record for record in records}


@pytest.fixture
def book(nb: Notebook) -> Notebook:
    finished(nb, "good")
    return nb


NESTED: Any = 1
for _ in range(300):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 2**127},
        {"seed": -(2**63) - 1},
        {"seed": 10**4000},
        {"seed": float("inf")},
        {"seed": True, "config": [1]},
        {"config": {"n": 10**400, "deep": [10**400, float("nan")]}},
        {"config": {"\ud800": "\ud800"}, "experiment": "e\ud800"},
        {"experiment": 5, "code": 5, "environment": "x", "sabotage": []},
        {"created": "9999-12-31T23:59:59+00:00"},
        {"created": "0001-01-01T00:00:00+00:00"},
        {"claims": [None, 1, {"text": 5}, {"a": []}]},
        {"claims": [{"id": "a", "sentence": 5, "metric": "m", "comparison": ">=", "bound": 1}]},
        {"claims": [{"id": "a", "sentence": "s", "metric": "m", "comparison": ">=", "bound": 10**300}]},
        {"claims": [{"id": "a", "sentence": "s", "metric": "m", "comparison": [], "bound": 1}]},
        {"claims": [{"id": "a", "sentence": "s", "metric": "m", "comparison": "<", "bound": 1, "sabotages": [5]}]},
    ],
    ids=lambda changed: json.dumps(changed)[:60],
)
def test_a_header_that_no_run_of_ours_has(book: Notebook, changed: dict[str, Any]):
    path = finished(book).folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    record = answers(book)[path.parent.name]
    assert 1900 < record.started.year < 3000
    if isinstance(changed.get("seed"), int) and abs(changed["seed"]) < 10**300:
        assert record.seed == changed["seed"]


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"seed": 1', json.dumps({"config": NESTED}).encode()])
def test_a_header_that_cannot_be_read_is_a_problem(book: Notebook, data: bytes):
    path = finished(book).folder / "run.json"
    path.write_bytes(data)
    assert path.parent.name not in answers(book)
    (problem,) = book.index.problems()
    assert str(path) in problem


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":"result","time":1,"metrics":{"a":' + HUGE + b"}}",
        b'{"event":"metric","time":1,"step":' + HUGE + b',"metrics":{"a":' + HUGE + b"}}",
        b'{"event":"metric","time":1,"step":9223372036854775808,"metrics":{"a":1}}',
        b'{"event":"note","time":' + HUGE * 13 + b',"text":"x"}',
        b'{"event":"end","time":1e300,"state":"finished"}',
        b'{"event":"result","time":1,"metrics":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"event":"result","time":1,"metrics":{"\\ud800":1}}',
        b'{"event":"metric","time":1,"step":1,"metrics":{"a\xfd":1,"\\x":2}}',
        b'{"event":"start","pid":1e999,"time":{},"host":5,"machine":"","boot":"","space":"","born":""}',
        b'{"event":"heartbeat","time":1,"progress":{"done":"x","total":[],"rate":{}}}',
        b'{"event":"uses","kind":"m","name":"n","digest":"d","path":"a\\u0000b","size":1}',
        b"\0\0\0\xff",
    ],
    ids=lambda line: line[:50],
)
def test_a_line_that_no_run_of_ours_writes(book: Notebook, line: bytes):
    run = finished(book)
    with open(run.folder / "events.jsonl", "ab") as log:
        log.write(line + b"\n")
    assert answers(book)[run.id].metrics("loss") == ([0], [1.0])
    assert book.index.latest([run.id])[run.id]["loss"] == (0, 1.0)


def test_a_fault_that_nobody_thought_of_is_a_problem_of_that_run(book: Notebook, monkeypatch):
    from glassbook.notebook.index import run_rows

    real, run = run_rows.read_record, finished(book)

    def read(folder, header, summary, annotations):
        if header and folder == run.folder:
            raise TypeError("nobody thought of this")
        return real(folder, header, summary, annotations)

    monkeypatch.setattr(run_rows, "read_record", read)
    assert run.id not in answers(book)
    assert "nobody thought of this" in book.index.problems()[0]


def test_pipes_and_links_in_a_run_are_passed_over(book: Notebook, tmp_path):
    (tmp_path / "secret.vl.json").write_text("{}")
    (tmp_path / "secret.json").write_text('[{"a": "secret"}]')
    run = finished(book)
    run.folder.joinpath("tables").mkdir()
    os.mkfifo(run.folder / "tables" / "pipe.json")
    (run.folder / "tables" / "out.json").symlink_to(tmp_path / "secret.json")
    (run.folder / "tables" / "in.json").symlink_to(run.folder / "run.json")
    (book.folder / "runs" / "20200101-000000-000000-abcd").symlink_to(tmp_path)
    record = answers(book)[run.id]
    (run.folder / "charts").symlink_to(tmp_path)
    (run.folder / "artifacts").mkdir()
    (run.folder / "artifacts" / "weights").symlink_to(tmp_path)  # on a larger disk
    os.mkfifo(run.folder / "artifacts" / "pipe")
    assert (record.tables, record.charts, record.artifacts) == (["in"], [], ["weights"])
    with pytest.raises(GlassbookError, match="no table 'out'"):
        record.table("out")
    other = finished(book)
    (other.folder / "run.json").unlink()
    os.mkfifo(other.folder / "run.json")
    assert other.id not in answers(book)


def test_values_of_many_metrics_are_found_in_the_time_of_reading_them(nb: Notebook):
    with nb.start_run("many") as run:
        for step in range(2):
            run.log(step, **{f"layer.{n}.norm": float(n + step) for n in range(3000)})
    latest = nb.index.latest([run.id])[run.id]
    assert len(latest) == 3000
    assert latest["layer.7.norm"] == (1, 8.0)


def test_what_is_recorded_under_names_that_are_not_unicode(nb: Notebook):
    name = os.fsdecode(b"/data/\xff")
    with nb.start_run("bytes", {"data": name, "n": 10**400}) as run:
        run.log(**{name: 1.0})
        run.result(**{name: 2.0})
        run.note(name)
        run.table("t", [{name: name}])
    shutil.rmtree(nb.folder / ".glassbook")
    record = nb.run(run.id)
    assert (record.config, record.results) == ({"data": name, "n": str(10**400)}, {name: 2.0})
    assert (record.metrics(name), record.notes, record.table("t")) == (([0], [1.0]), (name,), [{name: name}])
    assert [found.id for found in nb.runs("bytes", {"data": name, "n": 10**400})] == [run.id]

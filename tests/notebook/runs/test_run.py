from __future__ import annotations

import gc
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.notebook import Claim, Notebook
from glassbook.notebook.process import Process
from glassbook.notebook.runs import run as runs_module
from glassbook.notebook.runs.events import EventLog, Summary, read_metrics, summarise
from glassbook.notebook.runs.progress import Progress
from glassbook.notebook.runs.record import STALE

CLAIM = Claim("loss-is-small", "The loss is small", "loss", "<=", 0.5, control="chance >= 1")


def child(nb: Notebook, work: str) -> subprocess.Popen[str]:
    """A process that runs `work` with `nb` at hand."""
    head = f"import os, signal, sys\nfrom glassbook.notebook import Notebook\nnb = Notebook({str(nb.folder)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(work)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def events_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_run_keeps_everything(nb: Notebook) -> None:
    with nb.start_run("exp", config={"width": (1, 2), "path": Path("a/b")}, seed=7, claims=[CLAIM]) as run:
        assert (run.config, run.seed, run.resumed) == ({"width": [1, 2], "path": "a/b"}, 7, False)
        header = json.loads((run.folder / "run.json").read_text())
        for step, loss in enumerate([1.5, math.nan, math.inf, -math.inf]):
            run.log(step, loss=loss, rate=1)
        run.log(loss=2)
        run.note("so far\nso good")
        run.result(loss=0.25, bad=math.nan)
        run.result(chance=1)
        run.chart("curve", {"data": [math.nan, 1]}, svg="<svg/>")
        run.table("rows", [{"a": 1, "b": math.inf}])
        run.image("frame", b"\x89PNG\r\n\x1a\nrest")
        (run.artifact("weights.safetensors")).write_bytes(b"x")
    record = nb.run(run.id)
    assert (record.experiment, record.seed, record.status, record.claims) == ("exp", 7, "finished", (CLAIM,))
    steps, values = record.metrics("loss")
    assert steps == [0, 1, 2, 3, 4]
    assert str(values) == "[1.5, nan, inf, -inf, 2.0]"
    assert record.metric_names() == ["loss", "rate"]
    assert str(record.results) == "{'loss': 0.25, 'bad': nan, 'chance': 1.0}"
    assert record.chart("curve") == {"data": [None, 1]}
    assert record.svg("curve") is not None
    assert record.table("rows") == [{"a": 1, "b": "Infinity"}]
    assert (record.charts, record.tables, record.images) == (["curve"], ["rows"], ["frame"])
    assert record.artifact("weights.safetensors").read_bytes() == b"x"
    assert record.notes == ("so far\nso good",)
    assert record.ended is not None
    assert record.started <= record.ended
    assert {"version", "commit", "dirty", "source"} == header["code"].keys()
    assert header["environment"]["packages"].keys() >= {"torch", "numpy"}
    assert "NaN" not in (run.folder / "charts" / "curve.vl.json").read_text()
    with pytest.raises(GlassbookError, match="has ended"):
        run.log(9, loss=1)
    with pytest.raises(GlassbookError, match="has no chart 'other'; it has curve"):
        record.chart("other")


def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(nb: Notebook) -> None:
    for arguments in ({"config": {"f": object()}}, {"config": {"f": {1, 2}}}, {"seed": 1.5}, {"experiment": ""}):
        with pytest.raises(GlassbookError):
            nb.start_run(**{"experiment": "e", **arguments})
    assert list((nb.folder / "runs").iterdir()) == []
    with nb.start_run("e") as run:
        for bad in (
            lambda: run.log(0, loss="high"),
            lambda: run.log(0.5, loss=1),  # pyright: ignore[reportArgumentType]
            lambda: run.result(loss=None),  # pyright: ignore[reportArgumentType]
            lambda: run.chart("../x", {}),
            lambda: run.table("a", [{"x": object()}]),
            lambda: run.image("a", b"GIF"),
            lambda: run.artifact(".hidden"),
        ):
            with pytest.raises(GlassbookError):
                bad()
    assert [e["event"] for e in events_of(run.folder)] == ["start", "end"]


def test_how_a_run_ends_is_what_the_record_says(nb: Notebook) -> None:
    with pytest.raises(ValueError, match="boom"), nb.start_run("e") as failed:
        raise ValueError("boom\nbang")
    with pytest.raises(KeyboardInterrupt), nb.start_run("e") as stopped:
        raise KeyboardInterrupt
    with pytest.raises(SystemExit), nb.start_run("e") as left:
        sys.exit(0)
    dropped = nb.start_run("e")
    assert nb.run(dropped.id).status == "running"
    name = dropped.id
    del dropped
    gc.collect()
    assert [nb.run(r).status for r in (failed.id, stopped.id, left.id, name)] == ["failed", *["interrupted"] * 3]
    assert nb.run(failed.id).error == "ValueError: boom bang"


@pytest.mark.parametrize("leave", ["sys.exit()", "del run", "raise RuntimeError", "os.kill(os.getpid(), 15)"])
def test_a_process_that_ends_leaves_no_run_running(nb: Notebook, leave: str) -> None:
    process = child(nb, f"run = nb.start_run('e')\n{leave}")
    process.communicate(timeout=20)
    assert nb.runs()[0].status == "interrupted"


def test_a_kill_loses_no_acknowledged_point_and_the_run_goes_on(nb: Notebook) -> None:
    process = child(
        nb,
        """
        run = nb.start_run("e", config={"a": 1}, seed=3)
        for step in range(10**9):
            run.log(step, loss=step / 2)
            os.write(1, b"%d\\n" % step)
        """,
    )
    assert process.stdout is not None
    for _ in range(3000):
        process.stdout.readline()
    assert nb.runs()[0].status == "running"
    with pytest.raises(GlassbookError, match="still running"):
        nb.resume_run(nb.runs()[0].id)
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read().split("\n")
    last = int(said[-2]) if len(said) > 1 else 2999
    # It has ended, but nobody has waited for it: a zombie is dead as well.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    (record,) = nb.runs()
    assert record.status == "interrupted"
    process.communicate()
    steps, values = record.metrics("loss")
    assert steps[: last + 1] == list(range(last + 1))
    assert values[last] == last / 2

    with nb.resume_run(record.id[:20]) as run:
        assert (run.id, run.resumed, run.seed, run.config) == (record.id, True, 3, {"a": 1})
        run.log(loss=-2.0)
        run.log(5, loss=-1.0)
    record = nb.run(run.id)
    assert (record.status, record.resumed) == ("finished", 1)
    steps, values = record.metrics("loss")
    assert steps == sorted(set(steps))
    assert (values[5], values[-1]) == (-1.0, -2.0)
    with pytest.raises(GlassbookError, match="has finished"):
        nb.resume_run(run.id)


@pytest.mark.parametrize("tail", ['{"event":"metric","time":1,"st', '{"event":"note","text":"whole"}', "\x00\x00", ""])
def test_a_torn_last_line_is_passed_over_and_mended(nb: Notebook, tail: str) -> None:
    run = nb.start_run("e")
    run.log(0, loss=1.0)
    with pytest.raises(KeyboardInterrupt), run:
        raise KeyboardInterrupt
    log = run.folder / "events.jsonl"
    whole = log.read_text()
    log.write_text(whole + tail)
    assert nb.run(run.id).metrics("loss") == ([0], [1.0])
    with nb.resume_run(run.id) as again:
        again.log(1, loss=2.0)
    text = log.read_text()
    assert text.startswith(whole + (tail + "\n" if "whole" in tail else "") + '{"event": "start"')
    record = nb.run(run.id)
    assert record.metrics("loss") == ([0, 1], [1.0, 2.0])
    assert record.notes == (("whole",) if "whole" in tail else ())


def test_a_full_disk_is_one_line_and_spoils_no_other_line(tmp_path: Path, monkeypatch) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.event("note", text="one")
    real, calls = os.write, []

    def full(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return real(descriptor, bytes(data)[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(GlassbookError, match="No space left on device"):
        log.event("note", text="two")
    monkeypatch.undo()
    log.event("note", text="three")
    log.close()
    summary = summarise(log.path)
    assert (summary.notes, summary.torn) == (["one", "three"], 1)


def start_event(nb: Notebook, **changes: object) -> None:
    """A run that some process began: this one, but for `changes`."""
    with pytest.raises(KeyboardInterrupt), nb.start_run("e") as run:
        raise KeyboardInterrupt
    start = {**events_of(run.folder)[0], **changes}
    (run.folder / "events.jsonl").write_text(json.dumps(start) + "\n")


@pytest.mark.parametrize(
    ("changes", "old", "status"),
    [
        ({}, False, "running"),
        ({}, True, "running"),  # a live process on this machine is alive, however silent
        ({"pid": 2**22 + 1}, False, "interrupted"),
        ({"born": "12345"}, False, "interrupted"),  # the number was given to another process
        ({"boot": "another"}, False, "interrupted"),
        ({"space": "another"}, False, "running"),  # a container: only the age tells
        ({"host": "elsewhere"}, False, "running"),
        ({"host": "elsewhere"}, True, "interrupted"),
        ({"pid": "nonsense"}, False, "running"),
        ({"time": 9e9, "host": "elsewhere"}, True, "interrupted"),  # a clock in the future proves nothing
    ],
)
def test_a_run_whose_process_is_gone_is_interrupted(nb: Notebook, changes: dict, old: bool, status: str) -> None:
    if changes.get("boot") and not Process.current().machine:
        pytest.skip("this machine has no identity, so another boot cannot be told from another machine")
    start_event(nb, **({"time": time.time() - 2 * STALE} if old else {}) | changes)
    (record,) = nb.runs()
    if old:
        past = time.time() - 2 * STALE
        os.utime(record.folder / "events.jsonl", (past, past))
    assert nb.runs()[0].status == status


def test_files_of_another_time_are_readable(nb: Notebook) -> None:
    for n, (header, log) in enumerate(
        [
            ('{"experiment": "old"}', ""),
            (
                '{"experiment": 3, "seed": "x", "config": [], "claims": [1, {"sentence": "?"}], "created": "?"}',
                "[]\n7\n",
            ),
            (
                '{"experiment": "new", "created": "2030-01-01T00:00:00Z", "more": 1}',
                '{"event": "metric", "step": 1, "metrics": {"a": NaN, "b": "x", "c": 2}}\n{"event":"unknown"}\n'
                '{"event": "result", "metrics": {"a": "Infinity", "b": []}}\n\xff\n'
                '{"event":"end","time":1e300,"state":"odd"}\n',
            ),
            ("not json", ""),
        ]
    ):
        folder = nb.folder / "runs" / f"run{n}"
        folder.mkdir()
        (folder / "run.json").write_text(header)
        (folder / "events.jsonl").write_bytes(log.encode("latin-1"))
    (nb.folder / "runs" / "empty").mkdir()
    records = nb.runs()
    assert {r.id for r in records} == {"run0", "run1", "run2"}
    new = records[0]
    assert (new.id, new.results, new.status) == ("run2", {"a": math.inf}, "interrupted")
    assert str(new.metrics("a")) == "([1], [nan])"
    assert new.metrics("c") == ([1], [2.0])
    problems = nb.index.problems()
    assert len(problems) == 2
    assert "run3" in problems[1]


LINES = st.sampled_from(
    [
        b'{"event":"start","time":1}\n',
        b'{"event":"note","text":"a"}\n',
        b'{"event":"result","metrics":{"a":1}}\n',
        b'{"event":"metric","step":1,"metrics":{"a":1}}\n',
        b'{"event":"end","state":"finished"}\n',
        b'{"torn',
        b"\n",
    ]
)


@given(st.lists(st.lists(LINES, max_size=4), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_summary_that_goes_on_equals_one_made_anew(tmp_path: Path, pieces: list[list[bytes]]) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"")
    known: Summary | None = None
    for piece in pieces:
        with open(path, "ab") as file:
            file.write(b"".join(piece))
        known = Summary.from_data(json.loads(json.dumps(asdict(summarise(path, known)))))
    assert known is None or known == summarise(path)


def test_a_log_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"event":"note","text":"one"}\n')
    known = summarise(path)
    path.write_text('{"event":"note","text":"two"}\n{"event":"note","text":"three"}\n')
    assert summarise(path, known).notes == ["two", "three"]
    assert read_metrics(tmp_path / "none", "a") == ([], [])


@given(
    value=st.floats(),
    name=st.text(min_size=1).filter(lambda s: s not in ("step", "self")),
    step=st.integers(-(2**63), 2**63 - 1),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_every_number_comes_back_as_it_was(value: float, name: str, step: int, runs_folder: Path) -> None:
    run = runs_module.start(runs_folder, "e", {}, 0, [], "", "")
    try:
        name.encode()
        run.log(step, **{name: value})
    finally:
        run.finish()
    ((back_step,), (back,)) = run.metrics(name)
    assert back_step == step
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 10**400])
def test_a_step_beyond_64_bits_is_refused(nb: Notebook, step: int) -> None:
    with nb.start_run("toy") as run:
        with pytest.raises(GlassbookError, match="more than 64 bits"):
            run.log(step, loss=1.0)
        run.log(3, loss=2.0)
    assert run.metrics("loss") == ([3], [2.0])


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return tmp_path


def test_runs_are_found_by_beginning_experiment_and_settings(nb: Notebook) -> None:
    for config in ({"a": 1, "b": (1, 2)}, {"a": 2}):
        nb.start_run("one", config=config).finish()
    nb.start_run("two").finish()
    assert [r.experiment for r in nb.runs()] == ["two", "one", "one"]
    assert [r.config for r in nb.runs("one", config={"b": [1, 2], "a": 1.0})] == [{"a": 1, "b": [1, 2]}]
    newest = nb.runs()[0].id
    assert nb.run(newest[:-2]).id == newest
    with pytest.raises(GlassbookError, match="several runs begin with"):
        nb.run(newest[:8])
    with pytest.raises(GlassbookError, match="did you mean"):
        nb.run("x" + newest)
    assert sorted(r.id for r in nb.runs()) == [r.id for r in reversed(nb.runs())]


def test_progress_speaks_now_and_then_and_tells_the_log(nb: Notebook, capsys, monkeypatch) -> None:
    monkeypatch.setattr("glassbook.notebook.runs.progress.LINE", 0.0)
    with nb.start_run("e") as run, run.progress(3, "training") as progress:
        for _ in range(3):
            progress.advance(loss=0.5)
    assert "training: 3/3 step" in capsys.readouterr().err
    assert nb.run(run.id).progress == {"label": "training", "done": 3, "total": 3, "unit": "step"}
    assert [e["event"] for e in events_of(run.folder)].count("heartbeat") == 2


def test_progress_without_a_terminal_is_told_every_second_and_printed_every_half_minute(nb, capsys, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("glassbook.notebook.runs.progress.time.monotonic", lambda: clock[0])
    told = []
    with Progress(4000, "training", "step", 0, lambda data, edge: told.append((clock[0], data["done"], edge))) as p:
        for _ in range(4000):
            clock[0] += 0.01
            p.advance()
    inner = [(round(when - 1000), done) for when, done, edge in told if not edge]
    assert 37 <= len(inner) <= 41
    assert inner[0][0] <= 2
    assert inner[0][1] > 0
    assert capsys.readouterr().err.count("training:") == 2  # after 30 s, and at the end


def test_the_time_left_is_never_negative(capsys, monkeypatch):
    monkeypatch.setattr("glassbook.notebook.runs.progress.LINE", 0.0)
    clock = [1000.0]
    monkeypatch.setattr("glassbook.notebook.runs.progress.time.monotonic", lambda: clock[0])
    with Progress(3, "training", "step") as progress:
        for _ in range(9):
            clock[0] += 1
            progress.advance()
    said = capsys.readouterr().err
    assert "9/3 step, 1 step/s, 0:00:00 left" in said
    assert "-" not in said


def test_progress_is_on_disk_soon_and_long_work_does_not_fill_the_log(nb, monkeypatch):
    def written(total: int) -> int:
        clock = [1000.0]
        monkeypatch.setattr("glassbook.notebook.runs.progress.time.monotonic", lambda: clock[0])
        with nb.start_run("e") as run, run.progress(total, "training") as progress:
            for _ in range(1000):
                clock[0] += 0.1
                progress.advance()
            assert nb.run(run.id).progress["done"] > 900
        return [e["event"] for e in events_of(run.folder)].count("heartbeat")

    assert 80 <= written(1000) <= 110  # 100 s, each of which moves a bar by 1 %
    assert written(10**6) <= 25


def test_a_bar_on_a_terminal(nb: Notebook, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("glassbook.notebook.runs.progress.REDRAW", 0.0)
    with nb.start_run("e") as run, run.progress(None, "reading", unit="file") as progress:
        progress.advance(2, loss=0.25)
    assert "reading" in capsys.readouterr().err


def test_a_silent_run_gives_signs_of_life(nb: Notebook, monkeypatch) -> None:
    monkeypatch.setattr(runs_module, "BEAT", 0.03)
    with nb.start_run("e") as run:
        deadline = time.time() + 5
        while time.time() < deadline and len(events_of(run.folder)) < 3:
            time.sleep(0.02)
    assert [e["event"] for e in events_of(run.folder)][:3] == ["start", "heartbeat", "heartbeat"]


def test_several_threads_write_whole_lines(nb: Notebook) -> None:
    import threading

    with nb.start_run("e") as run:
        threads = [
            threading.Thread(target=lambda n=n: [run.log(i, **{f"m{n}": i}) for i in range(300)]) for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(len(nb.run(run.id).metrics(f"m{n}")[0]) == 300 for n in range(4))
    assert len(events_of(run.folder)) == 1202


def test_starting_the_notebook_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "rich", "markdown_it")
    code = f"import sys, glassbook.notebook; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "record",
    [
        lambda run: run.log(loss=2.0),
        lambda run: run.note("more"),
        lambda run: run.result(loss=2.0),
        lambda run: run.table("t", [{"a": 1}]),
        lambda run: run.chart("c", {"mark": "line"}),
        lambda run: run.artifact("weights"),
        lambda run: run.finish(),
    ],
)
def test_the_writer_of_a_run_that_was_deleted_is_told_and_makes_nothing_of_it_again(nb: Notebook, record):
    run = nb.start_run("gone")
    run.log(loss=1.0)
    shutil.rmtree(run.folder)
    with pytest.raises(GlassbookError):
        record(run)
    assert not run.folder.exists()
    assert nb.runs() == []


def test_the_writer_of_a_run_that_was_moved_makes_no_second_folder(nb: Notebook, tmp_path: Path):
    run = nb.start_run("moved")
    run.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(GlassbookError, match="deleted or moved"):
        run.table("t", [{"a": 1}])
    assert not run.folder.exists()


def test_nothing_is_written_beside_a_run_that_has_ended(nb: Notebook):
    with nb.start_run("over") as run:
        pass
    with pytest.raises(GlassbookError, match="has ended"):
        run.table("late", [])
    assert nb.run(run.id).tables == []

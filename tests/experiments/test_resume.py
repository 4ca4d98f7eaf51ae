"""Every experiment, killed with SIGKILL at a random moment of its quick run, resumes to the same numbers."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from quick_runs import fits, newest, run

from glassbook.experiments.base import _own
from glassbook.notebook import Notebook, RunRecord

NAMES = sorted(_own())


def unbroken(folder: Path, name: str) -> tuple[RunRecord, float]:
    notebook = Notebook.create(folder / "whole").folder
    seconds = run(notebook, name).wall
    record = newest(notebook)
    assert record is not None
    return record, seconds


def killed_and_resumed(folder: Path, name: str, seconds: float) -> RunRecord:
    """Kill a run within the time that a whole one takes.

    How fast a run is changes from moment to moment on a busy machine: one that has not begun is started again and
    killed later, one that has finished is started again and killed earlier.
    """
    notebook, chance = Notebook.create(folder / "killed").folder, random.Random(name)
    low, high, seen = 0.0, seconds, None
    for _ in range(16):
        moment = chance.uniform(low + 0.2 * (high - low), low + 0.9 * (high - low))
        run(notebook, name, kill_after=moment)
        record = newest(notebook)
        if record is None or record.id == seen:
            low, high = moment, max(high, 1.5 * moment)
        elif record.status == "interrupted":
            run(notebook, name, resume=record.id)
            return Notebook(notebook).run(record.id)
        else:
            low, high, seen = min(low, moment / 2), moment, record.id
    raise AssertionError(f"{name} could not be killed between its beginning and its end")


def check(folder: Path, name: str) -> None:
    whole, seconds = unbroken(folder, name)
    resumed = killed_and_resumed(folder, name, seconds)
    assert whole.status == resumed.status == "finished", name
    assert {k: repr(v) for k, v in resumed.results.items()} == {k: repr(v) for k, v in whole.results.items()}, name
    assert resumed.charts == whole.charts, name
    for scratch in ("checkpoints", "activations"):
        assert not (resumed.folder / scratch).exists(), name


@pytest.mark.skipif(not all(map(fits, NAMES)), reason="needs the real data: set GLASSBOOK_DATA to its folder")
def test_every_experiment_resumes_after_a_kill_to_the_numbers_of_an_unbroken_run(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(check, tmp_path / name, name) for name in NAMES}
    problems = {name: job.exception() for name, job in running.items() if job.exception() is not None}
    assert problems == {}

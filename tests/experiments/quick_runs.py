"""Quick runs of experiments in processes of their own, which can be killed and resumed."""

import contextlib
import io
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from glassbook.experiments.base import find, launch
from glassbook.notebook import Notebook, RunRecord

HEAVY = ["glassbook.features", "glassbook.circuits", "glassbook.steer", "glassbook.train", "scipy.stats", "altair"]
LONGEST = 300
"""Seconds after which a run is taken for stuck, on a busy machine."""


def processes():
    """A context whose processes begin with everything heavy imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*HEAVY, "torch._dynamo", "quick_runs"])
    return context


class Seconds(NamedTuple):
    wall: float
    processor: float
    """What another test on the same machine doesn't change much; 0 of a run that was killed."""


def work(folder: Path, name: str, seed: int, resume: str | None, processor: Any) -> None:
    """The body of a process."""
    import torch

    torch.set_num_threads(1)
    with contextlib.redirect_stderr(io.StringIO()):
        launch(find(name).quick(), Notebook(folder), seed=seed, resume=resume)
    processor.value = time.process_time()


def run(folder: Path, name: str, seed: int = 0, resume: str | None = None, kill_after: float | None = None) -> Seconds:
    """Make (or resume) a quick run, or kill it with SIGKILL after some seconds; returns the seconds that it took."""
    context = processes()
    processor = context.Value("d", 0.0)
    process = context.Process(target=work, args=(folder, name, seed, resume, processor))
    start = time.monotonic()
    process.start()
    process.join(LONGEST if kill_after is None else kill_after)
    if process.is_alive():
        assert kill_after is not None, f"{name} did not end within {LONGEST} seconds"
        process.kill()
    process.join()
    assert kill_after is not None or process.exitcode == 0, f"{name} ended with {process.exitcode}"
    return Seconds(time.monotonic() - start, processor.value)


def newest(folder: Path) -> RunRecord | None:
    """The newest run in a notebook."""
    return next(iter(Notebook(folder).runs()), None)


def fits(name: str) -> bool:
    """Whether the data that an experiment needs is at hand."""
    return not find(name).data or "GLASSBOOK_DATA" in os.environ

"""Runs being written: a folder that holds everything that one execution of an experiment leaves behind.

run.json        what, with which settings, by which code, where: on the disk before the work starts, then never changed
events.jsonl    what happened, appended line by line (see events.py)
charts/ images/ tables/ artifacts/
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import operator
import os
import re
import secrets
import shutil
import threading
import time
import traceback
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from glassbook.errors import GlassbookError
from glassbook.notebook.files import disk_errors, sync_folder, write_atomic
from glassbook.notebook.process import Process
from glassbook.notebook.runs import events
from glassbook.notebook.runs.claims import Claim
from glassbook.notebook.runs.compute import Spent
from glassbook.notebook.runs.events import EventLog
from glassbook.notebook.runs.freshness import Dependency, code_entry
from glassbook.notebook.runs.progress import Progress
from glassbook.notebook.runs.provenance import code_version, environment
from glassbook.notebook.runs.record import read_header, read_record
from glassbook.notebook.runs.rng import Rng
from glassbook.notebook.serialization import number_text, to_json

BEAT = 15.0
"""Seconds of silence after which a run writes a heartbeat, so that other machines see that it lives."""
PACE, STEP = 0.9, 0.005
"""Progress is written at most once in PACE seconds, if this share of the whole was done since the last time."""

BEGINNING = 3600.0
"""Seconds after which a run that has not begun never will; it takes milliseconds."""

JOB = "GLASSBOOK_JOB"
"""Environment variable by which a job's process knows which job it is; its runs record the number."""

_NAME = re.compile(r"\w[\w .+-]{0,99}")
_MAKING = re.compile(r"\.\d{8}-\d{6}-\d{6}-[0-9a-f]{4}")
"""Name of the folder of a run that has not begun."""
_PNG = b"\x89PNG\r\n\x1a\n"


class Run:
    """Work in progress; made by `Notebook.start_run` or `Notebook.resume_run`, used in a `with` block.

    Leaving the block ends the run: finished, failed (an exception) or interrupted (Ctrl-C, exit). A run that is
    never ended is recorded as interrupted when its process exits, and recognised as such when it was killed.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any], log: EventLog, *, resumed: bool) -> None:
        self.folder = folder
        self.id: str = folder.name
        self.experiment: str = header["experiment"]
        self.config: dict[str, Any] = dict(header["config"])
        self.seed: int = header["seed"]
        self.resumed = resumed
        """Whether the run goes on from an earlier, interrupted one."""
        self._log = log
        self._keys: dict[str, str] = {}
        self._step: int | None = None if resumed else -1
        self._progress: dict[str, Any] | None = None
        self._told, self._told_done = -math.inf, 0
        self._spent: dict[tuple[str, str], Spent] | None = None if resumed else {}
        self._quiet = threading.Event()
        self._abandoned = weakref.finalize(self, _abandon, log, self._quiet, os.getpid())
        threading.Thread(
            target=_keep_beating,
            args=(weakref.ref(self), self._quiet),
            name=f"heartbeat-{self.id}",
            daemon=True,
        ).start()

    # --- what happens -------------------------------------------------------------------------------------------

    def log(self, /, step: int | None = None, **metrics: float) -> None:
        """Record metrics at a step; on return they have left this process and survive its death.

        Args:
            step: position of the point, usually the optimiser's step, of 64 bits; None takes the one after the last.
            metrics: name -> number (anything that `float` takes); NaN and infinities are kept as such.

        Raises:
            GlassbookError: a value or the step is no such number, the run has ended, or the disk refused.
        """
        if step is None:
            step = self._last_step() + 1
        keys, parts = self._keys, []
        try:
            step = operator.index(step)
            if not -(2**63) <= step < 2**63:
                raise OverflowError("the step has more than 64 bits")
            for name, given in metrics.items():
                value = float(given)
                text = repr(value) if math.isfinite(value) else f'"{number_text(value)}"'
                parts.append((keys.get(name) or self._key(name)) + text)
        except (TypeError, ValueError, OverflowError) as error:
            raise GlassbookError(f"metrics are numbers at a whole step: {error}") from error
        line = f'{{"event":"metric","time":{time.time():.3f},"step":{step},"metrics":{{{",".join(parts)}}}}}\n'
        self._log.append(line.encode())
        self._step = step

    def note(self, text: str) -> None:
        """Record a line of text."""
        self._log.event("note", text=str(text))

    def result(self, **metrics: float) -> None:
        """Record final numbers, which claims read; a name given again replaces the earlier number."""
        try:
            numbers = {name: float(value) for name, value in metrics.items()}
        except (TypeError, ValueError, OverflowError) as error:
            raise GlassbookError(f"results are numbers: {error}") from error
        self._log.event("result", metrics=numbers)

    def uses(self, kind: str, name: str, digest: str = "", *, path: str | Path | None = None) -> None:
        """Record that the results depend on something that may change: a model, a file of data.

        Args:
            kind: "model", "data", "dictionary" ...
            name: what it is called.
            digest: hash of its content; made from `path` if it is left out.
            path: the file or folder, so that a later change can be seen.

        Raises:
            GlassbookError: neither digest nor path is given, or the files cannot be read.
        """
        dependency = Dependency.of(kind, name, digest, path, notebook=self.folder.parent.parent)
        self._log.event("uses", **asdict(dependency))

    def spent(self, kind: str, flop: float, seconds: float, how: str, label: str = "") -> None:
        """Record what a part of the work has cost; a later record of the same kind and label takes its place.

        Args:
            kind: "training", or what is not to be counted as such: "evaluation", "generation".
            flop: floating-point operations, from the part's beginning on.
            seconds: time that they took.
            how: how they were counted.
            label: names the part within the run.

        Raises:
            GlassbookError: a number is negative or not finite.
        """
        if not (0 <= flop < math.inf and 0 <= seconds < math.inf):
            raise GlassbookError(f"{kind} cannot have cost {flop:g} FLOP and {seconds:g} s")
        cost = Spent(kind, label, float(flop), round(float(seconds), 3), how)
        self._spent = {**self._costs(), (kind, label): cost}
        self._log.event("compute", **asdict(cost))

    def seconds_spent(self, kind: str, label: str = "") -> float:
        """Seconds that a part has cost so far, as `spent` recorded them, before an interruption too."""
        cost = self._costs().get((kind, label))
        return cost.seconds if cost else 0.0

    def metrics(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values logged so far, those before an interruption included."""
        return events.read_metrics(self._log.path, name)

    def rng(self, name: str) -> Rng:
        """The source of random numbers called `name`: it depends on the run's seed and the name alone."""
        return Rng(self.seed, ()).child(name)

    def progress(self, total: int | None, label: str, unit: str = "step", done: int = 0) -> Progress:
        """Show how far the work has come, with rate and time left, on stderr and in the run's heartbeats.

        Args:
            total: how many units there are; None if that is not known.
            label: what is being done.
            unit: what is counted.
            done: units that an earlier part of a resumed run has done.
        """
        return Progress(total, label, unit, done, self._note_progress)

    # --- what is left behind ------------------------------------------------------------------------------------

    def chart(self, name: str, spec: Mapping[str, Any], svg: str | None = None) -> Path:
        """Keep a Vega-Lite spec as charts/<name>.vl.json (and its picture as .svg); a chart of that name is replaced.

        Numbers that are not finite become null, which Vega-Lite leaves out.
        """
        text = to_json(spec, what=f"chart {name!r}", non_finite_as_null=True)
        path = self._write("chart", name, ".vl.json", text.encode(), announce=svg is None)
        if svg is not None:
            self._write("chart", name, ".svg", svg.encode("utf-8", "replace"))
        return path

    def table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        """Keep rows as tables/<name>.json; a table of that name is replaced. NaN and infinities become text."""
        text = to_json([dict(row) for row in rows], what=f"table {name!r}")
        return self._write("table", name, ".json", text.encode())

    def image(self, name: str, png: bytes) -> Path:
        """Keep a PNG picture as images/<name>.png; an image of that name is replaced."""
        if not png.startswith(_PNG):
            raise GlassbookError(f"image {name!r} is no PNG; save it as PNG first")
        return self._write("image", name, ".png", png)

    def artifact(self, name: str) -> Path:
        """A path under artifacts/ for a file or folder that the caller writes (weights as safetensors)."""
        _check_name("artifact", name)
        path = self.folder / "artifacts" / name
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
        self._log.event("artifact", name=name)
        return path

    def _write(self, kind: str, name: str, suffix: str, data: bytes, announce: bool = True) -> Path:
        _check_name(kind, name)
        self._log.check_place()  # writing would make the folder again
        path = self.folder / f"{kind}s" / (name + suffix)
        write_atomic(path, data)
        if announce:
            self._log.event(kind, name=name)
        return path

    # --- the end ------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Record that the work is done and make everything durable; a second call does nothing."""
        self._end("finished")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        state = "failed" if isinstance(error, Exception) else "interrupted"
        said = " ".join(f"{type(error).__name__}: {error}".split())
        try:
            self._end(state, error=said, traceback="".join(traceback.format_exception(error)))
        except GlassbookError as second:
            error.add_note(str(second))

    def _end(self, state: str, **data: Any) -> None:
        if not self._log.open:
            return
        self._quiet.set()
        try:
            self._log.event("end", state=state, **data)
            self._log.sync()
        finally:
            self._abandoned.detach()
            self._log.close()

    # --- inside -------------------------------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        key = self._keys[name] = to_json(name, what="the name") + ":"
        return key

    def _last_step(self) -> int:
        if self._step is None:
            self._step = max(events.metric_names(self._log.path).values(), default=-1)
        return self._step

    def _costs(self) -> dict[tuple[str, str], Spent]:
        if self._spent is None:
            costs = Spent.read(events.summarise(self._log.path).compute)
            self._spent = {(cost.kind, cost.label): cost for cost in costs}
        return self._spent

    def _note_progress(self, progress: dict[str, Any], edge: bool) -> None:
        self._progress, now = progress, time.monotonic()
        # Short work is followed step by step; long work does not fill the log with what nobody can see.
        moved = progress["done"] - self._told_done >= STEP * (progress["total"] or math.inf)
        if edge or now - self._told >= (PACE if moved else BEAT / 3):
            self._told, self._told_done = now, progress["done"]
            self._log.beat(0, progress=progress)

    def _beat(self) -> None:
        self._log.beat(BEAT, **({"progress": self._progress} if self._progress else {}))


def _keep_beating(run: weakref.ref[Run], quiet: threading.Event) -> None:
    while not quiet.wait(BEAT / 3):
        alive = run()
        if alive is None:
            return
        # A full disk shows itself where the work records something; a heartbeat that fails must not end the work.
        with contextlib.suppress(GlassbookError):
            alive._beat()
        del alive


def _abandon(log: EventLog, quiet: threading.Event, pid: int) -> None:
    """The run was dropped, or its process exits, without an end: say so. A forked child has no say in it."""
    if os.getpid() != pid or not log.open:
        return
    quiet.set()
    with contextlib.suppress(GlassbookError):
        log.event("end", state="interrupted", error="the process ended before the run did")
        log.sync()
    log.close()


def _check_name(kind: str, name: str) -> None:
    if _NAME.fullmatch(name) is None or name.endswith((".", " ")):
        raise GlassbookError(f"{kind} name {name!r} has to be letters, digits, spaces, '_', '.', '+' or '-', up to 100")


def start(
    runs: Path,
    experiment: str,
    config: Mapping[str, Any],
    seed: int,
    claims: Sequence[Claim],
    code: str = "",
    sabotage: str = "",
) -> Run:
    """Make the folder of a new run under `runs` and open it.

    The folder gets its name only when run.json and the start event are on the disk, so no half-made run is ever seen.

    Raises:
        GlassbookError: a name, seed or setting that cannot be recorded, or the disk refused.
    """
    if not experiment.strip() or not experiment.isprintable():
        raise GlassbookError(f"{experiment!r} is no name for an experiment")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise GlassbookError(f"a seed is a whole number, not {seed!r}")
    now = datetime.now(UTC)
    header = {
        "format": 1,
        "experiment": experiment,
        "seed": seed,
        "config": dict(config),
        "created": now.isoformat(),
        "code": code_version() | code_entry(code),
        "environment": environment(),
        "claims": [claim.to_data() for claim in claims],
        **({"sabotage": sabotage} if sabotage else {}),
    }
    text = to_json(header, what="the config")
    # UTC time to the microsecond, then chance: ids sort by time.
    folder = runs / f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"
    making = runs / f".{folder.name}"
    with disk_errors(folder):
        making.mkdir(parents=True)
        try:
            write_atomic(making / "run.json", text.encode())
            log = _opened(making / "events.jsonl")
            os.rename(making, folder)
            sync_folder(runs)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    log.path = folder / "events.jsonl"
    # Read back what was written: the settings of the run are those on the disk (tuples are lists there).
    return Run(folder, read_header(folder), log, resumed=False)


def sweep(folder: Path) -> None:
    """Remove the folders of runs that were killed before they began, from the folder of all runs."""
    for making in folder.glob(".*"):
        with contextlib.suppress(OSError):
            if _MAKING.fullmatch(making.name) and time.time() - making.stat().st_mtime > BEGINNING:
                shutil.rmtree(making, ignore_errors=True)


def resume(folder: Path) -> Run:
    """Go on with an interrupted or failed run.

    Raises:
        GlassbookError: the run has finished, its process is alive, or its files cannot be read or written.
    """
    path = folder / "run.json"
    with disk_errors(path), open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # one process at a time may look whether it can be resumed, and do it
        record = read_record(folder)
        if record.status == "finished":
            raise GlassbookError(f"run {record.id} has finished; start a new one")
        if record.status == "running":
            raise GlassbookError(f"run {record.id} is still running; stop it before resuming it")
        events.repair(folder / "events.jsonl")
        log = _opened(folder / "events.jsonl", code=code_version())
    header = {"experiment": record.experiment, "config": record.config, "seed": record.seed}
    return Run(folder, header, log, resumed=True)


def _opened(path: Path, **data: Any) -> EventLog:
    """The log at `path` with a start event of this process, on the disk."""
    log = EventLog(path)
    job = os.environ.get(JOB, "")
    try:
        log.event("start", **asdict(Process.current()), **({"job": int(job)} if job.isdecimal() else {}), **data)
        log.sync()
    except BaseException:
        log.close()
        raise
    return log

"""Job supervisor: runs the queue, one process for each job, which may outlive the server and is adopted by the next.

    queued -> running -> finished | failed | cancelled | interrupted

The supervisor is one thread. Every round it looks after the jobs that it owns (have they ended? are they to stop?
which run have they made?) and takes new ones as long as there is room. All that it must not forget stands in the queue.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.jobs import gpus as graphics
from glassbook.jobs.job_log import last_line
from glassbook.jobs.queue import GATE, JOB, Job, JobQueue, State
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.files import disk_errors
from glassbook.notebook.process import Process
from glassbook.notebook.runs.events import read_event
from glassbook.notebook.runs.record import read_record

BEAT = 5.0
"""Seconds between two signs of life, and between two looks for jobs that nobody cares for."""
POLL = 0.25
"""Seconds between two rounds."""
GRACE = 20.0
"""Seconds that a job has after Ctrl-C to write its checkpoint, before it is told to end at once."""
LAST = 5.0
"""Seconds after that before it is killed."""


@dataclass
class _Child:
    """The process of one job."""

    process: Process
    popen: subprocess.Popen[bytes] | None = None
    """None if another server has started it; then its exit code cannot be had."""
    begin: int = 0
    """Where in the log its output begins."""
    linked: bool = False
    """Whether the run that it makes is known."""
    passed: set[str] = field(default_factory=set)
    """Runs that were looked at and are not its own."""
    asked: float | None = None
    """When it was first asked to stop."""
    sent: int = 0
    """How many of the signals it has been sent."""


class Supervisor:
    """Runs the jobs of a queue until it is stopped.

    Args:
        queue: the jobs.
        notebook: where their runs are kept.
        slots: jobs that run at the same time.
        gpus: names of the graphics processors to give out; by default those of this machine.
        grace: seconds that a cancelled job has to write its checkpoint.
    """

    def __init__(
        self,
        queue: JobQueue,
        notebook: Notebook,
        slots: int = 1,
        gpus: Sequence[str] | None = None,
        grace: float = GRACE,
    ) -> None:
        self.queue, self.notebook, self.slots, self.grace = queue, notebook, slots, grace
        self._gpus = gpus
        self._owner = secrets.token_hex(8)
        self._children: dict[int, _Child] = {}
        self._beaten = -BEAT
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._told = ""

    @functools.cached_property
    def gpus(self) -> tuple[str, ...]:
        """The graphics processors that it gives out."""
        return graphics.detect_gpus() if self._gpus is None else tuple(self._gpus)

    def start(self) -> None:
        """Begin to work in a thread of its own."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking after jobs. Those that run go on; the next supervisor finds them."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.queue.release(self._owner)
        self._children.clear()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
                self._told = ""
            except Exception as error:
                # A full disk or a locked queue passes, and even after a defect the other jobs need looking after.
                if str(error) != self._told:
                    self._told = str(error)
                    known = isinstance(error, (GlassbookError, OSError))
                    print(f"jobs: {error if known else traceback.format_exc()}", file=sys.stderr, flush=True)
            self._stopping.wait(POLL)

    def round(self) -> None:
        """Look after every job once, and take those that there is room for."""
        if time.monotonic() - self._beaten >= BEAT:
            jobs = self.queue.beat(self._owner)
            self._beaten = time.monotonic()
        else:
            jobs = self.queue.owned(self._owner)
        for job in jobs:
            self._look_after(job)
        while not self._stopping.is_set():
            job = self.queue.claim_next(self._owner, self.slots, self.gpus)
            if job is None:
                return
            self._launch(job)

    # --- beginning ----------------------------------------------------------------------------------------------

    def _launch(self, job: Job) -> None:
        if job.gpus > len(self.gpus):
            has = f"{len(self.gpus)}" if self.gpus else "none"
            self.queue.done(job.id, "failed", error=f"it needs {job.gpus} GPUs and this machine has {has}")
            return
        left = self._left(job)
        if job.run_id and not left:
            self.queue.link(job.id, None)
        command = f"glassbook run {job.experiment} --resume={left}" if left else job.command
        words = [sys.executable, "-P", "-m", "glassbook", "run", "--job", str(self.notebook.folder)]
        env = os.environ | {
            JOB: str(job.id),
            GATE: "1",
            graphics.VARIABLE: ",".join(job.devices),
            "PYTHONUNBUFFERED": "1",
        }
        try:
            with disk_errors(job.log):
                job.log.parent.mkdir(parents=True, exist_ok=True)
                with job.log.open("ab") as log:
                    log.write(f"$ {command}\n".encode())
                    log.flush()
                    begin = log.tell()
                    popen = subprocess.Popen(
                        words, stdin=subprocess.PIPE, stdout=log, stderr=log, env=env, start_new_session=True
                    )
        except (GlassbookError, ValueError) as error:
            self.queue.done(job.id, "failed", error=f"it could not be started: {error}")
            return
        child = _Child(Process.of(popen.pid), popen, begin, linked=left is not None)
        self._children[job.id] = child
        self.queue.begun(job.id, child.process)
        assert popen.stdin is not None
        with contextlib.suppress(BrokenPipeError), popen.stdin as gate:
            gate.write(b"\n")

    def _left(self, job: Job) -> str | None:
        """The run of an earlier attempt that can be continued."""
        record = self._record(job)
        return record.id if record and record.status in ("interrupted", "failed") else None

    # --- going on -----------------------------------------------------------------------------------------------

    def _look_after(self, job: Job) -> None:
        if job.process is None:
            # Its server was killed before the work had begun.
            self.queue.requeue(job.id)
            return
        child = self._children.setdefault(job.id, _Child(job.process))
        if not child.linked and (run := self._made(job, child)):
            self.queue.link(job.id, run)
            child.linked = True
            job = self.queue.job(job.id)
        ended, code = self._ended(job, child)
        if ended:
            del self._children[job.id]
            self._conclude(job, child, code)
        elif job.cancelling:
            self._stop_child(child)

    def _made(self, job: Job, child: _Child) -> str | None:
        """The run that a job has made: its first event names the job."""
        assert job.started is not None
        since = f"{job.started - timedelta(seconds=2):%Y%m%d-%H%M%S}"  # ids of runs begin with their time
        try:
            names = sorted(name for name in os.listdir(self.notebook.folder / "runs") if name >= since)
        except FileNotFoundError:
            return None
        for name in names:
            if name not in child.passed:
                if _first_event(self.notebook.folder / "runs" / name).get("job") == job.id:
                    return name
                child.passed.add(name)
        return None

    def _ended(self, job: Job, child: _Child) -> tuple[bool, int | None]:
        """(whether the process has ended, its exit code if that is known)."""
        if child.popen is None:
            alive = child.process.alive()
            if alive is None:  # on another machine: its run's heartbeat tells
                record = self._record(job)
                alive = record is not None and record.status == "running"
            return not alive, None
        try:
            if os.waitid(os.P_PID, child.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False, None
        except ChildProcessError:  # where SIGCHLD is ignored the system drops exit codes
            return True, None
        # What it has started ends with it: a worker left behind would keep the GPU. Its number is not used again
        # before it has been waited for.
        _signal(child.popen.pid, signal.SIGKILL)
        return True, child.popen.wait()

    def _stop_child(self, child: _Child) -> None:
        now = time.monotonic()
        child.asked = now if child.asked is None else child.asked
        steps = ((0.0, signal.SIGINT), (self.grace, signal.SIGTERM), (self.grace + LAST, signal.SIGKILL))
        for after, number in steps[child.sent :]:
            if now - child.asked >= after:
                child.sent += 1
                if child.popen is not None or child.process.alive():
                    _signal(child.process.pid, number)

    # --- ending -------------------------------------------------------------------------------------------------

    def _conclude(self, job: Job, child: _Child, code: int | None) -> None:
        record = self._record(job)
        if code is None:
            state, error = _by_record(job, record)
        else:
            state, error = _by_code(job, code, last_line(job.log, child.begin))
        self.queue.done(job.id, state, code, error)

    def _record(self, job: Job) -> RunRecord | None:
        if job.run_id is None:
            return None
        with contextlib.suppress(GlassbookError):
            return read_record(self.notebook.folder / "runs" / job.run_id)
        return None


def _by_code(job: Job, code: int, line: str) -> tuple[State, str | None]:
    """How a job ended whose exit code is known."""
    if code == 0:
        return "finished", None
    if job.cancelling:
        return "cancelled", None
    if code < 0:
        hint = ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
        return "interrupted", f"its process was ended by {signal.Signals(-code).name}{hint}"
    if code == 130:  # what Ctrl-C leaves
        return "interrupted", line
    return "failed", line.removeprefix("error: ") or f"it ended with exit code {code}"


def _by_record(job: Job, record: RunRecord | None) -> tuple[State, str | None]:
    """How a job ended that nobody watched: as its run says."""
    if record is not None and record.status == "finished":
        return "finished", None
    if job.cancelling:
        return "cancelled", None
    if record is not None and record.status == "failed":
        return "failed", record.error
    return "interrupted", "its process ended while no server was watching"


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _first_event(folder: Path) -> dict[str, object]:
    """The start event of a run; empty if there is none."""
    try:
        with open(folder / "events.jsonl", "rb") as file:
            return read_event(file.readline(65536)) or {}
    except OSError:
        return {}

"""Job queue in SQLite (.glassbook/jobs.db), safe to use from several processes at once.

A job is an experiment with its settings as data. A supervisor (see supervisor.py) claims one, runs it in a process of
its own, renews its lease while it runs and records how it ended. The queue is not derived from other files: it
survives restarts and a deleted index.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.jobs.job_file import Job, JobFile, State
from glassbook.notebook.process import Process
from glassbook.notebook.runs.run import JOB
from glassbook.notebook.serialization import to_json

__all__ = ["GATE", "JOB", "LEASE", "Job", "JobQueue", "State"]

GATE = "GLASSBOOK_GATE"
"""Environment variable that tells a job's process to wait for a line on stdin, which says that it is on record.

So no process works that the queue does not know of: the job of a server that was killed meanwhile is never done twice.
"""
LEASE = 30.0
"""Seconds without a beat after which a job may be taken over, if nothing proves sooner that its supervisor is gone."""


class JobQueue(JobFile):
    """The jobs of one notebook."""

    # --- what users ask for -------------------------------------------------------------------------------------

    def add(
        self,
        experiment: str,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        *,
        command: str = "",
        gpus: int = 0,
        key: str = "",
    ) -> Job:
        """Put a run of an experiment at the end of the queue.

        Args:
            experiment: its name.
            settings: its settings as plain data; what is left out keeps its default.
            seed: seed of the run.
            command: the command line that does the same, for people to read (`forms.command` makes it).
            gpus: graphics processors that it needs for itself.
            key: hash of the request (`freshness.request_key`), "" if it is to run in any case.

        Returns:
            the job; the one that waits or runs already if it has the same key.
        """
        text = to_json(dict(settings or {}), what="the settings of the job")
        command = command or shlex.join(["glassbook", "run", experiment, f"--seed={seed}"])
        with self._writing() as db:
            same = self._select("WHERE key = ? AND state IN ('queued', 'running') AND NOT cancelling", key)
            if key and same:
                return same[0]
            row = db.execute(
                "INSERT INTO job(command, experiment, settings, seed, gpus, key, state, attempt, created) "
                "VALUES (?, ?, ?, ?, ?, ?, 'queued', 1, ?)",
                (command, experiment, text, seed, gpus, key, time.time()),
            )
            return self.job(row.lastrowid)

    def jobs(self, state: State | None = None, limit: int = 100) -> list[Job]:
        """Jobs, newest first: all, or those in one state."""
        where, values = ("WHERE state = ?", [state]) if state else ("", [])
        return self._select(f"{where} ORDER BY id DESC LIMIT ?", *values, limit)

    def of_run(self, run_id: str) -> Job | None:
        """The newest job that worked on a run, None if the run was started by hand."""
        found = self._select("WHERE run_id = ? ORDER BY id DESC LIMIT 1", run_id)
        return found[0] if found else None

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state; states without any are left out."""
        return {row[0]: row[1] for row in self._query("SELECT state, COUNT(*) FROM job GROUP BY state")}

    def version(self) -> int:
        """A number that grows with every change that a user can see, whichever process makes it."""
        rows = self._query("SELECT n FROM changes")
        return rows[0][0] if rows else 0

    def cancel(self, id: int) -> Job:
        """Take a waiting job out of the queue; ask a running one to stop, which leaves a run that can be resumed.

        A job that is over stays as it is.
        """
        with self._writing():
            self._update(id, only="queued", state="cancelled", ended=time.time(), error=None)
            self._update(id, only="running", cancelling=1)
            return self.job(id)

    def again(self, id: int) -> Job:
        """Queue a job that is over once more.

        One that did not finish goes on as the same job, with the run that it left if it left one; one that has
        finished is started again as another job.

        Raises:
            GlassbookError: there is no such job, or it waits or runs.
        """
        with self._writing():
            job = self.job(id)
            if not job.over:
                raise GlassbookError(f"job {id} is {job.state}; cancel it first, or wait until it has ended")
            if job.state == "finished":
                same = {"command": job.command, "gpus": job.gpus, "key": job.key}
                return self.add(job.experiment, job.settings, job.seed, **same)
            empty = dict.fromkeys(("started", "ended", "exit_code", "error", "process"))
            self._update(id, state="queued", attempt=job.attempt + 1, cancelling=0, devices="[]", **empty)
            return self.job(id)

    # --- what a supervisor does ---------------------------------------------------------------------------------

    def claim_next(self, owner: str, slots: int = 1, devices: Sequence[str] = ()) -> Job | None:
        """Take the oldest waiting job that there is room for.

        Slots and devices are counted over all jobs that run, under any supervisor. A job that needs GPUs is
        never overtaken by a younger one that needs some.

        Args:
            owner: name of the supervisor.
            slots: jobs that may run at the same time.
            devices: names of all GPUs.

        Returns:
            the job, now running and owned; None if there is none or no room.
        """
        if "queued" not in self.counts():
            return None
        with self._writing(quiet=True) as db:
            running = db.execute("SELECT devices FROM job WHERE state = 'running'").fetchall()
            if len(running) >= slots:
                return None
            taken = {name for row in running for name in json.loads(row["devices"])}
            free, waiting = [name for name in devices if name not in taken], False
            for row in db.execute("SELECT id, gpus FROM job WHERE state = 'queued' ORDER BY id"):
                if row["gpus"] and (waiting or row["gpus"] > len(free)):
                    # More than the machine has is claimed without any: the supervisor says so to the user.
                    if row["gpus"] <= len(devices):
                        waiting = True
                        continue
                    free = []
                devices = json.dumps(free[: row["gpus"]])
                fresh = {"started": time.time(), "ended": None, "cancelling": 0, "process": None}
                self._update(row["id"], state="running", devices=devices, **fresh, **_lease(owner))
                self._changed(db)
                return self.job(row["id"])
            return None

    def beat(self, owner: str) -> list[Job]:
        """Say that the supervisor lives, and take over the running jobs that no living one cares for.

        Returns:
            the jobs that it runs, as they are now; those whose server was ended or killed included.
        """
        if "running" not in self.counts():
            return []
        with self._writing(quiet=True) as db:
            for row in db.execute("SELECT id, owner, owner_process, lease FROM job WHERE state = 'running'").fetchall():
                cared_for = row["owner"] and row["lease"] > time.time() and _lives(row["owner_process"])
                if row["owner"] == owner or not cared_for:
                    self._update(row["id"], **_lease(owner))
        return self.owned(owner)

    def owned(self, owner: str) -> list[Job]:
        """The running jobs of a supervisor."""
        return self._select("WHERE state = 'running' AND owner = ? ORDER BY id", owner)

    def begun(self, id: int, process: Process) -> None:
        """Record the process that works on a job."""
        self._update(id, process=json.dumps(asdict(process)))

    def link(self, id: int, run_id: str | None) -> None:
        """Record the run that a job has made; None if an earlier one cannot be continued."""
        self._update(id, run_id=run_id)

    def requeue(self, id: int) -> None:
        """Put a running job that has not begun back where it stood."""
        self._update(id, only="running", state="queued", started=None, devices="[]", owner=None)

    def done(self, id: int, state: State, exit_code: int | None = None, error: str | None = None) -> None:
        """Record how a running job ended."""
        error = " ".join(error.split()) if error else None
        end = {"exit_code": exit_code, "error": error, "ended": time.time(), "cancelling": 0, "owner": None}
        self._update(id, only="running", state=state, **end)

    def release(self, owner: str) -> None:
        """Let others adopt what a supervisor that stops still runs."""
        if self.path.exists():
            with self._writing(quiet=True) as db:
                db.execute("UPDATE job SET owner = NULL WHERE owner = ?", (owner,))


def _lease(owner: str) -> dict[str, Any]:
    """Columns that say that a supervisor of this process looks after a job."""
    return {"owner": owner, "owner_process": json.dumps(asdict(Process.current())), "lease": time.time() + LEASE}


def _lives(text: str) -> bool:
    """Whether a process lives for all that can be known from here."""
    process = Process.from_data(json.loads(text))
    return process is not None and process.alive() is not False

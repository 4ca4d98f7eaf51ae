"""`glassbook jobs`: the job queue; cancel a job, run it again, read its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text

from glassbook.cli.command import InNotebook, Option, Positional
from glassbook.cli.output import console, state
from glassbook.errors import GlassbookError
from glassbook.jobs.job_log import plain_text
from glassbook.jobs.queue import Job, JobQueue, State
from glassbook.web.api.serializers import job_log_to_json, job_to_json, jobs_to_json

WHOLE = 1 << 30
"""Bytes of a log that are printed at most."""


@dataclass(frozen=True, kw_only=True)
class Jobs(InNotebook):
    """List jobs, newest first; `jobs cancel ID`, `jobs again ID` and `jobs log ID` act on one of them."""

    state: Annotated[State | None, Option("STATE", "all")] = None
    """Only jobs in this state."""
    limit: int = 100
    """How many at most."""

    def result(self) -> dict[str, Any]:
        return jobs_to_json(JobQueue(self.open_notebook().folder), self.state, self.limit)

    def show(self, result: dict[str, Any]) -> None:
        if not result["jobs"]:
            what = f"{self.state} jobs" if self.state else "jobs"
            print(f"no {what} in {self.open_notebook().folder}; start some from the browser: glassbook serve")
            return
        grid = Table.grid(padding=(0, 2, 0, 0))
        for job in result["jobs"]:
            doing = "lost" if job["lost"] else "stopping" if job["cancelling"] else job["state"]
            error = (f"\n{job['error']}", "dim") if job["error"] else ""
            grid.add_row(str(job["id"]), Text.assemble(state(f"{doing:<12}"), job["title"], error), job["run"] or "")
        console().print(grid)
        if any(job["lost"] for job in result["jobs"]):
            print("\nthe process of a lost job has ended while no server was watching; glassbook serve finds out how")


@dataclass(frozen=True, kw_only=True)
class OneJob(InNotebook):
    """Options of a command about one job."""

    id: Annotated[Positional[int], Option("ID")]
    """Number of the job, as `glassbook jobs` lists it."""

    def queue(self) -> JobQueue:
        return JobQueue(self.open_notebook().folder)


@dataclass(frozen=True, kw_only=True)
class Cancel(OneJob):
    """Take a job out of the queue, or stop it; its run can be resumed."""

    def result(self) -> dict[str, Any]:
        queue = self.queue()
        before = queue.job(self.id)
        if before.over:
            raise GlassbookError(f"job {self.id} has {_ended(before)} already; there is nothing to cancel")
        return {"job": job_to_json(queue.cancel(self.id))}

    def show(self, result: dict[str, Any]) -> None:
        job = result["job"]
        done = "is being stopped" if job["cancelling"] else "is cancelled"
        print(f"job {job['id']} {done}; resume it with: glassbook jobs again {job['id']}")


@dataclass(frozen=True, kw_only=True)
class Again(OneJob):
    """Queue a job once more: one that did not finish resumes its run, a finished one starts a new run."""

    def result(self) -> dict[str, Any]:
        return {"job": job_to_json(self.queue().again(self.id))}

    def show(self, result: dict[str, Any]) -> None:
        print(f"job {result['job']['id']} is queued; `glassbook serve` runs the queue")


@dataclass(frozen=True, kw_only=True)
class Log(OneJob):
    """Print what a job has written."""

    def result(self) -> dict[str, Any]:
        return job_log_to_json(self.queue().job(self.id), 0, WHOLE)

    def show(self, result: dict[str, Any]) -> None:
        print(plain_text(result["text"]).rstrip("\n") or "this job has written nothing yet")


def _ended(job: Job) -> str:
    return job.state if job.state in ("finished", "failed") else f"been {job.state}"


ACTIONS = {"": Jobs, "cancel": Cancel, "again": Again, "log": Log}

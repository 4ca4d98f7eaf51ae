"""The queue keeps what was asked for: in order, once, through restarts and through many processes at once."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.jobs import queue as jobs
from glassbook.jobs.queue import JobQueue
from glassbook.notebook.process import Process


@pytest.fixture
def queue(tmp_path: Path):
    queue = JobQueue(tmp_path)
    yield queue
    queue.close()


def add(queue: JobQueue, **asked):
    return queue.add("toy", **asked)


def test_a_job_says_what_was_asked_for(queue):
    settings = {"plus": "a b", "parts": [1, 2]}
    job = queue.add("toy", settings, 3, command="glassbook run toy", gpus=2, key="k")
    assert queue.job(job.id) == job
    assert (job.id, job.state, job.attempt, job.title) == (1, "queued", 1, "toy, seed 3")
    assert (job.experiment, job.seed, job.gpus, job.key, job.over) == ("toy", 3, 2, "k", False)
    assert (job.settings, job.command) == (settings, "glassbook run toy")
    plain = queue.add("toy", seed=4)
    assert (plain.settings, plain.title, plain.command) == ({}, "toy, seed 4", "glassbook run toy --seed=4")
    assert (job.run_id, job.started, job.ended, job.exit_code, job.error) == (None,) * 5
    assert job.log == queue.folder / ".glassbook" / "jobs" / "1.log"


def test_reading_a_notebook_without_jobs_makes_no_file(queue):
    assert queue.jobs() == []
    assert queue.counts() == {}
    assert queue.version() == 0
    assert queue.of_run("x") is None
    assert queue.claim_next("me") is None
    with pytest.raises(GlassbookError, match="there is no job 7"):
        queue.job(7)
    assert list(queue.folder.iterdir()) == []


def test_the_queue_survives_a_restart_and_is_no_part_of_the_repository(queue):
    first, second = add(queue), add(queue)
    queue.claim_next("me")
    queue.close()
    again = JobQueue(queue.folder)
    assert [job.id for job in again.jobs()] == [second.id, first.id]
    assert [job.id for job in again.jobs("queued")] == [second.id]
    assert again.counts() == {"queued": 1, "running": 1}
    assert (queue.folder / ".glassbook" / ".gitignore").read_text() == "*\n"
    again.close()


def test_jobs_are_claimed_in_order_and_slots_are_counted_over_all_supervisors(queue):
    first, second = add(queue), add(queue)
    assert queue.claim_next("one").id == first.id
    assert queue.claim_next("two") is None
    assert queue.claim_next("two", slots=2).id == second.id
    assert [job.id for job in queue.owned("one")] == [first.id]


def test_gpus_are_counted(queue):
    one, two, none, other = (add(queue, gpus=gpus) for gpus in (1, 2, 0, 1))
    claim = lambda: queue.claim_next("me", slots=9, devices=["a", "b"])  # noqa: E731
    assert (job := claim()).id == one.id
    assert job.devices == ("a",)
    # The one that needs two waits, one that needs none passes it, one that needs the free one does not.
    assert (job := claim()).id == none.id
    assert job.devices == ()
    assert claim() is None
    queue.done(one.id, "finished")
    assert (job := claim()).id == two.id
    assert job.devices == ("a", "b")
    queue.done(two.id, "finished")
    assert (job := claim()).id == other.id


def test_more_gpus_than_there_are_does_not_block_the_queue(queue):
    greedy, modest = add(queue, gpus=3), add(queue, gpus=1)
    claimed = queue.claim_next("me", slots=9, devices=["a"])
    assert (claimed.id, claimed.devices) == (greedy.id, ())
    assert queue.claim_next("me", slots=9, devices=["a"]).id == modest.id


def test_the_same_thing_is_not_queued_twice(queue):
    first = add(queue, key="k")
    assert add(queue, key="k") == first
    assert add(queue, key="other").id != first.id
    queue.claim_next("me")
    assert add(queue, key="k").id == first.id
    queue.done(first.id, "finished")
    assert add(queue, key="k").id != first.id
    assert add(queue).id != add(queue).id


def test_cancelling(queue):
    waiting = add(queue)
    assert queue.cancel(waiting.id).state == "cancelled"
    running = add(queue)
    queue.claim_next("me")
    asked = queue.cancel(running.id)
    assert (asked.state, asked.cancelling) == ("running", True)
    queue.done(running.id, "cancelled", 130)
    ended = queue.cancel(running.id)
    assert (ended.state, ended.cancelling, ended.exit_code) == ("cancelled", False, 130)


def test_again(queue):
    job = add(queue, seed=4)
    with pytest.raises(GlassbookError, match="is queued; cancel it first"):
        queue.again(job.id)
    queue.claim_next("me")
    queue.link(job.id, "a-run")
    queue.done(job.id, "failed", 2, "it\nbroke")
    failed = queue.job(job.id)
    assert (failed.error, failed.exit_code, failed.over) == ("it broke", 2, True)
    more = queue.again(job.id)
    assert (more.id, more.state, more.attempt, more.run_id, more.error) == (job.id, "queued", 2, "a-run", None)
    assert queue.of_run("a-run").id == job.id
    queue.claim_next("me")
    queue.done(job.id, "finished", 0)
    anew = queue.again(job.id)
    assert (anew.id, anew.attempt, anew.run_id, anew.seed) == (job.id + 1, 1, None, 4)


def test_the_version_grows_with_what_a_user_sees_and_not_with_beats(queue):
    seen = [queue.version()]
    job = add(queue)
    seen.append(queue.version())
    queue.claim_next("me")
    seen.append(queue.version())
    queue.beat("me")
    queue.claim_next("me")
    assert queue.version() == seen[-1]
    queue.link(job.id, "r")
    seen.append(queue.version())
    queue.done(job.id, "finished")
    seen.append(queue.version())
    assert seen == sorted(set(seen))


def test_what_nobody_cares_for_is_adopted(queue, monkeypatch):
    job = add(queue)
    queue.claim_next("one")
    assert queue.beat("two") == []  # its supervisor lives
    queue.release("one")
    assert [j.id for j in queue.beat("two")] == [job.id]
    assert queue.owned("one") == []
    # a supervisor that does not beat has lost its jobs
    monkeypatch.setattr(jobs, "LEASE", -1.0)
    queue.beat("two")
    assert [j.id for j in queue.beat("three")] == [job.id]


def test_a_killed_supervisor_is_recognised_before_its_lease_ends(queue):
    job = add(queue)
    queue.claim_next("one")
    gone = dataclasses.replace(Process.current(), born="1")
    with sqlite3.connect(queue.path) as db:
        db.execute("UPDATE job SET owner_process = ?", (json.dumps(dataclasses.asdict(gone)),))
    db.close()
    assert [j.id for j in queue.beat("two")] == [job.id]


def test_a_process_is_kept_with_its_job(queue):
    job = add(queue)
    queue.claim_next("me")
    queue.begun(job.id, Process.current())
    assert queue.job(job.id).process == Process.current()
    queue.requeue(job.id)
    assert queue.job(job.id).state == "queued"


def test_what_is_no_work_is_refused(queue):
    with pytest.raises(GlassbookError, match="the settings of the job is not plain data"):
        queue.add("toy", {"x": object()})


def test_a_file_of_an_earlier_version_is_made_again(queue):
    queue.path.parent.mkdir()
    with sqlite3.connect(queue.path) as db:
        db.execute("CREATE TABLE job (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, state TEXT NOT NULL)")
        db.execute("INSERT INTO job(title, state) VALUES ('toy', 'queued')")
    db.close()
    assert queue.jobs() == []
    assert queue.claim_next("me") is None
    assert add(queue).state == "queued"


def test_a_broken_file_is_told_in_one_line(queue):
    add(queue)
    queue.close()
    queue.path.write_bytes(b"no database" * 1000)
    with pytest.raises(GlassbookError, match="cannot be used: file is not a database"):
        queue.jobs()


WORKER = """
import sys
from glassbook.jobs.queue import JobQueue
queue = JobQueue(sys.argv[1])
for i in range(20):
    queue.add("toy", seed=i)
    if job := queue.claim_next(sys.argv[2], slots=100):
        queue.done(job.id, "finished", 0)
queue.close()
"""


def test_many_processes_lose_nothing_and_take_nothing_twice(queue):
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(queue.folder), f"w{i}"]) for i in range(4)]
    assert [worker.wait(60) for worker in workers] == [0] * 4
    assert sum(queue.counts().values()) == 80
    assert queue.counts().get("running", 0) == 0
    while job := queue.claim_next("me", slots=100):
        queue.done(job.id, "finished", 0)
    assert queue.counts() == {"finished": 80}

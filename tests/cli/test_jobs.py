"""The queue from the command line."""

from __future__ import annotations

import dataclasses

import pytest

from glassbook.jobs.queue import JobQueue
from glassbook.notebook.process import Process


@pytest.fixture
def queue(notebook):
    queue = JobQueue(notebook.folder)
    yield queue
    queue.close()


def test_jobs_are_listed_with_what_went_wrong(glassbook, notebook, queue):
    where = ("--notebook", notebook.folder)
    assert "no jobs in" in glassbook("jobs", *where).out
    first, second = queue.add("steady [bold]one[/bold]"), queue.add("wrong")
    queue.claim_next("me")
    queue.link(first.id, "20260101-000000-000000-abcd")
    queue.done(first.id, "failed", 2, "it broke")
    text = glassbook("jobs", *where).out
    assert "steady [bold]one[/bold]" in text
    assert "it broke" in text
    assert text.index("wrong, seed 0") < text.index("steady")
    [data] = glassbook("jobs", "--state", "failed", *where, "--json").data()["jobs"]
    assert (data["id"], data["run"], data["error"]) == (1, "20260101-000000-000000-abcd", "it broke")
    assert data["command"] == "glassbook run 'steady [bold]one[/bold]' --seed=0"
    [data] = glassbook("jobs", "--limit", 1, *where, "--json").data()["jobs"]
    assert data["id"] == second.id
    assert "no running jobs" in glassbook("jobs", "--state", "running", *where).out


def test_cancel_and_again(glassbook, notebook, queue):
    where = ("--notebook", notebook.folder)
    job = queue.add("steady")
    assert "resume it with: glassbook jobs again 1" in glassbook("jobs", "cancel", 1, *where).out
    assert queue.job(job.id).state == "cancelled"
    assert "been cancelled already" in glassbook("jobs", "cancel", 1, *where).complaint()
    assert glassbook("jobs", "again", 1, *where, "--json").data()["job"]["state"] == "queued"
    assert "is queued" in glassbook("jobs", "again", 1, *where).complaint()
    queue.claim_next("me")
    assert "is being stopped" in glassbook("jobs", "cancel", 1, *where).out
    assert "stopping" in glassbook("jobs", *where).out


def test_a_job_whose_process_is_gone_is_not_said_to_run(glassbook, notebook, queue):
    where = ("--notebook", notebook.folder)
    queue.add("steady")
    job = queue.claim_next("me")
    assert "running" in glassbook("jobs", *where).out
    queue.begun(job.id, Process.current())
    assert "running" in glassbook("jobs", *where).out
    queue.begun(job.id, dataclasses.replace(Process.current(), born="1"))
    text = glassbook("jobs", *where).out
    assert "running" not in text
    assert "glassbook serve finds out how" in text
    assert glassbook("jobs", *where, "--json").data()["jobs"][0]["lost"]


def test_the_log_is_plain_text(glassbook, notebook, queue):
    where = ("--notebook", notebook.folder)
    job = queue.add("steady")
    assert glassbook("jobs", "log", 1, *where).out == "this job has written nothing yet\n"
    job.log.parent.mkdir()
    job.log.write_bytes(b"$ glassbook run steady\n\x1b]0;title\x07\x1b[31mhe\x07\xc2\x9bllo\x1b[0m\n")
    assert glassbook("jobs", "log", 1, *where).out == "$ glassbook run steady\nhello\n"
    data = glassbook("jobs", "log", 1, *where, "--json").data()
    assert data["text"].encode() == job.log.read_bytes()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["cancle", 1], "did you mean cancel?"),
        (["cancel", 9], "there is no job 9"),
        (["log"], "missing"),
        (["again", "x"], '"x"'),
    ],
)
def test_mistakes_are_told_in_one_line(glassbook, notebook, words, part):
    assert part in glassbook("jobs", *words, "--notebook", notebook.folder).complaint()

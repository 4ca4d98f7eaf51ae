"""Jobs are real processes here: they finish, fail, stop and go on; and no death of the server loses one.

The experiment is a third party's, installed on the children's path. Their torch and numpy are empty ones that take a
seed, so that a child starts at once; one test at the end runs a built-in experiment with the real ones.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glassbook.jobs import supervisor as module
from glassbook.jobs.gpus import detect_gpus, read_list
from glassbook.jobs.job_log import last_line, tail
from glassbook.jobs.queue import Job, JobQueue
from glassbook.jobs.supervisor import Supervisor
from glassbook.notebook import Notebook
from glassbook.notebook.process import Process

TOY = '''
from __future__ import annotations
import os, signal, subprocess, sys, time
from dataclasses import dataclass
from pathlib import Path
from glassbook.errors import GlassbookError
from glassbook.experiments import experiment

@experiment(terms=["Toy"], source="Nobody 2026")
@dataclass(frozen=True, kw_only=True)
class ToyJob:
    """Does a job do what it is told?"""
    do: str = "finish"
    """What to do."""
    until: str = ""
    """File to wait for."""
    claims = ()

    @classmethod
    def quick(cls):
        return cls()

    def run(self, run):
        print("GPUs:", os.environ["CUDA_VISIBLE_DEVICES"])
        if self.do == "deaf":
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        run.note("ready")
        if self.do == "leave":
            left = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            run.result(left=left.pid)
        if self.do == "refuse":
            raise GlassbookError("it needs more; give it more")
        if self.do == "fail":
            raise ValueError("it broke")
        while self.until and not Path(self.until).exists():
            time.sleep(0.02)
        run.result(resumed=float(run.resumed), pid=os.getpid())
'''

SERVER = """
import sys, time
from glassbook.notebook import Notebook
from glassbook.jobs.queue import JobQueue
from glassbook.jobs.supervisor import Supervisor
Supervisor(JobQueue(sys.argv[1]), Notebook(sys.argv[1]), gpus=[]).start()
time.sleep(60)
"""


@pytest.fixture
def nb(tmp_path: Path, monkeypatch) -> Iterator[Notebook]:
    site = tmp_path / "site"
    for name, text in {
        "toy_job.py": TOY,
        "torch.py": "def manual_seed(seed): pass\n",
        "numpy/__init__.py": "from . import random\n",
        "numpy/random.py": "def seed(seed): pass\n",
        "toy_job-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy-job\nVersion: 1.0\n",
        "toy_job-1.0.dist-info/entry_points.txt": "[glassbook.experiments]\ntoy-job = toy_job:ToyJob\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    notebook = Notebook.create(tmp_path / "book", "A book")
    yield notebook
    notebook.close()


@pytest.fixture
def queue(nb: Notebook) -> Iterator[JobQueue]:
    queue = JobQueue(nb.folder)
    yield queue
    for job in queue.jobs("running"):
        if job.process and job.process.alive():
            os.killpg(job.process.pid, signal.SIGKILL)
    queue.close()


@pytest.fixture
def supervise(nb: Notebook, queue: JobQueue, monkeypatch) -> Iterator[Callable[..., Supervisor]]:
    monkeypatch.setattr(module, "POLL", 0.05)
    started: list[Supervisor] = []

    def start(**given) -> Supervisor:
        started.append(Supervisor(queue, nb, **{"gpus": [], "grace": 10.0, **given}))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


def ask(queue: JobQueue, do: str = "finish", until: Path | None = None, gpus: int = 0) -> Job:
    settings = {"do": do, **({"until": str(until)} if until else {})}
    command = f"glassbook run toy-job --seed=3 --do={do}"
    return queue.add("toy-job", settings, 3, command=command, gpus=gpus)


def wait(condition: Callable[[], object], seconds: float = 25.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def over(queue: JobQueue, job: Job) -> Job:
    wait(lambda: queue.job(job.id).over)
    return queue.job(job.id)


def ready(queue: JobQueue, nb: Notebook, job: Job, times: int = 1) -> Job:
    """The job once its run has said that it is at work."""
    wait(lambda: (run := queue.job(job.id).run_id) and len(nb.run(run).notes) == times)
    return queue.job(job.id)


def test_a_job_finishes_and_is_linked_with_its_run(nb, queue, supervise):
    supervise()
    job = over(queue, ask(queue))
    assert (job.state, job.exit_code, job.error, job.attempt) == ("finished", 0, None, 1)
    run = nb.run(job.run_id)
    assert (run.status, run.experiment, run.seed, run.config["do"]) == ("finished", "toy-job", 3, "finish")
    assert run.code["root"] == "toy_job:ToyJob"
    assert queue.of_run(run.id) == job
    log = tail(job.log)
    assert log.startswith("$ glassbook run toy-job --seed=3 --do=finish\n")
    assert "GPUs: \n" in log
    assert job.started <= run.started <= job.ended


@pytest.mark.parametrize(
    ("do", "code", "error"),
    [("refuse", 2, "it needs more; give it more"), ("fail", 1, "ValueError: it broke")],
)
def test_a_job_that_fails_says_why_in_one_line(nb, queue, supervise, do, code, error):
    supervise()
    job = over(queue, ask(queue, do))
    assert (job.state, job.exit_code, job.error) == ("failed", code, error)
    assert nb.run(job.run_id).status == "failed"


def test_what_a_job_leaves_running_ends_with_it(nb, queue, supervise):
    supervise()
    job = over(queue, ask(queue, "leave"))
    assert job.state == "finished"
    left = Process.of(int(nb.run(job.run_id).results["left"]))
    wait(lambda: not left.alive())


def test_what_is_no_experiment_fails(queue, supervise):
    supervise()
    job = over(queue, queue.add("no-such-thing"))
    assert (job.state, job.exit_code, job.run_id) == ("failed", 2, None)
    assert job.error.startswith("no experiment is called 'no-such-thing'")


def test_a_cancelled_job_stops_and_goes_on_with_the_same_run(nb, queue, supervise, tmp_path):
    supervise()
    job = ready(queue, nb, ask(queue, until=tmp_path / "go"))
    assert queue.cancel(job.id).cancelling
    job = over(queue, job)
    assert (job.state, job.exit_code, job.error) == ("cancelled", 130, None)
    assert nb.run(job.run_id).status == "interrupted"
    (tmp_path / "go").touch()
    again = over(queue, queue.again(job.id))
    assert (again.state, again.attempt, again.run_id) == ("finished", 2, job.run_id)
    assert nb.run(job.run_id).results["resumed"] == 1.0
    assert f"$ glassbook run toy-job --resume={job.run_id}\n" in tail(job.log)


def test_a_job_that_does_not_listen_is_killed(nb, queue, supervise, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LAST", 0.2)
    supervise(grace=0.2)
    job = ready(queue, nb, ask(queue, "deaf", until=tmp_path / "never"))
    queue.cancel(job.id)
    job = over(queue, job)
    assert (job.state, job.exit_code) == ("cancelled", -signal.SIGKILL)
    assert nb.run(job.run_id).status == "interrupted"


def test_a_job_that_somebody_kills_is_interrupted(nb, queue, supervise, tmp_path):
    supervise()
    job = ready(queue, nb, ask(queue, until=tmp_path / "never"))
    os.kill(job.process.pid, signal.SIGKILL)
    job = over(queue, job)
    assert (job.state, job.exit_code) == ("interrupted", -signal.SIGKILL)
    assert job.error == "its process was ended by SIGKILL, as the system does when memory runs out"


def test_with_one_slot_jobs_run_one_after_another(nb, queue, supervise):
    first, second = ask(queue), ask(queue)
    supervise()
    second, first = over(queue, second), over(queue, first)
    assert first.ended <= second.started
    assert {first.state, second.state} == {"finished"}


def test_gpus_are_given_out(nb, queue, supervise, tmp_path):
    jobs = [ask(queue, until=tmp_path / "go", gpus=1) for _ in range(3)]
    greedy, plain = ask(queue, gpus=3), ask(queue)
    supervise(slots=4, gpus=["GPU-a", "GPU-b"])
    first, second = (ready(queue, nb, job) for job in jobs[:2])
    assert first.devices + second.devices == ("GPU-a", "GPU-b")
    plain, greedy = over(queue, plain), over(queue, greedy)
    assert (greedy.state, greedy.error) == ("failed", "it needs 3 GPUs and this machine has 2")
    assert queue.job(jobs[2].id).state == "queued"  # both are taken, though a slot is free
    (tmp_path / "go").touch()
    third = over(queue, jobs[2])
    assert "GPUs: GPU-a\n" in tail(first.log)
    assert "GPUs: GPU-b\n" in tail(second.log)
    assert len(third.devices) == 1
    assert "GPUs: \n" in tail(plain.log)


def test_jobs_outlive_a_server_that_stops(nb, queue, supervise, tmp_path):
    one = supervise()
    job = ready(queue, nb, ask(queue, until=tmp_path / "go"))
    one.stop()
    assert job.process.alive()
    assert queue.job(job.id).state == "running"
    supervise()
    (tmp_path / "go").touch()
    job = over(queue, job)
    assert (job.state, job.exit_code) == ("finished", None)


@pytest.fixture
def server(nb: Notebook) -> Iterator[Callable[[], subprocess.Popen]]:
    started: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        started.append(subprocess.Popen([sys.executable, "-c", SERVER, str(nb.folder)]))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.mark.parametrize("meanwhile", ["lives", "finishes", "is killed", "is cancelled"])
def test_jobs_outlive_a_server_that_is_killed(nb, queue, server, supervise, tmp_path, meanwhile):
    first = server()
    job = ready(queue, nb, ask(queue, until=tmp_path / "go"))
    waiting = ask(queue)
    first.kill()
    first.wait()
    assert job.process.alive()
    if meanwhile == "finishes":
        (tmp_path / "go").touch()
        wait(lambda: nb.run(job.run_id).status == "finished" and not job.process.alive())
    elif meanwhile == "is killed":
        os.killpg(job.process.pid, signal.SIGKILL)
        wait(lambda: not job.process.alive())
    elif meanwhile == "is cancelled":
        queue.cancel(job.id)
    supervise()
    if meanwhile == "lives":
        time.sleep(0.5)
        assert queue.job(waiting.id).state == "queued"  # the slot is still taken
        (tmp_path / "go").touch()
    ended = {"lives": "finished", "finishes": "finished", "is killed": "interrupted", "is cancelled": "cancelled"}
    assert over(queue, job).state == ended[meanwhile]
    assert over(queue, waiting).state == "finished"
    assert nb.run(job.run_id).resumed == 0


def test_a_server_killed_before_the_job_began_starts_it_again(nb, queue, supervise):
    job = ask(queue)
    queue.claim_next("a server that is gone")
    queue.release("a server that is gone")
    supervise()
    assert over(queue, job).state == "finished"
    assert len(nb.runs()) == 1


def test_a_process_that_is_not_on_record_does_not_work(nb):
    words = [sys.executable, "-P", "-m", "glassbook", "run", "toy-job", "--notebook", str(nb.folder)]
    env = os.environ | {"GLASSBOOK_JOB": "1", "GLASSBOOK_GATE": "1"}
    child = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (child.returncode, child.stderr) == (1, "the server ended before this job had begun\n")
    assert nb.runs() == []


def test_a_job_of_a_server_in_the_background_still_hears_ctrl_c(nb, tmp_path):
    words = [sys.executable, "-P", "-m", "glassbook", "run", "toy-job", f"--until={tmp_path / 'never'}"]
    child = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *words, "--notebook", str(nb.folder)],
        env=os.environ | {"GLASSBOOK_JOB": "1", "CUDA_VISIBLE_DEVICES": ""},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait(lambda: nb.runs() and nb.runs()[0].notes)
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == 130


def test_trouble_is_told_once_and_passes(nb, queue, supervise, monkeypatch, capsys):
    def broken(self, *given):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(JobQueue, "claim_next", broken)
        supervise()
        time.sleep(3 * module.POLL)
    assert over(queue, ask(queue)).state == "finished"
    assert capsys.readouterr().err == "jobs: the disk is full\n"


def test_gpus_are_found_without_torch():
    assert detect_gpus({"CUDA_VISIBLE_DEVICES": "0, GPU-ab"}) == ("0", "GPU-ab")
    assert detect_gpus({"CUDA_VISIBLE_DEVICES": ""}) == ()
    assert detect_gpus({"CUDA_VISIBLE_DEVICES": "1,-1,2"}) == ("1",)
    listed = (
        "GPU 0: NVIDIA H200 (UUID: GPU-a1)\n"
        "GPU 1: NVIDIA H100 (UUID: GPU-b2)\n"
        "  MIG 1g.10gb     Device  0: (UUID: MIG-c3)\n"
        "  MIG 1g.10gb     Device  1: (UUID: MIG-d4)\n"
        "GPU 2: NVIDIA H100 (UUID: GPU-e5)\n"
    )
    assert read_list(listed) == ("GPU-a1", "MIG-c3", "MIG-d4", "GPU-e5")
    assert read_list("No devices were found\n") == ()


def test_the_end_of_a_log(tmp_path):
    log = tmp_path / "1.log"
    assert (tail(log), last_line(log)) == ("", "")
    log.write_bytes(b"$ glassbook run\n\x1b[31mred\x1b[0m 10%\rred 20%\nl\xc3\xa4st \xff\n\n")
    assert tail(log) == "$ glassbook run\nred 20%\näst �\n\n".replace("\näst", "\nläst")
    assert last_line(log) == "läst �"
    assert last_line(log, log.stat().st_size) == ""
    assert tail(log, size=12) == "läst �\n\n"


def test_the_supervisor_imports_nothing_heavy():
    code = (
        "import sys\nimport glassbook.jobs.supervisor\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'altair', 'fastapi') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_built_in_experiment_runs_as_a_job(nb, queue, supervise, monkeypatch):
    from glassbook.experiments import find, settings

    monkeypatch.setenv("PYTHONPATH", os.environ["PYTHONPATH"].partition(os.pathsep)[2])
    supervise()
    work = find("reversal-curse").quick()
    job = over(queue, queue.add(work.name, settings(work), 1))
    assert (job.state, job.error) == ("finished", None)
    assert nb.run(job.run_id).charts


def test_two_servers_on_one_notebook_do_each_job_once(nb, queue, server):
    jobs = [ask(queue) for _ in range(4)]
    server(), server()
    ended = [over(queue, job) for job in jobs]
    assert {job.state for job in ended} == {"finished"}
    assert len(nb.runs()) == 4
    assert all(a.ended <= b.started for a, b in itertools.pairwise(ended))  # the one slot is for both

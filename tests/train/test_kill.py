"""Training killed with SIGKILL at random moments ends with the same bits and loses no logged point."""

import multiprocessing
import random

import torch
from conftest import Net, batch, learn

from glassbook.notebook import Notebook
from glassbook.train import list_checkpoints, read_checkpoint

KILLS = 20
STEPS = 400


def work(notebook, run_id, started):
    """What a user starts again and again until it is done (in a process of its own)."""
    torch.set_num_threads(1)
    with Notebook(notebook).resume_run(run_id) as run:
        started.set()
        learn_with(run)
        run.result(done=1.0)


def learn_with(run):
    folder = run.folder / "checkpoints"
    options = {"steps": STEPS, "accumulate": 2, "ema": 0.9, "every": 10, "log_every": 3}
    learn(Net(0.3), batches=batch, run=run, checkpoint=folder, resume=run.resumed, seed=1, **options)


def points(record):
    return {name: dict(zip(*record.metrics(name), strict=True)) for name in ("loss", "grad_norm", "lr")}


def start_interrupted(notebook):
    run = notebook.start_run("test", config={}, seed=1, claims=[])
    try:
        with run:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return run.id


def test_twenty_kills(tmp_path):
    notebook = Notebook.create(tmp_path / "notebook", title="Test")
    with notebook.start_run("test", config={}, seed=1, claims=[]) as reference:
        learn_with(reference)
    truth = points(notebook.run(reference.id))
    weights, facts = read_checkpoint(list_checkpoints(reference.folder / "checkpoints")[-1])

    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["glassbook.train", "glassbook.notebook"])
    chance, kills, finished = random.Random(0), 0, 0
    run_id, logged = start_interrupted(notebook), {}
    while kills < KILLS or not finished:
        started = processes.Event()
        process = processes.Process(target=work, args=(notebook.folder, run_id, started))
        process.start()
        assert started.wait(30)
        # After the last kill it is let to finish.
        process.join(chance.uniform(0, 0.4) if kills < KILLS else 30)
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        record = notebook.run(run_id)
        now = points(record)
        assert all(logged.get(name, {}).items() <= now[name].items() for name in now)
        assert all(now[name].items() <= truth[name].items() for name in now)
        logged = now
        if record.status == "finished":
            assert logged == truth
            last, last_facts = read_checkpoint(list_checkpoints(record.folder / "checkpoints")[-1])
            assert last_facts == facts
            assert last.keys() == weights.keys()
            assert all(torch.equal(last[name], weights[name]) for name in weights)
            finished += 1
            run_id, logged = start_interrupted(notebook), {}

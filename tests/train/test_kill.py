"""Training in two phases, killed with SIGKILL at random moments, ends with the same bits, at the same cost in FLOPs."""

import multiprocessing
import random

import torch
from toy_training import learn_until_killed, learn_with

from glassbook.notebook import Notebook
from glassbook.train import list_checkpoints, read_checkpoint

KILLS = 8


def points(record):
    names = [f"{phase}/{name}" for phase in ("linear", "norm") for name in ("loss", "grad_norm", "lr")]
    return {name: dict(zip(*record.metrics(name), strict=True)) for name in names}


def start_interrupted(notebook):
    run = notebook.start_run("test", config={}, seed=1, claims=[])
    try:
        with run:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return run.id


def test_killed_at_random_moments(tmp_path):
    notebook = Notebook.create(tmp_path / "notebook", title="Test")
    with notebook.start_run("test", config={}, seed=1, claims=[]) as reference:
        learn_with(reference)
    truth = points(notebook.run(reference.id))
    cost = [(part.label, part.flop) for part in notebook.run(reference.id).compute]
    weights, facts = read_checkpoint(list_checkpoints(reference.folder / "checkpoints")[-1])

    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["glassbook.train", "glassbook.notebook"])
    chance, kills, finished = random.Random(0), 0, 0
    run_id, logged = start_interrupted(notebook), {}
    while kills < KILLS or not finished:
        started = processes.Event()
        process = processes.Process(target=learn_until_killed, args=(notebook.folder, run_id, started))
        process.start()
        assert started.wait(30)
        # After the last kill it may finish.
        process.join(chance.uniform(0, 0.4) if kills < KILLS else 60)
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
            assert [(part.label, part.flop) for part in record.compute] == cost
            last, last_facts = read_checkpoint(list_checkpoints(record.folder / "checkpoints")[-1])
            assert last_facts == facts
            assert last.keys() == weights.keys()
            assert all(torch.equal(last[name], weights[name]) for name in weights)
            finished += 1
            run_id, logged = start_interrupted(notebook), {}

import errno
import os
import random

import numpy as np
import pytest
import torch
from safetensors import safe_open
from toy_training import Net, learn

from glassbook.errors import GlassbookError
from glassbook.train import list_checkpoints, read_checkpoint, write_checkpoint
from glassbook.train.checkpoints import rng_states, set_rng_states

CPU = torch.device("cpu")


def test_what_is_written_is_read(tmp_path):
    tensors = {
        "a": torch.randn(3, 4).T,
        "b": torch.tensor(2, dtype=torch.int64),
        "c": torch.randn(5, dtype=torch.bfloat16),
        "d": torch.tensor([True, False]),
        "e": torch.zeros(0, 3),
    }
    path = write_checkpoint(tmp_path, 7, tensors, {"x": [1, 2.5, "ü", None]})
    back, facts = read_checkpoint(path)
    assert facts == {"x": [1, 2.5, "ü", None]}
    assert all(torch.equal(back[k], t) and back[k].dtype == t.dtype for k, t in tensors.items())


def test_it_is_a_plain_safetensors_file(tmp_path):
    learn(Net(), steps=2, ema=0.9, checkpoint=tmp_path)
    with safe_open(list_checkpoints(tmp_path)[-1], framework="np") as file:
        names = set(file.keys())
    assert {"model/first.weight", "ema/first.weight", "opt/main/first.weight/exp_avg", "rng/torch"} <= names
    assert "model/second.weight" not in names  # tied: kept once


def test_the_last_two_are_kept_and_what_a_dead_process_left_is_cleared(tmp_path):
    (tmp_path / ".step-000000001.safetensors.abcd.tmp").write_bytes(b"half")
    for step in (2, 10, 9_999, 10_000):
        write_checkpoint(tmp_path, step, {"a": torch.ones(1)}, {})
    assert sorted(os.listdir(tmp_path)) == ["step-000009999.safetensors", "step-000010000.safetensors"]


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_checkpoint_is_one_clear_line(tmp_path, keep):
    learn(Net(), steps=4, checkpoint_every=2, checkpoint=tmp_path)
    newest = list_checkpoints(tmp_path)[-1]
    data = newest.read_bytes()
    newest.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(GlassbookError, match=r"step-000000004.*damaged.*resume from step-000000002") as problem:
        learn(Net(), steps=4, checkpoint_every=2, checkpoint=tmp_path, resume=True)
    assert "\n" not in str(problem.value)
    newest.unlink()
    assert learn(Net(), steps=4, checkpoint_every=2, checkpoint=tmp_path, resume=True).step == 4


def test_every_flipped_bit_is_noticed(tmp_path):
    path = write_checkpoint(tmp_path, 1, {"a": torch.arange(6.0), "b": torch.ones(2, 2)}, {"lr": 0.1})
    data = path.read_bytes()
    spaces = 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        try:
            read_checkpoint(path)
        except GlassbookError as problem:
            assert "damaged" in str(problem)  # noqa: PT017 (hundreds of raises in one loop)
        else:
            spaces += 1
    assert spaces == 0


def test_a_full_disk_is_one_line_and_the_older_checkpoint_stays(tmp_path, monkeypatch):
    learn(Net(), steps=30, checkpoint_every=10, checkpoint=tmp_path / "whole")
    write = os.write

    def full_from_step_20(descriptor, data):
        if list_checkpoints(tmp_path / "full") and len(data) > 500:
            write(descriptor, data[:500])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full_from_step_20)
    with pytest.raises(GlassbookError, match=r"No space left.*step-000000010.safetensors is intact") as problem:
        learn(Net(), steps=30, checkpoint_every=10, checkpoint=tmp_path / "full")
    assert "\n" not in str(problem.value)
    monkeypatch.undo()
    assert os.listdir(tmp_path / "full") == ["step-000000010.safetensors"]
    learn(Net(), steps=30, checkpoint_every=10, checkpoint=tmp_path / "full", resume=True)
    a, b = (read_checkpoint(list_checkpoints(tmp_path / folder)[-1])[0] for folder in ("whole", "full"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_generators_go_on_where_they_were():
    random.gauss(0, 1), np.random.randn(1)  # leaves each with a second normal number in hand
    tensors, facts = rng_states(CPU)

    def draw():
        return random.gauss(0, 1), random.random(), np.random.randn(3).tolist(), torch.randn(3).tolist()

    first = draw()
    set_rng_states(tensors, facts, CPU)
    assert draw() == first

"""Probes of few labels read what is in a code, none of what is not, and all codes by the same rules."""

import pytest
import torch

from glassbook.experiments.latent._digits import Digits
from glassbook.experiments.latent._probes import probes
from glassbook.notebook import Notebook


@pytest.fixture
def run(tmp_path):
    with Notebook.create(tmp_path / "nb").start_run("probing", {}, 0) as run:
        yield run


def told(n: int, seed: int) -> Digits:
    """Pictures that say in one bright pixel which digit they are, among noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (n,), generator=generator)
    images = 0.5 * torch.rand(n, 1, 28, 28, generator=generator)
    images.flatten(1)[torch.arange(n), labels] = 3.0
    return Digits(images, labels)


def test_what_is_in_a_code_is_read_and_what_is_not_is_not(run):
    train, dev, test = told(3000, 0), told(200, 1), told(500, 2)
    codes = {
        "that pixel": lambda x: x.flatten(1)[:, :10],
        "pixels": lambda x: x,
        "others": lambda x: x.flatten(1)[:, 10:20],
        "far away": lambda x: 1000 + 100 * x.flatten(1)[:, :10],
    }
    found, shuffled = probes(run, codes, train, dev, test, labels=100, draws=3)
    assert found["that pixel"] > 0.99
    assert found["that pixel"] >= found["pixels"] > 0.5
    assert found["others"] < 0.2
    assert shuffled < 0.2
    assert found["far away"] == pytest.approx(found["that pixel"], abs=0.01)  # neither place nor size of a code counts

import contextlib

import pytest
import torch
from torch.nn.functional import normalize

from glassbook.features import Dictionary, TopK, fit


def samples(n=4000, features=24, d=12, active=2, seed=11):
    """Sums of few of many directions; its generators are nobody else's."""
    g = torch.Generator().manual_seed(7_000_000 + seed)
    truth = normalize(torch.randn(features, d, generator=torch.Generator().manual_seed(7_654_321)), dim=1)
    strengths = torch.rand(n, features, generator=g) * (torch.rand(n, features, generator=g) < active / features)
    return truth, strengths, strengths @ truth + 3


class Died(Exception):
    """The machine goes down."""


class Dying:
    """A run whose machine goes down when it logs a step."""

    def __init__(self, step):
        self.step = step

    def progress(self, *args, **kwargs):
        return contextlib.nullcontext(self)

    def advance(self, *args, **kwargs):
        pass

    def log(self, step, **metrics):
        if step == self.step:
            raise Died

    def seconds_spent(self, *part):
        return 0.0

    def spent(self, *cost):
        pass


@pytest.fixture(scope="session")
def learnt():
    """A small dictionary that has learnt, with the samples it has not seen and the truth."""
    torch.manual_seed(0)
    d = Dictionary(12, 48, TopK(4))
    fit(d, samples()[2], steps=300, batch=512, lr=1e-2)
    return d, *samples(seed=12)

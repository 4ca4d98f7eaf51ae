"""Named generators: the same for the same names, independent for others, on every machine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.runs.rng import Rng


def test_known_answers() -> None:
    """Changing these changes the data of every experiment."""
    assert Rng(0, ("train",)).seed == 5313891899833624539
    assert Rng(0, ("train",)).child("0").seed == 37540958175193672
    assert Rng(7, ("held-out",)).seed == 3006017176869732487


def test_names_and_seeds_make_other_streams() -> None:
    streams = [Rng(seed, (name,)) for seed in (-1, 0, 1, 2**70) for name in ("a", "b", "ab", "ä")]
    streams += [stream.child(name) for stream in streams for name in ("a", "b", "0")]
    seeds = {stream.seed for stream in streams}
    assert len(seeds) == len(streams)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert Rng(0, ("a",)).child("b").seed not in (Rng(0, ("ab",)).seed, Rng(0, ("a.b",)).seed, Rng(0, ("a/b",)).seed)


def test_a_generator_begins_anew_each_time_and_follows_the_seed() -> None:
    rng = Rng(3, ("train",))
    first = torch.randn(5, generator=rng.torch())
    assert torch.equal(first, torch.randn(5, generator=rng.torch()))
    assert rng.torch().initial_seed() == rng.seed
    numbers = rng.numpy().normal(size=5)
    assert np.array_equal(numbers, rng.numpy().normal(size=5))
    assert np.array_equal(numbers, np.random.default_rng(rng.seed).normal(size=5))


def test_streams_are_not_correlated() -> None:
    drawn = [torch.randn(4000, generator=Rng(0, ("a",)).child(str(i)).torch()) for i in range(4)]
    for one, other in itertools.combinations(drawn, 2):
        assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < 0.08  # 5 standard errors


def test_a_run_names_its_generators(nb: Notebook) -> None:
    torch.manual_seed(0)
    with nb.start_run("toy", seed=5) as run:
        assert run.rng("train") == Rng(5, ("train",))
        before = torch.get_rng_state()
        run.rng("train").torch()
        assert torch.equal(before, torch.get_rng_state())
        for name in ("", 3):
            with pytest.raises(GlassbookError, match="a generator has a text as its name"):
                run.rng(name)  # pyright: ignore[reportArgumentType]

"""Lenses: what their scores say of lenses whose answer is known, and which texts they take."""

from pathlib import Path

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.experiments.circuits import _lens_scores as measure
from glassbook.notebook import Notebook

SKIP, VOCAB = 2, 400


def rows(n=6, length=40):
    """Rows that share no token with each other."""
    return torch.stack([torch.arange(length) % 20 + 20 * i for i in range(n)])


def knowing(ids, how):
    """A lens whose stream is the number of the row: it favours that row's tokens (+1), or disfavours them (-1)."""

    def lens(name, x):
        logits = torch.zeros(len(x), VOCAB)
        for i, row in enumerate(x[:, 0].long().tolist()):
            logits[i, ids[row]] = how
        return logits

    return lens


@pytest.mark.parametrize(("how", "expected"), [(1.0, 1.0), (-1.0, 0.0), (0.0, 0.5)])
def test_foresight_of_lenses_that_know_favour_others_or_know_nothing(how, expected):
    ids = rows()
    x = torch.arange(len(ids)).float()[:, None, None].expand(-1, ids.shape[1], 1)
    total, count = measure.foresight(knowing(ids, how), "block", x, ids, SKIP)
    assert count > 0
    assert total / count == pytest.approx(expected)


def test_tokens_that_stood_there_already_or_come_next_count_for_nothing():
    ids = torch.full((2, 40), 7)
    ids[1] = 8
    lens = knowing(ids, 1.0)
    x = torch.arange(2).float()[:, None, None].expand(-1, 40, 1)
    assert measure.foresight(lens, "block", x, ids, SKIP) == (0.0, 0)


def test_common_tokens_gain_nothing():
    g = torch.Generator().manual_seed(0)
    ids = (torch.rand(64, 40, generator=g) ** 3 * VOCAB).long()  # the low ones are common
    common = -torch.arange(VOCAB).float()
    x = torch.zeros(64, 40, 1)
    total, count = measure.foresight(lambda name, x: common.expand(len(x), -1), "block", x, ids, SKIP)
    assert total / count == pytest.approx(0.5, abs=0.05)


def test_divergence_of_the_last_layer_from_itself_is_zero():
    x = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    lens = {"a": torch.randn(5, 7), "z": torch.randn(5, 7)}
    assert measure.divergence(lambda name, x: x @ lens[name], "z", x, "z", x).abs().max() < 1e-6
    assert measure.divergence(lambda name, x: x @ lens[name], "a", x, "z", x).min() > 0


def test_files_that_are_too_short_or_no_text(tmp_path):
    from glassbook.nets import open_model

    lm, book = open_model("builtin"), Notebook.create(tmp_path / "notes")
    with book.start_run("lenses", {}) as run:
        short = tmp_path / "short.txt"
        short.write_text("A heron stood there.")
        with pytest.raises(GlassbookError, match=r"tokens; .* are needed"):
            measure.rows(run, lm, short, "test", 8, 16)
        with pytest.raises(GlassbookError, match="cannot be read"):
            measure.rows(run, lm, Path(tmp_path / "none.txt"), "test", 8, 16)
        short.write_text("A heron stood there and looked at the mill weir. " * 60)
        assert measure.rows(run, lm, short, "test", 8, 16).shape == (8, 16)
        assert measure.rows(run, lm, None, "test", 8, 16).shape == (8, 16)

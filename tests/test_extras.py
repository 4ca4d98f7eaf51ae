"""Libraries that only some experiments need: without them there is one line that says what to install."""

import sys

import pytest
import torch

from glassbook.data.patches import photograph_patches
from glassbook.errors import GlassbookError
from glassbook.experiments import find, launch
from glassbook.features.classical import kmeans
from glassbook.notebook import Notebook


@pytest.fixture
def without(monkeypatch):
    """without("sklearn") -> as if it were not installed."""

    def hide(name):
        for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.mark.parametrize("missing", ["sklearn", "PIL"])
def test_photographs_say_what_they_need(without, missing):
    without(missing)
    with pytest.raises(GlassbookError, match=rf"{missing} is not installed; pip install 'glassbook\[baselines\]'"):
        photograph_patches(4, 8, generator=torch.Generator().manual_seed(0))


def test_an_experiment_says_what_it_needs(without, tmp_path):
    without("sklearn")
    with pytest.raises(GlassbookError, match="sklearn is not installed"):
        launch(find("sparse-coding").quick(), Notebook.create(tmp_path), seed=0)


def test_k_means_says_what_it_needs(without):
    without("sklearn")
    with pytest.raises(GlassbookError, match="sklearn is not installed"):
        kmeans(torch.randn(50, 4), 3)


def test_looking_at_photographs_says_once_what_it_needs(without, tmp_path, capsys):
    from glassbook.cli import main

    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    without("PIL")
    assert main(["look", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: PIL is not installed; pip install 'glassbook[baselines]' brings it\n"

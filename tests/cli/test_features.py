"""`glassbook features --run`: the dashboard that a run kept, shown without opening a model."""

import pytest
import torch

from glassbook.features import Dictionary, TopK
from glassbook.features.dashboard import build_dashboard
from glassbook.nets import open_model
from glassbook.notebook.runs.feature_dashboard import Name


@pytest.fixture
def kept(notebook):
    """A run with a dashboard of 16 features, of which 0 and 7 are ever active."""
    d, lm = Dictionary(128, 16, TopK(1)), open_model("builtin")
    with torch.no_grad():
        d.W_dec.copy_(torch.eye(128)[:16])
        d.W_enc.copy_(torch.eye(128)[:16])
    x = torch.zeros(6, 128)
    x[:5, 0] = 1.0
    x[5, 7] = 9.0
    ids = torch.tensor(lm.encode("The fox slept near the river.")[1:7])
    about = {"model": "builtin", "site": "blocks.3.out", "dictionary": "d.safetensors"}
    with notebook.start_run("toy", {}) as run:
        build_dashboard(d, x, lm, run.folder / "artifacts", tokens=ids, sequence=torch.zeros(6), about=about)
    with notebook.start_run("toy", {}) as labelled:
        names = {0: [Name("animal: fox", "truth", 0.97)]}
        folder = labelled.folder / "artifacts"
        build_dashboard(d, x, lm, folder, tokens=ids, sequence=torch.zeros(6), about=about, names=names)
    return run.id, labelled.id


def test_the_strongest_first_and_those_with_a_meaning_before_all(glassbook, notebook, kept):
    words = ("features", "--notebook", notebook.folder)
    data = glassbook(*words, "--run", kept[0], "--json").data()
    assert [card["index"] for card in data["features"]] == [7, 0]
    header = data["header"]
    assert (header["model"], header["site"], header["width"], data["total"]) == ("builtin", "blocks.3.out", 16, 2)
    assert glassbook(*words, "--run", kept[0]).out.count("«") == 2
    named = glassbook(*words, "--run", kept[1], "--json").data()
    assert next((card["index"], card["label"], card["score"]) for card in named["features"]) == (0, "animal: fox", 0.97)
    assert "animal: fox (0.97)" in glassbook(*words, "--run", kept[1]).out
    assert glassbook(*words, "--run", kept[1], "--search", "FOX", "--json").data()["total"] == 1
    assert "no feature has 'zeppelin'" in glassbook(*words, "--run", kept[1], "--search", "zeppelin").out


def test_what_cannot_be_shown_is_one_line(glassbook, notebook, kept):
    with notebook.start_run("toy", {}) as bare:
        pass
    words = ("features", "--notebook", notebook.folder, "--run")
    assert "has no feature dashboard" in glassbook(*words, bare.id).complaint()
    assert "no run" in glassbook(*words, "nothing").complaint()
    assert "leave out" in glassbook(*words, kept[0], "--site", "blocks.1.out").complaint()

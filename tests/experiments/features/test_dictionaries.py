"""The experiments on dictionaries run to the end and say what their claims read; the claims themselves need hours."""

import os

import pytest

from glassbook.experiments import find, launch
from glassbook.notebook import Notebook

NAMES = ["absorption", "dictionary-frontier", "feature-death", "monosemanticity", "sparse-coding"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_gives_every_number_that_a_claim_reads(name, tmp_path):
    if name == "monosemanticity" and "GLASSBOOK_DATA" not in os.environ:
        pytest.skip("needs the story model")
    kind = find(name)
    notebook = Notebook.create(tmp_path / "notebook")
    record = launch(kind.quick(), notebook, seed=3)
    for claim in kind.claims:
        assert claim.metric in record.results, claim.metric
        if claim.control:
            assert claim.control.split()[0] in record.results, claim.control
    assert list(record.folder.glob("charts/*.json")) or list(record.folder.glob("images/*.png"))


def test_monosemanticity_without_its_data_is_one_line_before_any_work(tmp_path, monkeypatch):
    from glassbook.data import registry
    from glassbook.errors import GlassbookError

    monkeypatch.setattr(registry, "folders", lambda: [tmp_path / "nowhere"])
    monkeypatch.setattr(registry.Dataset, "_download", lambda *_: (_ for _ in ()).throw(GlassbookError("no network")))
    notebook = Notebook.create(tmp_path / "notebook")
    with pytest.raises(GlassbookError, match="no network"):
        launch(find("monosemanticity").quick(), notebook)

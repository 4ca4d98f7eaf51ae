"""Monosemanticity without its data."""

import pytest

from glassbook.experiments import find, launch
from glassbook.notebook import Notebook


def test_monosemanticity_without_its_data_is_one_line_before_any_work(tmp_path, monkeypatch):
    from glassbook.data import registry
    from glassbook.errors import GlassbookError

    monkeypatch.setattr(registry, "folders", lambda: [tmp_path / "nowhere"])
    monkeypatch.setattr(registry.Dataset, "_download", lambda *_: (_ for _ in ()).throw(GlassbookError("no network")))
    notebook = Notebook.create(tmp_path / "notebook")
    with pytest.raises(GlassbookError, match="no network"):
        launch(find("monosemanticity").quick(), notebook)

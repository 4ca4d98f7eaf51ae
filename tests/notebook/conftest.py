from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glassbook.notebook import Notebook


@pytest.fixture
def nb(tmp_path: Path) -> Iterator[Notebook]:
    notebook = Notebook.create(tmp_path / "book", "A book")
    yield notebook
    notebook.close()

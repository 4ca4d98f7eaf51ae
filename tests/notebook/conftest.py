from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from glassbook.notebook import Notebook

# Helpers are a plain module beside the tests.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def nb(tmp_path: Path) -> Iterator[Notebook]:
    notebook = Notebook.create(tmp_path / "book", "A book")
    yield notebook
    notebook.close()

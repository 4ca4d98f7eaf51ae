"""What the tests of the web share."""

import sys
from pathlib import Path

import pytest

from glassbook.notebook import Notebook

# Helpers are a plain module beside the tests.
sys.path.append(str(Path(__file__).parent))
from evidence_book import open_app


@pytest.fixture
def nb(tmp_path):
    notebook = Notebook.create(tmp_path / "nb")
    yield notebook
    notebook.close()


@pytest.fixture
def server():
    """What stands in for the model server; a module that asks one has a fixture of its own."""
    return


@pytest.fixture
def reader(nb, server):
    client = open_app(nb)
    if server is not None:
        client.app.state.services.model_server = server
    return client

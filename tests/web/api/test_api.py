"""The JSON interface as its own description promises it: whatever is asked, no error of the server's."""

from __future__ import annotations

import subprocess
import sys

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from glassbook.notebook import Claim, Notebook, Page
from glassbook.web.app import create_app


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    notebook = Notebook.create(tmp_path_factory.mktemp("api") / "nb")
    notebook.write(Page.new("Sparse coding", "# Sparse coding\n\nFew of [[many]].\n", kind="term", level=2))
    with notebook.start_run("toy", {"lr": 0.1}, claims=[Claim("learns", "It learns", "loss", "<=", 1.0)]) as run:
        run.log(0, loss=2.0)
        run.chart("c", {"mark": "bar", "data": {"values": []}})
        run.result(loss=0.5)
    return create_app(notebook, work=False, hosts=("testserver", "testclient"))


@pytest.fixture(scope="module")
def api_schema(app):
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


def test_nothing_that_is_asked_breaks_the_server(api_schema):
    operations = [found.ok() for found in api_schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        _ask_anything(operation)


def _ask_anything(operation):
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def ask(case):
        response = case.call(timeout=120)  # a machine may be busy
        assert response.status_code < 500, f"{operation.label}: {response.text[:500]}"

    ask()


def test_the_web_process_never_imports_torch(tmp_path):
    code = """
import sys
from starlette.testclient import TestClient
from glassbook.assets import starter
from glassbook.notebook import Notebook
from glassbook.web.app import create_app
nb = Notebook.create(sys.argv[1]); starter.write(nb.folder)
with nb.start_run("superposition", {}) as run:
    run.result(mmcs=1.0)
with TestClient(create_app(nb, work=False), base_url="http://localhost") as client:
    paths = ["/", "/glossary", "/pages", "/graph", "/timeline", "/experiments", "/x/superposition", "/jobs", "/runs",
        "/runs/" + run.id, "/claims", "/models", "/models/open?model=builtin", "/features", "/steer",
        "/search?q=features", *("/p/" + page.id for page in nb.pages())]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-500:])
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "nb")], check=True, timeout=120)

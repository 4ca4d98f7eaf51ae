"""The JSON interface as its own description promises it: whatever is asked, no error of the server's."""

from __future__ import annotations

import subprocess
import sys

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from glassbook.notebook import Claim, Notebook, Page
from glassbook.web.app import create_app


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    notebook = Notebook.create(tmp_path_factory.mktemp("api") / "nb")
    notebook.write(Page.new("Sparse coding", "# Sparse coding\n\nFew of [[many]].\n", kind="term", level=2))
    with notebook.start_run("toy", {"lr": 0.1}, claims=[Claim("It learns", "loss", "<=", 1.0)]) as run:
        run.log(0, loss=2.0)
        run.chart("c", {"mark": "bar", "data": {"values": []}})
        run.result(loss=0.5)
    return create_app(notebook, work=False)


@pytest.fixture(scope="module")
def api_schema(app):
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_asked_breaks_the_server(case):
    response = case.call(headers={"host": "localhost"})
    assert response.status_code < 500, response.text


def test_the_web_process_never_imports_torch(tmp_path):
    code = """
import sys
from starlette.testclient import TestClient
from glassbook import starter
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
assert "numpy" not in sys.modules, "numpy"
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "nb")], check=True, timeout=120)

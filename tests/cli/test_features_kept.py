"""`glassbook features export` and `features name`: on the dashboard of a run, with a real server on this machine."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from glassbook.features import Dictionary, TopK
from glassbook.features.dashboard import build_dashboard
from glassbook.nets import open_model
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard, Name


@pytest.fixture
def kept(notebook):
    """A run whose dashboard has feature 0 active on one token alone and feature 1 named from the truth."""
    d, lm = Dictionary(128, 16, TopK(1)), open_model("builtin")
    with torch.no_grad():
        d.W_dec.copy_(torch.eye(128)[:16])
        d.W_enc.copy_(torch.eye(128)[:16])
    x, tokens = torch.zeros(600, 128), torch.randint(200, 300, (600,), generator=torch.Generator().manual_seed(0))
    x[4::20, 0], tokens[4::20] = torch.linspace(1, 2, 30), 100
    x[11::20, 1] = 1.0
    about = {"model": "builtin", "site": "blocks.3.out", "dictionary": "d.safetensors"}
    with notebook.start_run("toy", {}) as run:
        sequence, names = torch.arange(600) // 10, {1: [Name("place: ridge", "truth", 0.9)]}
        to = run.folder / "artifacts"
        build_dashboard(d, x, lm, to, tokens=tokens, sequence=sequence, names=names, about=about)
    return FeatureDashboard(run.folder), run.id


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked += 1
            status, answer = self.server.answer(body, self.server.asked)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.asked, http.url = 0, f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield http
    http.shutdown()
    thread.join()
    http.server_close()


def said(content) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def always_yes(body, asked):
    lines = body["messages"][1]["content"].splitlines()
    naming = "in common" in body["messages"][0]["content"]
    return 200, said("A thing" if naming else str([1] * len(lines)))


def test_tokens_name_what_has_no_name(glassbook, notebook, kept):
    dashboard, run = kept
    data = glassbook("features", "name", "--run", run, "--notebook", notebook.folder, "--json").data()
    assert (data["source"], data["asked"], data["named"]) == ("tokens", 1, 1)
    assert data["names"][0]["detection"] == 1.0
    assert [name.source for name in dashboard.feature(0).names] == ["tokens"]
    assert dashboard.feature(1).label == "place: ridge"
    shown = glassbook("features", "--run", run, "--notebook", notebook.folder)
    assert dashboard.feature(0).label in shown.out


def test_a_model_that_the_settings_name_is_asked(glassbook, notebook, kept, server):
    dashboard, run = kept
    server.answer = always_yes
    settings = notebook.folder / "glassbook.toml"
    settings.write_text(settings.read_text() + f'\n[naming]\nendpoint = "{server.url}"\nmodel = "tiny"\n')
    words = ("features", "name", "--run", run, "--notebook", notebook.folder)
    data = glassbook(*words, "--json").data()
    assert (data["source"], data["named"]) == ("tiny", 1)
    feature = dashboard.feature(0)
    assert (feature.label, feature.names[0].source) == ("A thing", "tiny")
    assert feature.names[0].scores == {"detection": 0.5, "fuzzing": 0.5}  # it says yes to everything
    assert glassbook(*words, "--tokens", "--replace", "--json").data()["source"] == "tokens"
    settings.write_text(settings.read_text() + "key = 7\n")
    assert "[naming] in glassbook.toml" in glassbook(*words).complaint()


@pytest.mark.parametrize(
    ("status", "answer", "complaint"),
    [(401, b"", "refuses the key"), (200, b"<html>", "does not answer as a chat"), (500, b"", "status 500")],
)
def test_a_server_that_fails_half_way_leaves_the_book_as_it_was(
    glassbook, notebook, kept, server, status, answer, complaint
):
    dashboard, run = kept
    server.answer = lambda body, asked: always_yes(body, asked) if asked < 3 else (status, answer)
    before = dashboard.path.read_bytes()
    words = ("features", "name", "--run", run, "--notebook", notebook.folder, "--replace")
    answered = glassbook(*words, "--endpoint", server.url, "--model", "tiny")
    assert answered.code == 2
    assert complaint in answered.err.splitlines()[-1]
    assert dashboard.path.read_bytes() == before
    assert len(list(dashboard.path.parent.iterdir())) == 1


def test_what_does_not_fit_is_one_line(glassbook, notebook, kept):
    words = ("features", "name", "--run", kept[1], "--notebook", notebook.folder)
    assert "both --endpoint URL and --model" in glassbook(*words, "--model", "tiny").complaint()
    assert "leave out" in glassbook(*words, "--model", "tiny", "--tokens").complaint()
    assert "at least 1" in glassbook(*words, "--top", "0").complaint()
    assert "no address" in glassbook(*words, "--endpoint", "file:///etc", "--model", "tiny").complaint()


def test_export_writes_one_file(glassbook, notebook, kept, tmp_path):
    words = ("features", "export", "--run", kept[1], "--notebook", notebook.folder, "--out")
    data = glassbook(*words, tmp_path / "f.html", "--json").data()
    assert data["path"] == str(tmp_path / "f.html")
    assert "place: ridge" in (tmp_path / "f.html").read_text()
    assert "is a folder" in glassbook(*words, tmp_path).complaint()
    assert "--top 0" in glassbook(*words, tmp_path / "g.html", "--top", "0").complaint()

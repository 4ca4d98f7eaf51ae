"""A notebook with runs in it whose every text tries to be more than text, for the tests of its pages."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from starlette.testclient import TestClient

from glassbook.errors import GlassbookError
from glassbook.notebook import Claim, Notebook, Run
from glassbook.web.app import create_app

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
CLAIM = Claim("loss-falls", "Loss falls", "loss", "<=", 1.0, control="chance >= 2")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "mark": "point",
    "data": {"values": [{"x": 1, "href": "kept: rows are data"}]},
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
}


def open_app(notebook: Notebook, work: bool = False) -> TestClient:
    """A reader of the notebook."""
    return TestClient(create_app(notebook, work=work), base_url="http://127.0.0.1", follow_redirects=False)


def toy_run(notebook: Notebook, seed: int = 0, loss: float = 0.5, experiment: str = "toy", **config: object) -> Run:
    """A finished run with a bit of everything."""
    with notebook.start_run(experiment, {"lr": 0.1, "model": {"width": 3}, **config}, seed, [CLAIM]) as run:
        for step in range(20):
            run.log(step, loss=loss + 1 / (step + 1), accuracy=step / 20)
        run.result(loss=loss, chance=3.0)
        run.note("half way")
        run.chart("curve", CHART, svg="<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
        run.image("dot", PNG)
        run.table("rows", [{"a": 1, "b": [1, 2]}, {"a": None, "b": float("nan")}])
        run.artifact("w.bin").write_bytes(b"weights")
    return run


def evil_run(notebook: Notebook) -> Run:
    """A run every text of which is an attack; it claims something whose sentence is one."""
    claim = Claim("evil", EVIL, "loss", "<=", 1.0, source=EVIL)
    with notebook.start_run(EVIL, {EVIL: EVIL, "nested": {EVIL: [EVIL]}}, 0, [claim]) as run:
        run.log(0, **{EVIL: 1.0})
        run.result(**{EVIL: 1.0, "loss": 0.1})
        run.note(EVIL)
        run.table("t", [{EVIL: EVIL, "deep": {EVIL: EVIL}}])
        run.chart("c", {**CHART, "title": EVIL, "usermeta": {"embedOptions": {"ast": False}}})
    (run.folder / "artifacts").mkdir()
    (run.folder / "artifacts" / EVIL.replace("/", "_")).write_bytes(b"x")
    return run


class Scan(HTMLParser):
    """Elements and attributes that text of a run could have made."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        inline = tag == "script" and "src" not in names
        handler = any(name.startswith("on") or name == "style" for name in names)
        leads = any(str(names.get(name, "")).lower().lstrip().startswith("javascript:") for name in ("href", "src"))
        if inline or handler or leads or names.get("src") == "x":
            self.bad.append(self.get_starttag_text() or tag)


def assert_harmless(text: str) -> None:
    """No text of a run has become an element, a handler, a link that acts, or a template."""
    scan = Scan()
    scan.feed(text)
    assert scan.bad == []
    assert "49" not in re.findall(r">(49)<", text)


class FakeModelServer:
    """Answers with the question, and counts; does not know the model "nobody"."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []

    async def call(self, method, *, partial=None, **params):
        self.calls.append((method, params))
        if params.get("model") == "nobody":
            raise GlassbookError("there is no model 'nobody'; name a folder, a file or an id")
        return {"method": method, **params}

    async def close(self):
        pass

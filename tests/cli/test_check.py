"""`glassbook check`: what on the pages no run grounds, what leads nowhere, and what is stale."""

from __future__ import annotations

import json
import os

import pytest
from reference_evidence import NAME, default_run, ship

from glassbook.assets import reference

PAGE = """---
id: mine
given: ["accuracy of 0.5", gone]
---

# Mine

The model has an accuracy of 0.93. It has an accuracy of 0.5 by chance.

Two of three seeds are enough: on one seed it fails. [[Nowhere]], [[#Missing]], [[Mine#Lost|here it is]], [[#Mine]].

![picture](missing.png) ![picture](there%20is.png) [a page](other.md) [no page](gone.md)

```glassbook
chart: {experiment: superpositoin, name: x}
```

```glassbook
chart: [
```

The cosine is {{run: superposition mmc}}, {{run: superposition mmcs}}, {{claim: superposition/dictionary-recovers}}.
"""


@pytest.fixture
def pages(notebook, tmp_path, monkeypatch):
    ship(tmp_path, monkeypatch)
    folder = notebook.folder / "pages"
    (folder / "mine.md").write_text(PAGE)
    (folder / "other.md").write_text("Nothing to see. [[Mine]]\n")
    (folder / "there is.png").write_bytes(b"")
    return notebook


def found(answer) -> list[tuple[str, str, int]]:
    return [(f["kind"], f["where"], f["line"]) for f in answer.data()["findings"]]


def test_check_lists_everything(glassbook, pages):
    answer = glassbook("check", "--notebook", pages.folder, "--json")
    assert answer.code == 1
    assert sorted(found(answer)) == [
        ("block", "pages/mine.md", 14),
        ("block", "pages/mine.md", 18),
        ("given", "pages/mine.md", 5),
        ("link", "pages/mine.md", 10),
        ("link", "pages/mine.md", 10),
        ("link", "pages/mine.md", 10),
        ("link", "pages/mine.md", 12),
        ("link", "pages/mine.md", 12),
        ("number", "pages/mine.md", 8),
        ("value", "pages/mine.md", 22),
        ("verdict", "pages/mine.md", 10),
    ]
    text = glassbook("check", "--notebook", pages.folder).out
    for line in (
        "there is no page 'Nowhere'",
        "'Mine' has no section 'Lost'",
        "there is no file missing.png",
        "no experiment is called 'superpositoin'",
        "did you mean mmcs",
        "2 pages: 1 number, 1 verdict, 1 given, 5 link, 1 value, 2 block",
    ):
        assert line in text


def test_a_clean_notebook_gives_zero(glassbook, notebook):
    (notebook.folder / "pages" / "a.md").write_text("Nothing to see.\n")
    answer = glassbook("check", "--notebook", notebook.folder)
    assert (answer.code, answer.out) == (0, "1 pages: nothing found\n")


def test_stale_evidence_is_listed(glassbook, pages):
    (pages.folder / "pages" / "mine.md").write_text("{{run: superposition mmcs}}\n")
    assert glassbook("check", "--notebook", pages.folder).code == 0
    path = reference.FOLDER / NAME / "runs.json"
    shipped = json.loads(path.read_text())
    for key, value, why in (("code", {"digest": "other"}, "code has changed"), ("config", {"steps": 1}, "settings")):
        data = json.loads(json.dumps(shipped))
        for run in data["runs"]:
            run[key].update(value)
        path.write_text(json.dumps(data))
        reference._read_runs.cache_clear()
        answer = glassbook("check", "--notebook", pages.folder, "--json")
        assert (answer.code, found(answer)) == (1, [("stale", NAME, 0)])
        assert why in answer.data()["findings"][0]["text"]
    for seed in range(3):
        default_run(pages, seed)
    assert glassbook("check", "--notebook", pages.folder).code == 0  # own runs took its place


def test_help_explains_the_heuristic(glassbook):
    out = glassbook("check", "--help").out
    for part in ("heuristic", "given:", "{{claim: EXPERIMENT/ID}}", "--json", "--notebook"):
        assert part in out


def test_check_lists_files_that_cannot_be_read_as_they_are(glassbook, notebook, tmp_path):
    folder = notebook.folder / "pages"
    (folder / "bad.md").write_text("---\ntitle: [\n---\n")
    (folder / os.fsdecode(b"caf\xe9\n.md")).write_text("x\n")
    os.mkfifo(folder / "pipe.md")
    answer = glassbook("check", "--notebook", notebook.folder)
    assert answer.code == 1
    for line in (
        "pages/bad.md: not valid YAML",
        r"pages/caf\udce9\n.md: its name is not UTF-8; rename it",
        "pages/pipe.md: it is no regular file",
    ):
        assert f"\n  {line}" in answer.out

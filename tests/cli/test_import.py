"""`glassbook import`: the plan first, then the pages, and one line for what cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TEXT = (
    "Session 2: Sparse codes: Lovely.\nSession 1: Circuits: Slow.\n(terms, in decreasing order)\nGAN: Two networks.\n"
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.txt"
    path.write_text(TEXT)
    return path


def test_without_a_terminal_the_plan_is_shown_and_nothing_is_written(glassbook, notebook, page):
    answer = glassbook("import", page, "--notebook", notebook.folder)
    assert answer.code == 0
    assert "2 sessions" in answer.out
    assert "guess: level 1" in answer.out
    assert "--yes" in answer.out
    assert notebook.pages() == []
    assert not (notebook.folder / "imports").exists()


def test_yes_takes_the_guesses_and_twice_is_once(glassbook, notebook, page):
    first = glassbook("import", page, "--yes", "--notebook", notebook.folder)
    assert first.out.startswith("4 made")
    assert notebook.page("GAN").level == 1
    before = {path: path.read_bytes() for path in notebook.folder.rglob("*.*") if ".glassbook" not in path.parts}
    assert glassbook("import", page, "--yes", "--notebook", notebook.folder).out.startswith("4 there already")
    assert before == {path: path.read_bytes() for path in before}


def test_json_gives_plan_and_report(glassbook, notebook, page):
    data = glassbook("import", page, "--json", "--notebook", notebook.folder).data()
    assert data["kinds"] == {"note": 1, "session": 2, "term": 1}
    assert data["report"] is None
    data = glassbook("import", page, "--json", "--yes", "--notebook", notebook.folder).data()
    assert len(data["report"]["made"]) == 4


@pytest.mark.parametrize(("said", "made"), [("y", 4), ("n", 0), ("", 0)])
def test_at_a_terminal_it_asks(glassbook, notebook, page, monkeypatch, said, made):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: said)
    glassbook("import", page, "--notebook", notebook.folder)
    assert len(notebook.pages()) == made


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("gone.md", None, "no such file"),
        ("a.txt", b"\x7fELF\0\0\x01", "binary"),
        ("a.md", b"\x89PNG\0", "binary"),
        ("a.txt", b"caf\xe9 au lait", "not text in UTF-8"),
        ("a.html", b"<meta charset=klingon>x", "not text in KLINGON"),
        ("a.txt", b"", "empty"),
        ("a.md", b" \n", "empty"),
        ("a.png", b"x", "none of the files"),
        ("a.zip", b"PK no", "damaged"),
        ("a.tar.gz", b"\x1f\x8b no", "damaged"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_writes_nothing(glassbook, notebook, tmp_path, name, data, part):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    assert part in glassbook("import", path, "--yes", "--notebook", notebook.folder).complaint()
    assert sorted(entry.name for entry in (notebook.folder / "pages").iterdir()) == []


def test_bibtex_in_and_out(glassbook, notebook, tmp_path):
    bib = tmp_path / "a.bib"
    bib.write_text("@misc{rev, title={The Reversal Curse}, eprint={2309.12288}, archivePrefix={arXiv}}")
    where = ["--notebook", notebook.folder]
    assert "no works yet" in glassbook("references", *where).out
    assert glassbook("references", bib, *where).out == "1 works taken in; there are 1 now\n"
    assert "2309.12288" in glassbook("references", *where).out
    out = tmp_path / "b.bib"
    assert glassbook("references", "--export", out, *where, "--json").data()["export"] == str(out)
    assert "Reversal" in out.read_text()
    assert "there already" in glassbook("references", "--export", out, *where).complaint()
    assert "no such file" in glassbook("references", tmp_path / "gone.bib", *where).complaint()
    bib.write_bytes(b"\xe9")
    assert "UTF-8" in glassbook("references", bib, *where).complaint()

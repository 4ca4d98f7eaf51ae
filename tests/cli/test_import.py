"""`glassbook import`: the plan first, then the pages, and one line for what cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glassbook.notebook import Page

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


@pytest.fixture
def with_gan(notebook):
    notebook.write(Page.new("Generative adversarial network", "Two.\n", kind="term", aliases=["GAN"]))
    return notebook


def test_what_joins_a_page_is_shown_side_by_side(glassbook, with_gan, page):
    shown = glassbook("import", page, "--notebook", with_gan.folder).out
    assert "1 of them join pages that are there" in shown
    assert "joins Generative adversarial network: it is called 'GAN'" in shown
    assert "the page there" in shown
    assert "GAN: Two networks." in shown
    said = glassbook("import", page, "--yes", "--notebook", with_gan.folder).out
    assert said.startswith("3 made, 1 added to pages that were there")
    assert "## My notes" in with_gan.page("GAN").body


@pytest.mark.parametrize(
    ("options", "made", "joined"),
    [
        (["--own", "gan"], 4, 0),
        (["--same", "own"], 4, 0),
        (["--leave", "GAN"], 3, 0),
        (["--same", "leave"], 3, 0),
        (["--own", "Session 2: Sparse codes"], 3, 1),
    ],
)
def test_words_can_stay_apart_or_out(glassbook, with_gan, page, options, made, joined):
    data = glassbook("import", page, *options, "--yes", "--json", "--notebook", with_gan.folder).data()
    assert (len(data["report"]["made"]), len(data["report"]["joined"])) == (made, joined)


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--own", "Nobody"], "none of the imported pages"), (["--same", "merge"], "join"), (["--kind", "x"], "term")],
)
def test_options_that_do_not_fit_are_one_line(glassbook, with_gan, page, options, said):
    assert said in glassbook("import", page, *options, "--yes", "--notebook", with_gan.folder).complaint()
    assert len(with_gan.pages()) == 1


def test_links_are_listed_and_written_unless_unwanted(glassbook, with_gan, page):
    page.write_text("Session 1: Images: I drew a GAN.\nSession 2: More: No.\n")
    where = ["--notebook", with_gan.folder]
    assert "'GAN' to Generative adversarial network" in glassbook("import", page, *where).out
    assert "links that are put" not in glassbook("import", page, "--no-links", *where).out
    assert "1 links are in the imported words" in glassbook("import", page, "--yes", *where).out
    assert "[[Generative adversarial network|GAN]]" in with_gan.page("Session 1: Images").body


def test_the_kind_of_notes_can_be_named(glassbook, notebook, tmp_path, monkeypatch):
    vault = tmp_path / "vault"
    vault.mkdir()
    for name in ("Epoch", "Batch"):
        (vault / f"{name}.md").write_text("Words.\n")
    where = ["--notebook", notebook.folder]
    assert "--kind term makes them terms" in glassbook("import", vault, *where).out
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    answers = iter(["term", "y"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    glassbook("import", vault, *where)
    assert notebook.index.page_count("term") == 2
    assert glassbook("import", vault, "--yes", *where).out.startswith("2 there already")
    glassbook("import", vault, "--kind", "note", "--yes", *where)
    assert notebook.index.page_count("term") == 0


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
    bib.write_text("@misc{k, title={One}}\n@misc{k, title={Two}}\n@misc{k, title={One}, year=2020}\n")
    told = "'k' is the key of another work, 'One'; 'Two' has the key 'k-2'\n"
    assert glassbook("references", bib, *where).out == f"2 works taken in; there are 3 now\n{told}"
    bib.write_bytes(b"\xe9")
    assert "UTF-8" in glassbook("references", bib, *where).complaint()

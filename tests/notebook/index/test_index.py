from __future__ import annotations

import os
import re
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.notebook import Claim, Notebook, Page

CLAIM = Claim("codes-recover", "Sparse codes recover the truth", "mcc", ">=", 0.9, source="Cunningham 2023")
GLOSSARY = (
    "Preface.\n\n# Superposition\nMore features than neurons.\n\n# Polysemanticity\nOne neuron, several features.\n"
)


@pytest.fixture
def full(nb: Notebook) -> Notebook:
    nb.write(Page.new("Glossary", GLOSSARY, kind="note", tags=["terms"]))
    nb.write(Page.new("Superposition", "See [[glossary#Polysemanticity]].\n", kind="term", aliases=["SuperPos"]))
    nb.write(Page.new("Größe", "Ein Maß für naïve Neuronen\n"))
    with nb.start_run("dictionary-learning", config={"code": {"name": "topk"}}, claims=[CLAIM]) as run:
        run.note("the frontier bends at 32")
        run.result(mcc=0.95)
    return nb


def state(nb: Notebook) -> tuple:
    words = ["superposition", "neuron", "features", "grosse", "sparse", "topk", "frontier", "terms", "p"]
    return (
        [nb.index.search(word) for word in words],
        [nb.index.backlinks(page.id) for page in nb.pages()],
        nb.runs(),
        nb.index.problems(),
    )


def test_search_lands_where_it_should(full: Notebook) -> None:
    def found(text: str) -> list[tuple[str, str, str]]:
        return [(hit.kind, hit.id, hit.section) for hit in full.index.search(text)]

    assert found("superposition")[:2] == [("page", "superposition", ""), ("page", "glossary", "superposition")]
    assert found("SUPERPOS")[0] == ("page", "superposition", "")
    assert found("polysem") == [("page", "glossary", "polysemanticity"), ("page", "superposition", "")]
    assert found("neuron several") == [("page", "glossary", "polysemanticity")]
    assert found('"several features"') == [("page", "glossary", "polysemanticity")]
    assert found('"features several"') == []
    assert found("terms") == [("page", "glossary", "")]
    assert found("größe") == found("GRÖßE") == [("page", "größe", "")]
    assert found("naive") == [("page", "größe", "")]
    assert found("recover truth") == [("claim", "dictionary-learning#codes-recover", "")]
    (run,) = full.runs()
    assert ("run", run.id, "") in found("topk")
    assert ("run", run.id, "") in found("frontier bends")
    hit = full.index.search("several")[0]
    assert (hit.heading, [piece for piece, marked in hit.excerpt if marked]) == ("Polysemanticity", ["several"])
    assert "One neuron, several features." in hit.text


def test_deleting_the_index_loses_nothing(full: Notebook) -> None:
    before = state(full)
    shutil.rmtree(full.folder / ".glassbook")
    assert state(full) == before
    assert state(Notebook(full.folder)) == before
    assert (full.folder / ".glassbook" / "index.db").exists()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "version", "table", "folder"])
def test_a_damaged_index_is_made_anew(full: Notebook, damage: str) -> None:
    before = state(full)
    full.close()
    path = full.folder / ".glassbook" / "index.db"
    if damage == "garbage":
        path.write_bytes(b"no database" * 999)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "folder":
        shutil.rmtree(full.folder / ".glassbook")
        (full.folder / ".glassbook").write_text("a file where the folder should be")
    else:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99" if damage == "version" else "DROP TABLE link")
        db.close()
    assert state(full) == before
    full.close()
    assert state(Notebook(full.folder)) == before


def test_an_index_that_cannot_be_written_is_kept_in_memory(full: Notebook, monkeypatch) -> None:
    before = state(full)
    full.close()
    real = sqlite3.connect

    def read_only(name: str, **options: object) -> sqlite3.Connection:
        if name != ":memory:":
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return real(name, **options)  # pyright: ignore[reportCallIssue, reportArgumentType]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert state(full) == before


@given(text=st.text() | st.text(st.sampled_from("\"'*^:(){}[]+-, ANDORNOTEa\0\n")))
@example('"')
@example("AND OR NOT NEAR(a b, 2)")
@example("title : x")
@example("a* ^b -c +d")
@example("\ud800 x")
@example("x " * 5000)
@example('"unclosed phrase')
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_any_text_can_be_searched_for(nb: Notebook, text: str) -> None:
    assert isinstance(nb.index.search(text), list)
    nb.index.backlinks(text)
    with pytest.raises(GlassbookError):
        nb.page(text)


def test_the_index_follows_the_files(full: Notebook) -> None:
    page = full.page("größe")
    assert page.path is not None
    stat = page.path.stat()
    # Same size, and the same time as before: only the content tells.
    page.path.write_bytes(page.path.read_bytes().replace("Maß".encode(), b"Zoll"))
    os.utime(page.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert [hit.id for hit in full.index.search("Zoll")] == ["größe"]
    moved = page.path.with_name("moved.md")
    page.path.rename(moved)
    assert full.page("größe").path == moved
    moved.unlink()
    assert full.index.search("Zoll") == []
    (run,) = full.runs()
    shutil.rmtree(run.folder)
    assert full.runs() == []
    assert full.index.search("frontier") == []
    assert full.index.search("recover") == []


def test_names_that_are_shared_are_told(full: Notebook) -> None:
    path = full.folder / "pages" / "copy.md"
    path.write_text("---\nid: superposition\ntitle: [a]\n---\n")
    with pytest.raises(GlassbookError, match=r"names several pages: pages/copy\.md, pages/terms/superposition\.md"):
        full.page("superposition")
    problems = full.index.problems()
    assert any("share the id 'superposition'" in line for line in problems)
    assert any(line.startswith("pages/copy.md: title:") for line in problems)


def test_the_claims_of_an_experiments_newest_run_are_found(full: Notebook) -> None:
    new = Claim("codes-are-monosemantic", "Codes are monosemantic", "auroc", ">=", 0.8)
    with full.start_run("dictionary-learning", claims=[new]):
        pass
    assert "claim" not in {hit.kind for hit in full.index.search("recover truth")}
    for _ in range(2):
        claims = [hit.id for hit in full.index.search("monosemantic") if hit.kind == "claim"]
        assert claims == ["dictionary-learning#codes-are-monosemantic"]
        shutil.rmtree(full.folder / ".glassbook")


def test_several_threads_and_connections_at_once(full: Notebook) -> None:
    errors: list[BaseException] = []
    others = [full, Notebook(full.folder), Notebook(full.folder)]

    def work(n: int) -> None:
        try:
            for i in range(8):
                others[n % 3].write(Page.new(f"Page {n} {i}", f"word{n}\n"))
                assert len(others[n % 3].index.search(f"word{n}")) == i + 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_notebook_is_made_only_where_nothing_is(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("x")
    with pytest.raises(GlassbookError, match="is not empty and no notebook"):
        Notebook.create(tmp_path / "foreign")
    with pytest.raises(GlassbookError, match="is a file"):
        Notebook.create(tmp_path / "foreign" / "thesis.tex")
    with pytest.raises(GlassbookError, match="is no notebook"):
        Notebook(tmp_path)
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(GlassbookError, match="No space left on device"):
            Notebook.create(tmp_path / "mine")
    assert [entry.name for entry in (tmp_path / "mine").iterdir()] == [".git"]
    nb = Notebook.create(tmp_path / "mine", 'My "own" \\ 📓')
    assert Notebook(nb.folder).title == 'My "own" \\ 📓'
    with pytest.raises(GlassbookError, match="is a notebook already"):
        Notebook.create(nb.folder)
    assert Notebook.find(nb.folder / "pages").folder == nb.folder
    monkeypatch.setenv("GLASSBOOK_NOTEBOOK", str(tmp_path / "default"))
    monkeypatch.chdir(tmp_path)
    assert Notebook.find().folder == tmp_path / "default"
    assert Notebook.find().folder == tmp_path / "default"
    (nb.folder / "glassbook.toml").write_text("title = 3")
    with pytest.raises(GlassbookError, match="the title has to be text"):
        Notebook(nb.folder)
    (nb.folder / "glassbook.toml").write_text("title = ")
    with pytest.raises(GlassbookError, match="fix it"):
        Notebook(nb.folder)


@pytest.mark.parametrize(
    ("body", "word", "excerpt"),
    [
        (r"The weight $\beta$ of the *Kullback* term", "kullback", "The weight β of the Kullback term"),
        ("a **zebra** of [[Stripes|its stripes]] and [[Grass]]", "zebra", "a zebra of its stripes and Grass"),
        ("$$\n\\mathcal{L} = \\frac{a}{b}\n$$\n\nwith gnu", "gnu", "L = a/b with gnu"),
        ("| okapi | forest |\n| --- | --- |\n| [[a|b]] | ~~c~~ |", "okapi", "okapi · forest b · c"),
        ("> [!note] A *tapir*\n> - [x] done", "tapir", "A tapir done"),
        ("in words " * 300 + "**quagga** by `x**2` [here](b.md)", "quagga", "in words quagga by x**2 here"),
    ],
)
def test_excerpts_read_as_text(nb, body, word, excerpt):
    nb.write(Page.new("Marked", body))
    [hit] = nb.index.search(word)
    assert hit.text.removeprefix("… ").endswith(excerpt)
    assert not re.search(r"\$|\[\[|\*\*(?!2)|\\", hit.text)


def test_headings_of_hits_read_as_text(nb):
    nb.write(Page.new("Marked", "## The $\\beta$-VAE\n\nOf an ibex.\n"))
    [hit] = nb.index.search("ibex")
    assert (hit.heading, hit.text) == ("The β-VAE", "Of an ibex.")

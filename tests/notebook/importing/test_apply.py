"""Applying an import: all of it or nothing, whatever becomes of the process, of the source and of the pages made."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import Choice, plan


def pages(notebook: Notebook) -> dict[str, str]:
    top = notebook.folder / "pages"
    return {path.relative_to(top).as_posix(): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_an_import_that_was_killed_is_there_once_after_the_next(nb, tmp_path, monkeypatch, count):
    from glassbook.notebook import files

    nb.write(Page.new("GAN", "Mine.\n", kind="term"))
    source = tmp_path / "Course notes.txt"
    source.write_text("Glossary:\nGAN: Two networks.\nReLU: A kink.\nSGD: Small steps.\n")
    real, calls = files.write_atomic, [0]

    def dying(path: Path, data: bytes) -> None:
        calls[0] += "history" not in path.parts
        if calls[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, data)

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(files, "write_atomic", dying)
            plan(source).apply(nb)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    report = plan(source).apply(nb)
    assert (report.made, report.joined, report.updated, report.kept) == ([], {}, [], [])
    texts = pages(nb)
    assert len(texts) == 4
    for words in ("Two networks", "A kink", "Small steps", "Mine."):
        assert sum(text.count(words) for text in texts.values()) == 1


def vault(top: Path, **files: str) -> Path:
    top.mkdir(parents=True)
    for name, text in files.items():
        (top / f"{name}.md").write_text(text)
    return top


TEMPLATES = {f"T{n}": f"template {n}\n" for n in range(4)}


def test_another_vault_of_the_same_name_with_the_same_templates_overwrites_nothing(nb, tmp_path):
    plan(vault(tmp_path / "a" / "vault", Index="MY WORK DIARY\n", **TEMPLATES)).apply(nb)
    before = pages(nb)
    other = vault(tmp_path / "b" / "vault", Index="ANOTHER BOOK\n", **TEMPLATES)
    report = plan(other).apply(nb)
    assert report.notes == ["the vault is in pages/vault-2, for pages/vault has other pages"]
    assert {path: text for path, text in pages(nb).items() if path in before} == before
    assert pages(nb)["vault-2/Index.md"].endswith("ANOTHER BOOK\n")
    again = plan(other).apply(nb)
    assert (again.made, again.updated, again.notes, len(again.same)) == ([], [], [], 5)


def test_a_vault_that_was_moved_is_brought_up_to_date_and_a_page_of_other_words_keeps_both(nb, tmp_path):
    mine = vault(tmp_path / "a" / "vault", Index="all about owls and weirs\n", Log="monday\n", **TEMPLATES)
    plan(mine).apply(nb)
    moved = tmp_path / "b" / "vault"
    moved.parent.mkdir()
    mine.rename(moved)
    (moved / "Index.md").write_text("all about owls and dams, and more\n")
    report = plan(moved).apply(nb)
    assert (report.updated, report.made, report.kept) == (["vault/Index.md"], [], [])
    (moved / "Index.md").write_text("all about owls and dams, and much more\n")
    (moved / "Log.md").write_text("what nobody wrote before\n")
    report = plan(moved).apply(nb)
    assert (report.updated, report.made) == (["vault/Index.md"], ["vault/Log-2.md"])
    assert report.renamed == {"vault/Log.md": "vault/Log-2.md"}
    assert pages(nb)["vault/Log.md"] == "monday\n"
    assert plan(moved).apply(nb).made == []


def test_words_that_came_by_the_browser_replace_none_of_which_they_are_no_revision(nb, tmp_path):
    nb.write(Page.new("GAN", "Mine.\n", kind="term"))
    text = "Glossary:\nGAN: Two networks that play.\nReLU: A kink.\nSGD: Small steps.\n"
    for n, line in enumerate(
        ["GAN: Two networks that play.", "GAN: Two networks that play well.", "GAN: A Danish word."]
    ):
        source = tmp_path / str(n) / "notes.txt"
        source.parent.mkdir()
        source.write_text(text.replace("GAN: Two networks that play.", line))
        plan(source).apply(nb)
    words = "".join(pages(nb).values())
    assert "Two networks that play well." in words or "A Danish word." in words
    assert words.count("Two networks that play") == 1
    assert "A Danish word." in words


@pytest.mark.parametrize("name", ["notes", "papers", "terms"])
def test_a_vault_that_is_called_like_a_kind_is_a_vault(nb, tmp_path, name):
    nb.write(Page.new("Topic", "mine\n", kind="term"))
    files = {"Home": "[[Topic]]\n", "Topic": "---\ntags: [x]\n---\ntheirs\n"}
    source = vault(tmp_path / name, **files)
    report = plan(source).apply(nb)
    assert report.made == [f"{name}-vault/Home.md", f"{name}-vault/Topic.md"]
    assert nb.index.path_of("Topic", f"pages/{name}-vault/Home.md") == f"pages/{name}-vault/Topic.md"
    assert nb.index.path_of("Topic", "") == "pages/terms/topic.md"
    assert "is for pages of one kind" in report.notes[0]
    again = plan(source).apply(nb)
    assert (again.made, again.updated, again.kept, len(again.same)) == ([], [], [], 2)


def test_two_vaults_of_one_name_keep_their_links_apart(nb, tmp_path):
    for where in "ab":
        files = {
            "Index": f"{where} [[Topic]]\n",
            "Topic": f"topic of {where}\n",
            f"Only {where}": "[[Index]] [[Topic]]\n",
        }
        plan(vault(tmp_path / where / "vault", **files)).apply(nb)
    for folder, where in (("vault", "a"), ("vault-2", "b")):
        for target in ("Index", "Topic"):
            assert nb.index.path_of(target, f"pages/{folder}/Only {where}.md") == f"pages/{folder}/{target}.md"
    (tmp_path / "b" / "vault" / "New.md").write_text("new\n")
    assert plan(tmp_path / "b" / "vault").apply(nb).made == ["vault-2/New.md"]


def test_a_vault_whose_record_is_gone_is_known_by_its_pages(nb, tmp_path):
    source = vault(tmp_path / "vault", A="a\n", B="b\n", C="c\n")
    report = plan(source).apply(nb)
    assert report.file is not None
    report.file.unlink()
    (nb.folder / "pages/vault/A.md").write_text("mine\n")
    assert plan(source).apply(nb).made == ["vault/A-2.md"]


def test_a_page_that_was_deleted_or_moved_is_left_so_and_told(nb, tmp_path):
    source = vault(tmp_path / "vault", A="a\n", B="b\n", C="c\n")
    (source / "p.png").write_bytes(b"x")
    plan(source).apply(nb)
    top = nb.folder / "pages" / "vault"
    for name in ("A.md", "p.png"):
        (top / name).unlink()
    (top / "sub").mkdir()
    (top / "B.md").rename(top / "sub" / "B.md")
    before = pages(nb)
    for change in ("a\n", "a, changed there\n"):
        (source / "A.md").write_text(change)
        report = plan(source).apply(nb)
        assert pages(nb) == before
        (note,) = report.notes
        assert note.endswith(": vault/A.md, vault/B.md, vault/p.png")
    back = plan(source).arrange(nb, choices={"vault/A.md": Choice("own")}).apply()
    assert back.made == ["vault/A.md"]
    assert plan(source).apply(nb).same == ["vault/A.md", "vault/C.md"]


def test_words_whose_page_was_deleted_do_not_come_back(nb, tmp_path):
    nb.write(Page.new("GAN", "Mine.\n", kind="term"))
    source = tmp_path / "notes.txt"
    source.write_text("Glossary:\nGAN: Two networks.\nReLU: A kink.\nSGD: Small steps.\n")
    plan(source).apply(nb)
    for name in ("gan", "sgd"):
        nb.remove(nb.page(name))
    report = plan(source).apply(nb)
    assert not {"terms/gan.md", "terms/sgd.md"} & pages(nb).keys()
    assert report.notes[0].startswith("2 imported before and deleted or moved here since")
    words = "".join(pages(nb).values())
    assert "Two networks" not in words
    assert "Small steps" not in words


STEMS, FOLDERS = ["note", "Note", "x", "2024_01_05"], ["", "sub", "A", "A/sub", "journals", "notes"]
PLACES = st.builds(
    lambda folder, stem: f"{folder}/{stem}".lstrip("/"), st.sampled_from(FOLDERS), st.sampled_from(STEMS)
)
SAID = st.sampled_from(["note", "x", "sub/note", "A/note", "a/sub/note", "notes/note", "Jan 5th, 2024", "2024-01-05"])
FRONT = st.one_of(
    st.just(""),
    st.builds("---\ntitle: {}\n---\n".format, SAID),
    st.builds("---\naliases: [{}]\n---\n".format, SAID),
    st.builds("---\nid: {}\n---\n".format, SAID),
    st.builds("{{title: {}, tags: [a]}}".join(["---\n", "\n---\n"]).format, SAID),
    st.just("---\nlevel: high\n---\n"),
    st.just("---\ntags: [unclosed\n---\n"),
    st.just("- a block\n  id:: 64f0c0de-0000-4000-8000-000000000001\n"),
)
VAULTS = st.dictionaries(PLACES, FRONT, min_size=1, max_size=5)
LINKS = "".join(
    f"- {link}\n"
    for link in (
        *(
            f"[[{start}{name}]]"
            for start in ("", "/", "A/", "/A/", "sub/", "A/sub/", "notes/", "../")
            for name in STEMS
        ),
        *("[a](note.md)", "[a](sub/x.md)", "[a](../A/note.md)", "[[Jan 5th, 2024]]", "[[2024-01-05]]"),
        "((64f0c0de-0000-4000-8000-000000000001))",
    )
)


def meant(book: Notebook) -> dict[tuple[str, int], tuple[str, str]]:
    """(file of a page, number of a link in it) -> (the address that the link gets, the file that is there)."""
    files = {row.id: row.path for row in book.index.page_rows(limit=1000)}
    return {
        (path, n): (address, files[address])
        for path in files.values()
        for n, (_, address) in enumerate(book.index.links(path))
        if address is not None
    }


def imported(book: Notebook, top: Path, name: str, files: dict[str, str]) -> None:
    for place, front in files.items():
        path = top / name / f"{place}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{front}Words of {place} in {name}.\n\n{LINKS}")
    plan(top / name).apply(book)


def changed(before: dict, after: dict) -> dict:
    return {link: (there, after.get(link)) for link, there in before.items() if after.get(link) != there}


@settings(max_examples=25)
@given(
    st.lists(SAID, max_size=2, unique=True),
    st.lists(
        st.tuples(st.sampled_from(["A", "a", "B", "sub", "0"]), VAULTS),
        min_size=2,
        max_size=3,
        unique_by=lambda v: v[0],
    ),
    SAID,
)
@example([], [("B", {"sub/note": ""}), ("A", {"sub/note": ""})], "x")
@example([], [("B", {"A/note": ""}), ("A", {"note": ""})], "x")
@example([], [("a", {"note": ""}), ("A", {"note": ""})], "x")
@example([], [("B", {"x": "---\nid: note\n---\n"}), ("A", {"x": "---\nid: note\n---\n"})], "note")
@example([], [("B", {"sub/note": ""}), ("0", {"sub/note": ""}), ("A", {"sub/note": ""})], "x")
@example([], [("B", {"sub/x": "---\nlevel: high\n---\n"}), ("A", {"sub/x": ""})], "x")
@example([], [("B", {"sub/x": ""}), ("A", {"sub/x": "---\nlevel: high\n---\n"})], "x")
@example([], [("B", {"sub/x": ""}), ("A", {"sub/x": "---\n{title: note, tags: [a]}\n---\n"})], "x")
@example([], [("B", {"notes/x": ""})], "x")
@example([], [("B", {"sub/x": "---\ntags: [unclosed\n---\n"}), ("A", {"sub/x": ""})], "x")
@example([], [("B", {"sub/x": ""}), ("A", {"sub/x": "---\ntags: [unclosed\n---\n"})], "x")
@example([], [(name, {"sub/x": "---\ntitle: {{date}}\n---\n"}) for name in "BA"], "x")
@example(["sub/note"], [("sub", {"note": ""}), ("B", {"x": "---\nid: sub/note\n---\n"})], "x")
@example(["note"], [(name, {"note": "---\nid: note\n---\n"}) for name in "aA"], "x")
@example([], [("B", {"x": "---\nid: sub/note\n---\n"}), ("sub", {"note": ""})], "x")
@example([], [("A", {"note": "---\nid: a/sub/note\n---\n"}), ("a", {"sub/note": ""})], "note")
@example(["sub/note"], [("A", {"note": "---\nid: sub/note\n---\n"}), ("sub", {"note": ""})], "x")
@example(
    [],
    [("B", {"journals/2024_01_05": ""}), ("A", {"journals/2024_01_05": ""})],
    "Jan 5th, 2024",
)
def test_no_link_of_a_page_means_another_when_a_vault_or_a_page_comes(own, vaults, later):
    # Two pages of which neither can list what it yields: no file can say which of them came first.
    assume(sum(any("unclosed" in front for front in files.values()) for _, files in vaults) < 2)
    with tempfile.TemporaryDirectory() as folder:
        book = Notebook.create(Path(folder) / "book")
        book.write(Page(id="start", title="Start", body=LINKS))
        for n, title in enumerate(own):
            book.write(Page(id=f"own-{n}", title=title, path=book.folder / "pages" / "notes" / f"own-{n}.md"))
        for name, files in vaults:
            before = meant(book)
            imported(book, Path(folder), name, files)
            assert changed(before, meant(book)) == {}
        before = meant(book)
        book.write(Page(id="later", title=later, path=book.folder / "pages" / "notes" / "x.md"))
        assert changed(before, meant(book)) == {}
        book.close()


def test_a_name_that_every_page_yields_means_the_one_that_came_first(nb, tmp_path):
    for name in ("z", "y", "x"):
        imported(nb, tmp_path, name, {"sub/Note": ""})
    assert "yields" not in nb.page_in("pages/z/sub/Note.md").extra
    assert nb.page_in("pages/y/sub/Note.md").extra["yields"] == ["Note", "sub/Note"]
    nb.remove(nb.page_in("pages/z/sub/Note.md"))
    imported(nb, tmp_path, "a", {"sub/Note": ""})
    assert nb.page_in("pages/a/sub/Note.md").extra["yields"] == ["Note", "Note", "sub/Note", "sub/Note"]
    assert nb.index.path_of("sub/Note", "pages/notes/b.md") != "pages/a/sub/Note.md"


def test_a_second_import_of_a_vault_keeps_what_its_pages_yield(nb, tmp_path):
    for name in ("b", "a"):
        imported(nb, tmp_path, name, {"sub/Note": "", "Note": ""})
    before = meant(nb)
    imported(nb, tmp_path, "a", {"sub/Note": "# A heading\n"})
    assert changed(before, meant(nb)) == {}
    assert nb.page_in("pages/a/sub/Note.md").extra["yields"] == ["Note", "sub/Note"]
    assert "A heading" in nb.page_in("pages/a/sub/Note.md").body

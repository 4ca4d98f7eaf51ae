"""Renaming: which links follow a page, what stays as it is, and that all of it is written or nothing."""

from __future__ import annotations

import os
import signal

import pytest

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook import files as files_module
from glassbook.notebook.renaming import plan


@pytest.fixture
def book(tmp_path):
    notebook = Notebook.create(tmp_path / "book")
    notebook.write(Page.new("Superposition", "# Superposition\n\nSee [[superposition]].\n", kind="term"))
    yield notebook
    notebook.close()


def renamed(book, title="Feature geometry", ident="", keep_names=True, name="superposition"):
    planned = plan(book, book.page(name), title, ident, keep_names)
    return book.write_all(planned.pages)


def body_after(book, body, **how):
    other = book.write(Page.new("Other", body))
    renamed(book, **how)
    return book.page_in(other.path.relative_to(book.folder).as_posix()).body


def test_the_page_has_its_new_name_and_answers_to_the_old_one(book):
    page, *_ = renamed(book, ident="feature-geometry")
    assert (page.id, page.title) == ("feature-geometry", "Feature geometry")
    assert page.body == "# Feature geometry\n\nSee [[feature geometry]].\n"
    assert page.path.name == "superposition.md"
    assert book.page("Superposition").id == "feature-geometry"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[[Superposition]]", "[[Feature geometry]]"),
        ("a [[superposition]] of", "a [[feature geometry]] of"),
        ("[[SUPERPOSITION]]", "[[Feature geometry]]"),
        ("[[ Superposition |here]]", "[[ Feature geometry |here]]"),
        ("[[Superposition#Sources|see]]", "[[Feature geometry#Sources|see]]"),
        ("![[Superposition]]", "![[Feature geometry]]"),
        ("| a |\n|---|\n| [[Superposition\\|b]] |", "| a |\n|---|\n| [[Feature geometry\\|b]] |"),
        ("> - *[[Superposition]]*", "> - *[[Feature geometry]]*"),
        ("## On [[Superposition]]", "## On [[Feature geometry|Superposition]]"),
        ("`[[Superposition]]` [[Superposition]]", "`[[Superposition]]` [[Feature geometry]]"),
        ("```\n[[Superposition]]\n```", "```\n[[Superposition]]\n```"),
        ("    [[Superposition]]", "    [[Superposition]]"),
        ("\\[[Superposition]] %%[[Superposition]]%%", "\\[[Superposition]] %%[[Superposition]]%%"),
        ("[[Superposition", "[[Superposition"),
        ("[[Superpositions]] Superposition", "[[Superpositions]] Superposition"),
        ("[a](../terms/superposition.md)", "[a](../terms/superposition.md)"),
        ("[[terms/superposition]]", "[[terms/superposition]]"),
        (
            "```glassbook\nsteer: {prompt: '[[Superposition]]'}\n```",
            "```glassbook\nsteer: {prompt: '[[Superposition]]'}\n```",
        ),
    ],
)
def test_links_follow_and_nothing_else_changes(book, before, after):
    assert body_after(book, f"Text.\r\n\r\n{before}\n") == f"Text.\r\n\r\n{after}\n"
    assert book.index.problems() == []


def test_every_link_still_leads_to_the_page(book):
    body = "[[Superposition]] [[superposition|s]] [[terms/superposition]] [b](../terms/superposition.md)\n"
    other = book.write(Page.new("Other", body))
    before = [ident for _, ident in book.index.links(other)]
    renamed(book, ident="geometry", keep_names=False)
    after = [ident for _, ident in book.index.links(other)]
    assert (set(before), set(after)) == ({"superposition"}, {"geometry"})


def test_an_id_that_stays_needs_no_alias_and_its_links_stay(book):
    book.write(Page.new("Toy model", "x", id="toys"))
    body = body_after(book, "[[toys]] and [[Toy model]]", name="toys", title="A model: [small] #1")
    page = book.page("toys")
    assert body == "[[toys]] and [[toys]]"  # the title cannot stand in a link
    assert page.aliases == ["Toy model"]


def test_a_name_given_back_is_no_longer_an_alias(book):
    page, *_ = renamed(book, title="Geometry", ident="geometry")
    page, *_ = renamed(book, title="Superposition", ident="superposition", name="geometry")
    assert (page.id, page.aliases) == ("superposition", ["Geometry"])


def test_links_that_mean_another_page_of_the_name_stay(book):
    vault = book.folder / "pages" / "vault"
    vault.mkdir()
    (vault / "Superposition.md").write_text("Of waves.\n")
    (vault / "Waves.md").write_text("[[Superposition]]\n")
    renamed(book)
    assert (vault / "Waves.md").read_text() == "[[Superposition]]\n"
    assert book.page_in("pages/vault/Superposition.md").body == "Of waves.\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[[Heron]]", "[[Heron|Grey heron]]"),
        ("a [[heron]] of", "a [[heron|grey heron]] of"),
        ("[[Heron#Food]] [[Heron|bird]]", "[[Heron#Food|Grey heron]] [[Heron|bird]]"),
        ("[[birds/Heron]] [a](birds/Heron.md)", "[[birds/Heron]] [a](birds/Heron.md)"),
        ("## On [[Heron]]", "## On [[Heron]]"),
        ("| a | b |\n|---|---|\n| [[Heron]] | c |", "| a | b |\n|---|---|\n| [[Heron\\|Grey heron]] | c |"),
        ("| a | b |\n\n[[Heron]] | c", "| a | b |\n\n[[Heron|Grey heron]] | c"),
        ("![[Heron]]", "![[Heron|Grey heron]]"),
        ("`[[Heron]]` [[Herons]]", "`[[Heron]]` [[Herons]]"),
    ],
)
def test_links_to_a_note_of_a_vault_go_on_naming_its_file(book, before, after):
    vault = book.folder / "pages" / "vault"
    (vault / "birds").mkdir(parents=True)
    (vault / "birds" / "Heron.md").write_text("# Heron\n\n## Food\n")
    (vault / "Pond.md").write_text(f"{before}\n")
    links = [ident for _, ident in book.index.links("pages/vault/Pond.md")]
    book.write_all(plan(book, book.page_in("pages/vault/birds/Heron.md"), "Grey heron").pages)
    text = (vault / "Pond.md").read_text()
    assert text == f"{after}\n"
    assert [ident for _, ident in book.index.links("pages/vault/Pond.md")] == links
    assert book.page_in("pages/vault/birds/Heron.md").body.startswith("# Grey heron")


def test_the_titles_that_a_renaming_wrote_follow_the_next(book):
    vault = book.folder / "pages" / "vault"
    vault.mkdir()
    (vault / "Heron.md").write_text("x\n")
    (vault / "Pond.md").write_text("[[Heron]] [[heron|a bird]]\n## [[Heron]]\n")
    for title in ("Grey heron", "Ardea", "Heron"):
        book.write_all(plan(book, book.page("Heron"), title).pages)
        assert (vault / "Pond.md").read_text().startswith(f"[[Heron|{title}]] [[heron|a bird]]\n## [[Heron]]\n")


def test_a_title_that_is_no_files_name_becomes_the_files_name(book):
    vault = book.folder / "pages" / "vault"
    (vault / "a").mkdir(parents=True)
    (vault / "b").mkdir()
    (vault / "a" / "n.md").write_text("---\ntitle: Old\n---\n")
    (vault / "b" / "n.md").write_text("x\n")
    (vault / "b" / "Home.md").write_text("[[Old]]\n")
    book.write_all(plan(book, book.page_in("pages/vault/a/n.md"), "New", keep_names=False).pages)
    assert (vault / "b" / "Home.md").read_text() == "[[a/n|New]]\n"
    book.write_all(plan(book, book.page_in("pages/vault/a/n.md"), "A [new] one").pages)
    assert (vault / "b" / "Home.md").read_text() == "[[a/n|New]]\n"


@pytest.mark.parametrize(
    ("title", "ident"), [("Other", ""), ("other NAME", ""), ("New", "other"), ("", ""), ("a\nb", "")]
)
def test_names_that_cannot_be_taken(book, title, ident):
    book.write(Page.new("Other", "x", aliases=["Other name"]))
    with pytest.raises(GlassbookError) as refused:
        plan(book, book.page("superposition"), title, ident)
    assert "\n" not in str(refused.value)


def test_a_name_that_is_the_same_is_refused(book):
    with pytest.raises(GlassbookError, match="already"):
        plan(book, book.page("superposition"), "Superposition")


def everything(book):
    return {path: path.read_bytes() for path in (book.folder / "pages").rglob("*.md")}


def test_a_plan_writes_nothing_and_says_each_line(book):
    book.write(Page.new("Other", "Text.\n\n[[Superposition]] twice: [[superposition]]\n"))
    before = everything(book)
    planned = plan(book, book.page("superposition"), "Geometry")
    assert everything(book) == before
    (other,) = planned.others
    assert other.lines == ((3, "[[Superposition]] twice: [[superposition]]", "[[Geometry]] twice: [[geometry]]"),)
    assert planned.digest == plan(book, book.page("superposition"), "Geometry").digest
    assert planned.digest != plan(book, book.page("superposition"), "Shape").digest


def test_a_page_that_changed_since_is_a_conflict_and_nothing_is_written(book):
    book.write(Page.new("Another", "[[Superposition]]\n"))
    other = book.write(Page.new("Other", "[[Superposition]]\n"))
    planned = plan(book, book.page("superposition"), "Geometry")
    other.path.write_text(other.source + "More.\n")
    before = everything(book)
    with pytest.raises(Conflict):
        book.write_all(planned.pages)
    assert everything(book) == before


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_disk_that_refuses_leaves_all_pages_as_they_were(book, monkeypatch, failing):
    for n in range(2):
        book.write(Page.new(f"Other {n}", "[[Superposition]]\n"))
    planned = plan(book, book.page("superposition"), "Geometry")
    before, real, calls = everything(book), files_module._write_all, []

    def refuse(descriptor, data):
        calls.append(data)
        # Versions for the history are written first: three of them.
        if len(calls) == 3 + failing:
            raise OSError(28, "No space left on device")
        real(descriptor, data)

    monkeypatch.setattr(files_module, "_write_all", refuse)
    if failing < 4:
        with pytest.raises(GlassbookError, match="No space left"):
            book.write_all(planned.pages)
        assert everything(book) == before
    else:
        book.write_all(planned.pages)
        assert everything(book) != before
    assert not list((book.folder / "pages").rglob("*.tmp"))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_renaming_that_was_killed_is_completed_by_the_next(book, count):
    for n in range(5):
        book.write(Page.new(f"Other {n}", "[[Superposition]]\n"))
    planned = plan(book, book.page("superposition"), "Geometry", keep_names=False)
    child = os.fork()
    if child == 0:
        try:
            files_module._write_all = dying(len(planned.pages) + count)  # their history is written first
            book.write_all(planned.pages)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    there = [path for path in (book.folder / "pages").rglob("*.md") if "uperposition]]" not in path.read_text()]
    assert len(there) == count - 1
    plan(book, book.page("other-0"), "Another")
    texts = [path.read_text() for path in (book.folder / "pages").rglob("*.md")]
    assert len(texts) == 6
    assert all("[[Geometry]]" in text or "[[geometry]]" in text for text in texts)
    assert not any("uperposition]]" in text for text in texts)


def dying(count):
    """`files._write_all` that is killed when it is called so often."""
    calls, real = [], files_module._write_all

    def write(descriptor, data):
        calls.append(data)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor, data)

    return write

"""Large pages, and very many at once, are read beside the queries, which answer meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from glassbook.notebook import Notebook, Page
from glassbook.notebook.index import page_loader, refresh
from glassbook.notebook.renaming import plan


@pytest.fixture
def book(nb: Notebook) -> Iterator[Notebook]:
    nb.write(Page.new("Target", "Words.\n"))
    nb.index.follow()
    yield nb
    nb.index.close()


def put(book: Notebook, name: str, text: str) -> None:
    """A page that another program writes, and the index is told of."""
    path = book.folder / "pages" / "notes" / f"{name}.md"
    path.write_text(text)
    book.index.touch([f"pages/notes/{name}.md"])


def kept(book: Notebook) -> dict[str, Any]:
    """What the index holds of pages, without times."""
    db = book.index._open()
    queries = {
        "page": "SELECT path, size, digest, id, title, problem, kind, tags, aliases, behind FROM page ORDER BY path",
        "link": "SELECT * FROM link ORDER BY path, line, target",
        "name": "SELECT * FROM name ORDER BY path, key",
        "entry": "SELECT owner, title, slug, body FROM (SELECT owner, entry.title, entry.section AS slug, body, id"
        " FROM entry JOIN fts_page ON fts_page.rowid = entry.id) ORDER BY owner, id",
        "named": "SELECT title, alias, tag FROM fts_name ORDER BY title",
        "word": "SELECT text FROM word ORDER BY text",
    }
    return {name: db.execute(query).fetchall() for name, query in queries.items()}


SECTION = "## Part {}\n\n" + "some words that say little, and [[Target]] among them. " * 20 + "\n\n"


def slowest(book: Notebook, done: Any) -> float:
    """Seconds that the slowest of many queries took until `done()`, by the work that this process did meanwhile.

    A machine that does other things makes all of it slower, so the clock says nothing.
    """
    worst, until = 0.0, time.monotonic() + 100
    while not done() and time.monotonic() < until:
        start = time.process_time()
        book.index.resolve("target")
        worst = max(worst, time.process_time() - start)
        time.sleep(0.002)
    assert done()
    return worst


@pytest.mark.parametrize(
    "text",
    [
        "# Big\n\n" + "".join(SECTION.format(n) for n in range(1500)),
        "# Big\n\n" + "a line of prose without an end and with [[Target]] " * 30_000,
        "# Big\n\n" + "- [[Target]] and *more*\n" * 6_000,
    ],
)
def test_queries_answer_while_a_large_page_is_read(book, text):
    put(book, "big", text)
    worst = slowest(book, lambda: "notes/big" in [hit.id for hit in book.index.search("Big", 5, ["page"])])
    assert worst < 0.2
    book.index.settle()
    assert len(book.index.backlinks("target")) == len(set(book.index.backlinks("target"))) > 0


def test_queries_answer_while_very_many_pages_come(book):
    for n in range(600):
        (book.folder / "pages" / "notes" / f"n{n}.md").write_text(f"# Note {n}\n\n" + "words [[Target]]\n" * 60)
    book.index.touch(["pages"])
    worst = slowest(book, lambda: book.index.page_count() == 601)
    assert worst < 0.2


def test_its_names_are_known_at_once_and_its_words_after_settling(book):
    put(book, "big", "---\ntitle: Elephant\naliases: [Jumbo]\n---\n" + "trunk [[Target]]\n" * 5000)
    assert book.index.path_of("jumbo") == "pages/notes/big.md"
    assert [row.title for row in book.index.page_rows()] == ["Elephant", "Target"]
    book.index.settle()
    assert [hit.id for hit in book.index.search("trunk")] == ["notes/big"]
    assert [hit.id for hit in book.index.search("trynk")] == ["notes/big"]
    assert len(book.index.backlinks("target")) == 5000


TEXTS = [
    "---\ntags: [a, b]\naliases: [Other name]\n---\n# Big\n\n" + "".join(SECTION.format(n) for n in range(60)),
    "word " * 60_000,
    "x" * 300_000,
    "\n".join(f"- [[n{n}]] 漢字 é" for n in range(3000)),
    "# One\n\n" + "[[Target#part|label]] " * 3000 + "\n\n# Two\n\n" + "b " * 6_000,
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_read_in_pieces_is_what_is_read_at_once(book, text):
    put(book, "big", "before [[Gone]]\n" * 4000)
    book.index.settle()
    put(book, "big", text)
    book.index.settle()
    pieces = kept(book)
    book.close()
    (book.folder / ".glassbook" / "index.db").unlink()
    again = Notebook(book.folder)
    again.index.page_count()
    whole = kept(again)
    again.close()
    pieces["word"] = [word for word in pieces["word"] if word not in {("before",), ("gone",)}]
    assert pieces == whole


@pytest.mark.parametrize("then", ["", "short now\n", "large again [[Else]]\n" * 2000])
def test_a_page_that_changes_or_goes_while_it_is_read(book, monkeypatch, then):
    real, calls = refresh.rest_of_page, []

    def interrupted(db, pieces):
        for n, step in enumerate(real(db, pieces)):
            yield step
            if n == 3 and not calls:
                calls.append(n)
                (book.folder / "pages" / "notes" / "big.md").unlink()
                if then:
                    (book.folder / "pages" / "notes" / "big.md").write_text(then)
                refresh.some_pages(db, book.folder, ["pages/notes/big.md"])
                book.index.touch(["pages/notes/big.md"])

    put(book, "big", "first [[Target]]\n" * 5000)
    monkeypatch.setattr("glassbook.notebook.index.schema.transaction", nested)
    monkeypatch.setattr(refresh, "rest_of_page", interrupted)
    book.index.settle()
    book.index.settle()
    assert calls
    rows = book.index._open().execute("SELECT DISTINCT target FROM link").fetchall()
    assert rows == ([("else",)] if "Else" in then else [])
    assert bool(book.index.search("first", kinds=["page"])) is False
    assert [hit.id for hit in book.index.search("now")] == (["notes/big"] if "now" in then else [])


class nested:
    """A transaction that may stand in another one."""

    def __init__(self, db, lock="IMMEDIATE"):
        self.db, self.outer, self.lock = db, not db.in_transaction, lock

    def __enter__(self):
        if self.outer:
            self.db.execute(f"BEGIN {self.lock}")

    def __exit__(self, *_):
        if self.outer:
            self.db.execute("COMMIT")


def test_a_reading_that_was_cut_off_is_done_when_the_notebook_is_opened_again(book, monkeypatch):
    real = refresh.rest_of_page
    monkeypatch.setattr(refresh, "rest_of_page", lambda db, pieces: iter([next(real(db, pieces))]))
    put(book, "big", "first [[Target]]\n" * 5000)
    book.index.settle()
    assert book.index.backlinks("target") == []
    monkeypatch.undo()
    book.close()
    again = Notebook(book.folder)
    assert len(again.index.backlinks("target")) == 5000
    again.close()


def test_a_reader_that_dies_loses_nothing(book, monkeypatch):
    real = page_loader._reader
    monkeypatch.setattr(page_loader, "_reader", lambda folder, what: real(folder, "nothing of the kind"))
    put(book, "big", "first [[Target]]\n" * 5000)
    book.index.settle()
    assert len(book.index.backlinks("target")) == 5000


def test_a_renaming_waits_for_the_links_of_large_pages(book):
    put(book, "big", "first [[Target]]\n" * 3000)
    planned = plan(book, book.page("target"), "Aim")
    assert [change.path for change in planned.others] == ["pages/notes/big.md"]

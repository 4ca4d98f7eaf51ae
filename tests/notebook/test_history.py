"""History of pages: what saves replace is kept, within limits, and never at the price of a page."""

from __future__ import annotations

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page, history


@pytest.fixture
def book(tmp_path):
    notebook = Notebook.create(tmp_path / "book")
    yield notebook
    notebook.close()


def saved(book, *bodies):
    page = book.write(Page.new("Circuit", f"{bodies[0]}\n"))
    for body in bodies[1:]:
        page.body = f"{body}\n"
        page = book.write(page)
    return page


def texts(book, page):
    return [book.history.text(page.path, version.name) for version in book.history.versions(page.path)]


def test_what_a_save_replaces_is_kept_newest_first(book):
    page = saved(book, "one", "two", "three")
    assert [text.splitlines()[-1] for text in texts(book, page)] == ["two", "one"]
    whens = [version.until for version in book.history.versions(page.path)]
    assert whens == sorted(whens, reverse=True)
    assert [other.id for other in book.pages()] == ["circuit"]  # versions are no pages


def test_saving_the_same_text_keeps_nothing(book):
    page = saved(book, "one")
    book.write(page)
    assert texts(book, page) == []


def test_what_another_program_wrote_is_kept_when_it_is_replaced(book):
    page = saved(book, "one")
    page.path.write_bytes(b"---\nid: circuit\n---\r\nodd \xff bytes\r\n")
    page = book.page("circuit")
    page.body = "mine\n"
    book.write(page)
    assert texts(book, page)[0].encode("utf-8", "surrogateescape") == b"---\nid: circuit\n---\r\nodd \xff bytes\r\n"


def test_pages_of_one_name_in_two_folders_have_their_own_versions(book):
    for folder in ("a", "b"):
        place = book.folder / "pages" / folder
        place.mkdir()
        (place / "note.md").write_text(folder)
    for folder in ("a", "b"):
        page = book.page_in(f"pages/{folder}/note.md")
        page.body = "new"
        book.write(page)
        assert texts(book, page) == [folder]


def test_the_oldest_go_first(book, monkeypatch):
    monkeypatch.setattr(history, "KEPT", 3)
    page = saved(book, *(str(n) for n in range(8)))
    assert [text.splitlines()[-1] for text in texts(book, page)] == ["6", "5", "4"]


def test_versions_have_room_for_so_much_and_one_is_always_kept(book, monkeypatch):
    size = len(saved(book, "0").source)
    monkeypatch.setattr(history, "LARGEST", 2 * size + 1)
    page = book.page("circuit")
    for n in range(1, 5):
        page.body = f"{n}\n"
        page = book.write(page)
    assert len(texts(book, page)) == 2
    monkeypatch.setattr(history, "LARGEST", 1)
    page.body = "last\n"
    page = book.write(page)
    assert len(book.history.versions(page.path)) == 1


@pytest.mark.parametrize("name", ["", "../../../glassbook.toml", "x.md", "20260101-000000-000000-0123456789ab.md"])
def test_a_version_that_is_not_there(book, name):
    page = saved(book, "one", "two")
    with pytest.raises(GlassbookError):
        book.history.text(page.path, name)


def test_a_disk_that_refuses_the_version_leaves_the_page(book, monkeypatch):
    page = saved(book, "one")

    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glassbook.notebook.files._write_all", refuse)
    page.body = "two\n"
    with pytest.raises(GlassbookError, match="No space left"):
        book.write(page)
    assert page.path.read_text() == page.source
    assert texts(book, page) == []

"""Pictures beside pages: what counts as one, what they are called, and that nothing is overwritten."""

from __future__ import annotations

import os

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page, pictures

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
GIF = b"GIF89a" + bytes(20)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


@pytest.fixture
def book(tmp_path):
    notebook = Notebook.create(tmp_path / "book")
    yield notebook
    notebook.close()


@pytest.fixture
def page(book):
    return book.write(Page.new("Circuit", "A part.\n", kind="term"))


@pytest.mark.parametrize(("data", "ending"), [(PNG, ".png"), (GIF, ".gif"), (WEBP, ".webp"), (JPEG, ".jpg")])
def test_the_content_decides_what_a_picture_is(book, page, data, ending):
    place = book.add_picture(data, "plot.exe", page)
    assert place == book.folder / "pages" / "terms" / f"plot{ending}"
    assert place.read_bytes() == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "PNG, JPEG, GIF or WebP"),
        (b"<html><script>alert(1)</script>", "PNG, JPEG, GIF or WebP"),
        (b"MZ\x90\x00", "PNG, JPEG, GIF or WebP"),
        (b'<?xml version="1.0"?>\n<SVG xmlns="x"><script/></SVG>', "scripts"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "PNG, JPEG, GIF or WebP"),
    ],
)
def test_what_is_no_picture_is_refused(book, page, data, said):
    before = sorted(book.folder.rglob("*"))
    with pytest.raises(GlassbookError, match=said):
        book.add_picture(data, "plot.png", page)
    assert [path for path in sorted(book.folder.rglob("*")) if path.suffix in (".png", ".svg")] == []
    assert len(before) <= len(sorted(book.folder.rglob("*")))


def test_a_picture_that_is_too_large_is_refused(book, page, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", len(PNG) - 1)
    with pytest.raises(GlassbookError, match="larger than"):
        book.add_picture(PNG, "plot.png", page)
    assert not list(book.folder.rglob("*.png"))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini.png", "boot-ini"),
        (".hidden", "hidden"),
        ("", "picture"),
        ("???.png", "picture"),
        ("Läuft Ø 3.png", "läuft-ø-3"),
        ("a\nb\0c.png", "a-b-c"),
        ("x" * 900, "x" * 48),
        ("𝔸" * 900 + ".png", None),
    ],
)
def test_names_are_made_safe(book, page, name, stem):
    place = book.add_picture(PNG, name, page)
    assert place.parent == book.folder / "pages" / "terms"
    assert place.read_bytes() == PNG
    if stem is not None:
        assert place.name == f"{stem}.png"


def test_no_file_is_overwritten(book, page):
    first = book.add_picture(PNG + b"1", "plot.png", page)
    assert book.add_picture(PNG + b"1", "plot.png", page) == first  # the same picture once
    second = book.add_picture(PNG + b"2", "plot.png", page)
    os.symlink("/etc/hostname", first.parent / "plot-3.png")
    third = book.add_picture(PNG + b"3", "plot.png", page)
    assert [path.name for path in (first, second, third)] == ["plot.png", "plot-2.png", "plot-4.png"]
    assert first.read_bytes() == PNG + b"1"
    assert second.read_bytes() == PNG + b"2"


def test_a_folder_that_leads_elsewhere_gets_no_picture(book, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (book.folder / "pages" / "terms").symlink_to(outside)
    with pytest.raises(GlassbookError):
        book.add_picture(PNG, "plot.png", Page.new("Circuit", kind="term"))
    assert list(outside.iterdir()) == []


def test_a_disk_that_refuses_leaves_nothing(book, page, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glassbook.notebook.files._write_all", refuse)
    with pytest.raises(GlassbookError, match="No space left"):
        book.add_picture(PNG, "plot.png", page)
    assert [path.name for path in (book.folder / "pages" / "terms").iterdir()] == ["circuit.md"]


def test_pictures_are_found_by_part_of_their_path(book, page):
    for name in ("terms/red-Door.png", "b/door.JPG", "b/door.svg", "b/.hidden/door.png", "door.gif"):
        place = book.folder / "pages" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(PNG)
    assert book.pictures("DOOR") == ["b/door.JPG", "door.gif", "terms/red-Door.png"]
    assert book.pictures("b/") == ["b/door.JPG"]
    assert book.pictures("", limit=2) == ["b/door.JPG", "door.gif"]
    assert book.pictures("window") == []

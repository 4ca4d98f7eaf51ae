"""Picture files: what a file's content says it is, and safe names for pictures that lie beside pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from glassbook.errors import GlassbookError
from glassbook.notebook.pages.links import slug

LARGEST = 10 << 20
"""Bytes of a picture that a page can be given."""
_LONGEST = 48
"""Characters of a name: four bytes each, a number and an ending still make a file name."""


def picture_type(data: bytes) -> str:
    """The ending (".png", ".jpg", ".gif", ".webp") of the picture that `data` is, by its first bytes.

    Raises:
        GlassbookError: it is none of these. SVG is refused, for it can hold scripts.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ".gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ".webp"
    if b"<svg" in data[:4096].lower():
        raise GlassbookError("an SVG picture can hold scripts; export it as PNG and add that")
    raise GlassbookError("this is no picture that can be added; give a PNG, JPEG, GIF or WebP file")


def check_picture(data: bytes) -> str:
    """The ending of a picture that may be added; GlassbookError if it is too large or no picture."""
    if len(data) > LARGEST:
        raise GlassbookError(f"the picture is larger than {LARGEST >> 20} MB; make it smaller, then add it again")
    return picture_type(data)


def free_place(folder: Path, name: str, ending: str, data: bytes) -> Path:
    """Where a picture goes: under a safe form of its name that nothing has, or where exactly it lies already."""
    for place in _places(folder, name, ending):
        if not place.exists() and not place.is_symlink():
            return place
        if place.is_file() and not place.is_symlink() and place.read_bytes() == data:
            return place
    raise AssertionError("there is always another number")


def _places(folder: Path, name: str, ending: str) -> Iterator[Path]:
    # The name comes from elsewhere: only its words are used, of the last part, without any ending.
    stem = slug(PurePath(name.replace("\\", "/")).stem)[:_LONGEST].strip("-") or "picture"
    yield folder / f"{stem}{ending}"
    number = 2
    while True:
        yield folder / f"{stem}-{number}{ending}"
        number += 1

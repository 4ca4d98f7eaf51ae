"""Picture files: PNG from pixels, what a file's content says it is, and safe names for pictures beside pages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath

from glassbook.errors import GlassbookError
from glassbook.notebook.pages.links import slug

LARGEST = 10 << 20
"""Bytes of a picture that a page can be given."""
_LONGEST = 48
"""Characters of a name: four bytes each, a number and an ending still make a file name."""
ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
"""Of the files that are pictures."""


def png(pixels: bytes, width: int, height: int) -> bytes:
    """A PNG file of pixels in rows from the top, each of 1 byte (grey), 3 (red, green, blue) or 4 (and how opaque)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    channels, rest = divmod(len(pixels), width * height)
    if rest or channels not in (1, 3, 4):
        raise ValueError(f"{len(pixels)} bytes are no picture of {width} x {height} pixels")
    step = width * channels
    rows = b"".join(b"\0" + pixels[at : at + step] for at in range(0, len(pixels), step))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


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

"""Zip and tar reader for untrusted archives of notes: nothing is unpacked to the disk, no link is followed."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from glassbook.errors import GlassbookError

ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")
"""Archives that can be imported."""
MOST_FILES = 100_000
LARGEST = 64 << 20
"""Bytes of one file, unpacked."""
TOTAL = 1 << 30
"""Bytes of all files, unpacked."""
SMALL, TIMES = 64 << 20, 100
"""An archive that unpacks to more than SMALL bytes and more than TIMES its own size is made to fill the memory."""


@dataclass
class Source:
    """The files of a folder or an archive: path with "/" -> bytes; and what of it is no file that can be taken."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """(path, why)"""
    size: int = 0
    most: int = TOTAL
    """Bytes that may be taken in all."""

    def add(self, path: str, file: IO[bytes]) -> None:
        """Take one file, of which no more is read than may be taken: the size that an archive states may be false.

        Raises:
            GlassbookError: there are too many, or they are too large.
        """
        data = file.read(LARGEST + 1)
        self.size += len(data)
        if len(data) > LARGEST:
            raise GlassbookError(f"{path} is larger than {LARGEST >> 20} MB; take it out and import again")
        if self.size > self.most or len(self.files) >= MOST_FILES:
            raise GlassbookError(f"this is more than {self.most >> 20} MB or {MOST_FILES:,} files; import it in parts")
        self.files[path] = data


def read_archive(path: Path, name: str) -> tuple[Source, str]:
    """The files of an archive, and its name: that of the one folder in it, if there is but one.

    Raises:
        GlassbookError: it is damaged, protected, too large, or holds a path that leads out of it.
    """
    source = Source(most=min(TOTAL, max(SMALL, TIMES * path.stat().st_size)))
    try:
        for entry, file in _zip(path) if path.suffix.lower() == ".zip" else _tar(path):
            where = _inside(entry)
            if file is None:
                source.left_out.append((where, "a link or a device; only files are taken from an archive"))
            else:
                source.add(where, file)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError) as error:
        raise GlassbookError(f"{path} is damaged or no archive ({error}); make it again") from error
    except RuntimeError as error:
        raise GlassbookError(f"{path} is protected by a password; unpack it and import the folder") from error
    tops = {entry.partition("/")[0] for entry in source.files if "/" in entry}
    if len(tops) != 1 or any("/" not in entry for entry in source.files):
        return source, name
    (top,) = tops
    source.files = {entry.removeprefix(f"{top}/"): data for entry, data in source.files.items()}
    source.left_out = [(entry.removeprefix(f"{top}/"), why) for entry, why in source.left_out]
    return source, top


def _tar(path: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if not member.isdir():
                yield member.name, archive.extractfile(member) if member.isreg() else None


def _zip(path: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if (info.external_attr >> 16) & 0o170000 == 0o120000:  # a symbolic link, as Unix writes it
                yield info.filename, None
                continue
            with archive.open(info) as file:
                yield info.filename, file


def _inside(name: str) -> str:
    """A path of an archive, if it stays inside."""
    clean = name.replace("\\", "/")
    parts = PurePosixPath(clean).parts
    drive = parts and parts[0].endswith(":")
    if not parts or clean.startswith("/") or ".." in parts or drive or not clean.isprintable():
        raise GlassbookError(f"the archive holds the path {name!r}, which leads out of it; it is refused as a whole")
    return "/".join(parts)

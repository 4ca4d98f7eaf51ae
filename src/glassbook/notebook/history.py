"""Page history: the versions that saves replaced, as plain files in .glassbook/history.

A version is kept when it is replaced: by a save in the browser, a rename, or any other `Notebook.write`. What other
programs wrote is kept from the moment that Glassbook replaces it. There are limits for each page; the oldest go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.notebook.files import read_regular, write_atomic

KEPT = 100
"""Versions of a page."""
LARGEST = 32 << 20
"""Bytes of all versions of a page; one is kept however large it is."""
_TIME = "%Y%m%d-%H%M%S-%f"
_NAME = re.compile(r"(\d{8}-\d{6}-\d{6})-([0-9a-f]{12})\.md", re.ASCII)


@dataclass(frozen=True)
class Version:
    """A version of a page that was replaced."""

    name: str
    """Of its file; names the version."""
    until: datetime
    """When it was replaced."""
    size: int
    """Bytes of its file."""


class History:
    """The versions of all pages of the notebook in `folder`, each page known by its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, page: Path, text: str) -> None:
        """Keep what stands in a page's file, before it is replaced; not twice if it is the newest version already.

        Raises:
            GlassbookError: the disk refused; then the page should stay as it is.
        """
        data = text.encode("utf-8", "surrogateescape")
        mark = hashlib.sha256(data).hexdigest()[:12]
        versions, place = self.versions(page), self._place(page)
        if versions and versions[0].name.endswith(f"-{mark}.md"):
            return
        write_atomic(place / f"{datetime.now(UTC).strftime(_TIME)}-{mark}.md", data)
        room = LARGEST - len(data)
        for n, version in enumerate(versions, start=2):
            room -= version.size
            if n > KEPT or room < 0:
                with contextlib.suppress(OSError):  # one that stays only takes room
                    (place / version.name).unlink()

    def versions(self, page: Path) -> list[Version]:
        """Versions of the page in the file `page`, the newest first."""
        place = self._place(page)
        names = sorted((file.name for file in place.glob("*.md") if _NAME.fullmatch(file.name)), reverse=True)
        return [Version(name, _time_of(name), (place / name).stat().st_size) for name in names]

    def text(self, page: Path, name: str) -> str:
        """The text of a version.

        Raises:
            GlassbookError: there is none of that name, or it cannot be read.
        """
        if not _NAME.fullmatch(name):
            raise GlassbookError(f"{name!r} names no version; take one from the list of versions")
        try:
            return read_regular(self._place(page) / name, LARGEST).decode("utf-8", "surrogateescape")
        except FileNotFoundError as error:
            raise GlassbookError("this version is no longer kept; the oldest go first") from error
        except OSError as error:
            raise GlassbookError(f"the version {name} cannot be read: {error.strerror or error}") from error

    def _place(self, page: Path) -> Path:
        return self.folder / ".glassbook" / "history" / page.relative_to(self.folder / "pages")


def _time_of(name: str) -> datetime:
    return datetime.strptime(name[:22], _TIME).replace(tzinfo=UTC)

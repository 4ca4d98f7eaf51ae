"""Import record: imports/<name>.json at the notebook's top says what an import made.

It holds which page came from where, the digest of what was written, what was decided, and every line that became no
page. By it a second import tells a page that the user has changed since (it is kept) from one that has not changed.
"""

from __future__ import annotations

import glob
import hashlib
import itertools
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook.errors import GlassbookError
from glassbook.notebook.pages.links import slug
from glassbook.notebook.pages.page import Page

if TYPE_CHECKING:
    from glassbook.notebook.importing.arranging import Choice
    from glassbook.notebook.importing.plan import Plan

FOLDER = "imports"
"""Where the records lie, below the notebook's folder."""


@dataclass(frozen=True)
class Record:
    """What earlier imports of one source made."""

    file: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Planned path -> what it became.

    `path` below pages/, `sha256` of what was written there, `planned`: digest of the page as planned, and the kind
    that the user named for it. For words that were added to another page also `part`, as they were written."""
    left: dict[str, str] = field(default_factory=dict)
    """Planned path -> `planned`, of pages that the user left out."""
    kind: str = ""
    """The kind that the user named."""
    others: frozenset[str] = frozenset()
    """Folders below pages/ that hold what came from other sources of this name."""
    moved: bool = False
    """Whether the source is known by its words, not by its place: where they differ it may be another source."""

    @classmethod
    def of(cls, folder: Path, plan: Plan) -> Record:
        """The record for a source; another source of the same name has another.

        A source that lies elsewhere now, or comes by the browser, is known by its words: by half of its pages, if
        most of the others are revisions of what was imported under their names.

        Raises:
            GlassbookError: it cannot be read.
        """
        mark = hashlib.sha256(plan.source.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        stem = slug(plan.name).encode()[:100].decode("utf-8", "ignore") or "import"
        file = folder / FOLDER / f"{stem}-{mark}.json"
        if file.exists():
            return cls._read(folder, file)
        others: set[str] = set()
        for other in sorted((folder / FOLDER).glob(f"{glob.escape(stem)}-????????.json")):
            record = cls._read(folder, other)
            if record._is_of(folder, plan):
                return replace(record, moved=True)
            others |= {path.split("/")[1] for path in record.made}
        return cls(file, others=frozenset(others))

    @classmethod
    def _read(cls, folder: Path, file: Path) -> Record:
        try:
            data = json.loads(file.read_text("utf-8"))
            texts = [
                entry[key] for entry in data["files"].values() for key in ("path", "sha256", "planned") if key in entry
            ]
            good = all(isinstance(text, str) for text in [*texts, *data.get("left", {}).values(), data.get("kind", "")])
            inside = all(_inside(folder, entry["path"]) for entry in data["files"].values())
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise GlassbookError(f"{file} cannot be read; fix it, or delete it to import again") from error
        if not good or not inside:
            raise GlassbookError(f"{file} names a file outside of pages/; delete it to import again")
        return cls(file, data["files"], data.get("left", {}), data.get("kind", ""))

    def _is_of(self, folder: Path, plan: Plan) -> bool:
        """Whether the words of a plan are those of this source, or were made of them."""
        said = {*self.left.values(), *(str(entry.get("planned", "")) for entry in self.files.values())}
        digests = {text.partition(" ")[0] for text in said}
        pages = {page.digest(): page for page in plan.pages if not page.rest}
        changed = [page for digest, page in pages.items() if digest not in digests]
        if 2 * len(changed) >= len(pages):
            return False
        known = [page for page in changed if page.path in self.files]
        return 2 * sum(is_revision(self.words(folder, page.path), page.words()) for page in known) >= len(known)

    def words(self, folder: Path, planned: str) -> str:
        """What stands in the notebook of an imported page; "" if it is gone."""
        entry = self.files[planned]
        if "part" in entry:
            return str(entry["part"]).partition(":\n\n")[2]
        try:
            data = (folder / "pages" / entry["path"]).read_bytes()
        except OSError:
            return ""
        return Page.parse(data.decode("utf-8", "replace")).body

    @property
    def made(self) -> set[str]:
        """Files, relative to the notebook, of the pages that the source became."""
        return {f"pages/{entry['path']}" for entry in self.files.values() if "part" not in entry}

    def choice(self, planned: str) -> Choice | None:
        """What was decided about a page before; None if it is new."""
        from glassbook.notebook.importing.arranging import Choice

        if planned in self.left:
            return Choice("leave")
        entry = self.files.get(planned)
        if entry is None:
            return None
        return Choice("join", f"pages/{entry['path']}") if "part" in entry else Choice("own")

    def gone(self, folder: Path, planned: str) -> str:
        """File, below pages/, of what this became before, if it was deleted or moved since; else ""."""
        path = str(self.files[planned]["path"]) if planned in self.files else ""
        return path if path and not (folder / "pages" / path).is_file() else ""

    def knows(self, planned: str, digest: str) -> bool:
        """Whether exactly this page was imported before."""
        return self.files.get(planned, {}).get("planned") == digest or self.left.get(planned) == digest


def is_revision(old: str, new: str) -> bool:
    """Whether one text can have been made of the other: half of the shorter one's pairs of words stand in the other."""
    one, other = (set(itertools.pairwise(["", *text.split()])) for text in (old, new))
    return 2 * len(one & other) >= min(len(one), len(other))


def _inside(folder: Path, path: str) -> bool:
    pages = (folder / "pages").resolve()
    return (folder / "pages" / path).resolve().is_relative_to(pages)

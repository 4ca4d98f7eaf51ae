"""Search by meaning: the sections of a notebook's pages as vectors, and those nearest to a question.

The vectors are derived: they are kept in .glassbook/meaning.db by the hash of a section's text, and only what is new
or changed is embedded. The model is a folder that the user names (`embedding = "FOLDER"` in glassbook.toml).
"""

from __future__ import annotations

import hashlib
import sqlite3
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.notebook import SETTINGS
from glassbook.notebook.runs.freshness import digest

LENGTH = 2000
"""Characters of a section that are embedded; models read a few hundred tokens."""


@dataclass(frozen=True)
class Near:
    """A section and how near it is."""

    id: str
    """Id of the page."""
    title: str
    section: str
    """Anchor of the section, "" for the page's top."""
    heading: str
    score: float
    """Cosine of the angle between the question and the section."""
    text: str
    """How the section begins."""


def has_model(notebook: Notebook) -> bool:
    """Whether glassbook.toml names an embedding model; nothing is opened."""
    try:
        model_folder(notebook)
    except GlassbookError:
        return False
    return True


def model_folder(notebook: Notebook) -> Path:
    """The embedding model that glassbook.toml names.

    Raises:
        GlassbookError: it names none, or cannot be read.
    """
    try:
        settings = tomllib.loads((notebook.folder / SETTINGS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise GlassbookError(f"{SETTINGS} cannot be read: {error}; mend it") from error
    given = settings.get("embedding")
    if not isinstance(given, str) or not given:
        raise GlassbookError(f'to search by meaning, write embedding = "FOLDER OF A MODEL" in {SETTINGS}')
    return (notebook.folder / Path(given).expanduser()).resolve()


class Meaning:
    """The vectors of a notebook's sections.

    Args:
        notebook: whose pages are searched.
        model: folder of the embedding model; by default the one that glassbook.toml names.

    Raises:
        GlassbookError: the model cannot be opened.
    """

    def __init__(self, notebook: Notebook, model: Path | None = None) -> None:
        from glassbook.nets.embedding import TextEmbedder

        self.notebook = notebook
        folder = model_folder(notebook) if model is None else Path(model)
        self._embedder = TextEmbedder(folder)
        self._model = digest(folder)

    def nearest(
        self, text: str, limit: int = 10, tell: Callable[[int, int], None] = lambda done, all: None
    ) -> list[Near]:
        """The sections nearest in meaning to `text`, nearest first; one for each page.

        Args:
            text: the question.
            limit: how many.
            tell: called with how many of the new sections have been embedded.
        """
        import torch

        sections = self._sections()
        if not sections or not text.strip():
            return []
        vectors = self._vectors([near.text for near in sections], tell)
        scores = vectors @ self._embedder.embed([text])[0]
        found: dict[str, Near] = {}
        for i in torch.argsort(scores, descending=True).tolist():
            near = sections[i]
            if near.id not in found:
                beginning = " ".join(near.text.split())[:200]
                found[near.id] = Near(near.id, near.title, near.section, near.heading, float(scores[i]), beginning)
            if len(found) == limit:
                break
        return list(found.values())

    def _sections(self) -> list[Near]:
        """Every section that says something; a section is read together with its page's title."""
        return [
            Near(page.id, page.title, s.slug, s.title, 0.0, f"{page.title}. {s.text.strip()}"[:LENGTH])
            for page in self.notebook.pages()
            for s in page.outline().sections
            if s.text.strip()
        ]

    def _vectors(self, texts: list[str], tell: Callable[[int, int], None]):
        """Unit vectors [n, width] of the texts; those embedded before come from the file."""
        import numpy as np
        import torch

        keys = [hashlib.sha256(f"{self._model}\0{text}".encode("utf-8", "replace")).digest() for text in texts]
        path = self.notebook.folder / ".glassbook" / "meaning.db"
        db = sqlite3.connect(path, timeout=30)
        try:
            db.execute("CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID")
            wanted = set(keys)
            known = {key: data for key, data in db.execute("SELECT key, data FROM vector") if key in wanted}
            new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            waiting = list(new.items())
            for start in range(0, len(waiting), 256):
                part = waiting[start : start + 256]
                made = self._embedder.embed([text for _, text in part]).numpy().astype(np.float32)
                rows = [(key, row.tobytes()) for (key, _), row in zip(part, made, strict=True)]
                with db:
                    db.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", rows)
                known |= dict(rows)
                tell(start + len(part), len(waiting))
        except sqlite3.DatabaseError as error:
            raise GlassbookError(f"{path} cannot be used ({error}); delete it, it is made anew") from error
        finally:
            db.close()
        return torch.from_numpy(np.stack([np.frombuffer(known[key], np.float32) for key in keys]))

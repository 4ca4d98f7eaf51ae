"""Semantic search over a notebook: embeddings of its pages' sections, ranked by cosine similarity to a query.

Embeddings are cached in .glassbook/embeddings.db by the hash of a section's text, so that only new or changed sections
are embedded. The embedding model is a folder that the user names (`embedding = "FOLDER"` in glassbook.toml). Used by
`glassbook similar` and, through the model server, by the search page
(web/views/search.py, web/static/js/semantic_search.js).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.notebook import SETTINGS, read_settings
from glassbook.notebook.runs.freshness import digest

MAX_LENGTH = 2000
"""Characters of a section that are embedded; models read a few hundred tokens."""


@dataclass(frozen=True)
class SectionMatch:
    """A section of a page and its similarity to a query."""

    id: str
    """Id of the page."""
    title: str
    section: str
    """Anchor of the section, "" for the page's top."""
    heading: str
    score: float
    """Cosine similarity of query and section."""
    text: str
    """The beginning of the section's text."""


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
        GlassbookError: it names none, or it cannot be read.
    """
    folder = read_settings(notebook.folder).get("embedding")
    if not isinstance(folder, str) or not folder:
        raise GlassbookError(f'for semantic search, write embedding = "FOLDER OF A MODEL" in {SETTINGS}')
    return (notebook.folder / Path(folder).expanduser()).resolve()


class SemanticIndex:
    """The embeddings of a notebook's sections.

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

    def search(
        self, query: str, limit: int = 10, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> list[SectionMatch]:
        """The best section of each of the `limit` pages most similar to `query`, best first.

        Args:
            query: a question, or a few words.
            limit: maximum number of pages.
            progress: called with the number of new sections embedded so far, and of all new ones.
        """
        import torch

        sections = self._sections()
        if not sections or not query.strip():
            return []
        vectors = self._embeddings([match.text for match in sections], progress)
        scores = vectors @ self._embedder.embed([query])[0]
        found: dict[str, SectionMatch] = {}
        for i in torch.argsort(scores, descending=True).tolist():
            match = sections[i]
            if match.id not in found:
                beginning = " ".join(match.text.split())[:200]
                found[match.id] = replace(match, score=float(scores[i]), text=beginning)
            if len(found) == limit:
                break
        return list(found.values())

    def _sections(self) -> list[SectionMatch]:
        """Every section with text; a section is embedded together with its page's title."""
        return [
            SectionMatch(page.id, page.title, s.slug, s.title, 0.0, f"{page.title}. {s.text.strip()}"[:MAX_LENGTH])
            for page in self.notebook.pages()
            for s in page.outline().sections
            if s.text.strip()
        ]

    def _embeddings(self, texts: list[str], progress: Callable[[int, int], None]):
        """Unit vectors [n, width] of the texts, cached ones from the database."""
        import numpy as np
        import torch

        keys = [hashlib.sha256(f"{self._model}\0{text}".encode("utf-8", "replace")).digest() for text in texts]
        path = self.notebook.folder / ".glassbook" / "embeddings.db"
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
                progress(start + len(part), len(waiting))
        except sqlite3.DatabaseError as error:
            raise GlassbookError(f"{path} cannot be used ({error}); delete it, it will be rebuilt") from error
        finally:
            db.close()
        return torch.from_numpy(np.stack([np.frombuffer(known[key], np.float32) for key in keys]))

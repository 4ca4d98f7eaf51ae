"""References: the works that pages cite, as CSL JSON in references.json at the notebook's top.

works = References(notebook.folder)
works.get("arXiv:2309.12288v2")            # the same as "2309.12288"
works.add({"type": "article", "title": "...", "number": "arXiv:2309.12288"})
works.from_bibtex(text); works.to_bibtex()
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook.files import one_writer, read_regular, write_atomic
from glassbook.notebook.pages import bibtex
from glassbook.notebook.serialization import read_json

FILE = "references.json"
LARGEST = 256 << 20
"""Bytes of the file that are read."""
_ARXIV = re.compile(
    r"(?:arxiv:\s*|(?:https?://)?(?:www\.)?arxiv\.org/(?:abs|pdf|html)/|(?:https?://(?:dx\.)?doi\.org/)?10\.48550/arxiv\.)?"
    r"(?P<id>\d{4}\.\d{4,5}|[a-z][a-z.-]{1,20}/\d{7})(?:v\d{1,3})?(?:\.pdf)?",
    re.IGNORECASE | re.ASCII,
)
_ARXIV_IN_TEXT = re.compile(r"arXiv:\s?[\w.-]+(?:/\d{7})?(?<!\.)", re.IGNORECASE | re.ASCII)
_DOI = re.compile(r"(?:(?:https?://)?(?:dx\.)?doi\.org/|doi:\s*)?(?P<id>10\.\d{4,9}/\S+)", re.IGNORECASE | re.ASCII)


def key_of(text: str) -> str | None:
    """The key of a work that a DOI or an arXiv number names, in any of their forms; None for other text.

    The arXiv number without its version ("2309.12288"), else the DOI in lower case ("10.1038/381607a0").
    """
    text = text.strip()
    match = _ARXIV.fullmatch(text)
    if match:
        return match["id"].lower()
    match = _DOI.fullmatch(text)
    return match["id"].rstrip(".,;").lower() if match else None


class References:
    """The works of a notebook. The file is read when it is first asked for.

    Args:
        folder: the notebook's folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / FILE
        self._works: dict[str, dict[str, Any]] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._read().values())

    def __len__(self) -> int:
        return len(self._read())

    def get(self, key: str) -> dict[str, Any] | None:
        """The work with this key; a DOI or an arXiv number finds it in any form. None if there is none."""
        works = self._read()
        if key in works:
            return works[key]
        wanted = key_of(key)
        if wanted is None:
            return None
        return works.get(wanted) or next((work for work in works.values() if wanted in _names(work)), None)

    def add(self, *works: Mapping[str, Any]) -> list[str]:
        """Keep works (CSL JSON), all or none of them; one that is there under the same key is replaced.

        Returns:
            the key of each: its arXiv number, else its DOI, else its own id, else one made of author and title.

        Raises:
            GlassbookError: one has neither id nor title, or the disk refused.
        """
        with one_writer(self.path.parent):
            self._works = None  # another process may have added some
            known = dict(self._read())
            keys = []
            for work in works:
                key = _key(work, known)
                known[key] = {"id": key, **{name: value for name, value in work.items() if name != "id"}}
                keys.append(key)
            text = json.dumps(list(known.values()), indent=1, ensure_ascii=False) + "\n"
            data = text.encode("utf-8", "replace")
            if not self.path.is_file() or self.path.read_bytes() != data:
                write_atomic(self.path, data)
        self._works = known
        return keys

    def from_bibtex(self, text: str, problems: list[str] | None = None) -> list[str]:
        """Keep the works of a BibTeX file; returns their keys.

        The citation key becomes the key of a work that has neither DOI nor arXiv number, and is kept as `citation-key`
        of the others.

        Args:
            text: the file.
            problems: gets a line for each entry that cannot be read, which is then passed over.

        Raises:
            GlassbookError: an entry cannot be read and there is no `problems`; nothing is kept then.
        """
        works = []
        for work in bibtex.read(text, problems):
            own = next(iter(_names(work)), None)
            works.append(work if own in (None, work["id"]) else {"citation-key": work["id"], **work, "id": own})
        return self.add(*works)

    def to_bibtex(self) -> str:
        """All works as BibTeX, such that `from_bibtex` gives them back."""
        return bibtex.write(self)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._works is None:
            try:
                works = read_json(read_regular(self.path, LARGEST))
                self._works = {str(work["id"]): work for work in works}
            except FileNotFoundError:
                self._works = {}
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise GlassbookError(f"{self.path} is no list of works in CSL JSON ({error}); fix it") from error
        return self._works


def _names(work: Mapping[str, Any]) -> list[str]:
    """The keys that a work's own numbers give it, the best first."""
    told = [str(work.get(name) or "") for name in ("number", "DOI", "URL")]
    # "arXiv preprint arXiv:1706.03762", as Google Scholar writes it.
    told += _ARXIV_IN_TEXT.findall(f"{work.get('container-title') or ''} {work.get('note') or ''}"[:1000])
    keys = [key for text in told if (key := key_of(text))]
    return sorted(dict.fromkeys(keys), key=lambda key: key.startswith("10."))


def _key(work: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    own = str(work.get("id") or "").strip()
    if own and (own in known or not _names(work)):
        return own
    names = _names(work)
    if names:
        return names[0]
    title = str(work.get("title") or "").strip()
    if not title:
        raise GlassbookError("a work needs a title, an id, a DOI or an arXiv number; give one of them")
    people = work.get("author")
    first = people[0] if isinstance(people, list) and people and isinstance(people[0], Mapping) else {}
    words = [str(first.get("family") or first.get("literal") or ""), *title.split()[:2]]
    stem = "-".join(re.findall(r"\w+", " ".join(words).lower())) or "work"
    number, key = 1, stem
    while key in known and known[key].get("title") != work.get("title"):
        number += 1
        key = f"{stem}-{number}"
    return key

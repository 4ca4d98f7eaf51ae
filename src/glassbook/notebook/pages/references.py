"""References: the works that pages cite, as CSL JSON in references.json at the notebook's top.

works = References(notebook.folder)
works.get("arXiv:2309.12288v2")            # the same as "2309.12288"
works.add({"type": "article", "title": "...", "number": "arXiv:2309.12288"})
works.from_bibtex(text); works.to_bibtex()
"""

from __future__ import annotations

import itertools
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

    def add(self, *works: Mapping[str, Any], told: list[str] | None = None) -> list[str]:
        """Keep works (CSL JSON), all or none of them; a work that is there already is brought up to date.

        Another work that is there under the same key stays: the new one gets its citation key, or a number, as in
        smith2020-2.

        Args:
            works: the works.
            told: gets a line for each work that another one kept from its key.

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
                wanted = _key(work, known)
                key = next(key for key in _keys(wanted, work) if key not in known or _same(known[key], work))
                said = {name: value for name, value in work.items() if name != "id"}
                if key != wanted:
                    said.setdefault("citation-key", wanted)
                    if told is not None:
                        title, other = (str(one.get("title") or "") for one in (work, known[wanted]))
                        told.append(f"{wanted!r} is the key of another work, {other!r}; {title!r} has the key {key!r}")
                known[key] = {"id": key, **said}
                keys.append(key)
            text = json.dumps(list(known.values()), indent=1, ensure_ascii=False) + "\n"
            data = text.encode("utf-8", "replace")
            if not self.path.is_file() or self.path.read_bytes() != data:
                write_atomic(self.path, data)
        self._works = known
        return keys

    def from_bibtex(self, text: str, problems: list[str] | None = None, told: list[str] | None = None) -> list[str]:
        """Keep the works of a BibTeX file; returns their keys.

        The citation key becomes the key of a work that has neither DOI nor arXiv number, and is kept as `citation-key`
        of the others.

        Args:
            text: the file.
            problems: gets a line for each entry that cannot be read, which is then passed over.
            told: gets a line for each work that another one kept from its key.

        Raises:
            GlassbookError: an entry cannot be read and there is no `problems`; nothing is kept then.
        """
        works = []
        for work in bibtex.read(text, problems):
            own = next(iter(_names(work)), None)
            works.append(work if own in (None, work["id"]) else {"citation-key": work["id"], **work, "id": own})
        return self.add(*works, told=told)

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
    return sorted(dict.fromkeys([*_numbers(work), *_mentioned(work, "note")]), key=_is_doi)


def _numbers(work: Mapping[str, Any], *more: str) -> list[str]:
    told = [key for name in (*more, "number", "DOI", "URL") if (key := key_of(str(work.get(name) or "")))]
    # "arXiv preprint arXiv:1706.03762", as Google Scholar writes it.
    return told + _mentioned(work, "container-title")


def _mentioned(work: Mapping[str, Any], field: str) -> list[str]:
    found = _ARXIV_IN_TEXT.findall(str(work.get(field) or "")[:1000])
    return [key for text in found if (key := key_of(text))]


def _is_doi(key: str) -> bool:
    return key.startswith("10.") and "/" in key


def _key(work: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """The key that a work would have if no other had it."""
    own = str(work.get("id") or "").strip()
    names = _names(work)
    if own and (own in known or not names):
        return own
    if names:
        return names[0]
    title = str(work.get("title") or "").strip()
    if not title:
        raise GlassbookError("a work needs a title, an id, a DOI or an arXiv number; give one of them")
    words = [_first_author(work), *title.split()[:2]]
    return "-".join(re.findall(r"\w+", " ".join(words).lower())) or "work"


def _keys(wanted: str, work: Mapping[str, Any]) -> Iterator[str]:
    """The keys that a work may have, the best first."""
    cited = str(work.get("citation-key") or "").strip() or wanted
    yield from dict.fromkeys((wanted, cited))
    yield from (f"{cited}-{number}" for number in itertools.count(2))


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two entries are about one work: one DOI or arXiv number, else one title, author and year.

    A number that only a note mentions may be that of a work which the note is about.
    """
    mine, theirs = ({*_numbers(work)} | {*_numbers(work, "id")} - {*_mentioned(work, "note")} for work in (one, other))
    if mine & theirs:
        return True
    for doi in (True, False):
        ours, others = ({key for key in keys if _is_doi(key) is doi} for keys in (mine, theirs))
        if ours and others:
            return False
    titles = [re.findall(r"\w+", str(work.get("title") or "").lower()) for work in (one, other)]
    if not all(titles):
        return _without_keys(one) == _without_keys(other)
    return titles[0] == titles[1] and all(
        not a or not b or a == b for a, b in ((_first_author(one), _first_author(other)), (_year(one), _year(other)))
    )


def _without_keys(work: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in work.items() if name not in ("id", "citation-key")}


def _first_author(work: Mapping[str, Any]) -> str:
    people = work.get("author")
    first = people[0] if isinstance(people, list) and people and isinstance(people[0], Mapping) else {}
    return str(first.get("family") or first.get("literal") or "").lower()


def _year(work: Mapping[str, Any]) -> str:
    issued = work.get("issued")
    dates = issued.get("date-parts") if isinstance(issued, Mapping) else None
    first = dates[0] if isinstance(dates, list) and dates else None
    return str(first[0]) if isinstance(first, list) and first else ""

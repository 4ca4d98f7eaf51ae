"""Page matching: which page of a notebook an imported page is about, by its names, its references and its sentences."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook.notebook.importing.lines import content_words
from glassbook.notebook.importing.linking import Names
from glassbook.notebook.importing.plan import PlannedPage
from glassbook.notebook.pages.names import vault_of
from glassbook.notebook.pages.page import Page
from glassbook.notebook.pages.references import References, key_of

if TYPE_CHECKING:
    from glassbook.notebook.notebook import Notebook

WORKS = ("paper", "talk")
KINDS = ("term", *WORKS)
"""Kinds of pages that are about something which others write about too."""
ALL = 10_000_000
"""More pages than any notebook has."""
BEGINNING = 4
"""Words of a title that name the work when the rest of it is missing."""
ALIKE, CLEARLY = 0.1, 1.5
"""Least likeness (see `_Texts`) of a text and the page of the work it tells of, and how far ahead of the next one."""
FEW = 12
"""Words that tell what a text is about, below which it is too short to recognise a work by."""


@dataclass(frozen=True)
class Candidate:
    """A page of the notebook that an imported page may be about."""

    path: str
    """Its file, relative to the notebook."""
    ident: str
    title: str
    kind: str
    why: str
    sure: bool
    """Whether to join it unless the user says otherwise."""


@dataclass(frozen=True)
class Match:
    """What is known of the subject of an imported page."""

    candidates: tuple[Candidate, ...] = ()
    """The best first: those that it is surely about before the others."""
    work: tuple[str, str] | None = None
    """(key, title) of the work that it is about, if that has no page; the title is "" if the bibliography lacks it."""


def loose(name: str) -> str:
    """A name as people vary it: without case, punctuation, articles, plural and a note in brackets at its end."""
    words = re.findall(r"\w+", re.sub(r"\s*\([^()]*\)\s*$", "", name).replace("'s ", " ").replace("’s ", " ").lower())
    words = [word for word in words if word not in ("the", "a", "an")]
    return " ".join(re.sub(r"(?<!s)s$", "", word) if len(word) > 3 else word for word in words)


class Subjects:
    """The terms, papers and talks of a notebook (those of its own pages, not of vaults), and the works it cites.

    Args:
        notebook: read, never written.
        without: files of pages that are not to be found.
    """

    def __init__(self, notebook: Notebook, without: Collection[str] = ()) -> None:
        self.notebook = notebook
        self.rows = [
            row
            for kind in KINDS
            for row in notebook.index.page_rows(kind, order="path", limit=ALL)
            if not vault_of(row.path) and row.path not in without
        ]
        self.names: dict[str, list[Any]] = {}
        for row in self.rows:
            for name in dict.fromkeys(loose(name) for name in (row.title, *row.aliases)):
                self.names.setdefault(name, []).append(row)
        self.works = list(References(notebook.folder))
        self._texts: _Texts | None = None
        self._pages: dict[str, Page] = {}
        self._linked: dict[str, str] = {}

    def name_of(self, row: Any) -> str:
        """The name by which a link leads to a page: its title, or its id where the title means another."""
        if row.path not in self._linked:
            titled = self.notebook.index.path_of(row.title) == row.path
            self._linked[row.path] = row.title if titled else row.id
        return self._linked[row.path]

    def cited(self, texts: Iterable[str]) -> Iterator[tuple[Any, str, str]]:
        """(page, title, authors as a text names them, or "") of the works that a page is about.

        That is the paper or talk whose first reference it is; or the term, if there is no such paper and one of the
        texts names the work. Authors of several works are left out: their names do not tell which is meant.
        """
        about = self._firsts([row for row in self.rows if row.kind in WORKS])
        titles = Names()
        for work in self.works:
            if str(work["id"]) not in about:
                titles.add(str(work.get("title") or ""), str(work["id"]), str(work["id"]))
        if any(titles.suggest(text) for text in texts):  # only then every term has to be read
            about = self._firsts([row for row in self.rows if row.kind not in WORKS]) | about
        known = Counter(_authors(work) for work in self.works)
        for work in self.works:
            row, authors = about.get(str(work["id"])), _authors(work)
            if row is not None:
                named = " " in authors and known[authors] == 1 and row.kind in WORKS
                yield row, str(work.get("title") or ""), authors if named else ""

    def _firsts(self, rows: list[Any]) -> dict[str, Any]:
        """Key of a work -> the first page whose first reference it is."""
        return {key: row for row in reversed(rows) for key in self._page(row).refs[:1]}

    def match(self, page: PlannedPage) -> Match:
        """What the notebook has on the subject of an imported page."""
        if page.kind not in KINDS:
            return Match()
        found: dict[str, Candidate] = {}
        work = self._work(page) if page.kind in WORKS else None
        for row, why, sure in self._all(page, work):
            found.setdefault(row.path, Candidate(row.path, row.id, row.title, row.kind, why, sure))
        candidates = tuple(sorted(found.values(), key=lambda candidate: not candidate.sure))
        if any(candidate.sure for candidate in candidates):
            return Match(candidates)
        numbers = _numbers(page) if page.kind in WORKS else set()
        return Match(candidates, work or ((numbers.pop(), "") if len(numbers) == 1 else None))

    def _all(self, page: PlannedPage, work: tuple[str, str] | None) -> Iterator[tuple[Any, str, bool]]:
        for name in (page.title, *page.front.get("aliases", [])) if not page.derived else ():
            for row in self._named(name, page.kind):
                yield row, f"it is called {name!r}", True
        if work:
            for row in self._about(work[0]):
                yield row, f"it is about {work[1]!r}", True
        if page.kind == "term":
            owner = re.fullmatch(r"(.+?) (?:by|from) (.+)", page.title)
            if owner:
                for row in self._named(owner[1], page.kind):
                    yield row, f"{page.title!r} is {owner[1]!r} and whose it is", True
            for part in _parts(page.title):
                for row in self._named(part, page.kind):
                    yield row, f"{page.title!r} names it, among others", loose(row.title) == loose(part)
        elif page.derived or not work:
            yield from self._by_sentences(page)

    def _named(self, name: str, kind: str) -> list[Any]:
        rows = self.names.get(loose(name), []) if loose(name) else []
        return sorted(rows, key=lambda row: row.kind != kind)

    # --- works ----------------------------------------------------------------------------------------------------

    def _work(self, page: PlannedPage) -> tuple[str, str] | None:
        """(key, title) of the work that an imported page names, by its number or its title."""
        keys = _numbers(page)
        title = loose(page.title) if not page.derived else ""
        numbered = [work for work in self.works if keys and key_of(str(work["id"])) in keys]
        titled = [work for work in self.works if title and _same_title(title, loose(str(work.get("title") or "")))]
        # Several numbers are those of works that the text cites.
        best = titled or (numbered if len(numbered) == 1 else [])
        return (str(best[0]["id"]), str(best[0].get("title") or best[0]["id"])) if best else None

    def _about(self, key: str) -> list[Any]:
        """Pages whose first reference is this work."""
        return [row for row in self.rows if row.kind in WORKS and self._page(row).refs[:1] == [key]]

    def _page(self, row: Any) -> Page:
        if row.path not in self._pages:
            self._pages[row.path] = self.notebook.page_in(row.path)
        return self._pages[row.path]

    def _by_sentences(self, page: PlannedPage) -> Iterator[tuple[Any, str, bool]]:
        if self._texts is None:
            titles = {str(work["id"]): str(work.get("title") or "") for work in self.works}
            works = [row for row in self.rows if row.kind in WORKS]
            pages = [self._page(row) for row in works]
            texts = [f"{p.title}\n{p.body}\n{titles.get(p.refs[0], '') if p.refs else ''}" for p in pages]
            self._texts = _Texts(works, texts)
        for row, score, clear in self._texts.like(page.body):
            yield row, f"its words are those of this page ({score:.0%} alike)", clear and page.derived


def _numbers(page: PlannedPage) -> set[str]:
    """Keys of the works whose DOIs and arXiv numbers a page gives."""
    text = f"{page.title}\n{page.body}"
    return {key for word in re.findall(r"[^\s<>()\[\]]+", text) if (key := key_of(word.rstrip(".,;")))}


def _authors(work: Mapping[str, Any]) -> str:
    """The authors of a work as a text names them: "Elhage et al", "Jain and Wallace", "Karpathy"; "" if it has none."""
    families = [str(author.get("family") or "") for author in work.get("author") or () if isinstance(author, dict)]
    if not families or not families[0]:
        return ""
    return f"{families[0]} et al" if len(families) > 2 else " and ".join(families)


def _same_title(a: str, b: str) -> bool:
    """Whether two titles, as `loose` gives them, name one work: alike, or one is the beginning of the other."""
    short, long = sorted((a.split(), b.split()), key=len)
    return a == b or (len(short) >= BEGINNING and 2 * len(short) > len(long) and long[: len(short)] == short)


def _parts(title: str) -> list[str]:
    parts = [part.strip() for part in re.split(r",|&|/|;|\band\b|\bor\b", title)]
    return [part for part in parts if part] if len(parts) > 1 else []


class _Texts:
    """Texts by the words that tell what they are about.

    The likeness of two texts is the cosine of their sets of words, each weighted by how few of the texts have it.
    """

    def __init__(self, rows: list[Any], texts: list[str]) -> None:
        self.rows = rows
        self.words = [content_words(text) for text in texts]
        self.count = Counter(word for words in self.words for word in words)

    def like(self, text: str) -> list[tuple[Any, float, bool]]:
        """(row, likeness, whether it is the one) of the texts that may be about the same, the most alike first."""
        words = content_words(text)
        if len(words) < FEW:
            return []
        size = self._size(words)
        scores = [(self._size(words & other) ** 2 / (size * self._size(other) or 1)) for other in self.words]
        order = sorted(range(len(scores)), key=lambda n: -scores[n])
        ahead = [scores[n] for n in order[:2]] + [0.0, 0.0]
        clear = ahead[0] >= ALIKE and ahead[0] >= CLEARLY * ahead[1]
        return [(self.rows[n], scores[n], clear and n == order[0]) for n in order[:3] if scores[n] >= ALIKE / 2]

    def _size(self, words: set[str]) -> float:
        total = len(self.words)
        return math.sqrt(sum(math.log((total + 1) / (self.count[word] + 0.5)) ** 2 for word in words))

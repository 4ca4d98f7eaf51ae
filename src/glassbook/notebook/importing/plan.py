"""Import plans: what an import would do, before it does it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from glassbook.notebook.pages.links import slug
from glassbook.notebook.pages.page import Page

if TYPE_CHECKING:
    from glassbook.notebook.importing.apply import Report
    from glassbook.notebook.importing.arranging import Action, Arrangement, Choice
    from glassbook.notebook.notebook import Notebook


BIBTEX = ".bib"
"""How files of works end, which `glassbook references` reads."""


@dataclass(frozen=True)
class PlannedPage:
    """A page that an import would make."""

    path: str
    """Where it would go, below pages/."""
    title: str
    kind: str
    source: str
    """The file it comes from, below the path that was imported."""
    copy: bytes | None = None
    """The file as it is, for Markdown: it is kept byte for byte. Otherwise `body` and `front` make the page."""
    body: str = ""
    front: Mapping[str, Any] = field(default_factory=dict)
    """Front matter besides id, title and kind."""
    lines: tuple[int, ...] = ()
    """Lines of the source that stand in it, from 1; empty if the page is the whole file."""
    guesses: tuple[str, ...] = ()
    """What was not said in the source but guessed from its form, one line each."""
    derived: bool = False
    """Whether the source gives no title, so that `title` was made of the page's own words."""
    rest: bool = False
    """Whether it takes what belongs to none of the other pages; it becomes their table of contents."""
    kind_said: bool = True
    """Whether the source says (or shows) of what kind it is; the others get the kind that the user names."""

    def words(self) -> str:
        """What it says, without front matter."""
        return self.body if self.copy is None else Page.parse(self.copy.decode("utf-8", "replace")).body

    def digest(self) -> str:
        """Tells whether the source of a page has changed."""
        said = [self.path, self.title, self.kind, self.body, sorted(self.front.items()), self.lines, self.copy]
        return hashlib.sha256(repr(said).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Attachment:
    """A file that comes along as it is, such as an image."""

    path: str
    """Where it would go, below pages/, beside the pages that show it."""
    source: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class LeftOut:
    """Something of the source that becomes no page; it is kept in the report."""

    source: str
    line: int
    """Line of the source, from 1; 0 if it is the whole file."""
    text: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Everything that an import would do. Making one writes nothing."""

    source: str
    """What was imported, as an absolute path: the same source is recognised by it."""
    name: str
    pages: tuple[PlannedPage, ...]
    attachments: tuple[Attachment, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    folder: str = ""
    """Of a vault: the folder below pages/ that its paths begin with. It gets another where that has other pages."""

    def kinds(self) -> dict[str, int]:
        """How many pages of each kind."""
        return dict(Counter(page.kind for page in self.pages))

    def arrange(
        self,
        notebook: Notebook,
        kind: str = "",
        same: Action = "join",
        choices: Mapping[str, Choice] | None = None,
    ) -> Arrangement:
        """How the pages fit a notebook that may have pages about the same things; nothing is written.

        Args:
            notebook: where they would go.
            kind: of the pages whose source does not say theirs, such as the notes of a vault.
            same: what becomes of a page about something that the notebook has a page about: "join" adds its words to
                that page, "own" keeps it beside it, "leave" leaves it out.
            choices: path of a planned page -> what becomes of it, where that is something else.

        Raises:
            GlassbookError: a choice does not fit, or the record of an earlier import cannot be read.
        """
        from glassbook.notebook.importing.arranging import arrange

        return arrange(self, notebook, kind, same, choices)

    def apply(self, notebook: Notebook) -> Report:
        """Make the pages as `arrange` arranges them, all or none of them.

        Raises:
            GlassbookError: the disk refused; the notebook is then as it was.
        """
        return self.arrange(notebook).apply()


def place(kind: str, title: str, taken: set[str]) -> str:
    """A path for a new page of this kind that is not in `taken` yet; it is added there."""
    # 120 characters leave room for a number and are far below what any file system takes.
    stem = slug(title).encode()[:120].decode("utf-8", "ignore").strip("-") or "page"
    path = free(f"{kind}s/{stem}.md", taken)
    taken.add(path)
    return path


def free(path: str, taken: set[str]) -> str:
    """`path`, or the first of path-2, path-3 ... that is not in `taken`."""
    plain = PurePosixPath(path)
    number, candidate = 1, path
    while candidate in taken:
        number += 1
        candidate = str(plain.with_stem(f"{plain.stem}-{number}"))
    return candidate


def one_line(text: str) -> str:
    """Text as a title can hold it: printable, on one line, without spaces round it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shortened(text: str, words: int = 12) -> str:
    """The beginning of a text, at most so many words and 100 characters."""
    text = one_line(text)
    parts = text.split()
    short = " ".join(parts[:words])
    short = short if len(short) <= 100 else short[:100].rstrip()
    return short if short == text else short.rstrip(" ,;:.-") + " ..."


def title_of_file(name: str) -> str:
    """A title for a page that has only the name of its file: "my-notes_2" gives "My notes 2"."""
    words = one_line(name)
    words = " ".join(words.replace("-", " ").replace("_", " ").split()) if " " not in words else words
    return words[:1].upper() + words[1:] or "Imported"

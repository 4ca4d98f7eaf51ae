"""The whole notebook as a folder of pages."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureBook
from glassbook.web.app import create_app
from glassbook.web.export.inside import Answer, Inside
from glassbook.web.export.names import Names, normal
from glassbook.web.export.pictures import clean_svg, svg_of
from glassbook.web.export.place import check_folder, replaced
from glassbook.web.export.rewrite import rewrite
from glassbook.web.render.markdown import page_url
from glassbook.web.services import Services
from glassbook.web.templating import STATIC

LISTS = ("/", "/glossary", "/pages", "/timeline", "/graph", "/experiments", "/runs", "/claims", "/features")
"""Where a reader begins."""
SEARCH = "search.js"
"""The one script of an export; every page can be read without it."""
MANY = 1_000_000_000


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    """The folder, or the one file."""
    pages: int
    files: int
    left_out: tuple[str, ...] = ()
    """Addresses of pages, runs and features that cannot be shown (two pages of one name, a damaged book)."""


def export_site(notebook: Notebook, folder: Path, tell: Callable[[int], None] = lambda done: None) -> Exported:
    """Write the notebook as a folder whose index.html opens from disk.

    The folder is replaced as a whole when everything has been written; until then an earlier export stays. Of a run's
    files only pictures are written; weights and other artifacts stay in the notebook.

    Args:
        notebook: what is exported.
        folder: where to; new, empty, or an earlier export.
        tell: called with the number of pages written, now and then.

    Raises:
        GlassbookError: something else is in the folder, or the disk refused.
    """
    folder = folder.expanduser().resolve()
    check_folder(folder, notebook.folder)
    app = create_app(notebook, work=False)
    notebook.follow()  # each question would look at all files otherwise
    try:
        with Inside(app) as inside, replaced(folder) as making:
            site = _Site(app.state.services, inside, making, tell)
            site.write_all(_seeds(notebook))
    finally:
        notebook.close()
    return Exported(folder, len(site.ids), len(site.files) + len(site.drawn), site.left_out)


def _seeds(notebook: Notebook) -> Iterator[str]:
    """Addresses of everything that is exported, linked to or not."""
    yield from LISTS
    yield from (page_url(row.id) for row in notebook.page_rows(limit=MANY))
    for record in notebook.runs():
        yield f"/runs/{quote(record.id)}"
        if FeatureBook.there(record.folder):
            yield f"/features/{quote(record.id)}"
            rows, _ = FeatureBook(record.folder).rows(limit=MANY)
            yield from (f"/features/{quote(record.id)}/{row.index}" for row in rows)


class _Site:
    """Writes what can be reached from the seeds.

    Whether a link leads anywhere is known when its target has been asked for, which may be after the page was written:
    such a page is written again without the link.
    """

    def __init__(self, services: Services, inside: Inside, folder: Path, tell: Callable[[int], None]) -> None:
        self.services, self.inside, self.folder, self.tell = services, inside, folder, tell
        self.names = Names()
        self.waiting: deque[str] = deque()
        self.known: dict[str, str | None] = {}
        """Address -> its file; None for one that turned out not to be exported."""
        self.moved: dict[str, str] = {}
        """Address that leads to another -> that."""
        self.links: dict[str, set[tuple[str, str]]] = {}
        """Page -> (address, anchor) of everything it leads to."""
        self.ids: dict[str, set[str]] = {}
        """Page -> the anchors in it."""
        self.found: dict[str, tuple[str, str, list[tuple[str, str]]]] = {}
        """Page -> (title, file, headings), for the search."""
        self.files: set[str] = set()
        self.drawn: dict[str, str | None] = {}
        """Address of what a script draws -> file of its picture."""
        self.checking = False
        self.left_out: tuple[str, ...] = ()

    def write_all(self, seeds: Iterator[str]) -> None:
        asked = [(seed, normal(*_halves(seed))) for seed in seeds]
        for _, address in asked:
            self._meet(address)
        self._empty()
        self.left_out = tuple(seed for seed, address in asked if address is None or not self._leads((address, "")))
        self.checking = True
        self.waiting.extend(page for page, links in self.links.items() if not all(map(self._holds, links)))
        self._empty()
        self._put(SEARCH, (STATIC / "js" / "exported.js").read_bytes())
        # Sorted, so that the same notebook gives the same file.
        index = json.dumps(sorted(self.found.values()), separators=(",", ":"))
        self._put("search-index.js", f"window.glassbookIndex={index};\n".encode())

    def _empty(self) -> None:
        while self.waiting:
            self._write(self.waiting.popleft())
            if len(self.ids) % 50 == 0:
                self.tell(len(self.ids))

    def _meet(self, address: str | None) -> str | None:
        """The file of an address; it is put on the list when it is met for the first time."""
        if address is None:
            return None
        if address not in self.known:
            self.known[address] = self.names.file(address)
            self.waiting.append(address)
        return self.known[address]

    def _holds(self, target: tuple[str, str]) -> bool:
        """Whether a link that was written when its target was not yet known is right as it stands."""
        return target[0] not in self.moved and self._leads(target)

    def _leads(self, target: tuple[str, str]) -> bool:
        """Whether there is such a place; known when everything has been asked for once."""
        address, anchor = target
        address = self.moved.get(address, address)
        there = self.known.get(address) is not None
        return there and (not anchor or address not in self.ids or unquote(anchor) in self.ids[address])

    def _write(self, address: str) -> None:
        answer = self.inside.get(*_halves(address))
        if answer.location:
            target = normal(*_halves(urljoin(address, answer.location)))
            self.known[address] = None
            if target is not None and target != address:
                self.moved[address] = target
                self._meet(target)
        elif answer.status != 200:
            self.known[address] = None
        elif answer.media == "text/html":
            self._page(address, answer)
        else:
            self._file(address, answer)

    def _file(self, address: str, answer: Answer) -> None:
        data: bytes | None = answer.body
        if answer.media == "image/svg+xml" and not address.startswith("/static/"):
            # In a page it is a picture; a reader who opens the file itself must be as safe.
            clean = clean_svg(answer.body.decode("utf-8", "replace"))
            data = None if clean is None else clean.encode()
        if data is None:
            self.known[address] = None
            return
        self._put(str(self.known[address]), data)
        self.files.add(address)

    def _page(self, address: str, answer: Answer) -> None:
        name = str(self.known[address])
        up = "../" * name.count("/")
        links: set[tuple[str, str]] = set()

        def link(target: str) -> str | None:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                return target
            # An absolute path is taken as it is: a page may be called "..".
            there = target.partition("#")[0] if target.startswith("/") else urljoin(address, target).partition("#")[0]
            found = normal(*_halves(there or address))
            if found is None:
                return None
            anchor = parts.fragment
            file = self._meet(found) or self._meet(self.moved.get(found))
            links.add((found, anchor))
            if file is None:
                return None
            if self.checking and anchor and not self._leads((found, anchor)):
                anchor = ""
            here = anchor and file == name
            return ("" if here else up + quote(file)) + (f"#{anchor}" if anchor else "")

        def picture(target: str) -> str | None:
            found = self._picture(target)
            return None if found is None else up + quote(found)

        made = rewrite(answer.body.decode(), link, picture, head=f'<script defer src="{up}{SEARCH}"></script>\n')
        self.ids[address], self.links[address] = made.ids, links
        title = made.title.removesuffix(f" · {self.services.notebook.title}")
        headings = [(text, quote(anchor)) for text, anchor in made.headings if text != title]
        self.found[address] = (title, quote(name), headings)
        self._put(name, made.html.encode())

    def _picture(self, address: str) -> str | None:
        if address not in self.drawn:
            svg = svg_of(self.services, address)
            self.drawn[address] = None if svg is None else f"charts/{len(self.drawn)}.svg"
            if svg is not None:
                self._put(str(self.drawn[address]), svg.encode())
        return self.drawn[address]

    def _put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _halves(address: str) -> tuple[str, str]:
    """(path, query) of an address without an anchor."""
    path, _, query = address.partition("?")
    return path, query

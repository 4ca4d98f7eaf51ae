"""Static site export: the whole notebook as a folder of HTML pages, crawled from the application."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.web.app import create_app
from glassbook.web.export.client import Fetched, InProcessClient
from glassbook.web.export.folder import check_folder, replaced
from glassbook.web.export.pictures import clean_svg, svg_of
from glassbook.web.export.rewrite import rewrite
from glassbook.web.export.urls import FileNames, normalize
from glassbook.web.render.markdown import page_url
from glassbook.web.services import Services
from glassbook.web.templating import STATIC

LISTS = ("/", "/glossary", "/pages", "/timeline", "/graph", "/experiments", "/runs", "/claims", "/compute", "/features")
"""Index pages."""
SEARCH = "search.js"
"""The only script of an export; every page can be read without it."""
MANY = 1_000_000_000


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    path: Path
    """The folder, or the one file."""
    pages: int
    files: int
    left_out: tuple[str, ...] = ()
    """Addresses of pages, runs and features that could not be shown (two pages of one name, a damaged dashboard)."""


def export_site(notebook: Notebook, folder: Path, progress: Callable[[int], None] = lambda done: None) -> Exported:
    """Write the notebook as a folder whose index.html opens from disk.

    The folder, new or empty or an earlier export, is replaced atomically at the end. Of a run's files only images are
    exported; weights and other artifacts stay in the notebook. `progress` is called with the number of pages written.
    """
    folder = folder.expanduser().resolve()
    check_folder(folder, notebook.folder)
    app = create_app(notebook, work=False)
    notebook.index.follow()  # otherwise each request would look at all files
    try:
        with InProcessClient(app) as client, replaced(folder) as draft:
            site = _Site(app.state.services, client, draft, progress)
            site.write_all(_seeds(notebook))
    finally:
        notebook.close()
    return Exported(folder, len(site.ids), len(site.files) + len(site.drawn), site.left_out)


def _seeds(notebook: Notebook) -> Iterator[str]:
    """Addresses of everything to export, linked to or not."""
    yield from LISTS
    yield from (page_url(row.id) for row in notebook.index.page_rows(limit=MANY))
    for record in notebook.runs():
        yield f"/runs/{quote(record.id)}"
        if FeatureDashboard.exists(record.folder):
            yield f"/features/{quote(record.id)}"
            rows, _ = FeatureDashboard(record.folder).rows(limit=MANY)
            yield from (f"/features/{quote(record.id)}/{row.index}" for row in rows)


class _Site:
    """Crawls the application from the seeds and writes what it finds.

    Whether a link's target exists is known once it has been fetched, which may be after the linking page was written:
    such a page is written again without the link.
    """

    def __init__(
        self, services: Services, client: InProcessClient, folder: Path, progress: Callable[[int], None]
    ) -> None:
        self.services, self.client, self.folder, self.progress = services, client, folder, progress
        self.names = FileNames()
        self.queue: deque[str] = deque()
        self.file_of: dict[str, str | None] = {}
        """Address -> its file; None if it cannot be exported."""
        self.redirects: dict[str, str] = {}
        """Address -> the address it redirects to."""
        self.links: dict[str, set[tuple[str, str]]] = {}
        """Page -> (address, anchor) of its links."""
        self.ids: dict[str, set[str]] = {}
        """Page -> its anchors."""
        self.search_index: dict[str, tuple[str, str, list[tuple[str, str]]]] = {}
        """Page -> (title, file, headings)."""
        self.files: set[str] = set()
        self.drawn: dict[str, str | None] = {}
        """Address of what a script draws -> file of its image."""
        self.checking = False
        self.left_out: tuple[str, ...] = ()

    def write_all(self, seeds: Iterator[str]) -> None:
        wanted = [(seed, normalize(*_split(seed))) for seed in seeds]
        for _, address in wanted:
            self._enqueue(address)
        self._drain()
        self.left_out = tuple(seed for seed, address in wanted if address is None or not self._exists((address, "")))
        self.checking = True
        self.queue.extend(page for page, links in self.links.items() if not all(map(self._is_right, links)))
        self._drain()
        self._put(SEARCH, (STATIC / "js" / "exported.js").read_bytes())
        # Sorted, so that the same notebook gives the same file.
        index = json.dumps(sorted(self.search_index.values()), separators=(",", ":"))
        self._put("search-index.js", f"window.glassbookIndex={index};\n".encode())

    def _drain(self) -> None:
        while self.queue:
            self._write(self.queue.popleft())
            if len(self.ids) % 50 == 0:
                self.progress(len(self.ids))

    def _enqueue(self, address: str | None) -> str | None:
        """The file of an address, which is queued when it is seen for the first time."""
        if address is None:
            return None
        if address not in self.file_of:
            self.file_of[address] = self.names.file(address)
            self.queue.append(address)
        return self.file_of[address]

    def _is_right(self, target: tuple[str, str]) -> bool:
        """Whether a link that was written before its target was fetched is right."""
        return target[0] not in self.redirects and self._exists(target)

    def _exists(self, target: tuple[str, str]) -> bool:
        """Whether the address and anchor exist; known once everything has been fetched."""
        address, anchor = target
        address = self.redirects.get(address, address)
        exists = self.file_of.get(address) is not None
        return exists and (not anchor or address not in self.ids or unquote(anchor) in self.ids[address])

    def _write(self, address: str) -> None:
        response = self.client.get(*_split(address))
        if response.location:
            target = normalize(*_split(urljoin(address, response.location)))
            self.file_of[address] = None
            if target is not None and target != address:
                self.redirects[address] = target
                self._enqueue(target)
        elif response.status != 200:
            self.file_of[address] = None
        elif response.media == "text/html":
            self._page(address, response)
        else:
            self._file(address, response)

    def _file(self, address: str, response: Fetched) -> None:
        data: bytes | None = response.body
        if response.media == "image/svg+xml" and not address.startswith("/static/"):
            # As an <img> it is harmless; the file must also be safe when opened by itself.
            clean = clean_svg(response.body.decode("utf-8", "replace"))
            data = None if clean is None else clean.encode()
        if data is None:
            self.file_of[address] = None
            return
        self._put(str(self.file_of[address]), data)
        self.files.add(address)

    def _page(self, address: str, response: Fetched) -> None:
        name = str(self.file_of[address])
        up = "../" * name.count("/")
        links: set[tuple[str, str]] = set()

        def link(target: str) -> str | None:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                return target
            # An absolute path is taken as it is: a page may be called "..".
            path = target.partition("#")[0] if target.startswith("/") else urljoin(address, target).partition("#")[0]
            found = normalize(*_split(path or address))
            if found is None:
                return None
            anchor = parts.fragment
            file = self._enqueue(found) or self._enqueue(self.redirects.get(found))
            links.add((found, anchor))
            if file is None:
                return None
            if self.checking and anchor and not self._exists((found, anchor)):
                anchor = ""
            here = anchor and file == name
            return ("" if here else up + quote(file)) + (f"#{anchor}" if anchor else "")

        def picture(target: str) -> str | None:
            found = self._picture(target)
            return None if found is None else up + quote(found)

        page = rewrite(response.body.decode(), link, picture, head=f'<script defer src="{up}{SEARCH}"></script>\n')
        self.ids[address], self.links[address] = page.ids, links
        title = page.title.removesuffix(f" · {self.services.notebook.title}")
        headings = [(text, quote(anchor)) for text, anchor in page.headings if text != title]
        self.search_index[address] = (title, quote(name), headings)
        self._put(name, page.html.encode())

    def _picture(self, address: str) -> str | None:
        if address not in self.drawn:
            svg = svg_of(self.services, self.client, address)
            self.drawn[address] = None if svg is None else f"charts/{len(self.drawn)}.svg"
            if svg is not None:
                self._put(str(self.drawn[address]), svg.encode())
        return self.drawn[address]

    def _put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _split(address: str) -> tuple[str, str]:
    """(path, query) of an address without an anchor."""
    path, _, query = address.partition("?")
    return path, query

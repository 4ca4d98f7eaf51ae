"""What is exported, and to which files."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.featurebook import FeatureBook
from glassbook.notebook.files import disk_errors
from glassbook.web.export.inside import Answer, Inside
from glassbook.web.export.pictures import svg_of
from glassbook.web.export.rewrite import rewrite
from glassbook.web.render import page_url

LEFT_OUT = re.compile(r"/(new|jobs|steer|models|compare|pareto|search|events|api)(/|$)|/p/.*/edit$|/p/.*\.md$")
"""What needs the program: forms, jobs, opened models."""
MARKER = ".glassbook-export"
"""Marks a folder that an export made, and that the next may replace."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    """The folder, or the one file."""
    pages: int
    files: int


def export_site(notebook: Notebook, folder: Path, tell: Callable[[int], None] = lambda done: None) -> Exported:
    """Write the notebook as a folder whose index.html opens from disk.

    The folder is replaced as a whole when everything has been written; until then an earlier export stays.

    Args:
        notebook: what is exported.
        folder: where to; new, empty, or an earlier export.
        tell: called with the number of files written, now and then.

    Raises:
        GlassbookError: something else is in the folder, or the disk refused.
    """
    folder = folder.expanduser().resolve()
    if folder == notebook.folder or notebook.folder.is_relative_to(folder):
        raise GlassbookError(f"{folder} holds the notebook itself; export to another folder")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARKER).exists())):
        raise GlassbookError(f"{folder} holds something that no export wrote; choose a new folder")
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            writer = _Site(notebook, making, tell)
            writer.write_all(_seeds(notebook))
            (making / MARKER).touch()
            making.chmod(0o755)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(making, folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    return Exported(folder, writer.pages, writer.files)


def _seeds(notebook: Notebook) -> list[str]:
    """Addresses of everything that is exported, linked to or not."""
    seeds = ["/", "/glossary", "/pages", "/timeline", "/graph", "/experiments", "/runs", "/claims", "/features"]
    seeds += [page_url(page.id) for page in notebook.pages()]
    for record in notebook.runs():
        seeds.append(f"/runs/{quote(record.id)}")
        if FeatureBook.there(record.folder):
            rows, _ = FeatureBook(record.folder).rows(limit=1_000_000)
            seeds.append(f"/features/{quote(record.id)}")
            seeds += [f"/features/{quote(record.id)}/{row.index}" for row in rows]
    return seeds


class _Site:
    """Writes what can be reached from the seeds, each address once."""

    def __init__(self, notebook: Notebook, folder: Path, tell: Callable[[int], None]) -> None:
        self.notebook, self.folder, self.tell = notebook, folder, tell
        self.app = _inside(notebook)
        self.pages = self.files = 0
        self.waiting: deque[str] = deque()
        self.known: dict[str, str | None] = {}
        """Address -> file in the export; None for one that is not exported."""
        self.pictures: dict[str, str | None] = {}

    def write_all(self, seeds: list[str]) -> None:
        for seed in seeds:
            self._file(seed)
        while self.waiting:
            self._write(self.waiting.popleft())
            if (self.pages + self.files) % 50 == 0:
                self.tell(self.pages + self.files)

    def _file(self, address: str) -> str | None:
        """The file of an address; it is put on the list when it is met for the first time."""
        if address not in self.known:
            self.known[address] = None if LEFT_OUT.match(address) else _file_name(address)
            if self.known[address] is not None:
                self.waiting.append(address)
        return self.known[address]

    def _write(self, address: str) -> None:
        answer = self.app.get(address)
        name = self.known[address]
        if answer.status != 200 or name is None:
            self.known[address] = None
            return
        if answer.media != "text/html":
            self._put(name, answer.body)
            self.files += 1
            return
        here = name.count("/")

        def link(target: str) -> str | None:
            parts = urlsplit(target)
            found = self._file(parts.path)
            if found is None:
                return None
            return "../" * here + quote(found) + (f"#{parts.fragment}" if parts.fragment else "")

        def picture(target: str) -> str | None:
            found = self._picture(target)
            return None if found is None else "../" * here + quote(found)

        self._put(name, rewrite(answer.body.decode(), link, picture).encode())
        self.pages += 1

    def _picture(self, address: str) -> str | None:
        if address not in self.pictures:
            svg = svg_of(self.notebook, address)
            self.pictures[address] = None if svg is None else f"charts/{len(self.pictures)}.svg"
            if svg is not None:
                self._put(str(self.pictures[address]), svg.encode())
                self.files += 1
        return self.pictures[address]

    def _put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _inside(notebook: Notebook) -> Inside:
    from glassbook.web.app import create_app

    return Inside(create_app(notebook, work=False))


def _file_name(address: str) -> str | None:
    """A relative file name for an address of the server; None if it cannot be one."""
    path = unquote(address).lstrip("/")
    parts = path.split("/")
    if any(part in ("..", ".") or "\0" in part or "\\" in part for part in parts):
        return None
    if not path:
        return "index.html"
    if path.startswith("static/") or re.match(r"runs/[^/]+/files/|files/", path):
        return path
    # Long and odd names are for the file system to refuse; a colon would start a drive or a stream on some.
    return "/".join(re.sub(r'[<>:"|?*\x00-\x1f]', "_", part)[:150] or "_" for part in parts) + ".html"


def export_page(notebook: Notebook, name: str, path: Path) -> Exported:
    """Write one page as one HTML file that holds its style, pictures and charts.

    Args:
        notebook: whose page it is.
        name: id, title or alias of the page.
        path: the file to write.

    Raises:
        GlassbookError: there is no such page, or the disk refused.
    """
    from glassbook.notebook.files import write_atomic

    page = notebook.page(name)
    app = _inside(notebook)
    answer = app.get(page_url(page.id))
    if answer.status != 200:
        raise GlassbookError(f"{page.title}: the page cannot be shown (status {answer.status})")

    def link(target: str) -> str | None:
        found = app.get(urlsplit(target).path) if _is_picture(target) else None
        return _inlined(found) if found is not None and found.status == 200 else None

    def picture(target: str) -> str | None:
        svg = svg_of(notebook, target)
        return None if svg is None else _inlined(Answer(200, "image/svg+xml", svg.encode()))

    html = rewrite(_with_styles(app, answer.body.decode()), link, picture)
    write_atomic(path.expanduser().resolve(), html.encode())
    return Exported(path, 1, 0)


def _is_picture(target: str) -> bool:
    media = mimetypes.guess_type(urlsplit(target).path)[0] or ""
    return media.startswith("image/")


def _inlined(answer: Answer) -> str:
    return f"data:{answer.media};base64,{base64.b64encode(answer.body).decode()}"


def _with_styles(app: Inside, html: str) -> str:
    """The page with its style sheets in place, without what leads to other pages of the notebook."""

    def sheet(found: re.Match[str]) -> str:
        return f"<style>{app.get(urlsplit(found[1]).path).body.decode()}</style>"

    html = re.sub(r'<link rel="stylesheet" href="([^"]+)">', sheet, html)
    html = re.sub(r'<nav class="contents".*?</nav>', "", html, flags=re.DOTALL)
    return html.replace("<body>", '<body class="alone">', 1)

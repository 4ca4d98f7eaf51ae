"""Applying an import plan: all or nothing, nothing overwritten, and the same import twice changes nothing.

What an import made is recorded in imports/<name>.json at the notebook's top: which page came from where, the digest
of what was written, and every line that became no page. By that record a second import tells a page that the user has
changed since (it is kept) from one that has not changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook.files import one_writer, write_atomic
from glassbook.notebook.importing.plan import Plan, PlannedPage, free
from glassbook.notebook.notebook import Notebook
from glassbook.notebook.pages.links import name_key, slug
from glassbook.notebook.pages.page import Page

FOLDER = "imports"
"""Where the reports lie, below the notebook's folder."""


@dataclass
class Report:
    """What an import did. Paths are below the notebook's pages/."""

    made: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    """Were there already, exactly so."""
    updated: list[str] = field(default_factory=list)
    """The source has changed and the page had not been touched since it was imported."""
    kept: list[str] = field(default_factory=list)
    """Were changed in the notebook since they were imported, and left so."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Planned path -> the path it got, for another page had the name."""
    notes: list[str] = field(default_factory=list)
    """What else the user should know, one line each."""
    left_out: list[dict[str, Any]] = field(default_factory=list)
    file: Path | None = None
    """Where the report is kept."""

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        data = {key: getattr(self, key) for key in ("made", "same", "updated", "kept", "renamed", "notes", "left_out")}
        return data | {"report": str(self.file)}


def apply(plan: Plan, notebook: Notebook) -> Report:
    """Make what `plan` says in `notebook`; see `Plan.apply`."""
    source = Path(plan.source)
    if source.is_relative_to(notebook.folder) or notebook.folder.is_relative_to(source):
        raise GlassbookError(f"{source} and the notebook {notebook.folder} hold one another; import from elsewhere")
    with one_writer(notebook.folder):
        work = _Work(plan, notebook)
        for page in plan.pages:
            work.place_page(page)
        for attachment in plan.attachments:
            work.place(attachment.path, lambda path, data=attachment.data: data)
        work.write()
    return work.report


class _Work:
    """One import on its way: first every decision, then every file, undone if one of them fails."""

    def __init__(self, plan: Plan, notebook: Notebook) -> None:
        self.folder = notebook.folder
        self.pages = notebook.folder / "pages"
        # A page's id must be no other's; the index is asked once, for asking it looks at every file.
        self.ids = {name_key(page.id): page.path for page in notebook.pages() if page.path}
        self.plan = plan
        self.report = Report(left_out=[vars(item) for item in plan.left_out])
        self.record_file, self.record = _record(notebook.folder, plan)
        self.report.file = self.record_file
        self.files: dict[str, Any] = {}
        self.writes: dict[Path, bytes] = {}
        self.taken: set[str] = set()

    def place_page(self, page: PlannedPage) -> None:
        where = self.place(page.path, lambda path: page.copy if page.copy is not None else self.render(page, path))
        if page.copy is not None:
            self.check_copy(page, where)

    def render(self, page: PlannedPage, path: str) -> bytes:
        stem = Path(path).stem
        ident, number = stem, 1
        while self.owner(ident) not in (None, self.pages / path):
            number += 1
            ident = f"{stem}-{number}"
        made = Page(id=ident, title=page.title, kind=page.kind, body="\n" + page.body)
        for key, value in page.front.items():
            if key in ("aliases", "tags", "level", "refs"):
                setattr(made, key, value)
            else:
                made.extra[key] = value
        self.ids.setdefault(name_key(ident), self.pages / path)
        return made.render().encode("utf-8")

    def check_copy(self, page: PlannedPage, where: str) -> None:
        """A copied file keeps its id even where another page has it; that has to be said."""
        text = (page.copy or b"").decode("utf-8", "replace")
        ident = Page.parse(text, name=where.removesuffix(".md")).id
        if self.owner(ident) not in (None, self.pages / where):
            self.report.notes.append(f"{where} has the id {ident!r} of another page; give one of them another")
        self.ids.setdefault(name_key(ident), self.pages / where)

    def owner(self, ident: str) -> Path | None:
        return self.ids.get(name_key(ident))

    def place(self, planned: str, contents: Any) -> str:
        """Decide about one file; gives the path that holds it, below pages/."""
        known = self.record["files"].get(planned)
        path = known["path"] if known else self.candidate(planned, contents)
        target, data = self.pages / path, contents(path)
        digest = hashlib.sha256(data).hexdigest()
        now = hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else None
        if now == digest:
            self.report.same.append(path)
        elif now is None:
            self.report.made.append(path)
            self.writes[target] = data
        elif known and now == known["sha256"]:
            self.report.updated.append(path)
            self.writes[target] = data
        else:
            self.report.kept.append(path)
            digest = known["sha256"] if known else now
        if path != planned:
            self.report.renamed[planned] = path
        self.taken.add(path)
        self.files[planned] = {"path": path, "sha256": digest}
        return path

    def candidate(self, planned: str, contents: Any) -> str:
        """The first free name; or the one under which exactly this already lies."""
        tried = set(self.taken)
        while True:
            path = free(planned, tried)
            target = self.pages / path
            if not target.exists() and not target.is_symlink():
                return path
            if target.is_file() and not target.is_symlink() and target.read_bytes() == contents(path):
                return path
            tried.add(path)

    def write(self) -> None:
        """Write all files and the record; if one cannot be written, put everything back."""
        record = {"source": Path(self.plan.source).name, "files": self.files, "left_out": self.report.left_out}
        text = (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")
        if not self.record_file.is_file() or self.record_file.read_bytes() != text:
            self.writes[self.record_file] = text
        before = {path: path.read_bytes() if path.is_file() else None for path in self.writes}
        there = {folder for path in self.writes for folder in path.parents if folder.exists()}
        root = self.folder.resolve()
        try:
            for path, data in self.writes.items():
                # A folder in the notebook may be a link that leads elsewhere.
                if not path.resolve().is_relative_to(root):
                    raise GlassbookError(f"{path} leads out of the notebook; take that link away and import again")
                write_atomic(path, data)
        except BaseException:
            for path, data in before.items():
                _put_back(path, data, there)
            raise


def _put_back(path: Path, data: bytes | None, there: set[Path]) -> None:
    if data is not None:
        write_atomic(path, data)
        return
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder in there or not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()


def _record(folder: Path, plan: Plan) -> tuple[Path, dict[str, Any]]:
    """The file for this source's record, and what it says; another source of the same name gets another file."""
    mark = hashlib.sha256(plan.source.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    stem = slug(plan.name).encode()[:100].decode("utf-8", "ignore") or "import"
    file = folder / FOLDER / f"{stem}-{mark}.json"
    if not file.exists():
        return file, {"files": {}}
    try:
        record = json.loads(file.read_text("utf-8"))
        good = all(
            isinstance(entry["path"], str) and isinstance(entry["sha256"], str) and _inside(folder, entry["path"])
            for entry in record["files"].values()
        )
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise GlassbookError(f"{file} cannot be read; fix it, or delete it to import again") from error
    if not good:
        raise GlassbookError(f"{file} names a file outside of pages/; delete it to import again")
    return file, record


def _inside(folder: Path, path: str) -> bool:
    pages = (folder / "pages").resolve()
    return (folder / "pages" / path).resolve().is_relative_to(pages)

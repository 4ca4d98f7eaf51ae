"""Applying an import: all or nothing, nothing overwritten, and the same import twice changes nothing.

Words that join a page stand at its end under a heading of their own; no other line of it changes. What was done is
kept in the import's record.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook.files import one_writer, write_together
from glassbook.notebook.history import History
from glassbook.notebook.importing.arranging import Arranged, Arrangement
from glassbook.notebook.importing.contents import contents, label
from glassbook.notebook.importing.plan import BIBTEX, LeftOut, PlannedPage, free, one_line
from glassbook.notebook.importing.record import is_revision
from glassbook.notebook.index.page_loader import parse_page
from glassbook.notebook.pages.links import name_key, read_bounded, slug
from glassbook.notebook.pages.names import FOLDERS, YIELDS, names_of, to_yield, yielded
from glassbook.notebook.pages.page import Page

HEADING, OF_A_FILE = "My notes", "Imported notes"
"""The heading under which words stand that joined a page: a part of a text, or all of a file."""


@dataclass
class Report:
    """What an import did. Paths are below the notebook's pages/."""

    made: list[str] = field(default_factory=list)
    joined: dict[str, str] = field(default_factory=dict)
    """Planned path -> the page to which its words were added."""
    same: list[str] = field(default_factory=list)
    """Were there already, exactly so."""
    updated: list[str] = field(default_factory=list)
    """The source has changed and the page had not been touched since it was imported."""
    kept: list[str] = field(default_factory=list)
    """Were changed in the notebook since they were imported, and left so."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Planned path -> the path it got, for another page had the name."""
    links: int = 0
    """Links that were put into the imported words."""
    notes: list[str] = field(default_factory=list)
    """What else the user should know, one line each."""
    left_out: list[dict[str, Any]] = field(default_factory=list)
    file: Path | None = None
    """Where the report is kept."""

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {key: value for key, value in vars(self).items() if key != "file"} | {"report": str(self.file)}


def apply(arrangement: Arrangement, links: bool) -> Report:
    """Do what `arrangement` says; see `Arrangement.apply`."""
    source, folder = Path(arrangement.plan.source), arrangement.notebook.folder
    if source.is_relative_to(folder) or folder.is_relative_to(source):
        raise GlassbookError(f"{source} and the notebook {folder} hold one another; import from elsewhere")
    with one_writer(folder):
        work = _Work(arrangement, links)
        for item in arrangement.pages:
            if not item.page.rest:
                work.take(item)
        for item in arrangement.pages:
            if item.page.rest:  # last, for it links to the others
                work.take(item)
        for attachment in arrangement.attachments:
            if arrangement.record.gone(folder, attachment.path):
                work.leave_gone(attachment.path)
                continue
            where = work.place(attachment.path, lambda path, data=attachment.data: data)
            if where.lower().endswith(BIBTEX) and work.pages / where in work.writes:
                works = "`glassbook references` with this file adds the works in it to the notebook's references"
                work.report.notes.append(f"pages/{where}: {works}")
        work.tell_gone()
        work.write()
    return work.report


class _Work:
    """One import on its way: first every decision, then every file, undone if one of them fails."""

    def __init__(self, arrangement: Arrangement, links: bool) -> None:
        self.arrangement, self.links = arrangement, links
        self.folder = arrangement.notebook.folder
        self.pages = self.folder / "pages"
        index = arrangement.notebook.index
        # A page's id must be no other's; the index is asked once, for asking it looks at every file.
        self.ids = {name_key(page.id): page.path for page in arrangement.notebook.pages() if page.path}
        self.report = Report(left_out=[vars(item) for item in arrangement.left_out], file=arrangement.record.file)
        self.known = arrangement.record.files
        self.files: dict[str, Any] = {}
        self.left: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        """Planned path -> what a link to it says."""
        self.writes: dict[Path, bytes] = {}
        self.taken: set[str] = set()
        self.gone: list[str] = []
        """Files of imported pages that were deleted or moved in the notebook."""
        self.vault = self.vault_folder()
        names = {name for item in arrangement.pages for name in self.names(item.page)}
        self.holders = index.holders(names)
        self.meant = index.meant_by_others(self.holders, "")

    def vault_folder(self) -> str:
        """The folder of a vault: the one that it has, else the first that no kind and no other pages have."""
        plan = self.arrangement.plan
        own = [entry["path"] for entry in self.known.values() if "part" not in entry]
        if not plan.folder or own:
            return own[0].partition("/")[0] if plan.folder else ""
        name = f"{plan.folder}-vault" if plan.folder in FOLDERS else plan.folder
        folder, number = name, 1
        while not self.is_for(folder):
            number += 1
            folder = f"{name}-{number}"
        if folder != plan.folder:
            why = "is for pages of one kind" if name != plan.folder and folder == name else "has other pages"
            self.report.notes.append(f"the vault is in pages/{folder}, for pages/{plan.folder} {why}")
        return folder

    def is_for(self, folder: str) -> bool:
        """Whether a folder has no pages yet, or mostly those that are to come there."""
        if folder in self.arrangement.record.others:
            return False
        there = list((self.pages / folder).rglob("*.md"))
        coming = {self.at(page.path, folder): page.copy for page in self.arrangement.plan.pages}
        same = [file for file in there if file.is_file() and file.read_bytes() == coming.get(self.below(file))]
        return 2 * len(same) > len(there) or not there

    def below(self, file: Path) -> str:
        return file.relative_to(self.pages).as_posix()

    def at(self, planned: str, folder: str) -> str:
        """A planned path as it is in the folder of the vault."""
        return folder + planned.removeprefix(self.arrangement.plan.folder) if folder else planned

    def take(self, item: Arranged) -> None:
        """Decide about one page."""
        page = item.page
        if item.gone:
            self.leave_gone(page.path)
            moved = self.arrangement.notebook.index.resolve(page.title)
            self.addresses |= {page.path: moved} if moved else {}
            return
        match item.choice.action:
            case "leave":
                self.leave(item)
            case "join":
                self.join(item)
            case "own" if page.copy is not None:
                where = self.place(page.path, lambda path: self.copy(page, path), item.digest, page.words())
                self.check_copy(page, where)
            case "own":
                where = self.place(page.path, lambda path: self.render(item, path), item.digest, page.words())
                made = Page.parse(self.text(self.pages / where), name=Path(where).stem)
                self.addresses[page.path] = made.id
                if self.pages / where in self.writes:
                    self.report.links += len(item.links) if self.links else 0
                    self.report.notes += [
                        f"links by the name {name!r} go to {self.meant[name_key(name)]} as before, not to {where}"
                        for name in dict.fromkeys(yielded(made))
                        if self.means_another(name, where)
                    ]

    def leave(self, item: Arranged) -> None:
        page, why = item.page, "you left it out"
        lines = [line for line in page.body.split("\n") if line.strip()]
        left = [LeftOut(page.source, *part, why) for part in zip(page.lines, lines, strict=False)]
        self.report.left_out += [vars(part) for part in left or [LeftOut(page.source, 0, "", why)]]
        self.left[page.path] = item.digest
        if page.path in self.known:
            self.files[page.path] = self.known[page.path]

    def leave_gone(self, planned: str) -> None:
        self.files[planned] = self.known[planned]
        self.gone.append(self.known[planned]["path"])

    # --- pages of their own ---------------------------------------------------------------------------------------

    def render(self, item: Arranged, path: str) -> bytes:
        page, stem = item.page, Path(path).stem
        ident, number = stem, 1
        while self.owner(ident) not in (None, self.pages / path) or self.means_another(ident, path):
            number += 1
            ident = f"{stem}-{number}"
        body = self.contents(page) if page.rest else item.words(self.links)
        made = Page(id=ident, title=page.title, kind=page.kind, body="\n" + body)
        for key, value in page.front.items():
            if key in ("aliases", "tags", "level", "refs"):
                setattr(made, key, value)
            else:
                made.extra[key] = value
        if said := to_yield(made, f"pages/{path}", self.there(path), self.holders):
            made.extra[YIELDS] = said
        self.ids.setdefault(name_key(ident), self.pages / path)
        return made.render().encode("utf-8")

    def contents(self, rest: PlannedPage) -> str:
        parts = [item for item in self.arrangement.pages if item.page.lines and not item.page.rest]
        titles = {
            item.page.path: label(item.joined.title if item.joined and item.page.derived else item.page.title)
            for item in parts
        }

        def link(page: PlannedPage) -> str:
            address, title = self.addresses.get(page.path), titles[page.path]
            return f"[[{address}|{title}]]" if address else f"{title} (left out)"

        return contents(rest, [item.page for item in parts], link) if len(parts) > 1 else rest.body

    def means_another(self, name: str, path: str) -> bool:
        return self.meant.get(name_key(name), f"pages/{path}") != f"pages/{path}"

    def copy(self, page: PlannedPage, path: str) -> bytes:
        """The file; where pages of other vaults have its names, it gets a line that yields them."""
        assert page.copy is not None
        read = Page.parse(page.copy.decode("utf-8", "surrogateescape"), name=path.removesuffix(".md"))
        said = to_yield(read, f"pages/{path}", self.there(path), self.holders)
        if not read.takes_keys or said == yielded(read):
            return page.copy
        read.extra[YIELDS] = said
        try:
            return read.render().encode("utf-8", "surrogateescape")
        except GlassbookError as error:
            self.report.notes.append(f"links by the names {', '.join(said)} may go to {path}: {error}")
            return page.copy

    def there(self, path: str) -> Page | None:
        """The page that is in a file now."""
        file = self.pages / path
        if not file.is_file():
            return None
        return parse_page(self.folder, file, file.read_bytes().decode("utf-8", "surrogateescape"))

    def names(self, page: PlannedPage) -> set[str]:
        """Names that a planned page would have, in the form of `name_key`, wherever it comes to lie."""
        path = PurePosixPath("pages") / self.at(page.path, self.vault)
        places = [path, *(path.with_stem(f"{path.stem}-{n}") for n in range(2, 10))]
        if page.copy is not None:
            text = page.copy.decode("utf-8", "surrogateescape")
            read = Page.parse(text, name=page.path.removesuffix(".md"))
        else:
            read = Page(id="", title=page.title, aliases=page.front.get("aliases", []))
        stems = {name_key(place.stem) for place in places}
        return {name for place in places for name in names_of(read, place.as_posix())} | stems

    def check_copy(self, page: PlannedPage, where: str) -> None:
        """A copied file keeps its id even where another page has it; that has to be said."""
        text = (page.copy or b"").decode("utf-8", "replace")
        ident = Page.parse(text, name=where.removesuffix(".md")).id
        if self.owner(ident) not in (None, self.pages / where):
            self.report.notes.append(f"{where} has the id {ident!r} of another page; give one of them another")
        self.ids.setdefault(name_key(ident), self.pages / where)

    def owner(self, ident: str) -> Path | None:
        return self.ids.get(name_key(ident))

    def place(self, planned: str, contents: Any, digest: str = "", words: str | None = None) -> str:
        """Decide about one file; gives the path that holds it, below pages/."""
        known = self.known.get(planned, {})
        known = {} if "part" in known else known
        target = self.pages / known["path"] if known else None
        if target and digest and known.get("planned") == digest and target.is_file():
            same = _sha(target.read_bytes()) == known["sha256"]
            (self.report.same if same else self.report.kept).append(known["path"])
            self.taken.add(known["path"])
            self.files[planned] = known
            return known["path"]
        if target and target.is_file() and self.is_other(planned, words):
            known = {}  # both are kept
        wanted = self.at(planned, self.vault)
        path = known["path"] if known else self.candidate(wanted, contents)
        target, data = self.pages / path, contents(path)
        written = _sha(data)
        now = _sha(target.read_bytes()) if target.is_file() else None
        if now == written:
            self.report.same.append(path)
        elif now is None:
            self.report.made.append(path)
            self.writes[target] = data
        elif known and now == known["sha256"]:
            self.report.updated.append(path)
            self.writes[target] = data
        else:
            self.report.kept.append(path)
            written = known["sha256"] if known else now
        if path != wanted:
            self.report.renamed[wanted] = path
        self.taken.add(path)
        self.files[planned] = {"path": path, "sha256": written} | ({"planned": digest} if digest else {})
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

    def is_other(self, planned: str, words: str | None) -> bool:
        """Whether what comes is no revision of what came under its name before, from where the source lay then.

        Args:
            planned: its path.
            words: what it says; None if it is no page.
        """
        known = self.known.get(planned)
        if not known or not self.arrangement.record.moved:
            return False
        return words is None or not is_revision(self.arrangement.record.words(self.folder, planned), words)

    def tell_gone(self) -> None:
        if self.gone:
            which = ", ".join(self.gone[:10]) + (" ..." if len(self.gone) > 10 else "")
            self.report.notes.append(
                f"{len(self.gone)} imported before and deleted or moved here since, which is left so "
                f"(--own TITLE brings a page back): {which}"
            )

    # --- words that join a page -----------------------------------------------------------------------------------

    def join(self, item: Arranged) -> None:
        """Add the words at the end of a page, or put them in the place of those that came from here before."""
        page, target = item.page, self.folder / item.choice.target
        path = item.choice.target.removeprefix("pages/")
        known = self.known.get(page.path, {})
        before = known.get("part", "") if known.get("path") == path else ""
        if self.is_other(page.path, page.body):
            before = ""  # both are kept
        text = self.text(target)
        if before and known.get("planned") == item.digest:
            part = before
            (self.report.same if before in text else self.report.kept).append(path)
        elif before and before not in text:
            part = before
            self.report.kept.append(path)
        elif before:
            part = self.part(item, _heading(before))
            self.write_page(target, text.replace(before, part), _heading(part))
            self.report.updated.append(path)
        else:
            part = self.part(item, _free_heading(text, HEADING if page.lines else OF_A_FILE))
            # The same words may have come by another way, such as the browser.
            at = text.find(part[part.index("\n") :])
            if at >= 0:
                part = text[text.rfind("\n", 0, at) + 1 : at + len(part) - part.index("\n")]
                self.report.same.append(path)
            else:
                self.write_page(target, text + ("" if text.endswith("\n") else "\n") + "\n" + part, _heading(part))
                self.report.joined[page.path] = path
                self.report.links += len(item.links) if self.links else 0
        self.files[page.path] = {"path": path, "sha256": _sha(part.encode("utf-8", "surrogateescape"))} | {
            "planned": item.digest,
            "part": part,
        }
        assert item.joined is not None
        self.addresses[page.path] = f"{item.joined.ident}#{_heading(part)}"

    def part(self, item: Arranged, heading: str) -> str:
        """A section with the words and their source."""
        plan, lines = self.arrangement.plan, item.page.lines
        file = item.page.source if len(plan.pages) == 1 or lines else f"{plan.name}/{item.page.source}"
        source = one_line(file).replace("`", "'")
        where = ""
        if lines:
            where = f", line {lines[0]}" if len(lines) == 1 else f", lines {lines[0]} to {lines[-1]}"
        body = item.words(self.links).strip("\n")
        return f"## {heading}\n\nFrom `{source}`{where}:\n\n{body}\n"

    def text(self, file: Path) -> str:
        """A page as it will be so far."""
        data = self.writes[file] if file in self.writes else file.read_bytes()
        return data.decode("utf-8", "surrogateescape")

    def write_page(self, file: Path, text: str, heading: str) -> None:
        body = Page.parse(text).body
        if heading not in [section.title for section in read_bounded(body).sections]:
            raise GlassbookError(
                f"{file.relative_to(self.folder)} ends inside a block of code; close it, or keep the words on their own"
            )
        self.writes[file] = text.encode("utf-8", "surrogateescape")

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write all files and the record; if one cannot be written, put everything back."""
        source = Path(self.arrangement.plan.source).name
        record = {"source": source, "kind": self.arrangement.kind, "files": self.files, "left": self.left}
        record |= {"left_out": self.report.left_out}
        text = (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")
        file = self.arrangement.record.file
        if not file.is_file() or file.read_bytes() != text:
            self.writes[file] = text
        root = self.folder.resolve()
        for path in self.writes:
            # A folder in the notebook may be a link that leads elsewhere.
            if not path.resolve().is_relative_to(root):
                raise GlassbookError(f"{path} leads out of the notebook; take that link away and import again")
        history = History(self.folder)
        for path in self.writes:
            if path.suffix == ".md" and path.is_file():
                history.keep(path, path.read_bytes().decode("utf-8", "surrogateescape"))
        write_together(self.writes)


def _heading(part: str) -> str:
    """The heading of words that were added to a page."""
    return part.split("\n")[0].removeprefix("## ")


def _free_heading(text: str, plain: str) -> str:
    """A heading for words that are added to a page: with a number if the page has the plain one."""
    heads = {slug(line) for line in text.split("\n") if line.startswith("#")}
    heading, number = plain, 1
    while slug(heading) in heads:
        number += 1
        heading = f"{plain} {number}"
    return heading


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

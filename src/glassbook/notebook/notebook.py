"""Notebook: a folder of plain files, read and written through one object."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import heapq
import itertools
import json
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook.files import (
    cut,
    disk_errors,
    finish_pending,
    one_writer,
    read_regular,
    sweep,
    sync_folder,
    write_atomic,
    write_together,
)
from glassbook.notebook.history import History
from glassbook.notebook.index.index import Index
from glassbook.notebook.index.page_loader import parse_page, read_file
from glassbook.notebook.index.scan import PAGES
from glassbook.notebook.pages.links import name_key, slug
from glassbook.notebook.pages.names import YIELDS, names_of, to_yield
from glassbook.notebook.pages.page import Page
from glassbook.notebook.pictures import ENDINGS, check_picture, free_place
from glassbook.notebook.runs import run as runs
from glassbook.notebook.runs.annotations import annotate
from glassbook.notebook.runs.claims import Claim
from glassbook.notebook.runs.record import RunRecord
from glassbook.notebook.runs.run import Run
from glassbook.notebook.serialization import same_data

SETTINGS = "glassbook.toml"
"""The file that makes a folder a notebook."""
VARIABLE = "GLASSBOOK_NOTEBOOK"
"""Environment variable that names the notebook to use where none is near."""
DEFAULT = "~/glassbook"
"""The notebook to use where none is near and the variable is not set."""
LONGEST_STEM = 240
"""Bytes of the name of a new page's file, without its ending: a file system takes 255 for the whole."""


class Notebook:
    """A notebook folder: pages/, runs/, references.json, glassbook.toml, and an index that can be made again.

    Args:
        path: the folder.

    Raises:
        GlassbookError: it is no notebook, or its glassbook.toml cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = Path(path).expanduser().resolve()
        self.title: str = _read_title(self.folder)
        with contextlib.suppress(GlassbookError):  # what cannot be written now is told by the next that writes
            finish_pending(self.folder)
        self._swept = False
        self.index = Index(self.folder)
        """Lists, links, search and tables of runs, without reading files; and who follows changes."""
        self.history = History(self.folder)
        """Earlier versions of pages."""

    @classmethod
    def create(cls, path: str | Path, title: str = "Lab notebook") -> Notebook:
        """Make a notebook in a new or empty folder (it may hold a `.git`).

        Raises:
            GlassbookError: something else is there already, the title cannot be used, or the disk refused.
        """
        folder = Path(path).expanduser().resolve()
        if (folder / SETTINGS).exists():
            raise GlassbookError(f"{folder} is a notebook already; open it")
        if folder.exists() and not folder.is_dir():
            raise GlassbookError(f"{folder} is a file; name a folder for the notebook")
        if folder.is_dir() and any(entry.name != ".git" for entry in folder.iterdir()):
            raise GlassbookError(f"{folder} is not empty and no notebook; name a new or empty folder")
        if not title.strip() or not title.isprintable():
            raise GlassbookError(f"the title {title!r} has to be one line of text")
        parts = [folder / name for name in ("pages", "runs", ".glassbook")]
        try:
            with disk_errors(folder):
                for part in parts:
                    part.mkdir(parents=True)
            write_atomic(folder / ".glassbook" / ".gitignore", b"*\n")
            # Last, for it is what makes the folder a notebook. A printable JSON string is a TOML string as well.
            write_atomic(folder / SETTINGS, f"title = {json.dumps(title, ensure_ascii=False)}\n".encode())
        except BaseException:
            for part in parts:
                shutil.rmtree(part, ignore_errors=True)
            raise
        return cls(folder)

    @classmethod
    def find(cls, start: str | Path | None = None) -> Notebook:
        """The nearest notebook at or above `start` (the working directory); else the user's own.

        The user's own is named by $GLASSBOOK_NOTEBOOK, else it is ~/glassbook; it is created if it is not there.
        """
        here = Path(start or Path.cwd()).expanduser().resolve()
        for folder in (here, *here.parents):
            if (folder / SETTINGS).is_file():
                return cls(folder)
        own = Path(os.environ.get(VARIABLE) or DEFAULT).expanduser()
        return cls(own) if (own / SETTINGS).exists() else cls.create(own)

    def sweep(self) -> None:
        """Remove what processes that were killed left half-written: spare files, and runs that never began."""
        sweep(self.folder)
        runs.sweep(self.folder / "runs")

    def close(self) -> None:
        """Close the index; it is opened again when it is needed."""
        self.index.close()

    # --- pages --------------------------------------------------------------------------------------------------

    def pages(self) -> list[Page]:
        """All pages, in the order of their paths."""
        return [self._read(path) for path in self.index.paths()]

    def page(self, name: str) -> Page:
        """The page with this id, else title, else alias, else file name; upper and lower case are alike.

        Raises:
            GlassbookError: there is none (the message names near ones), or several share the name.
        """
        paths = self.index.paths_of(name)
        if len(paths) > 1:
            names = ", ".join(str(path.relative_to(self.folder)) for path in paths)
            raise GlassbookError(f"{name!r} names several pages: {names}; ask by id, and give each its own")
        if not paths:
            raise GlassbookError(f"no page is called {name!r}{_hint(name, self.index.names())}")
        return self._read(paths[0])

    def page_at(self, address: str) -> Page:
        """The page with this address (see `Index.path_at`).

        Raises:
            GlassbookError: there is none (the message names near ones).
        """
        path = self.index.path_at(address)
        if path is None and self.index.look_for_pages():
            path = self.index.path_at(address)
        return self.page(address) if path is None else self.page_in(path)

    def page_in(self, path: str) -> Page:
        """The page in the file `path`, relative to the notebook's folder."""
        return self._read(self.folder / path)

    def write(self, page: Page) -> Page:
        """Save a page whole or not at all; a new one goes to pages/<kind>s/<id>.md.

        Of several processes that change one version at the same moment, one succeeds and the others meet a conflict.
        Names that the page gets and that mean another page already are added to its `yields` (see `pages.names`):
        links by them go where they went.

        Returns:
            the page as it now stands in the file.

        Raises:
            Conflict: the file has changed since the page was read, or is there already. It is then as it was.
            GlassbookError: another page has the id, or a new page's id means one, a value cannot stand in front
                matter, or the disk refused. The file is then as it was.
        """
        return self.write_all([page])[0]

    def write_all(self, pages: Sequence[Page]) -> list[Page]:
        """Save several pages, each whole, all or none; see `write`. What they replace stays in their history."""
        with self._one_writer():
            return self._write_all(pages)

    def change(self, which: str | Page, edit: Callable[[Page], None]) -> Page:
        """Read a page, let `edit` change it, and save it, in one step: nobody else saves in between.

        Args:
            which: its name, as `page` takes it, or the page as it was read at some time.
            edit: changes the page that it is given; it must not write to the notebook itself, and should be quick, for
                other saves wait.

        Returns:
            the page as it now stands in the file.

        Raises:
            Conflict: another program, which asks nobody, changed the file at this moment.
            GlassbookError: there is no such page, what `edit` raises, or see `write`. The file is then as it was.
        """
        with self._one_writer():
            page = self.page(which) if isinstance(which, str) else self._read(self._place(which))
            edit(page)
            return self._write_all([page])[0]

    def _write_all(self, pages: Sequence[Page]) -> list[Page]:
        paths = [self._place(page) for page in pages]
        for path, page in zip(paths, pages, strict=True):
            self._check(path, page)
            self._yield_names(page, path)
        texts = {path: page.render() for path, page in zip(paths, pages, strict=True)}
        for path, page in zip(paths, pages, strict=True):
            if page.source is not None and page.source != texts[path]:
                self.history.keep(path, page.source)
        write_together({path: text.encode("utf-8", "surrogateescape") for path, text in texts.items()})
        self.index.touch([path.relative_to(self.folder).as_posix() for path in paths])
        return [self._read(path) for path in paths]

    def free_id(self, title: str) -> str:
        """An id for a new page, made from its title: "C++" gives "c", or "c-2" if "c" means a page of another title.

        If that page has this very title, its id is given, which `write` refuses; "" for a title without letters.
        """
        first = slug(title)
        for number in itertools.count(1):
            ident = first if number == 1 else f"{first}-{number}"
            path = self.index.path_of(ident) if ident else None
            page = None if path is None else self.page_in(path)
            if page is None or name_key(title) in map(name_key, (page.title, *page.aliases)):
                return ident
        raise AssertionError("there is always another number")

    def _check(self, path: Path, page: Page) -> None:
        """Whether a page may be written: its id is free, and its file is what the page was read from."""
        if page.source is None:  # another process may just have taken the id
            self.index.touch([PAGES])
        others = [other for other in self.index.owners(page.id) if other != path]
        if others and not self._has_id(path, page):
            taken = others[0].relative_to(self.folder)
            raise GlassbookError(f"{taken} has the id {page.id!r} already; take another")
        now, problem = _read_text(path) if path.exists() else (None, None)
        if problem:
            raise GlassbookError(f"{path.relative_to(self.folder)} was left as it is: {problem}")
        if now != page.source:
            what = "is there already" if page.source is None else "has changed since it was read"
            raise Conflict(f"{path.relative_to(self.folder)} {what}; read it again, then change it")

    def remove(self, page: Page) -> Path:
        """Move a page's file to .glassbook/trash; links to it stay.

        Returns:
            where the file is now.

        Raises:
            Conflict: the file has changed since the page was read; it stays.
            GlassbookError: the disk refused; the page is then still there.
        """
        path = self._place(page)
        with self._one_writer():
            if page.source is None or not path.exists() or _read_text(path) != (page.source, None):
                raise Conflict(f"{path.relative_to(self.folder)} has changed since it was read; read it again")
            now = datetime.now(UTC)
            place = self.folder / ".glassbook" / "trash" / f"{cut(path.stem, 200)}-{now:%Y%m%d-%H%M%S-%f}.md"
            # Copied, then removed: pages/ may lie on another disk, and after a crash between the two it is in both.
            write_atomic(place, page.source.encode("utf-8", "surrogateescape"))
            with disk_errors(path):
                path.unlink()
                sync_folder(path.parent)
            self.index.touch([path.relative_to(self.folder).as_posix()])
        return place

    def add_picture(self, data: bytes, name: str, page: Page) -> Path:
        """Store a picture beside a page, under a safe form of `name`; no file is ever overwritten.

        Args:
            data: the picture's file; its content decides what it is.
            name: what it was called, with or without an ending.
            page: the page; one that is not written yet counts where it would be.

        Returns:
            the file; the one that holds exactly this picture under this name already, if there is one.

        Raises:
            GlassbookError: it is no picture, it is too large, or the disk refused.
        """
        ending = check_picture(data)
        folder = self._place(page).parent
        with self._one_writer():
            if not folder.resolve().is_relative_to((self.folder / "pages").resolve()):
                raise GlassbookError(f"{folder} leads out of the notebook; remove that link, then add the picture")
            place = free_place(folder, name, ending, data)
            if not place.exists():
                write_atomic(place, data)
        return place

    def pictures(self, text: str, limit: int = 20) -> list[str]:
        """Picture files whose paths below pages/ contain a text, whatever its case; sorted, at most `limit`."""
        pages = self.folder / "pages"
        found = (path.relative_to(pages) for path in pages.rglob("*") if path.suffix.lower() in ENDINGS)
        names = (path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))
        return heapq.nsmallest(limit, (name for name in names if text.lower() in name.lower()))

    @contextlib.contextmanager
    def _one_writer(self) -> Iterator[None]:
        with one_writer(self.folder):
            if not self._swept:
                self._swept = True
                for part in (PAGES, ".glassbook"):
                    sweep(self.folder / part)
            yield

    def _yield_names(self, page: Page, path: Path) -> None:
        """Let the page yield those of its new names that other pages have."""
        where = path.relative_to(self.folder).as_posix()
        taken = self.index.meant_by_others([page.id], where) if page.source is None else {}
        if taken:
            raise GlassbookError(
                f"links to {page.id!r} mean {taken[page.id]} already; write there, or give this page another id"
            )
        before = parse_page(self.folder, path, page.source) if page.source is not None else None
        names = to_yield(page, where, before, self.index.holders(names_of(page, where)))
        if names:
            page.extra[YIELDS] = names

    def _has_id(self, path: Path, page: Page) -> bool:
        """Whether the page has had its id already: files from elsewhere may share one, or differ in case only."""
        return page.source is not None and parse_page(self.folder, path, page.source).id == page.id

    def _place(self, page: Page) -> Path:
        if page.path is None:
            # An id may hold slashes (a page without front matter); in a file name they would be folders.
            name = slug(page.id.replace("/", " ")) or "page"
            if len(name.encode()) > LONGEST_STEM:  # of two long ids that begin alike, each has a file of its own
                name = f"{cut(name, LONGEST_STEM - 13)}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
            return self.folder / "pages" / f"{page.kind}s" / f"{name}.md"
        path = Path(page.path).resolve()
        if not path.is_relative_to((self.folder / "pages").resolve()) or path.suffix != ".md":
            raise GlassbookError(f"{page.path} is no .md file under {self.folder / 'pages'}")
        return Path(page.path)

    def _read(self, path: Path) -> Page:
        text, problem = _read_text(path)
        return parse_page(self.folder, path, text, problem)

    # --- runs ---------------------------------------------------------------------------------------------------

    def start_run(
        self,
        experiment: str,
        config: Mapping[str, Any] | None = None,
        seed: int = 0,
        claims: Sequence[Claim] = (),
        code: str = "",
        sabotage: str = "",
    ) -> Run:
        """Begin a run: its folder with run.json is on the disk when this returns.

        Args:
            experiment: name of the experiment.
            config: its settings, plain data.
            seed: seed of the run.
            claims: what the experiment claims; kept with the run.
            code: the class that does the work, as "module:Class", or a module; the run is stale when the code that
                it reaches changes.
            sabotage: id of the experiment's sabotage whose settings these are; such a run is never evidence.
        """
        return runs.start(self.folder / "runs", experiment, config or {}, seed, claims, code, sabotage)

    def resume_run(self, name: str) -> Run:
        """Go on with an interrupted or failed run, named by its id or the beginning of it.

        Raises:
            GlassbookError: there is no such run, it has finished, or it is still running.
        """
        return runs.resume(self.run(name).folder)

    def annotate(self, run: RunRecord, **changes: Any) -> RunRecord:
        """Change a run's note or tags, or archive it; see `annotate` in runs/annotations.py for the changes.

        Returns:
            the run as it now is.

        Raises:
            NoteConflict: another note has been written meanwhile.
            GlassbookError: something cannot be kept, or the disk refused. Nothing was changed.
        """
        annotations = annotate(self.folder, run, **changes)
        self.index.touch_run(run.id)
        return replace(run, annotations=annotations)

    def runs(self, experiment: str | None = None, config: Mapping[str, Any] | None = None) -> list[RunRecord]:
        """Runs, newest first: all, those of one experiment, or those with exactly these settings (equal as JSON)."""
        records = self.index.runs(experiment)
        return [record for record in records if config is None or same_data(record.config, config)]

    def run(self, name: str) -> RunRecord:
        """The run with this id, or the only one whose id begins so.

        Raises:
            GlassbookError: there is none, or several begin so.
        """
        records = self.index.find_runs(name, 4) if name else []
        if len(records) == 1:
            return records[0]
        if records:
            few = ", ".join(record.id for record in records[:3])
            raise GlassbookError(f"several runs begin with {name!r}, such as {few}; give more of the id")
        near = [record.id for record in self.index.run_table(limit=200).rows]
        raise GlassbookError(f"no run has the id {name!r}{_hint(name, near)}")


def _hint(name: str, names: Sequence[str]) -> str:
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    near += [other for other in folded if name and name.casefold() in other and other not in near][: 3 - len(near)]
    if near:
        return "; did you mean " + " or ".join(repr(folded[other]) for other in near) + "?"
    return "; there are none yet" if not names else "; search for it, or list them all"


def _read_text(path: Path) -> tuple[str, str | None]:
    """The text of a page's file, and why it cannot be read, if it cannot."""
    try:
        _, data, problem = read_file(path)
    except OSError as error:
        raise GlassbookError(f"cannot read {path}: {error.strerror or error}") from error
    # Bytes that are not UTF-8 come back as they were when the text is written.
    return data.decode("utf-8", "surrogateescape"), problem


def read_settings(folder: Path) -> dict[str, Any]:
    """What glassbook.toml says; GlassbookError if it is not there or cannot be read."""
    try:
        return tomllib.loads(read_regular(folder / SETTINGS, 1 << 20).decode())
    except FileNotFoundError as error:
        raise GlassbookError(f"{folder} is no notebook (it has no {SETTINGS}); create one there first") from error
    except (OSError, RecursionError, ValueError) as error:
        raise GlassbookError(f"{folder / SETTINGS} cannot be read: {error}; fix it") from error


def _read_title(folder: Path) -> str:
    title = read_settings(folder).get("title", folder.name)
    if not isinstance(title, str):
        raise GlassbookError(f'{folder / SETTINGS}: the title has to be text; write title = "..."')
    return title

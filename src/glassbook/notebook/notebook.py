"""The notebook: a folder of plain files, and the one door to them."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook.files import disk_errors, sync_folder, write_atomic
from glassbook.notebook.index.index import Backlink, Index
from glassbook.notebook.index.page_loader import parse_page
from glassbook.notebook.index.queries import Graph, Moment, PageOrder, PageRow, RunTable
from glassbook.notebook.index.search import Hit, Suggestion
from glassbook.notebook.pages.links import slug
from glassbook.notebook.pages.page import Page
from glassbook.notebook.runs import run as runs
from glassbook.notebook.runs.claims import Claim, Verdict, judge
from glassbook.notebook.runs.record import RunRecord
from glassbook.notebook.runs.run import Run
from glassbook.notebook.serialization import same_data

SETTINGS = "glassbook.toml"
"""The file that makes a folder a notebook."""
VARIABLE = "GLASSBOOK_NOTEBOOK"
"""Environment variable that names the notebook to use where none is near."""
DEFAULT = "~/glassbook"
"""The notebook to use where none is near and the variable is not set."""


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
        self._index = Index(self.folder)

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

    def close(self) -> None:
        """Close the index; it is opened again when it is needed."""
        self._index.close()

    # --- pages --------------------------------------------------------------------------------------------------

    def pages(self) -> list[Page]:
        """All pages, in the order of their paths."""
        return [self._read(path) for path in self._index.paths()]

    def page(self, name: str) -> Page:
        """The page with this id, else title, else alias, else file name; upper and lower case are alike.

        Raises:
            GlassbookError: there is none (the message names near ones), or several share the name.
        """
        paths = self._index.resolve(name)
        if len(paths) > 1:
            names = ", ".join(str(path.relative_to(self.folder)) for path in paths)
            raise GlassbookError(f"{name!r} names several pages: {names}; ask by id, and give each its own")
        if not paths:
            raise GlassbookError(f"no page is called {name!r}{_hint(name, self._index.names())}")
        return self._read(paths[0])

    def resolve(self, name: str) -> str | None:
        """Id of the page that a link to `name` leads to, None if there is none. Of several, the first by path."""
        return self._index.target(name)

    def write(self, page: Page) -> Page:
        """Save a page whole or not at all; a new one goes to pages/<kind>s/<id>.md.

        Returns:
            the page as it now stands in the file.

        Raises:
            Conflict: the file has changed since the page was read, or is there already. It is then as it was.
            GlassbookError: another page has the id, a value cannot stand in front matter, or the disk refused. The
                file is then as it was.
        """
        path = self._place(page)
        others = [other for other in self._index.owners(page.id) if other != path]
        if others:
            raise GlassbookError(f"{others[0].relative_to(self.folder)} has the id {page.id!r} already; take another")
        text = page.render()
        now = _read_text(path) if path.exists() else None
        if now != page.source:
            what = "is there already" if page.source is None else "has changed since it was read"
            raise Conflict(f"{path.relative_to(self.folder)} {what}; read it again, then change it")
        write_atomic(path, text.encode("utf-8", "surrogateescape"))
        self._index.touch([path.relative_to(self.folder).as_posix()])
        return self._read(path)

    def remove(self, page: Page) -> Path:
        """Move a page's file to .glassbook/trash; links to it stay.

        Returns:
            where the file is now.

        Raises:
            Conflict: the file has changed since the page was read; it stays.
            GlassbookError: the disk refused; the page is then still there.
        """
        path = self._place(page)
        if page.source is None or not path.exists() or _read_text(path) != page.source:
            raise Conflict(f"{path.relative_to(self.folder)} has changed since it was read; read it again")
        now = datetime.now(UTC)
        place = self.folder / ".glassbook" / "trash" / f"{path.stem[:80]}-{now:%Y%m%d-%H%M%S-%f}.md"
        # Copied, then removed: pages/ may lie on another disk, and after a crash between the two it is in both places.
        write_atomic(place, page.source.encode("utf-8", "surrogateescape"))
        with disk_errors(path):
            path.unlink()
            sync_folder(path.parent)
        self._index.touch([path.relative_to(self.folder).as_posix()])
        return place

    def backlinks(self, name: str, limit: int | None = None) -> list[Backlink]:
        """Links from other pages to the page that `name` means; to a run or a missing page by the name itself."""
        return self._index.backlinks(name, limit)

    def links(self, name: str) -> list[tuple[str, str | None]]:
        """What a page links to, in order: (the name in the link, id of the page, None if there is none)."""
        return self._index.links(self._file(name))

    def links_in(self, path: str) -> list[tuple[str, str | None]]:
        """The same for the page in a file (relative to the notebook's folder), whose id others may have as well."""
        return self._index.links(self.folder / path)

    def graph(self, name: str, depth: int = 1, limit: int = 60) -> Graph:
        """A page, the pages at most `depth` links away from it either way (at most `limit`), and the links between."""
        return self._index.graph(self._file(name), depth, limit)

    def page_rows(
        self,
        kind: str | None = None,
        tag: str | None = None,
        order: PageOrder = "title",
        limit: int = 100,
        offset: int = 0,
    ) -> list[PageRow]:
        """Some pages of a kind or with a tag, from the index alone. Order by level: highest first; modified: newest."""
        return self._index.page_rows(kind, tag, order, limit, offset)

    def page_count(self, kind: str | None = None, tag: str | None = None) -> int:
        """How many pages there are of a kind or with a tag."""
        return self._index.page_count(kind, tag)

    def moments(self, before: str = "", days: int = 60) -> list[Moment]:
        """Pages that belong to a day (see `Page.day`), of the newest `days` days before `before`, newest first."""
        return self._index.moments(before, days)

    def search(self, text: str, limit: int = 20, kinds: Sequence[str] | None = None) -> list[Hit]:
        """Pages, runs, claims, experiments and features that hold all the words of `text`, best first.

        Any text may be searched for; `kinds` asks for some of "page", "run", "claim", "experiment", "feature" only.
        """
        return self._index.search(text, limit, kinds)

    def complete(self, prefix: str, limit: int = 10) -> list[Suggestion]:
        """Names of pages, experiments and tags that begin with `prefix`, the shortest first."""
        return self._index.complete(prefix, limit)

    def follow(self, at_once: bool = False) -> None:
        """Be told of changes in the files from now on, so that questions are quick in a large notebook.

        Until `close`. What this object writes is seen at once, what others write within a moment.

        Args:
            at_once: do not look for what changed before; until that is done (in a second or two for 100,000 pages),
                lists and search answer as they would have when the notebook was last open.
        """
        self._index.follow(at_once)

    @property
    def version(self) -> int:
        """Grows with every change that is seen while the files are followed."""
        return self._index.version

    def problems(self) -> list[str]:
        """What in the notebook's files cannot be read or is not unique, one line each."""
        return self._index.problems()

    def _file(self, name: str) -> Path:
        path = self.page(name).path
        assert path is not None
        return path

    def _place(self, page: Page) -> Path:
        if page.path is None:
            # An id may hold slashes (a page without front matter); in a file name they would be folders.
            name = slug(page.id.replace("/", " ")) or "page"
            return self.folder / "pages" / f"{page.kind}s" / f"{name}.md"
        path = Path(page.path).resolve()
        if not path.is_relative_to((self.folder / "pages").resolve()) or path.suffix != ".md":
            raise GlassbookError(f"{page.path} is no .md file under {self.folder / 'pages'}")
        return Path(page.path)

    def _read(self, path: Path) -> Page:
        return parse_page(self.folder, path, _read_text(path))

    # --- runs ---------------------------------------------------------------------------------------------------

    def start_run(
        self,
        experiment: str,
        config: Mapping[str, Any] | None = None,
        seed: int = 0,
        claims: Sequence[Claim] = (),
        code: str = "",
    ) -> Run:
        """Begin a run: its folder with run.json is on the disk when this returns.

        Args:
            experiment: name of the experiment.
            config: its settings, plain data.
            seed: seed of the run.
            claims: what the experiment claims; kept with the run.
            code: the class that does the work, as "module:Class", or a module; the run is stale when the code that
                it reaches changes.
        """
        return runs.start(self.folder / "runs", experiment, config or {}, seed, claims, code)

    def resume_run(self, name: str) -> Run:
        """Go on with an interrupted or failed run, named by its id or the beginning of it.

        Raises:
            GlassbookError: there is no such run, it has finished, or it is still running.
        """
        return runs.resume(self.run(name).folder)

    def runs(self, experiment: str | None = None, config: Mapping[str, Any] | None = None) -> list[RunRecord]:
        """Runs, newest first: all, those of one experiment, or those with exactly these settings (equal as JSON)."""
        records = self._index.runs() if experiment is None else self._index.runs_of(experiment)
        return [record for record in records if config is None or same_data(record.config, config)]

    def run_table(
        self,
        experiment: str | None = None,
        status: str | None = None,
        text: str = "",
        order: str = "started",
        descending: bool = True,
        limit: int = 100,
        offset: int = 0,
    ) -> RunTable:
        """Some runs, quickly even among many.

        Args:
            experiment: only its runs.
            status: only runs of this status.
            text: only runs whose experiment, id, settings, results' names or notes hold all these words.
            order: "started", "experiment", "seed", "status", "config.<setting>" or "results.<metric>".
            descending: the largest or newest first; runs without the value come last either way.
            limit: at most so many.
            offset: how many to pass over.
        """
        return self._index.run_table(
            experiment=experiment,
            status=status,
            text=text,
            order=order,
            descending=descending,
            limit=limit,
            offset=offset,
        )

    def latest(self, ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
        """For each of some runs, by id, the last logged value of each metric: name -> (step, value)."""
        return self._index.latest(ids)

    def run(self, name: str) -> RunRecord:
        """The run with this id, or the only one whose id begins so.

        Raises:
            GlassbookError: there is none, or several begin so.
        """
        found = self._index.find_runs(name, 4) if name else []
        if len(found) == 1:
            return found[0]
        if found:
            few = ", ".join(record.id for record in found[:3])
            raise GlassbookError(f"several runs begin with {name!r}, such as {few}; give more of the id")
        near = [record.id for record in self.run_table(limit=200).rows]
        raise GlassbookError(f"no run has the id {name!r}{_hint(name, near)}")

    # --- claims -------------------------------------------------------------------------------------------------

    def verdicts(
        self,
        claims: Sequence[Claim],
        experiment: str | None = None,
        config: Mapping[str, Any] | None = None,
        seeds: int = 3,
    ) -> list[Verdict]:
        """What the runs say about each claim.

        Args:
            claims: the claims.
            experiment: whose runs decide; without it, the runs that were started with that very claim.
            config: the settings that decide (quick ones judge no claim); without it, all runs have to agree in them.
            seeds: how many distinct seeds have to have finished.
        """
        records = self.runs(experiment, config)
        return [
            judge(claim, [r for r in records if experiment is not None or claim in r.claims], seeds) for claim in claims
        ]

    def set_claims(self, experiment: str, claims: Sequence[Claim]) -> None:
        """Let search find an experiment's claims before it has run, and as they are now."""
        self._index.set_claims(experiment, claims)

    def set_experiments(self, experiments: Mapping[str, tuple[str, Sequence[str], str]]) -> None:
        """Let search find the installed experiments: name -> (what it asks, glossary terms, source)."""
        self._index.set_experiments(experiments)


def _hint(name: str, names: Sequence[str]) -> str:
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    near += [other for other in folded if name and name.casefold() in other and other not in near][: 3 - len(near)]
    if near:
        return "; did you mean " + " or ".join(repr(folded[other]) for other in near) + "?"
    return "; there are none yet" if not names else "; search for it, or list them all"


def _read_text(path: Path) -> str:
    try:
        # Bytes that are not UTF-8 come back as they were when the text is written.
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise GlassbookError(f"cannot read {path}: {error.strerror or error}") from error


def _read_title(folder: Path) -> str:
    try:
        settings = tomllib.loads((folder / SETTINGS).read_text("utf-8"))
    except FileNotFoundError as error:
        raise GlassbookError(f"{folder} is no notebook (it has no {SETTINGS}); create one there first") from error
    except (OSError, ValueError) as error:
        raise GlassbookError(f"{folder / SETTINGS} cannot be read: {error}; mend it") from error
    title = settings.get("title", folder.name)
    if not isinstance(title, str):
        raise GlassbookError(f'{folder / SETTINGS}: the title has to be text; write title = "..."')
    return title

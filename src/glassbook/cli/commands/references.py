"""`glassbook references`: BibTeX into the notebook, and out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from glassbook.cli.command import InNotebook, Option, Positional
from glassbook.cli.output import console, one_line, table
from glassbook.errors import GlassbookError
from glassbook.notebook.files import write_atomic
from glassbook.notebook.pages.references import References


@dataclass(frozen=True, kw_only=True)
class Cited(InNotebook):
    """List the works that the notebook's pages may cite; take in BibTeX, or write it."""

    path: Annotated[Positional[Path | None], Option("PATH.bib", "only list them")] = None
    """A BibTeX file to import."""
    export: Annotated[Path | None, Option("PATH.bib")] = None
    """Write all works there as BibTeX; a file that is there already is not overwritten."""

    def result(self) -> dict[str, Any]:
        works = References(self.open_notebook().folder)
        problems: list[str] = []
        told: list[str] = []
        taken = works.from_bibtex(read(self.path), problems, told) if self.path is not None else []
        added = list(dict.fromkeys(taken))  # two entries may be one work
        if problems and not added:
            raise GlassbookError(f"{self.path} holds no entry that can be read: {problems[0]}")
        if self.export is not None:
            if self.export.exists():
                raise GlassbookError(f"{self.export} is there already; name a new file")
            write_atomic(self.export, works.to_bibtex().encode("utf-8", "replace"))
        out = self.export and str(self.export)
        return {
            "file": str(works.path),
            "taken_in": added,
            "problems": problems,
            "told": told,
            "works": list(works),
            "export": out,
        }

    def show(self, result: dict[str, Any]) -> None:
        if self.path is not None:
            print(f"{len(result['taken_in'])} works taken in; there are {len(result['works'])} now")
            for problem in result["problems"]:
                print(f"not taken in: {problem}")
            for line in result["told"]:
                print(one_line(line, 400))
        if self.export is not None:
            print(f"{len(result['works'])} works written to {self.export}")
        if self.path is None and self.export is None:
            rows = [(one_line(work["id"], 40), one_line(str(work.get("title", "")), 200)) for work in result["works"]]
            console().print(table(("key", "title"), rows, wide="title")) if rows else print("no works yet")


def read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GlassbookError(f"{path} is not text in UTF-8; save it so") from error


ACTIONS = {"": Cited}

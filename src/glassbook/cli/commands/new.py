"""`glassbook new`: make a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from glassbook.assets import starter
from glassbook.cli.command import Command, Option, Positional
from glassbook.notebook import Notebook

FIRST = Path("pages") / "manual" / "first-steps.md"
"""The page to read first."""


@dataclass(frozen=True, kw_only=True)
class New(Command):
    """Make a notebook: a folder of plain files, with pages about the field and the manual to begin with."""

    path: Annotated[Positional[Path], Option("PATH")]
    """The folder; it is made."""
    title: Annotated[str | None, Option("TITLE", "the folder's name")] = None
    """What the notebook is called."""
    empty: bool = False
    """Leave the starter's pages out."""

    def result(self) -> dict[str, Any]:
        title = self.title or self.path.resolve().name
        notebook = Notebook.create(self.path, title=title)
        pages = 0 if self.empty else starter.write(notebook.folder)
        return {"notebook": str(notebook.folder), "title": title, "pages": pages}

    def show(self, result: dict[str, Any]) -> None:
        print(f"made the notebook {result['title']!r} in {result['notebook']}")
        if result["pages"]:
            print(f"it begins with {result['pages']} pages; read first: {self.path / FIRST}")
        print(f"next: cd {self.path} && glassbook serve --open")


ACTIONS = {"": New}

"""`glassbook new`: make a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional

from glassbook.cli.command import Json, option, perform
from glassbook.notebook import Notebook


@dataclass(frozen=True, kw_only=True)
class New(Json):
    """Make a notebook: a folder of plain files."""

    path: Annotated[Positional[Path], option("PATH")]
    """The folder; it is made."""
    title: Annotated[str | None, option("TITLE", "the folder's name")] = None
    """What the notebook is called."""

    def result(self) -> dict[str, Any]:
        """Make it."""
        title = self.title or self.path.resolve().name
        notebook = Notebook.create(self.path, title=title)
        return {"notebook": str(notebook.folder), "title": title}

    def show(self, result: dict[str, Any]) -> None:
        """Say where it is, and what to do with it."""
        print(f"made the notebook {result['title']!r} in {result['notebook']}")
        print(f"next: cd {self.path} && glassbook run --help")


def main(args: list[str]) -> int:
    """Run the command."""
    perform(New, args, "glassbook new")
    return 0

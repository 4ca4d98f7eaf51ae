"""`glassbook similar`: the notebook's sections nearest in meaning to a text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from glassbook.cli.command import InNotebook, Option, Positional, quiet_libraries, say
from glassbook.cli.output import console, one_line, table


@dataclass(frozen=True, kw_only=True)
class Similar(InNotebook):
    """Search the notebook's pages by meaning, with a local embedding model."""

    text: Annotated[Positional[str], Option("TEXT")]
    """What is looked for."""
    model: Annotated[Path | None, Option("FOLDER", 'the one that glassbook.toml names: embedding = "FOLDER"')] = None
    """A transformers folder with an embedding model."""
    limit: Annotated[int, Option("N", "10")] = 10
    """How many pages to show."""

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        quiet_libraries()
        from glassbook.semantic_search import SemanticIndex

        index = SemanticIndex(notebook, self.model)
        matches = index.search(
            self.text, self.limit, lambda done, total: say(f"{done} of {total} new sections embedded")
        )
        return {"found": [asdict(match) for match in matches]}

    def show(self, result: dict[str, Any]) -> None:
        rows = [(f"{n['score']:.3f}", n["title"], n["heading"], one_line(n["text"], 60)) for n in result["found"]]
        console().print(table(("score", "page", "section", "begins"), rows, numbers=("score",)))


ACTIONS = {"": Similar}

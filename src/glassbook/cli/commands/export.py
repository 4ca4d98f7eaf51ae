"""`glassbook export`: the notebook as files that need no program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from glassbook.cli.command import InNotebook, Option, Positional, say
from glassbook.errors import GlassbookError


@dataclass(frozen=True, kw_only=True)
class Export(InNotebook):
    """Write the notebook as a folder of web pages that opens from disk, or one page as one file.

    Charts become pictures. Of the files of runs only pictures are written; weights and logs stay in the notebook.
    """

    site: Annotated[Positional[Path], Option("SITE")]
    """The folder (with --page: the .html file) to write."""
    page: Annotated[str | None, Option("NAME", "the whole notebook")] = None
    """Id, title or alias of the one page to write, with its style, pictures and charts inside."""

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        from glassbook.web.export import export_page, export_site

        if self.page is not None:
            if self.site.is_dir():
                raise GlassbookError(f"{self.site} is a folder; name the .html file that the page is written to")
            if self.site.suffix.lower() not in (".html", ".htm"):  # a browser would show its source
                raise GlassbookError(f"{self.site} has to end in .html; name it {self.site.name}.html")
            done = export_page(notebook, self.page, self.site)
        else:
            done = export_site(notebook, self.site, lambda n: say(f"{n} files"))
        for address in done.left_out:
            say(f"left out, it cannot be shown: {address}")
        return {
            "path": str(done.path),
            "pages": done.pages,
            "files": done.files,
            "left_out": list(done.left_out),
        }

    def show(self, result: dict[str, Any]) -> None:
        place = Path(result["path"])
        print(f"wrote {result['pages']} pages and {result['files']} other files; open\n  ", end="")
        print(place if self.page is not None else place / "index.html")


ACTIONS = {"": Export}

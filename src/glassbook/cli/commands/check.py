"""`glassbook check`: what on the pages of a notebook no run grounds, what leads nowhere, and what is stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote

from rich.text import Text

from glassbook import experiments
from glassbook.cli.command import InNotebook
from glassbook.cli.output import console
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.experiments.verdicts import Standing, standing
from glassbook.notebook import Notebook, Page
from glassbook.notebook.files import visible
from glassbook.notebook.pages.links import InlineValue, LiveBlock, is_file
from glassbook.notebook.pages.prose import ungrounded
from glassbook.notebook.runs.freshness import Snapshot
from glassbook.web.render.links import Links, part_of
from glassbook.web.render.markdown import Local, Wikilink, render_markdown

KINDS = {
    "file": "files that cannot be read as they are",
    "number": "numbers in prose that no inline value grounds",
    "verdict": "verdicts in prose that no inline value grounds",
    "given": "phrases of `given` that are not on their page",
    "link": "links that lead nowhere",
    "value": "inline values that cannot be shown",
    "block": "live blocks that cannot be shown",
    "stale": "evidence that is stale",
}


@dataclass(frozen=True)
class Finding:
    """Something on a page, or an experiment whose evidence is stale."""

    kind: str
    """One of KINDS."""
    where: str
    """The page's file in the notebook, or the experiment; "" if the text names it."""
    line: int
    """Line of the file, from 1; 0 if it has none."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Check(InNotebook):
    """List unreadable files, what no run grounds, links that lead nowhere, and stale evidence. Exit code 1 if any.

    Sentences are found by a heuristic. One is listed if it gives a decimal, a percentage, a ratio (2 of 3) or a
    multiple next to the name of an experiment, a word for a result (accuracy, loss, variance ...) or a word for
    ourselves (we, here), or if it says how claims or seeds came out (three of these fail; we find; in our runs), what
    makes something more or less likely, or what need not work.

    Not listed: sentences with an inline value ({{run: EXPERIMENT RESULT}}, {{claim: EXPERIMENT/ID}}), with a citation
    (Gao et al. 2024; a link to the web or to a run), questions, code, and what the page's front matter lists as
    settings or published numbers: given: ["32 of 128"].
    """

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        findings = check(notebook)
        return {"pages": len(notebook.pages()), "findings": [asdict(finding) for finding in findings]}

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        found = result["findings"]
        for kind, title in KINDS.items():
            rows = [finding for finding in found if finding["kind"] == kind]
            if rows:
                out.print(Text(title, style="bold"))
            for row in rows:
                place = f"{row['where']}:{row['line']}" if row["line"] else row["where"]
                before = f"  {visible(place)}  " if place else "  "
                out.print(Text.assemble((before, "dim"), row["text"]), soft_wrap=True)
        counts = Counter(finding["kind"] for finding in found)
        parts = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
        out.print(f"{result['pages']} pages: {parts or 'nothing found'}")

    def exit_code(self, result: dict[str, Any]) -> int:
        return 1 if result["findings"] else 0


def check(notebook: Notebook) -> list[Finding]:
    """Everything that the command lists, pages by path, then experiments by name."""
    snapshot, standings = Snapshot(), dict[str, Standing]()

    def standing_of(name: str) -> Standing:
        if name not in standings:
            standings[name] = standing(name, evidence.records(notebook, name)).dated(snapshot)
        return standings[name]

    found = [Finding("file", "", 0, line) for line in notebook.index.problems()]
    for page in notebook.pages():
        found += _page(notebook, page, standing_of)
    for run in notebook.runs():
        standing_of(run.experiment)
    for name, entry in sorted(standings.items()):
        lines = dict.fromkeys(line for verdict in entry.verdicts for line in verdict.stale)
        found += [Finding("stale", name, 0, f"{entry.origin}: {line}") for line in lines]
        if not entry.records and any("reference" in verdict.reason for verdict in entry.verdicts):
            found.append(Finding("stale", name, 0, entry.verdicts[0].reason))
    return found


def _page(notebook: Notebook, page: Page, standing_of: Any) -> Iterator[Finding]:
    path = page.path.relative_to(notebook.folder).as_posix() if page.path else page.id
    source = page.source or page.body
    before = source[: len(source) - len(page.body)].count("\n")

    def at(text: str) -> int:
        """The first line that holds the text."""
        return 1 + next((n for n, line in enumerate(source.splitlines()) if text in line), -1)

    for sentence in ungrounded(page, experiments.names()):
        yield Finding(sentence.kind, path, before + sentence.line, sentence.text)
    links = Links(notebook, path)
    for piece in render_markdown(page.body).pieces:
        match piece:
            case Wikilink():
                section = f"#{piece.section}" if piece.section else ""
                problem = _dead(notebook, page, links, piece)
                if problem:
                    yield Finding("link", path, at(f"[[{piece.target}{section}"), problem)
            case Local():
                file = (notebook.folder / path).parent / unquote(piece.url.partition("#")[0].partition("?")[0])
                there = links.place(piece.url)
                beside = notebook.folder / "pages" / unquote(there.removeprefix("/beside/"))
                if not there.startswith("/p/") and not file.resolve().exists() and not beside.is_file():
                    yield Finding("link", path, at(piece.url), f"there is no file {piece.url}")
            case LiveBlock():
                problem = _block_problem(notebook, piece, standing_of)
                if problem:
                    yield Finding("block", path, before + piece.line, problem)
            case InlineValue():
                try:
                    evidence.show_value(piece, standing_of)
                except GlassbookError as error:
                    yield Finding("value", path, at(piece.text), f"{piece}: {error}")


def _dead(notebook: Notebook, page: Page, links: Links, link: Wikilink) -> str | None:
    """What is wrong with a wikilink; None if it leads somewhere."""
    if link.embed and is_file(link.target):
        file = notebook.folder / "pages" / unquote(links.file_url(link.target).removeprefix("/beside/"))
        return None if file.is_file() else f"there is no file {link.target!r}"
    if link.target and links.url(link.target) is None:
        return f"there is no page {link.target!r}"
    path = notebook.index.path_of(link.target, links.path) if link.target else links.path
    if link.section and path is not None:
        there = page if path == links.path else notebook.page_in(path)
        if not part_of(there.body, link.section):
            return f"{there.title!r} has no section {link.section!r}"
    return None


def _block_problem(notebook: Notebook, block: LiveBlock, standing_of: Any) -> str | None:
    """Why a live block can show nothing whatever is run; None if it can."""
    if block.problem:
        return block.problem
    try:
        if "run" in block.data:
            evidence.run(notebook, str(block.data["run"]))
        name = block.data.get("name" if block.kind == "experiment" else "experiment")
        if isinstance(name, str) and not standing_of(name).records:
            experiments.find(name)
    except GlassbookError as error:
        return str(error)
    return None


ACTIONS = {"": Check}

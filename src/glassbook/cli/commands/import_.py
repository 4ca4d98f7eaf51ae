"""`glassbook import`: notes from elsewhere become pages; first the plan, with every guess, then the pages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rich.markup import escape

from glassbook.cli.command import InNotebook, Option, Positional, parse, print_json
from glassbook.cli.output import console, words
from glassbook.notebook.importing import Plan, Report, plan
from glassbook.notebook.importing.plan import one_line, shortened

SHOWN = 60
"""Pages that are listed one by one; of more, only some are."""


@dataclass(frozen=True, kw_only=True)
class Import(InNotebook):
    """Make pages from notes: a folder of Markdown (Obsidian, Foam, Logseq), HTML, or plain text."""

    path: Annotated[Positional[Path], Option("PATH")]
    """A folder or archive (.zip, .tar.gz) of Markdown, a Markdown file, an HTML page, or plain text."""
    yes: bool = False
    """Make the pages without asking, guesses and all."""


def main(args: list[str]) -> int:
    options = parse(Import, args, "glassbook import")
    prepared = plan(options.path)  # before a notebook is looked for, which may make one
    notebook = options.open_notebook()
    if options.json:
        report = prepared.apply(notebook) if options.yes else None
        print_json({"notebook": str(notebook.folder), **plan_data(prepared), "report": report and report.to_data()})
        return 0
    if options.yes:
        show_report(prepared.apply(notebook))
        return 0
    show_plan(prepared)
    count = len(prepared.pages)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"\nnothing is written yet; to make these {count} pages, repeat the command with --yes")
    elif agreed(f"\nMake these {count} pages in {notebook.folder}? [y/N] "):
        show_report(prepared.apply(notebook))
    else:
        print("nothing is written")
    return 0


def agreed(question: str) -> bool:
    """Ask; only yes is yes."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def plan_data(prepared: Plan) -> dict[str, Any]:
    pages = [
        {
            "path": page.path,
            "title": page.title,
            "kind": page.kind,
            "level": page.front.get("level"),
            "lines": list(page.lines),
            "guesses": list(page.guesses),
        }
        for page in prepared.pages
    ]
    return {
        "source": prepared.source,
        "kinds": prepared.kinds(),
        "pages": pages,
        "attachments": [attachment.path for attachment in prepared.attachments],
        "left_out": [vars(item) for item in prepared.left_out],
    }


def show_plan(prepared: Plan) -> None:
    out = console()
    kinds = prepared.kinds()
    counts = words([f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items())])
    files = len(prepared.attachments)
    beside = f"; other files that come along as they are: {files}" if files else ""
    out.print(f"{escape(one_line(prepared.name))} becomes {counts}{beside}\n", highlight=False)
    shown = [page for page in prepared.pages if page.guesses] if len(prepared.pages) > SHOWN else list(prepared.pages)
    for page in shown[:SHOWN]:
        level = f", level {page.front['level']}" if "level" in page.front else ""
        out.print(f"{page.kind:<8} {escape(one_line(page.title))}[dim]{level}[/dim]")
        for guess in page.guesses:
            out.print(f"         [yellow]guess:[/yellow] [dim]{escape(one_line(guess))}[/dim]")
    if len(prepared.pages) > len(shown[:SHOWN]):
        out.print(f"... and {len(prepared.pages) - len(shown[:SHOWN])} pages more; --json lists them all")
    if prepared.left_out:
        out.print(f"\n{len(prepared.left_out)} things become no page; the report keeps them:")
    for item in prepared.left_out[:10]:
        what = f" {shortened(item.text, 8)!r}" if item.text else ""
        out.print(f"  [dim]{escape(one_line(f'{item.source}:{item.line}{what}: {item.why}'))}[/dim]")


def show_report(report: Report) -> None:
    parts = [
        (report.made, "made"),
        (report.updated, "brought up to date"),
        (report.same, "there already"),
        (report.kept, "changed here since and kept so"),
    ]
    print(", ".join(f"{len(paths)} {what}" for paths, what in parts if paths))
    for path in report.kept:
        print(f"  kept: {one_line(path)}")
    for planned, path in report.renamed.items():
        print(f"  {one_line(planned)} is another page's; see {one_line(path)}")
    for note in report.notes:
        print(f"  {one_line(note)}")
    print(f"report: {report.file}")

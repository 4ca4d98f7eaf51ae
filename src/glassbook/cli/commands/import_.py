"""`glassbook import`: notes from elsewhere become pages; first the plan, with every guess, then the pages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.markup import escape

from glassbook.cli.command import InNotebook, Option, Positional, parse, print_json
from glassbook.cli.output import console, table, words
from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.importing import Arrangement, Choice, Plan, Report, plan
from glassbook.notebook.importing.arranging import Action, Arranged
from glassbook.notebook.importing.plan import one_line, shortened
from glassbook.notebook.pages.links import name_key
from glassbook.notebook.pages.page import KINDS

SHOWN = 60
"""Pages (and links) that are listed one by one; of more, only some are."""
BESIDE = 60
"""Words of each text that are shown side by side."""


@dataclass(frozen=True, kw_only=True)
class Import(InNotebook):
    """Make pages from notes: a folder of Markdown (Obsidian, Foam, Logseq), HTML, or plain text."""

    path: Annotated[Positional[Path], Option("PATH")]
    """A folder or archive (.zip, .tar.gz) of Markdown, a Markdown file, an HTML page, or plain text."""
    kind: Literal["term", "paper", "talk", "session", "project", "note"] | None = None
    """What the notes of a vault are about, where they do not say it themselves: "term" puts them in the Glossary."""
    same: Action = "join"
    """What becomes of words about something that the notebook has a page about: they join that page, become a page of
    their own, or are left out."""
    own: Annotated[tuple[str, ...], Option("TITLE ...")] = ()
    """These become pages of their own, whatever the notebook has."""
    leave: Annotated[tuple[str, ...], Option("TITLE ...")] = ()
    """These are left out."""
    links: bool = True
    """Whether the links that are suggested are put into the imported words."""
    yes: bool = False
    """Make the pages without asking, guesses and all."""


def main(args: list[str]) -> int:
    options = parse(Import, args, "glassbook import")
    prepared = plan(options.path)  # before a notebook is looked for, which may make one
    notebook = options.open_notebook()
    fitted = _fitted(options, prepared, notebook, options.kind or "")
    if options.json:
        report = fitted.apply(links=options.links) if options.yes else None
        print_json({"notebook": str(notebook.folder), **fitted.to_data(), "report": report and report.to_data()})
        return 0
    if options.yes:
        show_report(fitted.apply(links=options.links))
        say_unsaid(fitted)
        return 0
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if at_terminal and fitted.unsaid > 1:
        fitted = _fitted(options, prepared, notebook, asked_kind(fitted.unsaid))
    show_plan(fitted, options.links)
    if not at_terminal:
        say_unsaid(fitted)
        print(f"\nnothing is written yet; to do so with these {len(fitted.pages)} pages, repeat it with --yes")
    elif agreed(f"\nDo so with these {len(fitted.pages)} pages in {notebook.folder}? [y/N] "):
        show_report(fitted.apply(links=options.links))
    else:
        print("nothing is written")
    return 0


def _fitted(options: Import, prepared: Plan, notebook: Notebook, kind: str) -> Arrangement:
    """The arrangement that the options ask for."""
    fitted = prepared.arrange(notebook, kind, options.same)
    choices: dict[str, Choice] = {}
    for titles, choice in ((options.own, Choice("own")), (options.leave, Choice("leave"))):
        for title in titles:
            found = [item.page.path for item in fitted.pages if name_key(title) in _names(item)]
            if not found:
                raise GlassbookError(f"{title!r} is none of the imported pages; take a title from the plan")
            choices |= dict.fromkeys(found, choice)
    return prepared.arrange(notebook, kind, options.same, choices) if choices else fitted


def _names(item: Arranged) -> set[str]:
    return {name_key(item.page.title), name_key(item.page.path)}


def asked_kind(count: int) -> str:
    """Ask for the kind of pages that say none; an empty answer makes them notes."""
    kinds = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"
    try:
        said = input(f"{count} pages do not say what they are; {kinds}? [note] ").strip().lower()
    except EOFError:
        said = ""
    return said or "note"


def agreed(question: str) -> bool:
    """Ask; only yes is yes."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def say_unsaid(fitted: Arrangement) -> None:
    """How to name the kind of pages that say none, if there are several."""
    if fitted.unsaid > 1:
        print(f"{fitted.unsaid} pages do not say what they are and become notes; --kind term makes them terms")


def show_plan(fitted: Arrangement, links: bool) -> None:
    out = console()
    kinds = fitted.plan.kinds()
    counts = words([f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items())])
    files = len(fitted.attachments)
    beside = f"; other files that come along as they are: {files}" if files else ""
    joined = [item for item in fitted.pages if item.joined]
    joins = f"; {len(joined)} of them join pages that are there" if joined else ""
    out.print(f"{escape(one_line(fitted.plan.name))} becomes {counts}{joins}{beside}\n", highlight=False)
    all_pages = list(fitted.pages)
    shown = [item for item in all_pages if item.page.guesses or item.joined] if len(all_pages) > SHOWN else all_pages
    for item in shown[:SHOWN]:
        page = item.page
        level = f", level {page.front['level']}" if "level" in page.front and item.choice.action == "own" else ""
        left = ", left out" if item.choice.action == "leave" else ""
        out.print(f"{page.kind:<8} {escape(one_line(page.title))}[dim]{level}{left}[/dim]")
        if item.joined:
            told = escape(one_line(f"{item.joined.title}: {item.joined.why}"))
            out.print(f"         [green]joins[/green] {told}")
        for guess in page.guesses:
            out.print(f"         [yellow]guess:[/yellow] [dim]{escape(one_line(guess))}[/dim]")
    if len(all_pages) > len(shown[:SHOWN]):
        out.print(f"... and {len(all_pages) - len(shown[:SHOWN])} pages more; --json lists them all")
    if joined:
        show_joined(fitted, joined[:SHOWN])
    if links:
        show_links(fitted)
    if fitted.left_out:
        out.print(f"\n{len(fitted.left_out)} things become no page; the report keeps them:")
    for left_out in fitted.left_out[:10]:
        what = f" {shortened(left_out.text, 8)!r}" if left_out.text else ""
        out.print(f"  [dim]{escape(one_line(f'{left_out.source}:{left_out.line}{what}: {left_out.why}'))}[/dim]")


def show_joined(fitted: Arrangement, joined: list[Arranged]) -> None:
    """The pages that are joined, side by side with the words that they get at their end."""
    out = console()
    out.print("\nWords that are added to pages (--own TITLE keeps them apart, --leave TITLE leaves them out):")
    rows = []
    for item in joined:
        there = fitted.notebook.page_in(item.choice.target)
        rows.append((f"{there.title}\n{_beginning(there.body)}", f"{item.page.title}\n{_beginning(item.page.body)}"))
    sides = table(("the page there", "your words"), rows)
    for column in sides.columns:
        column.ratio = 1
    sides.padding = (0, 2, 1, 0)
    out.print(sides)


def _beginning(body: str) -> str:
    """The first words of a text, without headings."""
    lines = [line.strip() for line in body.split("\n") if line.strip() and not line.startswith("#")]
    said = one_line(" ".join(lines)).split()
    return " ".join(said[:BESIDE]) + (" ..." if len(said) > BESIDE else "")


def show_links(fitted: Arrangement) -> None:
    """The links that would be put into the imported words."""
    found = [(item, link) for item in fitted.pages for link in item.links]
    if not found:
        return
    out = console()
    out.print(f"\n{len(found)} links that are put into the imported words (--no-links leaves them out):")
    for item, link in found[:SHOWN]:
        told = escape(one_line(f"{shortened(item.page.title, 6)}: {link.words!r} to {link.name}"))
        out.print(f"  [dim]{told}[/dim]")
    if len(found) > SHOWN:
        out.print(f"  ... and {len(found) - SHOWN} more; --json lists them all")


def show_report(report: Report) -> None:
    parts = [
        (report.made, "made"),
        (report.joined, "added to pages that were there"),
        (report.updated, "brought up to date"),
        (report.same, "there already"),
        (report.kept, "changed here since and kept so"),
    ]
    print(", ".join(f"{len(paths)} {what}" for paths, what in parts if paths))
    for path in report.kept:
        print(f"  kept: {one_line(path)}")
    for planned, path in report.renamed.items():
        print(f"  {one_line(planned)} is another page's; see {one_line(path)}")
    if report.links:
        print(f"  {report.links} links are in the imported words")
    for note in report.notes:
        print(f"  {one_line(note)}")
    print(f"report: {report.file}")

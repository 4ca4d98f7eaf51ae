"""`glassbook runs`: the runs of a notebook, newest first; `glassbook runs show`: one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text

from glassbook import experiments
from glassbook.cli.command import InNotebook, Option, Positional
from glassbook.cli.output import console, state, table
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.formatting import ago, flop, number
from glassbook.notebook.runs.annotations import NoteConflict
from glassbook.notebook.runs.compute import TRAINING
from glassbook.notebook.serialization import flat
from glassbook.web.api.serializers import row_to_json, run_details_to_json, runs_to_json


@dataclass(frozen=True, kw_only=True)
class Runs(InNotebook):
    """List the runs of a notebook, newest first.

    `glassbook runs show ID` shows one, `glassbook runs annotate ID` gives it a note and tags, or archives it.
    """

    experiment: Annotated[str | None, Option("NAME", "all")] = None
    """Only runs of this experiment."""
    tag: Annotated[str | None, Option("TAG", "all")] = None
    """Only runs with this tag."""
    archived: bool = False
    """The archived runs, which are left out otherwise."""
    limit: int = 100
    """How many at most."""

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        table = notebook.index.run_table(
            experiment=self.experiment, tag=self.tag, archived=self.archived, limit=max(self.limit, 1)
        )
        return runs_to_json(notebook, table)

    def show(self, result: dict[str, Any]) -> None:
        if not result["runs"]:
            of = f" of {self.experiment}" if self.experiment else ""
            with_tag = f" with the tag {self.tag!r}" if self.tag is not None else ""
            what = f"no {'archived ' if self.archived else ''}runs{of}{with_tag} in {self.open_notebook().folder}"
            print(what if with_tag or self.archived else f"{what} yet; try: glassbook run --help")
            return
        out, grid = console(), Table.grid(padding=(0, 2, 0, 0))
        metrics = {name: [c.metric for c in kind.claims] for name, kind in experiments.working()[0].items()}
        for run, id in zip(result["runs"], short_ids([run["id"] for run in result["runs"]]), strict=True):
            marks = {"quick": "quick", "sabotage": f"sabotage: {run['sabotage']}", "other": "other settings"}
            mark = marks.get(run["settings"], "")
            line = f"{run['experiment']:<22}seed {run['seed']:<4}"
            when = f"{ago(datetime.fromisoformat(run['started'])):>15}"
            numbers = key_results(metrics.get(run["experiment"], []), run["results"])
            kinds = run["flop_by_kind"]
            cost = ", ".join(f"{'' if kind == TRAINING else f'{kind} '}{flop(n)}" for kind, n in kinds.items())
            said = [mark, numbers, cost, " ".join(f"#{tag}" for tag in run["tags"]), *run["note"].splitlines()[:1]]
            under = ("\n" + "; ".join(filter(None, said)), "dim") if any(said) else ""
            grid.add_row(Text(id), Text.assemble(line, state(f"{run['status']:<12}"), when, under))
        out.print(grid)
        if result["total"] > len(result["runs"]):
            print(f"\n{len(result['runs'])} of {result['total']} runs; --limit lists more")


@dataclass(frozen=True, kw_only=True)
class ShowRun(InNotebook):
    """Show one run: its settings, its results, and what has changed since."""

    id: Annotated[Positional[str], Option("ID")]
    """The run's id, or the beginning of it."""

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        run = evidence.run(notebook, self.id)
        return run_details_to_json(notebook, run, run.metric_names())

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        out.print(Text.assemble(f"{result['experiment']}, seed {result['seed']}  ", state(result["status"])))
        if result["sabotage"]:
            out.print(Text(f"sabotage: {result['sabotage']}; no evidence"))
        for line in [*filter(None, [result["error"]]), *(f"stale: {line}" for line in result["stale"])]:
            out.print(Text(line, style="yellow"))
        if result["tags"] or result["archived"]:
            archived = ["archived"] if result["archived"] else []
            out.print(Text(", ".join([*archived, *(f"#{tag}" for tag in result["tags"])])))
        if result["note"]:
            out.print(Text(result["note"]))
        if result["compute"]:
            rows = [
                (f"{part['kind']} {part['label']}", flop(part["flop"]), f"{part['seconds']:.1f} s", part["how"])
                for part in result["compute"]
            ]
            out.print()
            out.print(table(("compute", "", "", ""), rows, wide=""))
            out.print(Text(f"with all that it built on: {in_words(result['lineage'])}", style="dim"))
        for title in ("config", "results"):
            rows = [(name, number(value)) for name, value in flat(result[title]).items()]
            if rows:
                out.print()
                out.print(table(("setting" if title == "config" else "result", ""), rows, wide=""))


@dataclass(frozen=True, kw_only=True)
class AnnotateRun(InNotebook):
    """Write a note on a run, give it tags, or archive it: it is then left out of lists, and still counts for claims."""

    id: Annotated[Positional[str], Option("ID")]
    """The run's id, or the beginning of it."""
    note: Annotated[str | None, Option("TEXT")] = None
    """Its note."""
    replace: bool = False
    """Let --note take the place of another note."""
    remove_note: bool = False
    """Take its note away."""
    tag: Annotated[list[str], Option("TAG ...")] = field(default_factory=list)
    """Tags to add."""
    untag: Annotated[list[str], Option("TAG ...")] = field(default_factory=list)
    """Tags to take away."""
    archive: bool = False
    """Leave it out of lists."""
    restore: bool = False
    """Show it in lists again."""

    def result(self) -> dict[str, Any]:
        if self.archive and self.restore:
            raise GlassbookError("--archive and --restore are opposites; give one of them")
        if self.note is not None and self.remove_note:
            raise GlassbookError("--note and --remove-note are opposites; give one of them")
        archived = True if self.archive else False if self.restore else None
        notebook = self.open_notebook()
        run = evidence.run(notebook, self.id)
        note = "" if self.remove_note else self.note
        instead_of = "" if self.note is not None and not self.replace else None
        try:
            changed = notebook.annotate(
                run, note=note, instead_of=instead_of, tag=self.tag, untag=self.untag, archived=archived
            )
        except NoteConflict as conflict:
            begins = conflict.theirs.splitlines()[0]
            raise GlassbookError(
                f"{run.id} has another note already ({begins!r:.60}); nothing was changed; --replace takes its place"
            ) from conflict
        return row_to_json(changed)

    def show(self, result: dict[str, Any]) -> None:
        said = [*(["archived"] if result["archived"] else []), *(f"#{tag}" for tag in result["tags"])]
        console().print(Text(": ".join([result["id"], ", ".join(said) or "no tags"])))
        if result["note"]:
            console().print(Text(result["note"]))


def in_words(lineage: dict[str, Any]) -> str:
    """A run's training compute with that of all it built on, and what is missing in it."""
    missing = ", ".join(lineage["unknown"])
    return flop(lineage["flop"]) + (f" and what {missing} took, which nobody says" if missing else "")


def short_ids(ids: Sequence[str], least: int = 15) -> list[str]:
    """The beginnings of ids that still tell them apart; every command takes them."""
    for length in range(least, max(map(len, ids)) + 1):
        short = [id[:length].rstrip("-") for id in ids]
        if len(set(short)) == len(set(ids)):
            return short
    return list(ids)


def key_results(metrics: Sequence[str], results: dict[str, float], most: int = 3) -> str:
    """The results that claims read, else the first ones."""
    shown = [name for name in dict.fromkeys([*metrics, *results]) if name in results][:most]
    return ", ".join(f"{name} {number(results[name])}" for name in shown)


ACTIONS = {"": Runs, "show": ShowRun, "annotate": AnnotateRun}

"""`glassbook runs`: the runs of a notebook, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text

from glassbook.cli.command import InNotebook, option, perform
from glassbook.cli.output import age, console, number, state
from glassbook.notebook import Claim


@dataclass(frozen=True, kw_only=True)
class Runs(InNotebook):
    """List the runs of a notebook, newest first."""

    experiment: Annotated[str | None, option("NAME", "all")] = None
    """Only runs of this experiment."""

    def result(self) -> dict[str, Any]:
        """The runs as plain data."""
        notebook = self.open_notebook()
        runs = [
            {
                "id": r.id,
                "experiment": r.experiment,
                "seed": r.seed,
                "status": r.status,
                "started": r.started.isoformat(),
                "results": dict(r.results),
                "key_results": key_results(r.claims, r.results),
                "config": dict(r.config),
            }
            for r in notebook.runs(self.experiment)
        ]
        return {"notebook": str(notebook.folder), "runs": runs}

    def show(self, result: dict[str, Any]) -> None:
        """One below the other, each with its key results."""
        if not result["runs"]:
            of = f" of {self.experiment}" if self.experiment else ""
            print(f"no runs{of} in {result['notebook']} yet; try: glassbook run --help")
            return
        out, grid = console(), Table.grid(padding=(0, 2, 0, 0))
        for run, id in zip(result["runs"], short_ids([run["id"] for run in result["runs"]]), strict=True):
            line = f"{run['experiment']:<22}seed {run['seed']:<4}"
            when = f"{age(datetime.fromisoformat(run['started'])):>7} ago"
            told = (f"\n{run['key_results']}", "dim") if run["key_results"] else ""
            grid.add_row(Text(id), Text.assemble(line, state(f"{run['status']:<12}"), when, told))
        out.print(grid)


def short_ids(ids: Sequence[str], least: int = 15) -> list[str]:
    """The beginnings of ids that still tell them apart; every command takes them."""
    for length in range(least, max(map(len, ids)) + 1):
        short = [id[:length].rstrip("-") for id in ids]
        if len(set(short)) == len(set(ids)):
            return short
    return list(ids)


def key_results(claims: Sequence[Claim], results: dict[str, float], most: int = 3) -> str:
    """The numbers that the run's claims read, else the first ones."""
    read = [claim.metric for claim in claims]
    shown = [name for name in dict.fromkeys([*read, *results]) if name in results][:most]
    return ", ".join(f"{name} {number(results[name])}" for name in shown)


def main(args: list[str]) -> int:
    """Run the command."""
    perform(Runs, args, "glassbook runs")
    return 0

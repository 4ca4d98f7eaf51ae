"""`glassbook runs`: the runs of a notebook, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from glassbook.cli.command import InNotebook, option, perform
from glassbook.cli.output import age, console, number, state, table
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
        """A table of them."""
        if not result["runs"]:
            print(f"no runs in {result['notebook']} yet; try: glassbook run --help")
            return
        rows = [
            (
                run["id"],
                run["experiment"],
                run["seed"],
                state(run["status"]),
                age(datetime.fromisoformat(run["started"])),
                run["key_results"],
            )
            for run in result["runs"]
        ]
        console().print(
            table(
                ("run", "experiment", "seed", "status", "age", "key results"),
                rows,
                numbers=("seed", "age"),
                wide="key results",
            )
        )


def key_results(claims: Sequence[Claim], results: dict[str, float], most: int = 3) -> str:
    """The numbers that the run's claims read, else the first ones."""
    read = [claim.metric for claim in claims]
    shown = [name for name in dict.fromkeys([*read, *results]) if name in results][:most]
    return ", ".join(f"{name} {number(results[name])}" for name in shown)


def main(args: list[str]) -> int:
    """Run the command."""
    perform(Runs, args, "glassbook runs")
    return 0

"""`glassbook claims`: every claim with its verdict; `glassbook claims check`: run missing seeds, then judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text

from glassbook.cli.app import Interrupted
from glassbook.cli.command import InNotebook, Option, Positional, say
from glassbook.cli.commands.run import resume, start
from glassbook.cli.output import console, state
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.verdicts import STATES, board, claims_to_json, judging, standing
from glassbook.formatting import number
from glassbook.notebook import Notebook


@dataclass(frozen=True, kw_only=True)
class Claims(InNotebook):
    """List every claim of every experiment with its verdict. `glassbook claims check` runs missing seeds."""

    experiment: Annotated[str | None, Option("NAME", "all")] = None
    """Only claims of this experiment."""

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        if self.experiment is not None:
            name = base.find(self.experiment).name
            entries = [standing(name, notebook.runs(name))]
        else:
            for problem in base.working()[1].values():
                say(f"note: {problem}")
            entries = [entry for entry in board(notebook.runs()) if entry.verdicts]
        return claims_to_json(entry.dated() for entry in entries)

    def show(self, result: dict[str, Any]) -> None:
        show_claims(result["experiments"])


@dataclass(frozen=True, kw_only=True)
class Check(InNotebook):
    """Run missing seeds, resume interrupted ones, then judge. Exit code 1 if a claim does not hold."""

    names: Annotated[Positional[tuple[str, ...]], Option("NAME ...", "all experiments")] = ()
    """Experiments whose claims to check."""
    seeds: Annotated[tuple[int, ...], Option("N ...", "0 1 2")] = (0, 1, 2)
    """Seeds that must each have a finished run at the default settings."""

    def result(self) -> dict[str, Any]:
        if not self.seeds:
            raise GlassbookError("--seeds needs at least one number, such as --seeds 0 1 2")
        names = [base.find(name).name for name in self.names] or base.names()
        notebook = self.open_notebook()
        todo = [(name, seed) for name in names for seed in standing(name, notebook.runs(name), self.seeds).missing]
        failed = []
        for name, seed in todo:
            try:
                complete(name, seed, notebook)
            except Interrupted:
                words = " ".join(["glassbook claims check", *self.names, "--seeds", *map(str, self.seeds)])
                raise Interrupted(f"interrupted; continue with: {words} --notebook {notebook.folder}") from None
            except GlassbookError as error:
                say(f"{name}, seed {seed}, did not finish: {error}")
                failed.append({"experiment": name, "seed": seed, "error": str(error)})
        entries = [standing(name, notebook.runs(name), self.seeds).dated() for name in names]
        return {**claims_to_json(entries), "failed_runs": failed}

    def show(self, result: dict[str, Any]) -> None:
        show_claims(result["experiments"])

    def exit_code(self, result: dict[str, Any]) -> int:
        states = [verdict["state"] for entry in result["experiments"] for verdict in entry["verdicts"]]
        return 0 if all(state == "holds" for state in states) else 1


def complete(name: str, seed: int, notebook: Notebook) -> None:
    """Have one seed of an experiment finished: resume its interrupted run if there is one, else start one."""
    kind = base.find(name)
    mine = [record for record in judging(name, notebook.runs(name)) if record.seed == seed]
    if any(record.status == "running" for record in mine):
        raise GlassbookError(f"a run of {name} with seed {seed} is still running; wait for it, then check again")
    left = next((record for record in mine if record.status == "interrupted"), None)
    if left is None:
        start(kind(), notebook, seed=seed)
    else:
        resume(kind, left, notebook)


def show_claims(entries: Sequence[dict[str, Any]]) -> None:
    """Claims by experiment: the verdict, the sentence, and under it the numbers of each seed."""
    out = console()
    for entry in entries:
        verdicts = entry["verdicts"]
        reasons = {v["reason"] for v in verdicts if v["state"] == "not-run"}
        shared = reasons.pop() if len(reasons) == 1 else None
        stale = f"  stale: {'; '.join(verdicts[0]['stale'])}" if verdicts and verdicts[0]["stale"] else ""
        out.print(Text.assemble((entry["name"], "bold"), f"  {shared}" if shared else "", (stale, "yellow")))
        out.print(Text(entry["source"], style="dim"))
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(max_width=13)
        for v in verdicts:
            numbers = (_numbers(v, shared), "dim")
            rows.add_row(state(v["state"], v["label"]), Text.assemble(v["claim"]["sentence"], "\n", numbers))
        out.print(rows)
        out.print()
    count = Counter(v["state"] for entry in entries for v in entry["verdicts"])
    parts = [f"{count[name]} {name.replace('-', ' ')}" for name in STATES if count[name]]
    out.print(", ".join(parts) or "no claims")


def _numbers(verdict: dict[str, Any], known_reason: str | None) -> str:
    """The condition and what each seed measured; the reason while nothing is decided, unless it was given."""
    claim = verdict["claim"]
    parts = [f"{claim['metric']} {claim['comparison']} {claim['bound']:g}"]
    if verdict["values"]:
        parts.append("measured " + ", ".join(number(value) for value in verdict["values"].values()))
    if claim["control"]:
        measured = ", ".join(number(value) for value in verdict["controls"].values())
        parts.append(f"control {claim['control']}" + (f" (measured {measured})" if measured else ""))
    if verdict["state"] in ("not-run", "not-shown") and verdict["reason"] != known_reason:
        parts.append(verdict["reason"])
    return "; ".join(parts)


ACTIONS = {"": Claims, "check": Check}

"""`glassbook claims`: every claim with its verdict; `glassbook claims check`: run what is missing, then judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text
from tyro.conf import Positional

from glassbook.cli.app import Interrupted
from glassbook.cli.command import InNotebook, option, perform, say
from glassbook.cli.commands.run import from_config, start
from glassbook.cli.output import console, number, state
from glassbook.cli.verdicts import default_runs, judged
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.notebook import Notebook


@dataclass(frozen=True, kw_only=True)
class Claims(InNotebook):
    """List every claim of every experiment with its verdict. `glassbook claims check` runs what is missing."""

    experiment: Annotated[str | None, option("NAME", "all")] = None
    """Only claims of this experiment."""

    def result(self) -> dict[str, Any]:
        """The claims as plain data."""
        kinds, broken = (
            base.working() if self.experiment is None else ({self.experiment: base.find(self.experiment)}, {})
        )
        for problem in broken.values():
            say(f"note: {problem}")
        notebook = self.open_notebook()
        return {"notebook": str(notebook.folder), "claims": judged(list(kinds), notebook)}

    def show(self, result: dict[str, Any]) -> None:
        """The claims, those of one experiment together."""
        show_claims(result["claims"])


@dataclass(frozen=True, kw_only=True)
class Check(InNotebook):
    """Run what is missing, go on with what was interrupted, then judge. Exit code 1 if a claim does not hold."""

    names: Annotated[Positional[tuple[str, ...]], option("NAME ...", "all experiments")] = ()
    """Experiments whose claims to check."""
    seeds: Annotated[tuple[int, ...], option("N ...", "0 1 2")] = (0, 1, 2)
    """Seeds that must each have a finished run at the default settings."""

    def result(self) -> dict[str, Any]:
        """Run, judge."""
        if not self.seeds:
            raise GlassbookError("--seeds needs at least one number, such as --seeds 0 1 2")
        names = [base.find(name).name for name in self.names] or base.names()
        notebook = self.open_notebook()
        todo = [
            (name, seed) for name in names for seed in dict.fromkeys(self.seeds) if not _finished(name, seed, notebook)
        ]
        failed = []
        for name, seed in todo:
            try:
                complete(name, seed, notebook)
            except Interrupted:
                words = " ".join(["glassbook claims check", *self.names, "--seeds", *map(str, self.seeds)])
                raise Interrupted(f"interrupted; go on with: {words} --notebook {notebook.folder}") from None
            except GlassbookError as error:
                say(f"{name}, seed {seed}, did not finish: {error}")
                failed.append({"experiment": name, "seed": seed, "error": str(error)})
        return {"notebook": str(notebook.folder), "claims": judged(names, notebook, self.seeds), "failed_runs": failed}

    def show(self, result: dict[str, Any]) -> None:
        """The verdicts."""
        show_claims(result["claims"])


def _finished(name: str, seed: int, notebook: Notebook) -> bool:
    return any(r.seed == seed and r.status == "finished" for r in default_runs(base.find(name), notebook))


def complete(name: str, seed: int, notebook: Notebook) -> None:
    """Have one seed of an experiment finished: go on with its interrupted run if there is one, else start one."""
    kind = base.find(name)
    mine = [record for record in default_runs(kind, notebook) if record.seed == seed]
    if any(record.status == "running" for record in mine):
        raise GlassbookError(f"a run of {name} with seed {seed} is still going on; wait for it, then check again")
    left = next((record for record in mine if record.status == "interrupted"), None)
    if left is None:
        start(kind(), notebook, seed=seed)
    else:
        start(from_config(kind, left.config), notebook, resume=left.id)


def show_claims(claims: Sequence[dict[str, Any]]) -> None:
    """Claims by experiment: the verdict, the sentence, and under it the numbers of each seed."""
    out = console()
    for name, group in groupby(claims, key=lambda claim: claim["experiment"]):
        listed = list(group)
        reasons = {claim["reason"] for claim in listed if claim["state"] == "untested"}
        shared = reasons.pop() if len(reasons) == 1 else None
        out.print(Text.assemble((name, "bold"), f"  {shared}" if shared else ""))
        out.print(Text(listed[0]["source"], style="dim"))
        rows = Table.grid(padding=(0, 2, 0, 0))
        for claim in listed:
            rows.add_row(
                state(claim["state"]), Text.assemble(claim["sentence"], "\n", (_numbers(claim, shared), "dim"))
            )
        out.print(rows)
        out.print()
    count = Counter(claim["state"] for claim in claims)
    out.print(
        ", ".join(f"{count[word]} {word}" for word in ("holds", "fails", "untested") if count[word]) or "no claims"
    )


def _numbers(claim: dict[str, Any], known_reason: str | None) -> str:
    """The condition and what each seed measured; the reason while nothing is decided, unless it was given."""
    parts = [claim["condition"]]
    if claim["values"]:
        parts.append("measured " + ", ".join(number(value) for value in claim["values"].values()))
    if claim["control"]:
        measured = ", ".join(number(value) for value in claim["controls"].values())
        parts.append(f"control {claim['control']}" + (f" (measured {measured})" if measured else ""))
    if claim["state"] == "untested" and claim["reason"] != known_reason:
        parts.append(claim["reason"])
    return "; ".join(parts)


def main(args: list[str]) -> int:
    """Run the command; 1 if a claim that was checked does not hold."""
    if args[:1] != ["check"]:
        perform(Claims, args, "glassbook claims")
        return 0
    result = perform(Check, args[1:], "glassbook claims check")
    return 0 if all(claim["state"] == "holds" for claim in result["claims"]) else 1

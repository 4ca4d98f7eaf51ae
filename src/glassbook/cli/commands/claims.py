"""`glassbook claims`: every claim with its verdict.

`glassbook claims check` runs seeds that are missing or stale, then judges; `glassbook claims sabotage` runs the broken
variants of experiments and says which claims they broke.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text

from glassbook.cli.app import Interrupted
from glassbook.cli.command import InNotebook, Option, Positional, say
from glassbook.cli.commands.run import resume, start
from glassbook.cli.output import console, state
from glassbook.errors import GlassbookError
from glassbook.experiments import base, evidence
from glassbook.experiments.estimate import expected_of_all
from glassbook.experiments.verdicts import (
    STATES,
    board,
    broken,
    claims_to_json,
    judging,
    sabotage_runs,
    standing,
)
from glassbook.formatting import number
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.runs.freshness import stale


@dataclass(frozen=True, kw_only=True)
class Claims(InNotebook):
    """List every claim of every experiment with its verdict.

    `glassbook claims check` runs seeds that are missing or stale, `glassbook claims sabotage` broken variants.
    """

    experiment: Annotated[str | None, Option("NAME", "all")] = None
    """Only claims of this experiment."""

    def result(self) -> dict[str, Any]:
        notebook = self.open_notebook()
        if self.experiment is not None:
            name = base.find(self.experiment).name
            entries = [standing(name, evidence.records(notebook, name))]
        else:
            for problem in base.working()[1].values():
                say(f"note: {problem}")
            entries = [entry for entry in board(evidence.records(notebook)) if entry.verdicts]
        return claims_to_json(entry.dated() for entry in entries)

    def show(self, result: dict[str, Any]) -> None:
        show_claims(result["experiments"])


@dataclass(frozen=True, kw_only=True)
class Check(InNotebook):
    """Run seeds that are missing or stale, resume interrupted ones, then judge. Exit code 1 if a claim does not hold.

    A noise floor is the smallest difference that the seeds can tell from none: half of the two-sided 95 % t interval.
    """

    names: Annotated[Positional[tuple[str, ...]], Option("NAME ...", "all experiments")] = ()
    """Experiments whose claims to check."""
    seeds: Annotated[tuple[int, ...], Option("N ...", "0 1 2")] = (0, 1, 2)
    """Seeds that must each have a finished run at the default settings."""

    def result(self) -> dict[str, Any]:
        names, notebook = _experiments(self.names, self.seeds), self.open_notebook()
        todo = [
            Work(name, seed) for name in names for seed in standing(name, notebook.runs(name), self.seeds).dated().todo
        ]
        words = ["glassbook claims check", *self.names, "--seeds", *map(str, self.seeds)]
        failed = run_all(todo, notebook, " ".join(words))
        entries = [standing(name, notebook.runs(name), self.seeds).dated() for name in names]
        return {**claims_to_json(entries), "failed_runs": failed}

    def show(self, result: dict[str, Any]) -> None:
        show_claims(result["experiments"], noise=True)

    def exit_code(self, result: dict[str, Any]) -> int:
        verdicts = [verdict for entry in result["experiments"] for verdict in entry["verdicts"]]
        return 0 if all(verdict["state"] == "holds" and not verdict["stale"] for verdict in verdicts) else 1


@dataclass(frozen=True, kw_only=True)
class SabotageClaims(InNotebook):
    """Run the broken variants of experiments and say which claims they broke. Exit code 1 if a claim was not broken.

    A claim is broken if its condition fails. Where only its control fails, that is said, and is not enough. The runs
    are marked and never evidence. Those that are finished and not stale are not run again.
    """

    names: Annotated[Positional[tuple[str, ...]], Option("NAME ...", "all experiments")] = ()
    """Experiments whose claims to break."""
    seeds: Annotated[tuple[int, ...], Option("N ...", "0")] = (0,)
    """Seeds of each variant; it has broken a claim if it did on all of them."""
    quick: bool = False
    """Go through the variants at quick settings, in seconds each; nothing is counted."""

    def result(self) -> dict[str, Any]:
        names, notebook = _experiments(self.names, self.seeds), self.open_notebook()
        asked = [
            Work(name, seed, sabotage.id, self.quick)
            for name in names
            for sabotage in base.find(name).sabotages
            for seed in self.seeds
        ]
        todo = [work for work in asked if not any(map(_counts, work.earlier(notebook)))]
        words = ["glassbook claims sabotage", *self.names, "--seeds", *map(str, self.seeds)]
        failed = run_all(todo, notebook, " ".join([*words, *(["--quick"] if self.quick else [])]))
        entries = [self._broken(name, notebook.runs(name)) for name in names]
        return {"experiments": entries, "quick": self.quick, "failed_runs": failed}

    def _broken(self, name: str, records: Sequence[RunRecord]) -> dict[str, Any]:
        """What the sabotages of an experiment did to its claims, on these seeds."""
        kind = base.find(name)
        runs = {
            id: [r for r in found if r.seed in self.seeds and _counts(r)]
            for id, found in sabotage_runs(name, records, self.quick).items()
        }
        done = {s.id: {c.id: broken(c, runs[s.id]) for c in kind.claims if s.id in c.sabotages} for s in kind.sabotages}
        return {
            "name": name,
            "sabotages": [
                {
                    "id": s.id,
                    "sentence": s.sentence,
                    "settings": dict(s.settings),
                    "runs": {str(r.seed): r.id for r in reversed(runs[s.id])},
                    "condition_broken": [id for id, what in done[s.id].items() if what == "condition"],
                    "control_broken": [id for id, what in done[s.id].items() if what == "control"],
                    "held": [id for id, what in done[s.id].items() if what == "nothing"],
                }
                for s in kind.sabotages
            ],
            "never_seen_to_fail": [
                c.id
                for c in kind.claims
                if c.no_sabotage is None and not any(what.get(c.id) == "condition" for what in done.values())
            ],
            "no_sabotage": {c.id: c.no_sabotage for c in kind.claims if c.no_sabotage is not None},
        }

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        for entry in result["experiments"]:
            out.print(Text(entry["name"], style="bold"))
            rows = Table.grid(padding=(0, 2, 0, 0))
            for sabotage in entry["sabotages"]:
                broke = ", ".join(sabotage["condition_broken"]) or "no claim"
                lines = [sabotage["sentence"], f"broke {broke}" if sabotage["runs"] else "not run"]
                if sabotage["control_broken"]:
                    lines.append(f"broke only the control of {', '.join(sabotage['control_broken'])}")
                if sabotage["runs"] and sabotage["held"]:
                    lines.append(f"did not break {', '.join(sabotage['held'])}, which name it")
                rows.add_row(sabotage["id"], "\n".join(lines))
            out.print(rows)
            for id, reason in entry["no_sabotage"].items():
                out.print(Text(f"no sabotage of {id}: {reason}", style="dim"))
            for id in entry["never_seen_to_fail"]:
                out.print(Text(f"never seen to fail: {id}", style="yellow"))
            out.print()
        if result["quick"]:
            out.print("quick settings: the variants ran, and nothing is counted")

    def exit_code(self, result: dict[str, Any]) -> int:
        if self.quick:
            return 1 if result["failed_runs"] else 0
        entries = result["experiments"]
        held = any(sabotage["held"] for entry in entries for sabotage in entry["sabotages"])
        unbroken = any(entry["never_seen_to_fail"] for entry in entries)
        return 1 if held or unbroken or result["failed_runs"] else 0


@dataclass(frozen=True)
class Work:
    """A run that has to be there: at the default settings, or with those of a sabotage."""

    name: str
    seed: int
    sabotage: str = ""
    quick: bool = False

    def earlier(self, notebook: Notebook) -> list[RunRecord]:
        """Its runs so far, newest first, whatever their status."""
        records = notebook.runs(self.name)
        if self.sabotage:
            mine = sabotage_runs(self.name, records, self.quick)[self.sabotage]
        else:
            mine = judging(self.name, records)
        return [record for record in mine if record.seed == self.seed]


def complete(name: str, seed: int, notebook: Notebook, sabotage: str = "", quick: bool = False) -> None:
    """Have one seed finished: resume its interrupted run if there is one that is not stale, else start one."""
    kind, mine = base.find(name), Work(name, seed, sabotage, quick).earlier(notebook)
    if any(record.status == "running" for record in mine):
        raise GlassbookError(f"a run of {name} with seed {seed} is still running; wait for it, then try again")
    left = next((record for record in mine if record.status == "interrupted" and not stale(record)), None)
    if left is not None:
        resume(kind, left, notebook)
        return
    broken = next((s for s in kind.sabotages if s.id == sabotage), None)
    start(base.sabotaged(kind, broken, quick) if broken else kind(), notebook, seed=seed, sabotage=sabotage)


def run_all(todo: Iterable[Work], notebook: Notebook, again: str) -> list[dict[str, Any]]:
    """Complete the runs one after another; returns those that failed. After Ctrl-C, `again` goes on."""
    failed, todo = [], list(todo)
    if todo:
        cost = expected_of_all(work.name for work in todo if not work.quick)
        say(f"{len(todo)} run{'s' if len(todo) > 1 else ''} to make{f': {cost}' if cost else ''}")
    for work in todo:
        name, seed = work.name, work.seed
        try:
            complete(name, seed, notebook, work.sabotage, work.quick)
        except Interrupted:
            raise Interrupted(f"interrupted; continue with: {again} --notebook {notebook.folder}") from None
        except GlassbookError as error:
            say(f"{name}, seed {seed}, did not finish: {error}")
            failed.append({"experiment": name, "seed": seed, "sabotage": work.sabotage, "error": str(error)})
    return failed


def _counts(record: RunRecord) -> bool:
    """Whether a run says something: it has finished, and nothing has changed since."""
    return record.status == "finished" and not stale(record)


def _experiments(names: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """Names of the experiments that a command asks for, all if it names none."""
    if not seeds:
        raise GlassbookError("--seeds needs at least one number, such as --seeds 0 1 2")
    return [base.find(name).name for name in names] or base.names()


def show_claims(entries: Sequence[dict[str, Any]], noise: bool = False) -> None:
    """Claims by experiment: the verdict, the sentence, and under it the numbers of each seed, with their `noise`."""
    out = console()
    for entry in entries:
        verdicts = entry["verdicts"]
        reasons = {v["reason"] for v in verdicts if v["state"] == "not-run"}
        shared = reasons.pop() if len(reasons) == 1 else None
        stale = f"  stale: {'; '.join(verdicts[0]['stale'])}" if verdicts and verdicts[0]["stale"] else ""
        out.print(Text.assemble((entry["name"], "bold"), f"  {shared}" if shared else "", (stale, "yellow")))
        out.print(Text(entry["source"], style="dim"))
        if entry["origin"]:
            out.print(Text(entry["origin"], style="dim"))
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(max_width=13)
        for v in verdicts:
            numbers = (_numbers(v, shared, noise), "dim")
            seen = (v["sabotaged"] and f"\n{v['sabotaged']}", "yellow" if v["never_seen_to_fail"] else "dim")
            why = v["explanation"] and f"\n{v['explanation']}"
            rows.add_row(state(v["state"], v["label"]), Text.assemble(v["claim"]["sentence"], "\n", numbers, seen, why))
        out.print(rows)
        out.print()
    count = Counter(v["state"] for entry in entries for v in entry["verdicts"])
    parts = [f"{count[name]} {name.replace('-', ' ')}" for name in STATES if count[name]]
    out.print(", ".join(parts) or "no claims")


def _numbers(verdict: dict[str, Any], known_reason: str | None, noise: bool) -> str:
    """The condition and what each seed measured; the reason while nothing is decided, unless it was given."""
    claim = verdict["claim"]
    parts = [f"{claim['metric']} {claim['comparison']} {claim['bound']:g}"]
    if verdict["values"]:
        parts.append("measured " + ", ".join(number(value) for value in verdict["values"].values()))
    if claim["control"]:
        measured = ", ".join(number(value) for value in verdict["controls"].values())
        parts.append(f"control {claim['control']}" + (f" (measured {measured})" if measured else ""))
    if claim["no_control"]:
        parts.append(f"no control: {claim['no_control']}")
    floors = verdict["noise_floors"].items() if noise else ()
    parts += [f"noise floor of {metric} {number(floor)}" for metric, floor in floors]
    if verdict["within_noise"]:
        parts.append(f"margin to the bound {number(verdict['margin'])}, below the noise floor")
    if verdict["replication"]:
        parts.append(verdict["replication"])
    if verdict["state"] in ("not-run", "not-shown") and verdict["reason"] != known_reason:
        parts.append(verdict["reason"])
    return "; ".join(parts)


ACTIONS = {"": Claims, "check": Check, "sabotage": SabotageClaims}

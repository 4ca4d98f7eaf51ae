"""Training compute of a run with its lineage: its own, and that of the models and dictionaries that it built on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glassbook.assets.builtin import training_flop
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.notebook import Notebook, RunRecord

_BUILTIN, _RUN = "package:assets/builtin/", "notebook:runs/"
"""How the places begin that runs record of what they use (`freshness.Dependency.path`)."""


@dataclass(frozen=True)
class Lineage:
    """What a run has cost with all that it built on; each model counts once."""

    flop: float
    """FLOP of training, where it is known."""
    runs: tuple[str, ...]
    """Ids of the runs in it, its own first."""
    unknown: tuple[str, ...]
    """Models in it that nobody says the compute of: `flop` is then too small."""


def lineage(record: RunRecord, find: Callable[[str], RunRecord | None]) -> Lineage:
    """Follow what a run used back to the built-in models, to other runs, or to where nothing is known.

    Args:
        record: the run.
        find: id -> the run, None if it is not there any more.
    """
    costs: dict[str, float] = {}
    unknown: dict[str, None] = {}
    runs = {record.id: record}
    waiting = [record]
    while waiting:
        run = waiting.pop()
        costs[run.id] = run.flop or 0.0
        for used in run.uses:
            if used.kind == "data":
                continue
            name = used.path.removeprefix(_BUILTIN)
            if used.path.startswith(_BUILTIN) and name in training_flop():
                costs[used.path] = training_flop()[name]
                continue
            id = used.path.removeprefix(_RUN).partition("/")[0] if used.path.startswith(_RUN) else ""
            parent = runs.get(id) or (find(id) if id else None)
            if parent is None:
                unknown[used.name] = None
            elif parent.id not in runs:
                runs[parent.id] = parent
                waiting.append(parent)
    return Lineage(sum(costs.values()), tuple(runs), tuple(unknown))


def lineage_of(notebook: Notebook) -> Callable[[RunRecord], Lineage]:
    """`lineage` among the runs of a notebook and the reference; each run is looked up once."""
    found: dict[str, RunRecord | None] = {}

    def find(id: str) -> RunRecord | None:
        if id not in found:
            try:
                found[id] = evidence.run(notebook, id)
            except GlassbookError:
                found[id] = None
        return found[id]

    return lambda record: lineage(record, find)

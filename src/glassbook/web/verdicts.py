"""What the runs say about every experiment's claims, judged once for each state of the notebook."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from glassbook import experiments
from glassbook.notebook import Notebook, RunRecord, Verdict, judge, same_data

SEEDS = 3
"""Seeds over which a claim is judged."""


@dataclass(frozen=True)
class Judged:
    """The claims of one experiment."""

    name: str
    installed: bool
    """Whether it can be run here; else it is known from its runs alone."""
    verdicts: tuple[Verdict, ...]
    missing: tuple[int, ...]
    """Seeds that have still to be run with the settings that claims are judged by."""


class Verdicts:
    """Judges the claims of a notebook; safe to use from several threads.

    Reading ten thousand runs takes a second, so what was found is kept until the notebook changes.

    Args:
        notebook: whose runs judge.
    """

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self._lock = threading.Lock()
        self._version = -1
        self._board: list[Judged] | None = None
        self._single: dict[str, Judged] = {}

    def board(self) -> list[Judged]:
        """Every experiment: the installed ones by name, then those known from their runs alone."""
        with self._lock:
            self._forget_old()
            if self._board is None:
                by_name: dict[str, list[RunRecord]] = {}
                for record in self.notebook.runs():
                    by_name.setdefault(record.experiment, []).append(record)
                there = list(experiments.working()[0])
                names = [*there, *sorted(by_name.keys() - set(there))]
                self._board = [_judged(name, by_name.get(name, [])) for name in names]
            return self._board

    def of(self, name: str) -> Judged:
        """One experiment."""
        with self._lock:
            self._forget_old()
            for judged in self._board or []:
                if judged.name == name:
                    return judged
            if name not in self._single:
                self._single[name] = _judged(name, self.notebook.runs(name))
            return self._single[name]

    def _forget_old(self) -> None:
        self.notebook.index.latest([])  # let it see what has changed: only then does its version tell
        now = self.notebook.index.version
        if now != self._version:
            self._version, self._board, self._single = now, None, {}


def _judged(name: str, records: Sequence[RunRecord]) -> Judged:
    """Judge by the runs with the default settings; by all runs if the experiment is not installed."""
    defaults = experiments.default_settings(name)
    if defaults is None:
        claims = next((record.claims for record in records if record.claims), ())
        return Judged(name, False, tuple(judge(claim, records, SEEDS) for claim in claims), ())
    records = [record for record in records if same_data(record.config, defaults)]
    verdicts = tuple(judge(claim, records, SEEDS) for claim in experiments.find(name).claims)
    done = {record.seed for record in records if record.status == "finished"}
    missing = [seed for seed in range(SEEDS + len(done)) if seed not in done][: max(SEEDS - len(done), 0)]
    return Judged(name, True, verdicts, tuple(missing))

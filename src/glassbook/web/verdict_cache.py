"""Cache of verdicts: each experiment's claims are judged once for each state of the notebook."""

from __future__ import annotations

import threading
import time

from glassbook.experiments import evidence
from glassbook.experiments.verdicts import Standing, board, standing
from glassbook.notebook import Notebook
from glassbook.notebook.runs.freshness import Snapshot

LOOK = 10.0
"""Seconds for which what was found of code and data files is taken to be true."""


class VerdictCache:
    """Judges the claims of a notebook; safe to use from several threads.

    Reading ten thousand runs takes a second, so verdicts are kept until the notebook changes. What makes them stale
    lies outside the notebook, and is looked at again every `LOOK` seconds.
    """

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self._lock = threading.Lock()
        self._version = -1
        self._board: list[Standing] | None = None
        self._single: dict[str, Standing] = {}
        self._snapshot, self._looked = Snapshot(), time.monotonic()

    def board(self) -> list[Standing]:
        """Every experiment: the installed ones by name, then those known from their runs alone."""
        with self._lock:
            self._forget_old()
            if self._board is None:
                self._board = board(evidence.records(self.notebook))
            return [entry.dated(self._snapshot) for entry in self._board]

    def of(self, name: str) -> Standing:
        with self._lock:
            self._forget_old()
            entry = next((entry for entry in self._board or [] if entry.experiment == name), None)
            entry = entry or self._single.get(name) or standing(name, evidence.records(self.notebook, name))
            self._single[name] = entry
            return entry.dated(self._snapshot)

    def _forget_old(self) -> None:
        self.notebook.index.latest([])  # let it see what has changed: only then does its version tell
        version = self.notebook.index.version
        if version != self._version:
            self._version, self._board, self._single = version, None, {}
        if time.monotonic() - self._looked > LOOK:
            self._snapshot, self._looked = Snapshot(), time.monotonic()

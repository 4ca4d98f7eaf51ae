from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from glassbook import extensions
from glassbook.cli import main
from glassbook.experiments import base
from glassbook.experiments.base import Sabotage, experiment
from glassbook.notebook import Claim, Notebook, Run

GROUP = "glassbook.experiments"


@experiment(terms=["Toy"], source="Nobody 2026")
@dataclass(frozen=True, kw_only=True)
class Steady:
    """Does a constant stay constant?"""

    value: float = 2.0
    """The constant."""
    parts: tuple[int, ...] = (1, 2)
    """Numbers without a meaning."""

    claims = (
        Claim(
            "constant-is-large", "The constant is large", "value", ">=", 1.0,
            control="other <= 0", sabotages=("small",),
        ),
    )  # fmt: skip
    sabotages = (Sabotage("small", "The constant is small", {"value": 0.0}),)

    @classmethod
    def quick(cls) -> Steady:
        return cls(parts=(7,))

    def run(self, run: Run) -> None:
        assert isinstance(self.parts, tuple)
        run.result(value=self.value, other=-1.0, seed=run.seed)


@experiment(terms=["Toy"], source="Nobody 2026")
@dataclass(frozen=True, kw_only=True)
class Wrong:
    """Does a claim that is wrong fail?"""

    claims = (Claim("two-over-three", "Two is more than three", "value", ">=", 3.0),)

    @classmethod
    def quick(cls) -> Wrong:
        return cls()

    def run(self, run: Run) -> None:
        run.result(value=2.0)


@experiment(terms=["Toy"], source="Nobody 2026")
@dataclass(frozen=True, kw_only=True)
class Halting:
    """Is work that was stopped gone on with?"""

    claims = (Claim("ends", "It ends", "value", ">=", 1.0),)

    @classmethod
    def quick(cls) -> Halting:
        return cls()

    def run(self, run: Run) -> None:
        if not run.resumed:
            raise KeyboardInterrupt
        run.result(value=1.0)


class Point:
    """An entry point of an installed experiment."""

    dist = None

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind

    def load(self) -> type:
        return self.kind


class Answer:
    """What one call of the command line did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def data(self) -> dict:
        """The one JSON object on stdout."""
        assert len(self.out.strip().splitlines()) == 1
        return json.loads(self.out)

    def complaint(self) -> str:
        """The one line of a user's error, which came with exit code 2 and nothing on stdout."""
        lines = self.err.strip().splitlines()
        assert (self.code, self.out) == (2, "")
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")


@pytest.fixture
def glassbook(capsys):
    """The command line in this process."""

    def call(*words: object) -> Answer:
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    return Notebook.create(tmp_path / "notes", title="Notes")


@pytest.fixture
def toys(monkeypatch):
    """Only the toy experiments are installed; gives them by name."""
    kinds = {kind.name: kind for kind in (Steady, Wrong, Halting)}

    def installed(group: str, path: tuple[str, ...]) -> dict[str, list[Point]]:
        return {n: [Point(n, kind)] for n, kind in kinds.items() if group == GROUP}

    monkeypatch.setattr(extensions, "_installed", installed)
    monkeypatch.setattr(base, "_own", lambda: {})
    return kinds


@pytest.fixture
def stories() -> Path:
    root = os.environ.get("GLASSBOOK_DATA")
    if not root:
        pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
    return Path(root) / "stories260k"

"""A small reference record made by hand, for the tests of everything that shows reference evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassbook.assets import reference
from glassbook.experiments import base
from glassbook.notebook import Notebook

NAME = "superposition"
GOOD = {
    "represented_dense": 5.0,
    "represented_sparse": 14.0,
    "linear_represented_sparse": 5.0,
    "superposed_dense": 0.0,
    "superposed_sparse": 1.0,
    "loss_over_linear_dense": 1.0,
    "loss_over_linear_sparse": 0.4,
    "mmcs": 0.95,
    "naive_mmcs": 0.3,
    "random_mmcs": 0.3,
}
"""Results by which claims of the experiment hold; a seed adds a little to `mmcs`."""
CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "mark": "line",
    "data": {"name": "rows"},
    "datasets": {"rows": [{"x": n, "model": model} for model in ("relu", "linear") for n in range(1200)]},
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def default_run(notebook: Notebook, seed: int, name: str = NAME, quick: bool = False, **results: float) -> str:
    """A finished run without the work, at the default settings unless `quick`; gives its id."""
    kind = base.find(name)
    settings = base.settings(kind.quick() if quick else kind())
    with notebook.start_run(name, settings, seed, list(kind.claims), base.code_root(kind)) as run:
        for step in range(1300):
            run.log(step, loss=1 / (step + 1))
        run.chart(name, CHART)
        run.table("rows", [{"n": n, "value": n / 3} for n in range(700)])
        run.image("picture", PNG)
        run.result(**{**GOOD, "mmcs": 0.95 + seed / 100, **results})
    return run.id


def ship(folder: Path, monkeypatch: pytest.MonkeyPatch, **results: float) -> Path:
    """Make `folder` the place of the reference evidence, with three seeds of one experiment in it."""
    monkeypatch.setattr(reference, "FOLDER", folder / "evidence")
    notebook = Notebook.create(folder / "authors")
    for seed in range(3):
        default_run(notebook, seed, **results)
    return reference.write_reference(notebook.runs(NAME))

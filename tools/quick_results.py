"""Print what experiments give at their quick settings, as JSON: `python tools/quick_results.py NAME ...`.

Every seed of the evidence and every sabotage is run. tools/evidence.py runs it with two versions of the package, to see
whether a change of code changes any result.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glassbook.experiments import base
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.runs.code_digest import code_digest

SEEDS = (0, 1, 2)


def given(record: RunRecord) -> dict[str, Any]:
    """Results, tables and logged metrics of a run, apart from speeds."""
    metrics = {name: record.metrics(name)[1] for name in sorted(record.metric_names()) if not name.endswith("/s")}
    return {
        "results": record.results,
        "tables": {name: record.table(name) for name in record.tables},
        "metrics": metrics,
    }


def quick_results(name: str, notebook: Notebook) -> dict[str, Any]:
    """The digest of an experiment's code, and what its quick runs give, by seed and by sabotage."""
    kind = base.find(name)
    works = [(kind.quick(), seed, "") for seed in SEEDS]
    works += [(base.sabotaged(kind, sabotage, quick=True), SEEDS[0], sabotage.id) for sabotage in kind.sabotages]
    runs = {
        sabotage or f"seed {seed}": given(base.launch(work, notebook, seed=seed, sabotage=sabotage))
        for work, seed, sabotage in works
    }
    return {"digest": code_digest(base.code_root(kind)), "runs": runs}


def main(names: Sequence[str]) -> None:
    """Print {experiment: {"digest", "runs"}}."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        notebook = Notebook.create(Path(folder) / "quick")
        print(json.dumps({name: quick_results(name, notebook) for name in names}))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Make the reference evidence that ships: `python tools/evidence.py [NAME ...] [--notebook DIR] [--no-run]`.

It takes the newest finished run at the default settings of seeds 0 to 2 from a notebook (./evidence, made if it is not
there), runs those that are missing or stale there, and writes their compact records into the package. Experiments of
which a seed is still missing keep the evidence that they have; exit code 1 says that there are some.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from glassbook.assets import reference
from glassbook.cli.command import say
from glassbook.cli.commands.claims import complete
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.runs.freshness import request_key, reusable_run

SEEDS = (0, 1, 2)


def fresh_run(name: str, seed: int, notebook: Notebook) -> RunRecord | None:
    """The newest finished run at the default settings with that seed, if nothing has changed since."""
    kind = base.find(name)
    key = request_key(name, base.code_root(kind), base.settings(kind()), seed)
    return reusable_run(key, notebook.runs(name))


def gather(name: str, notebook: Notebook, run: bool) -> list[RunRecord]:
    """A fresh run of each seed; those that are not there are run if `run`, else left out."""
    found = []
    for seed in SEEDS:
        record = fresh_run(name, seed, notebook)
        if record is None and run:
            complete(name, seed, notebook)
            record = fresh_run(name, seed, notebook)
        if record is not None:
            found.append(record)
    return found


def main(args: Sequence[str] | None = None) -> int:
    """Write the evidence of the named experiments, or of all; 1 if some of it is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; all if none is named")
    parser.add_argument("--notebook", type=Path, default=Path("evidence"), help="where the runs are (./evidence)")
    parser.add_argument("--no-run", action="store_true", help="take what is there, run nothing")
    given = parser.parse_args(args)
    there = (given.notebook / "glassbook.toml").exists()
    notebook = Notebook(given.notebook) if there else Notebook.create(given.notebook, title="Reference evidence")
    missing = 0
    for name in given.names or base.names():
        try:
            records = gather(name, notebook, run=not given.no_run)
        except GlassbookError as error:
            say(f"{name}: {error}")
            records = []
        if len(records) == len(SEEDS):
            size = reference.evidence_size(reference.write_reference(records))
            print(f"{name}: {size / 1e3:.0f} kB")
        else:
            missing += 1
            print(f"{name}: {len(records)} of {len(SEEDS)} seeds; its evidence was left as it is")
    for old in sorted(path for path in reference.FOLDER.glob("*") if path.is_dir() and path.name not in base.names()):
        shutil.rmtree(old)
        print(f"{old.name}: removed, there is no such experiment")
    print(f"reference evidence: {reference.evidence_size() / 1e6:.2f} MB in {reference.FOLDER}")
    return 1 if missing else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GlassbookError as error:
        sys.exit(f"error: {error}")

"""Make the reference evidence that ships: `python tools/evidence.py [NAME ...] [--notebook DIR] [--sabotage]`.

It takes the newest finished run at the default settings of seeds 0 to 2 from a notebook (./evidence, made if it is not
there), runs those that are missing or stale there, and writes their compact records into the package, with the numbers
of the sabotage runs that are there. `--sabotage` also runs, with seed 0, each sabotage that is missing or stale;
`--no-run` runs nothing. `--confirm` is for code that has changed and should give the same numbers: seed 0 is done
again, and if every result is the same to the last bit, the runs of the code before count as fresh. Experiments of which
a seed is still missing keep the evidence that they have; exit code 1 says that there are some.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file

from glassbook.assets import reference
from glassbook.assets.builtin import BUILTIN_DICTIONARY
from glassbook.cli.command import say
from glassbook.cli.commands.claims import Work, complete
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.kit import DICTIONARY
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.runs import freshness
from glassbook.notebook.runs.freshness import stale

SEEDS = (0, 1, 2)


def fresh_run(work: Work, notebook: Notebook) -> RunRecord | None:
    """The newest run of some work that has finished, if nothing has changed since."""
    return next(
        (record for record in work.earlier(notebook) if record.status == "finished" and not stale(record)), None
    )


def gather(asked: Iterable[Work], notebook: Notebook, run: Collection[Work]) -> list[RunRecord]:
    """A fresh run of each piece of work; what is not there is run if it is in `run`, else left out."""
    found = []
    for work in asked:
        record = fresh_run(work, notebook)
        if record is None and work in run:
            complete(work.name, work.seed, notebook, work.sabotage)
            record = fresh_run(work, notebook)
        if record is not None:
            found.append(record)
    return found


def confirm(name: str, notebook: Notebook) -> None:
    """Do seed 0 of an experiment again if some of its runs are stale; see `freshness.confirm`."""
    if all(fresh_run(Work(name, seed), notebook) for seed in SEEDS):
        return
    work = Work(name, SEEDS[0])
    finished = [record for record in work.earlier(notebook) if record.status == "finished"]
    old = next((record for record in finished if stale(record)), None)
    if old is None:
        return
    if fresh_run(work, notebook) is None:
        complete(work.name, work.seed, notebook)
    new = fresh_run(work, notebook)
    if new is not None:
        same = freshness.confirm(notebook.runs(name), old, new)
        print(f"{name}: {len(same)} runs come out the same with the present code, as seed {work.seed} shows")


def shipped(records: Sequence[RunRecord]) -> str | None:
    """ "builtin", if the first seed's dictionary is the one that ships, apart from the precision of its numbers."""
    path = min(records, key=lambda record: record.seed).folder / "artifacts" / DICTIONARY
    if not path.is_file():
        return None
    own, ours = load_file(path), load_file(BUILTIN_DICTIONARY)
    same = own.keys() == ours.keys() and all(torch.equal(own[key].half(), ours[key].half()) for key in own)
    return "builtin" if same else None


def main(args: Sequence[str] | None = None) -> int:
    """Write the evidence of the named experiments, or of all; 1 if some of it is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; all if none is named")
    parser.add_argument("--notebook", type=Path, default=Path("evidence"), help="where the runs are (./evidence)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-run", action="store_true", help="take what is there, run nothing")
    how.add_argument("--confirm", action="store_true", help="run seed 0 again, and show that nothing has changed")
    how.add_argument("--sabotage", action="store_true", help="run each sabotage that is missing with seed 0, too")
    given = parser.parse_args(args)
    there = (given.notebook / "glassbook.toml").exists()
    notebook = Notebook(given.notebook) if there else Notebook.create(given.notebook, title="Reference evidence")
    missing = 0
    for name in given.names or base.names():
        try:
            if given.confirm:
                confirm(name, notebook)
            work = [Work(name, seed) for seed in SEEDS]
            broken = [Work(name, seed, sabotage.id) for sabotage in base.find(name).sabotages for seed in SEEDS]
            records = gather(work, notebook, run=[] if given.no_run or given.confirm else work)
            wanted = [item for item in broken if given.sabotage and item.seed == SEEDS[0]]
            sabotaged = gather(broken, notebook, run=wanted)
        except GlassbookError as error:
            say(f"{name}: {error}")
            records, sabotaged = [], []
        if len(records) == len(SEEDS):
            size = reference.evidence_size(reference.write_reference(records, sabotaged, shipped(records)))
            kinds = len({record.sabotage for record in sabotaged})
            print(f"{name}: {size / 1e3:.0f} kB, {kinds} of {len(base.find(name).sabotages)} sabotages")
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

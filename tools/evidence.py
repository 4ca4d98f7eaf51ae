"""Make the reference evidence that ships: `python tools/evidence.py [NAME ...] [--notebook DIR] [--sabotage]`.

An experiment whose evidence is fresh, all three seeds, is left as it is. Else the newest finished run at the default
settings of seeds 0 to 2 is taken from a notebook (./evidence, made if it is not there), what is missing or stale there
is run, and the compact records are written into the package, with the numbers of the sabotage runs that are there.
`--sabotage` also runs, with seed 0, each sabotage that is missing or stale; `--no-run` runs nothing. Experiments of
which a seed is still missing keep the evidence that they have; exit code 1 says that there are some.

`--confirm COMMIT` is for code that has changed since a commit and should give the same numbers: the quick runs of every
seed, and of every sabotage that there was, are done with both, on this machine. Where everything is the same to the
last bit, the evidence that was fresh at the commit is fresh again (decision 37).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from glassbook.assets import reference
from glassbook.assets.builtin import BUILTIN_DICTIONARY
from glassbook.cli.command import say
from glassbook.cli.commands.claims import Work, complete
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.kit import DICTIONARY
from glassbook.experiments.verdicts import judging, sabotage_runs
from glassbook.notebook import Notebook, RunRecord
from glassbook.notebook.runs.freshness import stale

SEEDS = (0, 1, 2)
HOME = Path(__file__).resolve().parents[1]


def fresh_run(work: Work, notebook: Notebook) -> RunRecord | None:
    """The newest run of some work that has finished, if nothing has changed since."""
    return next(
        (record for record in work.earlier(notebook) if record.status == "finished" and not stale(record)), None
    )


def gather(asked: Iterable[Work], notebook: Notebook, run: bool) -> list[RunRecord]:
    """A fresh run of each piece of work; what is not there is run if `run` says so, else left out."""
    found = []
    for work in asked:
        record = fresh_run(work, notebook)
        if record is None and run:
            complete(work.name, work.seed, notebook, work.sabotage)
            record = fresh_run(work, notebook)
        if record is not None:
            found.append(record)
    return found


def refresh(name: str, notebook: Notebook, run: bool, sabotage: bool) -> bool:
    """Bring the evidence of an experiment up to date, and say what it is now; whether all seeds are there."""
    kind = base.find(name)
    there = [record for record in reference.reference_runs(name) if not stale(record)]
    ships = {record.seed for record in judging(name, there)} >= {*SEEDS}
    broken = {id: records for id, records in sabotage_runs(name, there).items() if records} if ships else {}
    wanted = [Work(name, SEEDS[0], sabotage.id) for sabotage in kind.sabotages if sabotage.id not in broken]
    records = [] if ships else gather([Work(name, seed) for seed in SEEDS], notebook, run)
    if not ships and len(records) < len(SEEDS):
        print(f"{name}: {len(records)} of {len(SEEDS)} seeds; its evidence was left as it is")
        return False
    found = gather(wanted, notebook, run and sabotage)
    if not ships:
        reference.write_reference(records, found, shipped(records))
    elif found:
        reference.add_sabotages(found)
    size = reference.evidence_size(reference.FOLDER / name)
    fresh = "fresh, " if ships else ""
    print(f"{name}: {fresh}{size / 1e3:.0f} kB, {len(broken) + len(found)} of {len(kind.sabotages)} sabotages")
    return True


def shipped(records: Sequence[RunRecord]) -> str | None:
    """ "builtin", if the first seed's dictionary is the one that ships, apart from the precision of its numbers."""
    path = min(records, key=lambda record: record.seed).folder / "artifacts" / DICTIONARY
    if not path.is_file():
        return None
    own, ours = load_file(path), load_file(BUILTIN_DICTIONARY)
    same = own.keys() == ours.keys() and all(torch.equal(own[key].half(), ours[key].half()) for key in own)
    return "builtin" if same else None


# --- a change of code that changes no result --------------------------------------------------------------------------


def confirm(names: Sequence[str], commit: str) -> bool:
    """Confirm the evidence of the experiments of which a run is stale, as the top of this file says; whether all was.

    Raises:
        GlassbookError: there is no such commit, or a quick run failed.
    """
    names = [name for name in names if any(map(stale, reference.reference_runs(name)))]
    if not names:
        print("no evidence is stale")
        return True
    with checkout(commit) as folder:
        old, new = quick_results([folder, HOME], names)
    confirmed = [confirm_one(name, old[name], new[name]) for name in names]
    return all(confirmed)


def confirm_one(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Confirm the evidence of one experiment if old and new code gave the same, and say what came of it."""
    # a sabotage that is new has no evidence that could be confirmed
    changed = list(differences(old["runs"], {key: run for key, run in new["runs"].items() if key in old["runs"]}))
    if changed:
        print(f"{name}: {len(changed)} values have changed, such as {changed[0]}; measure all seeds again")
        return False
    count = reference.confirm(name, old["digest"], new["digest"])
    left = sum(1 for record in reference.reference_runs(name) if stale(record))
    print(f"{name}: {count} runs confirmed" + (f", {left} are still stale; measure them again" if left else ""))
    return not left


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Where two nests of data differ, to the last bit of a number; NaN is the same as NaN."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{place}/{key}" if place else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (then, now) in enumerate(zip(old, new, strict=True)):
            yield from differences(then, now, f"{place}[{i}]")
    elif repr(old) != repr(new):  # the shortest text that gives a float back tells all floats apart
        yield f"{place} from {old} to {new}"


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit, for a while."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "before"
        git = ["git", "-C", str(HOME), "worktree"]
        added = subprocess.run(
            [*git, "add", "--quiet", "--detach", str(folder), commit], capture_output=True, text=True
        )
        if added.returncode:
            raise GlassbookError(f"{commit} cannot be checked out: {added.stderr.strip().splitlines()[-1]}")
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def quick_results(checkouts: Sequence[Path], names: Sequence[str]) -> list[dict[str, Any]]:
    """What tools/quick_results.py prints with the package of each checkout; they run side by side."""
    script = HOME / "tools" / "quick_results.py"
    started = [
        subprocess.Popen(
            [sys.executable, str(script), *names],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"},
        )
        for folder in checkouts
    ]
    printed = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise GlassbookError("a quick run failed, see above; nothing is confirmed")
    return [json.loads(text) for text in printed]


def main(args: Sequence[str] | None = None) -> int:
    """Write the evidence of the named experiments, or of all; 1 if some of it is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; all if none is named")
    parser.add_argument("--notebook", type=Path, default=Path("evidence"), help="where the runs are (./evidence)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-run", action="store_true", help="take what is there, run nothing")
    how.add_argument("--confirm", metavar="COMMIT", help="show that no number has changed since a commit")
    how.add_argument("--sabotage", action="store_true", help="run each sabotage that is missing with seed 0, too")
    given = parser.parse_args(args)
    names = given.names or base.names()
    if given.confirm:
        return 0 if confirm(names, given.confirm) else 1
    there = (given.notebook / "glassbook.toml").exists()
    notebook = Notebook(given.notebook) if there else Notebook.create(given.notebook, title="Reference evidence")
    missing = 0
    for name in names:
        try:
            missing += not refresh(name, notebook, not given.no_run, given.sabotage)
        except GlassbookError as error:
            say(f"{name}: {error}; its evidence was left as it is")
            missing += 1
    for old in sorted(path for path in reference.FOLDER.glob("*") if path.is_dir() and path.name not in base.names()):
        reference.remove(old.name)
        print(f"{old.name}: removed, there is no such experiment")
    print(f"reference evidence: {reference.evidence_size() / 1e6:.2f} MB in {reference.FOLDER}")
    return 1 if missing else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GlassbookError as error:
        sys.exit(f"error: {error}")

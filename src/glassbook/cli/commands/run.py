"""`glassbook run`: run an experiment; its settings are the options."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import tyro

from glassbook.cli.app import Interrupted
from glassbook.cli.command import InNotebook, option, parse, print_json, quiet_libraries, say
from glassbook.cli.output import console, number, table
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.notebook import Notebook, RunRecord

LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class RunOptions(InNotebook):
    """Options of `run` beside the experiment's own settings."""

    seed: Annotated[int, option("N", "0")] = 0
    """Seed of everything random in the run."""
    quick: bool = False
    """Start from settings that end in seconds; claims are never judged by them."""
    resume: Annotated[str | None, option("[RUN]", "start anew")] = None
    """Go on with an interrupted run: the newest one of this experiment, or the one named."""


def main(args: list[str]) -> int:
    """Run the command."""
    if not args or args[0] in ("-h", "--help"):
        list_experiments()
        return 0
    if args[0].startswith("-"):
        raise GlassbookError("name the experiment first: glassbook run EXPERIMENT [options]; see glassbook run --help")
    kind = base.find(args[0])
    options, work = read_options(kind, args[1:])
    notebook = options.open_notebook()
    if options.resume is None:
        record = start(work, notebook, seed=options.seed)
    else:
        past = interrupted(notebook, kind.name, options.resume)
        if past.status == "finished":
            raise GlassbookError(f"run {past.id} has finished; leave --resume out to start a new one")
        refuse_new_settings(kind, args[1:])
        record = start(from_config(kind, past.config), notebook, resume=past.id)
    if options.json:
        print_json(summary(record))
    else:
        show(record)
    return 0


def list_experiments() -> None:
    """Every installed experiment with the first line of its docstring."""
    print("usage: glassbook run EXPERIMENT [--seed N] [--quick] [--resume [RUN]] [its settings]\n")
    kinds, broken = base.working()
    rows = [(name, (inspect.getdoc(kind) or "").split("\n")[0]) for name, kind in kinds.items()]
    console().print(table(("experiment", "what it asks"), rows, wide="what it asks"))
    print("\n`glassbook run EXPERIMENT --help` tells its settings and its claims.")
    for problem in broken.values():
        say(f"note: {problem}")


def read_options(kind: type[base.Experiment], args: list[str]) -> tuple[RunOptions, base.Experiment]:
    """The command's options and the experiment with the settings that `args` ask for."""
    words = []
    for i, word in enumerate(args):
        words.append(word)
        alone = i + 1 == len(args) or args[i + 1].startswith("-")
        if word == "--resume" and alone:
            words.append(LATEST)
    quick = "--quick" in words
    work = kind.quick() if quick else kind()
    form = dataclasses.make_dataclass(
        "Form",
        [("settings", tyro.conf.OmitArgPrefixes[kind], field(default=work))],
        bases=(RunOptions,),
        frozen=True,
        kw_only=True,
    )
    options = parse(form, words, f"glassbook run {kind.name}", about=about(kind))
    return options, cast(Any, options).settings


def about(kind: type[base.Experiment]) -> str:
    """What the help of an experiment says above its options."""
    lines = [inspect.getdoc(kind) or "", "", f"After {kind.source}.", "", "Claims, judged over three seeds:"]
    for claim in kind.claims:
        control = f"; control: {claim.control}" if claim.control else ""
        text = f"- {claim.id}: {claim.sentence} ({claim.condition}{control})"
        lines += textwrap.wrap(text, 78, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def start(work: base.Experiment, notebook: Notebook, seed: int = 0, resume: str | None = None) -> RunRecord:
    """`base.launch` that says what it does, and how to go on after Ctrl-C."""
    quiet_libraries()
    say(f"{work.name}: {f'going on with {resume}' if resume else f'seed {seed}'}, in {notebook.folder}")
    try:
        return base.launch(work, notebook, seed=seed, resume=resume)
    except KeyboardInterrupt:
        left = resume or next((r.id for r in notebook.runs(work.name) if r.status == "interrupted"), None)
        how = f" {left}" if left else ""
        raise Interrupted(
            f"interrupted; go on with: glassbook run {work.name} --resume{how} --notebook {notebook.folder}"
        ) from None


def interrupted(notebook: Notebook, name: str, which: str) -> RunRecord:
    """The interrupted run of an experiment that `which` names, or the newest one.

    Raises:
        GlassbookError: there is none.
    """
    for record in notebook.runs(name):
        if record.id.startswith(which) or (which == LATEST and record.status == "interrupted"):
            return record
    if which == LATEST:
        raise GlassbookError(f"no run of {name} in {notebook.folder} was interrupted; leave --resume out to start one")
    raise GlassbookError(f"{notebook.folder} has no run {which!r} of {name}; `glassbook runs` lists them")


def refuse_new_settings(kind: type[base.Experiment], args: list[str]) -> None:
    """A resumed run keeps its settings and its seed."""
    fields = {f"--{f.name.replace('_', '-')}" for f in dataclasses.fields(cast(Any, kind))} | {"--seed", "--quick"}
    given = [word for word in args if word.split("=")[0].replace("_", "-") in fields]
    if given:
        raise GlassbookError(f"a resumed run keeps its settings; leave {given[0]} out, or start anew without --resume")


def from_config(kind: type[base.Experiment], config: Mapping[str, Any]) -> base.Experiment:
    """The experiment with the settings that run.json keeps (JSON has lists where the settings have tuples).

    Raises:
        GlassbookError: the settings are those of another version.
    """
    default = kind()
    try:
        return cast(Any, kind)(
            **{
                key: tuple(value) if isinstance(getattr(default, key, None), tuple) else value
                for key, value in config.items()
            }
        )
    except TypeError as error:
        raise GlassbookError(
            f"this run was made by another version of {kind.name} ({error}); start a new one"
        ) from None


def summary(record: RunRecord) -> dict[str, Any]:
    """A run as plain data."""
    return {
        "run": record.id,
        "experiment": record.experiment,
        "seed": record.seed,
        "status": record.status,
        "results": dict(record.results),
        "folder": str(record.folder),
    }


def show(record: RunRecord) -> None:
    """A finished run's numbers, and where its evidence is."""
    rows = [(name, number(value)) for name, value in record.results.items()]
    console().print(table(("result", "value"), rows, numbers=("value",)))
    print(f"\nrun {record.id} has {record.status}; its evidence is in {record.folder}")

"""`glassbook run`: run an experiment; its settings are the options."""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from glassbook.cli.app import Interrupted
from glassbook.cli.command import InNotebook, Option, Parser, build, print_json, quiet_libraries, say
from glassbook.cli.output import console, table
from glassbook.errors import GlassbookError
from glassbook.experiments import base, evidence, forms
from glassbook.experiments.estimate import expected, needs
from glassbook.experiments.verdicts import standing
from glassbook.formatting import number, seconds
from glassbook.jobs.queue import JOB, JobQueue
from glassbook.notebook import Notebook, RunRecord
from glassbook.web.api.serializers import experiments_to_json, run_details_to_json

LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class RunOptions(InNotebook):
    """Options of `run` beside the experiment's own settings."""

    seed: Annotated[int, Option("N")] = 0
    """Seed of everything random in the run."""
    quick: bool = False
    """Start from settings that end in seconds; claims are never judged by them."""
    resume: Annotated[str | None, Option("[RUN]", "start a new run", bare=LATEST)] = None
    """Continue an interrupted run: the newest one of this experiment, or the one named."""


def main(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        show_experiments()
        return 0
    if args[0] == "--json":
        notebook = Notebook.find()
        print_json(experiments_to_json(notebook, lambda name: standing(name, evidence.records(notebook, name)).dated()))
        return 0
    if args[0] == "--job":
        run_job(Notebook(args[1]))
        return 0
    if args[0].startswith("-"):
        raise GlassbookError("name the experiment first: glassbook run EXPERIMENT [options]; see glassbook run --help")
    kind = base.find(args[0])
    options, work, given = read_options(kind, args[1:])
    notebook = options.open_notebook()
    if options.resume is None:
        record = start(work, notebook, seed=options.seed)
    else:
        past = interrupted(notebook, kind.name, options.resume)
        if past.status == "finished":
            raise GlassbookError(f"run {past.id} has finished; leave --resume out to start a new one")
        fixed = [name for name in given if name not in ("resume", "notebook", "json")]
        if fixed:
            word = f"--{fixed[0].replace('_', '-')}"
            raise GlassbookError(f"a resumed run keeps its settings; leave {word} out, or start a new run")
        record = resume(kind, past, notebook)
    if options.json:
        print_json(run_details_to_json(notebook, record, record.metric_names()))
    else:
        show(record)
    return 0


def run_job(notebook: Notebook) -> None:
    """Run the job of the notebook's queue that $GLASSBOOK_JOB names, as its settings and seed stand there."""
    job = JobQueue(notebook.folder).job(int(os.environ[JOB]))
    kind = base.find(job.experiment)
    if job.run_id is not None:  # of an earlier attempt
        show(resume(kind, notebook.run(job.run_id), notebook))
    else:
        show(start(forms.build(kind, job.settings), notebook, seed=job.seed))


def show_experiments() -> None:
    print("usage: glassbook run EXPERIMENT [--seed N] [--quick] [--resume [RUN]] [its settings]\n")
    kinds, broken = base.working()
    rows = [(name, (inspect.getdoc(kind) or "").split("\n")[0], _time(name)) for name, kind in kinds.items()]
    console().print(table(("experiment", "what it asks", "time"), rows, wide="what it asks"))
    print("\n`glassbook run EXPERIMENT --help` tells its settings and its claims.")
    for problem in broken.values():
        say(f"note: {problem}")


def _time(name: str) -> str:
    """How long a run takes, as far as anybody knows; with a mark if it needs data."""
    time = expected(name).seconds
    data = ", needs data" if base.find(name).data else ""
    return ("" if time is None else seconds(time)) + data


def read_options(kind: type[base.Experiment], args: list[str]) -> tuple[RunOptions, base.Experiment, Mapping[str, Any]]:
    """The command's options, the experiment with its settings, and what of both was given on the command line."""
    prog = f"glassbook run {kind.name}"
    parser = Parser(prog, about(kind))
    parser.add(kind, "settings")
    parser.add(RunOptions)
    given = parser.read(args)
    settings = {field.name for field in forms.fields(kind)}
    options = build(RunOptions, {name: value for name, value in given.items() if name not in settings}, prog)
    values = {name: value for name, value in given.items() if name in settings}
    return options, build(kind, values, prog, options.quick), given


def about(kind: type[base.Experiment]) -> str:
    """What the help of an experiment says above its options."""
    lines = [
        inspect.getdoc(kind) or "",
        "",
        f"After {kind.source}.",
        *_costs(kind),
        "",
        "Claims, judged over three seeds:",
    ]
    for claim in kind.claims:
        control = f"; control: {claim.control}" if claim.control else ""
        text = f"- {claim.id}: {claim.sentence} ({claim.condition}{control})"
        lines += textwrap.wrap(text, 78, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def _costs(kind: type[base.Experiment]) -> list[str]:
    """What a run needs and costs, for the help."""
    lines = []
    if data := needs(kind):
        lines.append(f"Needs data: {'; '.join(need.text for need in data)}.")
    if cost := expected(kind.name, kind).text:
        lines.append(f"A run at the default settings: {cost}.")
    wrapped = [part for line in lines for part in textwrap.wrap(line, 78, break_on_hyphens=False)]
    return ["", *wrapped] if wrapped else []


def start(
    work: base.Experiment, notebook: Notebook, seed: int = 0, resume: str | None = None, sabotage: str = ""
) -> RunRecord:
    """`base.launch` that says what it does, and how to continue after Ctrl-C."""
    quiet_libraries()
    what = f"continuing {resume}" if resume else f"sabotage {sabotage}, seed {seed}" if sabotage else f"seed {seed}"
    say(f"{work.name}: {what}, in {notebook.folder}")
    default = base.settings(work) == base.default_settings(work.name)
    if default and not resume and (cost := expected(work.name).text):
        say(f"{work.name}: {cost}")
    try:
        return base.launch(work, notebook, seed=seed, resume=resume, sabotage=sabotage)
    except KeyboardInterrupt:
        left = resume or next((r.id for r in notebook.runs(work.name) if r.status == "interrupted"), None)
        how = f" {left}" if left else ""
        raise Interrupted(
            f"interrupted; continue with: glassbook run {work.name} --resume{how} --notebook {notebook.folder}"
        ) from None


def interrupted(notebook: Notebook, name: str, which: str) -> RunRecord:
    """The interrupted run of an experiment that `which` names, or the newest one."""
    for record in notebook.runs(name):
        if record.id.startswith(which) or (which == LATEST and record.status == "interrupted"):
            return record
    if which == LATEST:
        raise GlassbookError(f"no run of {name} in {notebook.folder} was interrupted; leave --resume out to start one")
    raise GlassbookError(f"{notebook.folder} has no run {which!r} of {name}; `glassbook runs` lists them")


def resume(kind: type[base.Experiment], past: RunRecord, notebook: Notebook) -> RunRecord:
    """Continue a run with the settings that its run.json has."""
    try:
        work = forms.build(kind, past.config)
    except forms.FormError as error:
        raise GlassbookError(
            f"run {past.id} was made by another version of {kind.name} ({error}); start a new one"
        ) from None
    return start(work, notebook, resume=past.id)


def show(record: RunRecord) -> None:
    rows = [(name, number(value)) for name, value in record.results.items()]
    console().print(table(("result", "value"), rows, numbers=("value",)))
    print(f"\nrun {record.id} has {record.status}; its evidence is in {record.folder}")

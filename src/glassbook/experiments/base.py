"""Experiments: settings with a docstring each, a `run`, and the claims that its runs decide.

The same object serves the command line, the notebook, Python and a batch job. Modules of experiments import
nothing heavy at their top (torch and the packages below come inside `run`), so that help, forms and claims cost
nothing. Our own are found by walking the files below this package; other packages add theirs through the entry-point
group ``glassbook.experiments``.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from glassbook import extensions
from glassbook.errors import GlassbookError
from glassbook.experiments.kit import ACTIVATIONS, CHECKPOINTS
from glassbook.formatting import nearest
from glassbook.notebook import Claim, Notebook, Run, RunRecord
from glassbook.notebook.runs.rng import seed_generators

GROUP: extensions.Group = "glassbook.experiments"
PYDANTIC = {"use_attribute_docstrings": True, "extra": "forbid"}
"""How `forms` reads a dataclass of settings: the docstring under a field describes it, unknown settings are errors."""
Cls = TypeVar("Cls", bound=type)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Names of the charts, tables and images that a run with the default model keeps; pages show them."""

    charts: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sabotage:
    """A named, deliberately broken variant of an experiment: claims that name it have to break under it.

    Its runs are marked and never evidence; the verdict on a claim says which of them broke it.
    """

    id: str
    """What claims name it by: kebab-case."""
    sentence: str
    """What is broken, in words that stand alone."""
    settings: Mapping[str, object]
    """The settings that break it; all others have their defaults. What no setting of a user can break, a recipe breaks
    where its setting `sabotage` says so, which forms do not show."""


class Experiment(Protocol):
    """A frozen dataclass that `experiment` has marked: its fields are the settings of one run."""

    name: ClassVar[str]
    terms: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    data: ClassVar[tuple[str, ...]]
    minutes: ClassVar[float | None]
    claims: ClassVar[tuple[Claim, ...]]
    sabotages: ClassVar[tuple[Sabotage, ...]]
    outputs: ClassVar[Outputs]

    def run(self, run: Run) -> None:
        """Do the work, logging to `run`; finish with `run.result(...)` for every metric a claim reads."""
        ...

    @classmethod
    def quick(cls) -> Experiment:
        """Settings that end in seconds. Tests use them; claims are never judged by them."""
        ...


def experiment(
    *, terms: Sequence[str], source: str, data: Sequence[str] = (), minutes: float | None = None
) -> Callable[[Cls], Cls]:
    """Mark a frozen dataclass as an experiment.

    Args:
        terms: the glossary terms that it is about.
        source: what it is after: author, year, id.
        data: datasets of the registry (`glassbook.data.registry`) that it needs: `launch` has them on this machine
            before the run exists, and records that the run uses them.
        minutes: about how long a run at the default settings takes on two cores; where there is reference evidence,
            its times are told instead.
    """

    def mark(cls: Cls) -> Cls:
        marks = {"name": _kebab(cls.__name__), "terms": tuple(terms), "source": source}
        marks |= {"data": tuple(data), "minutes": minutes, "outputs": getattr(cls, "outputs", Outputs())}
        marks |= {"sabotages": getattr(cls, "sabotages", ())}
        marks |= {"__pydantic_config__": PYDANTIC}
        for name, value in marks.items():
            setattr(cls, name, value)
        claims, sabotages = getattr(cls, "claims", ()), marks["sabotages"]
        for what, ids in (("claims", [c.id for c in claims]), ("sabotages", [s.id for s in sabotages])):
            if len(set(ids)) < len(ids):
                twice = max(ids, key=ids.count)
                raise GlassbookError(f"{cls.__name__} has two {what} with the id {twice!r}; rename one")
        for claim in claims:
            if unknown := set(claim.sabotages) - {sabotage.id for sabotage in sabotages}:
                raise GlassbookError(
                    f"claim {claim.id!r} of {cls.__name__} names {min(unknown)!r}, which is none of its sabotages"
                )
        return cls

    return mark


def at_least(least: float, **settings: float) -> None:
    """Refuse settings below a number that they need.

    Raises:
        GlassbookError: names the first that is below it, or is no number.
    """
    for name, value in settings.items():
        if not least <= value < math.inf:
            raise GlassbookError(f"{name} = {value:g} must be at least {least:g}")


def _kebab(name: str) -> str:
    return "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")


@cache
def _own() -> dict[str, tuple[str, str]]:
    """Name -> (module, class) of each experiment in the files below this package; imports none of them."""
    home = Path(__file__).parent
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(home.rglob("*.py")):
        for match in re.finditer(r"^@experiment\(.*?^class (\w+)", path.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            module = ".".join(("glassbook.experiments", *path.relative_to(home).with_suffix("").parts))
            found[_kebab(match[1])] = (module, match[1])
    return found


def names() -> list[str]:
    """Names of every installed experiment, built in or added by another package; imports none of them."""
    return sorted({*_own(), *extensions.entries(GROUP)})


def working() -> tuple[dict[str, type[Experiment]], dict[str, str]]:
    """Name -> experiment of those that load, and name -> what is wrong of those that do not."""
    kinds, broken = {}, {}
    for name in names():
        try:
            kinds[name] = find(name)
        except GlassbookError as error:
            broken[name] = str(error)
    return kinds, broken


def find(name: str) -> type[Experiment]:
    """The experiment called `name`.

    Raises:
        GlassbookError: there is none of that name, and the message offers the nearest ones; or the package that
            offers it is broken.
    """
    if name in _own():
        module, cls = _own()[name]
        return getattr(importlib.import_module(module), cls)
    if name in extensions.entries(GROUP):
        return extensions.find(GROUP, name)
    raise GlassbookError(f"no experiment is called {name!r}; {nearest(name, names())}")


def summary(name: str) -> tuple[str, tuple[str, ...], str]:
    """(first line of its docstring, glossary terms, source) of the experiment called `name`."""
    kind = find(name)
    return (kind.__doc__ or "").strip().partition("\n")[0], kind.terms, kind.source


def default_settings(name: str) -> dict[str, Any] | None:
    """The settings that an experiment's claims are judged by: its defaults; None if it is not installed, or broken."""
    try:
        return settings(find(name)())
    except GlassbookError:
        return None


def settings(work: Experiment) -> dict[str, Any]:
    """The settings of `work` as plain data, as they stand in run.json."""
    return dataclasses.asdict(work)  # pyright: ignore[reportArgumentType]


def sabotaged(kind: type[Experiment], sabotage: Sabotage, quick: bool = False) -> Experiment:
    """The experiment with the settings of one of its sabotages, over its defaults or its quick settings."""
    start: Any = kind.quick() if quick else kind()
    return dataclasses.replace(start, **sabotage.settings)


def code_root(work: Experiment | type[Experiment]) -> str:
    """Where the code of an experiment begins: its class, as "module:Class"."""
    kind = work if isinstance(work, type) else type(work)
    return f"{kind.__module__}:{kind.__name__}"


def launch(
    work: Experiment, notebook: Notebook, *, seed: int = 0, resume: str | None = None, sabotage: str = ""
) -> RunRecord:
    """Run `work` in this process and keep its evidence in `notebook`.

    The datasets that it needs are looked up, or downloaded, before the run exists.

    Args:
        work: the experiment with its settings.
        notebook: where the run's folder is made.
        seed: recorded in the run and given to Python's, NumPy's and torch's generators before the work starts.
        resume: the id of an interrupted run of the same experiment to continue.
        sabotage: the id of the sabotage whose settings `work` has; the run is marked by it.

    Returns:
        the finished run's record.

    Raises:
        GlassbookError: a dataset is missing (what, from where, which variable), or the run fails for a reason that
            the user can fix.
    """
    files = _data_files(work)
    run = (
        notebook.resume_run(resume)
        if resume
        else notebook.start_run(
            work.name,
            config=settings(work),
            seed=seed,
            claims=list(work.claims),
            code=code_root(work),
            sabotage=sabotage,
        )
    )
    with run:
        for name, (digest, path) in files.items():
            run.uses("data", name, digest, path=path)
        seed_generators(run.seed)
        work.run(run)
    for scratch in (ACTIVATIONS, CHECKPOINTS):
        shutil.rmtree(run.folder / scratch, ignore_errors=True)
    return notebook.run(run.id)


def _data_files(work: Experiment) -> dict[str, tuple[str, Path]]:
    """Name -> (SHA-256, path) of every file of the datasets that `work` needs; missing ones are downloaded."""
    if not work.data:
        return {}
    from glassbook.data import registry

    found = {}
    for name in work.data:
        dataset = registry.find(name)
        paths = dataset.paths()
        found |= {f"{name}/{file.name}": (file.sha256, paths[file.name]) for file in dataset.files}
    return found

"""What other packages can add to Glassbook: five groups of entry points, and the one way to look into them.

Every use of entry points goes through `entries`, `find` and `call`. Listing a group imports nothing. An entry that
cannot be loaded, or is not what its group asks for, is one line that names its package, and hides no other entry.
The manual's page "Extending Glassbook" has an example for each group.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

from glassbook.errors import GlassbookError

Group = Literal[
    "glassbook.experiments", "glassbook.blocks", "glassbook.importers", "glassbook.models", "glassbook.datasets"
]


@dataclass(frozen=True)
class Wanted:
    """What an entry of a group has to be."""

    what: str
    """One entry, in two words."""
    name: str
    """What the entry's name means."""
    entry: str
    """What its object is."""
    has: tuple[str, ...] = ()
    """Attributes that the object needs; without any it has to be callable."""


GROUPS: dict[Group, Wanted] = {
    "glassbook.experiments": Wanted(
        "the experiment",
        "the class's name in lower case with hyphens: CoinEntropy is coin-entropy",
        "a frozen dataclass marked by glassbook.experiments.experiment, with claims, quick() and run(run)",
        has=("name", "terms", "source", "claims", "quick", "run"),
    ),
    "glassbook.blocks": Wanted(
        "the live block",
        "the key that a page writes in its ```glassbook block",
        "a function (services, data) -> HTML, safe as it is; it runs nothing",
    ),
    "glassbook.importers": Wanted(
        "the importer",
        'the ending of its files with the dot, such as ".org"',
        "a function (bytes, path, name without ending) -> glassbook.notebook.importing.Plan; it writes nothing",
    ),
    "glassbook.models": Wanted(
        "the model loader",
        "any",
        "a function (path) -> glassbook.nets.LanguageModel, or None where the file or folder is not its own",
    ),
    "glassbook.datasets": Wanted(
        "the dataset",
        "the dataset's name",
        "a glassbook.data.Dataset: its files with their SHA-256, where they are to be had, its licence",
        has=("name", "files", "licence"),
    ),
}
"""Group -> what its entries have to be."""
assert tuple(GROUPS) == get_args(Group)


def entries(group: Group) -> list[str]:
    """Names of all entries of a group, in order; imports none of them.

    What is installed is read once for each state of `sys.path`: a package that is installed later is seen after
    the next start.
    """
    return sorted(_installed(group, tuple(sys.path)))


def find(group: Group, name: str) -> Any:
    """The object behind an entry.

    Raises:
        GlassbookError: there is no such entry; two packages offer it; it cannot be loaded or is not what the group
            asks for. The line names the package.
    """
    wanted = GROUPS[group]
    points = _installed(group, tuple(sys.path)).get(name)
    if not points:
        raise GlassbookError(f"{wanted.what} {name!r} is not installed; there are: {', '.join(entries(group)) or '-'}")
    packages = sorted({_package(point) for point in points})
    if len(packages) > 1:
        raise GlassbookError(f"{wanted.what} {name!r} is in two packages, {' and '.join(packages)}; remove one")
    try:
        found = points[0].load()
    except Exception as error:  # whatever another package's code raises when it is imported
        raise _broken(wanted, name, packages[0], f"cannot be loaded ({_line(error)})") from error
    missing = [attribute for attribute in wanted.has if not hasattr(found, attribute)]
    if missing:
        raise _broken(wanted, name, packages[0], f"has no {', '.join(missing)}; it has to be {wanted.entry}")
    if not wanted.has and not callable(found):
        raise _broken(wanted, name, packages[0], f"cannot be called; it has to be {wanted.entry}")
    if group == "glassbook.experiments" and not is_dataclass(found):
        raise _broken(wanted, name, packages[0], f"is no dataclass; it has to be {wanted.entry}")
    if group == "glassbook.experiments" and (own := getattr(found, "name", None)) != name:
        raise _broken(wanted, name, packages[0], f"calls itself {own!r}; the entry has to have that name")
    return found


def call(group: Group, name: str, *args: Any) -> Any:
    """What an entry that is a function answers.

    Raises:
        GlassbookError: as `find` says; what the function itself tells the user; or, in one line that names the
            package, whatever else went wrong in it.
    """
    function = find(group, name)
    try:
        return function(*args)
    except GlassbookError:
        raise
    except Exception as error:  # whatever another package's code raises
        package = _package(_installed(group, tuple(sys.path))[name][0])
        raise _broken(GROUPS[group], name, package, f"failed ({_line(error)})") from error


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _broken(wanted: Wanted, name: str, package: str, why: str) -> GlassbookError:
    return GlassbookError(f"{wanted.what} {name!r} of the package {package} {why}; mend or remove the package")


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "of no name"


@lru_cache(maxsize=64)
def _installed(group: Group, path: tuple[str, ...]) -> dict[str, list[EntryPoint]]:
    """Name -> entries."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, []).append(point)
    return found

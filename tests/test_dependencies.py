"""What the package imports is what pyproject.toml declares: nothing comes along with another package by chance."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def imported() -> dict[str, str]:
    """Third-party packages that the source imports -> a file that does."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src" / "glassbook").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], str(path.relative_to(ROOT)))
    return {name: path for name, path in found.items() if name not in (*sys.stdlib_module_names, "glassbook")}


def declared() -> set[str]:
    """Distributions that pyproject.toml names, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return {plain(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in [*project["dependencies"], *extras]}


def plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_every_direct_import_is_declared():
    brings = packages_distributions()
    known = {
        name: {plain(distribution) for distribution in brings.get(name, [name])} | {plain(name)} for name in imported()
    }
    missing = {name: path for name, path in imported().items() if not known[name] & declared()}
    assert missing == {}


def test_every_dependency_is_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {plain(re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]) for line in project["dependencies"]}
    brings = packages_distributions()
    used = {plain(d) for name in imported() for d in brings.get(name, [name])}
    assert needed - used == set()

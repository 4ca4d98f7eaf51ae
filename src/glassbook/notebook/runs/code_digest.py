"""The code that a module stands for: its own source and that of the modules it imports, found without importing them.

Followed are imports of Glassbook and of the module's own package, those inside functions included. The notebook's
floor is left out: it records results and has no part in them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

PACKAGE = "glassbook"
RECORDING = ("glassbook.notebook", "glassbook.jobs", "glassbook.errors", "glassbook.__main__")
"""Modules that take no part in a result."""


def code_digest(module: str) -> str | None:
    """SHA-256 over the sources that a module stands for; None if its source is not to be found here.

    Args:
        module: dotted name of a module, say "glassbook.experiments.features.superposition".
    """
    followed = {PACKAGE, module.partition(".")[0]}
    found: dict[str, str] = {}
    waiting = [*_parents(module)]
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in followed or _records(name):
            continue
        path = locate(name)
        if path is None:
            continue  # a name in a module, not a module
        stat = path.stat()
        digest, imported = _read(path, name, stat.st_mtime_ns, stat.st_size)
        found[name] = digest
        waiting += imported
    if module not in found:
        return None
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(found.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _records(name: str) -> bool:
    return name.startswith(tuple(f"{prefix}." for prefix in RECORDING)) or name in RECORDING


def _parents(name: str) -> Iterator[str]:
    """The packages that importing a module imports as well, and the module."""
    parts = name.split(".")
    return (".".join(parts[: i + 1]) for i in range(len(parts)))


def locate(module: str) -> Path | None:
    """The source file of a module; None if there is none. Nothing is imported."""
    top, *rest = module.split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        return None
    try:
        spec = importlib.util.find_spec(top)  # the top of a dotted name is found without running anything
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return _source(Path(spec.origin)) if spec.origin else None
    for place in spec.submodule_search_locations or ():
        path = Path(place).joinpath(*rest)
        found = _source(path / "__init__.py") or _source(path.with_name(path.name + ".py"))
        if found is not None:
            return found
    return None


def _source(path: Path) -> Path | None:
    return path if path.suffix == ".py" and path.is_file() else None


@lru_cache(maxsize=4096)
def _read(path: Path, name: str, modified: int, size: int) -> tuple[str, tuple[str, ...]]:
    """(digest of a source file, names that it imports); read again only when the file has changed."""
    content = path.read_bytes()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        imported = tuple(dict.fromkeys(_imports(ast.parse(content), package)))
    except (SyntaxError, ValueError, RecursionError):  # somebody is writing it just now
        imported = ()
    return hashlib.sha256(content).hexdigest(), imported


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Every name that may be an imported module, with its packages; what only type checkers import is left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield from _parents(alias.name)
        elif isinstance(child, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - child.level + 1] if child.level else []
            base = ".".join([*above, *([child.module] if child.module else [])])
            for alias in child.names:
                yield from _parents(f"{base}.{alias.name}")
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _imports(ast.Module(child.orelse, []), package)
        else:
            yield from _imports(child, package)

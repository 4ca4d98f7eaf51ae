"""Code digests: a hash of the code that a result depends on, which survives refactoring.

The digest of an experiment covers its class and every function, class and constant that it reaches by name, across the
modules of Glassbook and of the class's own package: by calls, base classes, decorators, default values, imports inside
functions and attributes of imported modules. It covers what these definitions do (code_tokens.py), not in which module
they stand: comments, other definitions in the same module, re-exports and moves change nothing. A class that is reached
counts with all its methods; a module that is passed on as a value counts whole.

What is looked up by a name made at run time (`getattr(module, name)`, entry points) is not seen.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from glassbook.notebook.runs.code_tokens import Definition, Import, Use, bound, define, imports, is_for_type_checkers

PACKAGE = "glassbook"
IGNORED = (
    "glassbook.notebook",
    "glassbook.jobs",
    "glassbook.errors",
    "glassbook.charts",
    "glassbook.extensions",
    "glassbook.__main__",
)
"""Modules that record or show a result and take no part in it."""
NOT_OF_A_RUN = frozenset({"claims", "sabotages", "quick", "experiment"})
"""Attributes of an experiment's class, and its decorator, that its runs do not depend on."""
EFFECTS, ALL = "<effects>", "<all>"
"""In place of a name: the statements of a module that bind none; everything in it."""


def code_digest(root: str) -> str | None:
    """SHA-256 over the code that an experiment's class stands for; None if its source is not to be found here.

    Args:
        root: the class, as in "glassbook.experiments.features.superposition:Superposition"; without a class, all that
            stands in a module.
    """
    return _Search(root).digest()


@dataclass(frozen=True)
class _Node:
    """A definition, by the module and the name that bind it."""

    module: str
    name: str


class _Search:
    """Follows names from a root to their definitions."""

    def __init__(self, root: str) -> None:
        module, _, name = root.partition(":")
        self.root = _Node(module, name or ALL)
        self.followed = {PACKAGE, module.partition(".")[0]}
        self.modules: dict[str, _Module | None] = {}
        self.resolved: dict[tuple[str, tuple[str, ...]], tuple[_Node | str, ...]] = {}

    def digest(self) -> str | None:
        module = self.module(self.root.module)
        if module is None or not (module.broken or self.root.name in (ALL, *module.bindings)):
            return None
        lines: set[str] = set()
        waiting, reached = [self.root], {self.root}
        while waiting:
            node = waiting.pop()
            definition = self.define(node)
            lines.add(definition.digest)
            targets = [_Node(node.module, EFFECTS)]
            for use in definition.uses:
                for target in self.targets(use, node.module):
                    # Text and name are not enough: the name may come to stand for another definition.
                    stands_for = target if isinstance(target, str) else self.define(target).digest
                    lines.add(f"{definition.digest} {use.names[-1]} {stands_for}")
                    if isinstance(target, _Node):
                        targets.append(target)
            waiting += [target for target in dict.fromkeys(targets) if target not in reached]
            reached.update(targets)
        text = "\n".join([self.define(self.root).digest, *sorted(lines)])
        return hashlib.sha256(text.encode()).hexdigest()

    def define(self, node: _Node) -> Definition:
        module = self.module(node.module)
        assert module is not None  # only nodes of modules that were found are made
        return module.define(node.name, NOT_OF_A_RUN if node == self.root else frozenset())

    def targets(self, use: Use, module: str) -> tuple[_Node | str, ...]:
        """The definitions that a name of a module stands for; as text, what it stands for in other packages."""
        if use.imported is not None:
            names = (*filter(None, [use.imported.attribute]), *use.names[1:])
            return self.resolve(use.imported.module, names)
        table = self.module(module)
        if table is None or (use.names[0] not in table.bindings and not table.stars):
            return ()  # a builtin
        return self.resolve(module, use.names)

    def resolve(self, module: str, names: tuple[str, ...]) -> tuple[_Node | str, ...]:
        """As `targets`, for attributes of attributes of a module."""
        key = (module, names)
        if key not in self.resolved:
            self.resolved[key] = ()  # a circle of imports ends here
            self.resolved[key] = tuple(dict.fromkeys(self._resolve(module, names)))
        return self.resolved[key]

    def _resolve(self, module: str, names: tuple[str, ...]) -> Iterator[_Node | str]:
        if module.partition(".")[0] not in self.followed:
            yield ".".join((module, *names))
            return
        table = None if f"{module}.".startswith(tuple(f"{name}." for name in IGNORED)) else self.module(module)
        if table is None:
            return
        if not names or table.broken:
            yield _Node(module, ALL)
            return
        name, *rest = names
        for binding in table.bindings.get(name) or ():
            if isinstance(binding, Import):
                yield from self.resolve(binding.module, (*filter(None, [binding.attribute]), *rest))
            else:
                yield _Node(module, name)
        if name in table.bindings:
            return
        if table.is_package and self.module(f"{module}.{name}") is not None:
            yield from self.resolve(f"{module}.{name}", tuple(rest))
            return
        # A package that imports on first use tells type checkers what it has.
        for binding in table.checked.get(name, ()):
            yield from self.resolve(binding.module, (*filter(None, [binding.attribute]), *rest))
        for star in table.stars:
            yield from self.resolve(star, names)

    def module(self, name: str) -> _Module | None:
        if name not in self.modules:
            path = locate(name)
            stat = path.stat() if path else None
            self.modules[name] = _read(path, name, stat.st_mtime_ns, stat.st_size) if path and stat else None
        return self.modules[name]


class _Module:
    """What a source file binds at its top level; each definition is read when it is first reached."""

    def __init__(self, path: Path, name: str) -> None:
        content = path.read_bytes()
        self.is_package = path.name == "__init__.py"
        self.package = name if self.is_package else name.rpartition(".")[0]
        self.top = name.partition(".")[0]
        self.broken = ""
        """SHA-256 of a file that cannot be parsed: somebody is writing it just now."""
        self.bindings: dict[str, list[Import | ast.stmt]] = {}
        self.checked: dict[str, list[Import]] = {}
        """What is imported for type checkers alone."""
        self.stars: list[str] = []
        self.effects: list[ast.stmt] = []
        self.define = cache(self._define)
        try:
            self._add(ast.parse(content).body)
        except (SyntaxError, ValueError, RecursionError):
            self.broken = hashlib.sha256(content).hexdigest()

    def _define(self, name: str, without: frozenset[str]) -> Definition:
        if self.broken:
            return Definition(self.broken, ())
        if name == ALL:
            return Definition(ALL, tuple(Use((bound_name,)) for bound_name in self.bindings))
        statements = [part for part in self.bindings.get(name, ()) if not isinstance(part, Import)]
        return define(self.effects if name == EFFECTS else statements, self.package, without=without)

    def _add(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.If) and is_for_type_checkers(node):
                for part in node.body:
                    if isinstance(part, (ast.Import, ast.ImportFrom)):
                        for name, imported in imports(part, self.package).items():
                            self.checked.setdefault(name, []).append(imported)
                self._add(node.orelse)
            elif not (isinstance(node, ast.If) and ast.unparse(node.test).startswith("__name__ ==")):
                self._bind(node)

    def _bind(self, node: ast.stmt) -> None:
        names = bound([node], self.package)
        for name, imported in names.items():
            if name == "*" and imported:
                self.stars.append(imported.module)
            else:
                self.bindings.setdefault(name, []).append(imported or node)
        changed = _root(node)
        if changed in self.bindings:
            self.bindings[changed].append(node)  # REGISTRY["name"] = ..., REGISTRY.add(...)
        elif not names and not isinstance(node, (ast.Assert, ast.Pass)) and not _is_docstring(node):
            self.effects.append(node)
        if any(self._is_ours(decorator) for decorator in getattr(node, "decorator_list", ())):
            self.effects.append(node)

    def _is_ours(self, decorator: ast.expr) -> bool:
        """Whether a decorator may be one that registers what it decorates."""
        name = _name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return name not in NOT_OF_A_RUN and any(
            not isinstance(binding, Import) or binding.module.partition(".")[0] in (self.top, PACKAGE)
            for binding in self.bindings.get(name, ())
        )


def _root(node: ast.stmt) -> str:
    """The name whose value a statement changes without rebinding it; "" if there is none."""
    match node:
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute() as target]):
            return _name(target)
        case ast.AugAssign(target=ast.Subscript() | ast.Attribute() as target):
            return _name(target)
        case ast.Expr(value=ast.Call(func=ast.Attribute() as target)):
            return _name(target)
    return ""


def _name(node: ast.expr) -> str:
    """The name that attributes and items are taken of; "" if it is an expression."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@lru_cache(maxsize=4096)
def _read(path: Path, name: str, modified: int, size: int) -> _Module:
    """A source file; read again only when it has changed."""
    return _Module(path, name)


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

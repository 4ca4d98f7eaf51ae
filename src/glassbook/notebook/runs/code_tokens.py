"""Normalised text of Python definitions: what code does, without how it is written.

Two definitions with the same text do the same: comments, docstrings, layout, type annotations of functions, the names
of local variables and the words of errors are left out. With the text come the names that a definition uses from
outside itself. Nothing is imported, and the text is the same under every version of Python.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_SKIPPED = {"ctx", "kind", "type_comment", "type_params", "returns", "annotation"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LEAVES = (ast.Constant, ast.expr_context, ast.operator, ast.cmpop)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_CLASS_BODY: dict[str, Import | None] = {}
"""Marks the body of a class among the scopes: its names are attributes, seen from nowhere inside."""


@dataclass(frozen=True)
class Import:
    """What a name stands for that an import binds."""

    module: str
    attribute: str = ""
    """Name in that module; "" if the module itself is meant."""


@dataclass(frozen=True)
class Use:
    """A name with the attributes behind it, as in `measure.l0`, that a definition takes from outside."""

    names: tuple[str, ...]
    imported: Import | None = None
    """What the first name stands for, if the definition imports it itself."""


@dataclass(frozen=True)
class Definition:
    """A statement of a module's top level."""

    digest: str
    """SHA-256 of its normalised text."""
    uses: tuple[Use, ...]


def define(statements: Sequence[ast.stmt], package: str, *, without: frozenset[str] = frozenset()) -> Definition:
    """The definition that statements make together.

    Args:
        statements: what binds a name, say a function, or an assignment and the calls that extend it.
        package: dotted name of the package that relative imports are relative to.
        without: names of a class's body, and of its decorators, that are left out.
    """
    writer = _Writer(package, without)
    writer.body(statements)
    return Definition(hashlib.sha256("".join(writer.text).encode()).hexdigest(), tuple(writer.uses))


def bound(nodes: Iterable[ast.AST], package: str) -> dict[str, Import | None]:
    """The names that statements bind in their own scope, with what they stand for where that is an import."""
    names: dict[str, Import | None] = {}
    elsewhere: set[str] = set()
    for node in _scope(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.setdefault(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.setdefault(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.setdefault(name)
            case ast.MatchMapping(rest=str(name)):
                names.setdefault(name)
            case ast.Import() | ast.ImportFrom():
                names |= imports(node, package)
            case ast.Global(names=given) | ast.Nonlocal(names=given):
                elsewhere |= {*given}
    return {name: imported for name, imported in names.items() if name not in elsewhere}


def imports(node: ast.Import | ast.ImportFrom, package: str) -> dict[str, Import]:
    """Name -> what it stands for after an import; `*` stands for all of a module."""
    if isinstance(node, ast.Import):
        names = [(alias.asname, alias.name if alias.asname else alias.name.partition(".")[0]) for alias in node.names]
        return {asname or name: Import(name) for asname, name in names}
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    module = ".".join([*above, *([node.module] if node.module else [])])
    return {alias.asname or alias.name: Import(module, alias.name) for alias in node.names}


def is_for_type_checkers(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in (getattr(node.test, key, "") for key in ("id", "attr"))


def _scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of one scope; of scopes inside it, the node that opens them."""
    waiting = [*nodes][::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _COMPREHENSIONS):  # its own names are its own, but `:=` binds outside of it
            yield from (part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
            continue
        yield node
        if not isinstance(node, (*_SCOPES, ast.Lambda)):
            waiting += [part for part in ast.iter_child_nodes(node) if not isinstance(part, _LEAVES)][::-1]


class _Writer:
    """Writes the text of statements and collects the names that they use."""

    def __init__(self, package: str, without: frozenset[str]) -> None:
        self.package = package
        self.without = without
        self.text: list[str] = []
        self.uses: dict[Use, None] = {}
        self.scopes: list[dict[str, Import | None]] = []
        self.local: dict[tuple[int, str], str] = {}
        self.parameters: set[tuple[int, str]] = set()
        self.left: list[dict[str, Import | None]] = []
        self.using = True

    def body(self, statements: Sequence[ast.stmt]) -> None:
        for node in statements:
            match node:
                case ast.Expr(value=ast.Constant(value=str())) | ast.Pass() | ast.Import() | ast.ImportFrom():
                    continue
                case ast.If() if is_for_type_checkers(node):
                    self.body(node.orelse)
                    continue
            self.write(node)

    def write(self, node: ast.AST) -> None:
        special = getattr(self, f"_{type(node).__name__}", None)
        if special is not None:
            special(node)
        else:
            self.fields(node, node._fields)

    def fields(self, node: ast.AST, names: Iterable[str]) -> None:
        """A node's type and fields. Empty ones are left out, so that a field of a later Python changes nothing."""
        self.text.append(f"({type(node).__name__}")
        for name in names:
            value = getattr(node, name, None)
            if name in _SKIPPED or value is None or value == []:
                continue
            self.text.append(f" {name}=")
            self.value(value)
        self.text.append(")")

    def value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.write(value)
        elif isinstance(value, list):
            self.text.append("[")
            if value and isinstance(value[0], ast.stmt):
                self.body(value)
            else:
                for part in value:
                    self.value(part)
                    self.text.append(",")
            self.text.append("]")
        else:
            self.text.append(ascii(value))

    # --- names --------------------------------------------------------------------------------------------------

    def name(self, name: str, *attributes: str, use: bool = True) -> None:
        """A name: by number if it is a local variable, else as it is, with a note that it is used."""
        for scope in reversed(self.scopes):
            if scope is _CLASS_BODY or name not in scope:
                continue
            at = (id(scope), name)
            imported = scope[name]
            if imported is not None:
                self.use(Use((name, *attributes), imported))
            elif at not in self.parameters:
                name = self.local.setdefault(at, f"%{len(self.local)}")
            break
        else:
            if use:
                self.use(Use((name, *attributes)))
        self.text.append(".".join((name, *attributes)))

    def use(self, use: Use) -> None:
        if self.using:
            self.uses[use] = None

    def _Name(self, node: ast.Name) -> None:
        # A class's attribute, or the name that a statement defines, is no use of a module's name.
        stored = isinstance(node.ctx, ast.Store) and (not self.scopes or self.scopes[-1] is _CLASS_BODY)
        self.name(node.id, use=not stored)

    def _Attribute(self, node: ast.Attribute) -> None:
        names, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            names.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self.name(inner.id, *reversed(names))
        else:
            self.fields(node, node._fields)

    def _Constant(self, node: ast.Constant) -> None:
        self.text.append(f"({type(node.value).__name__} {node.value!a})")

    def _binding(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        field = "rest" if isinstance(node, ast.MatchMapping) else "name"
        self.fields(node, [name for name in node._fields if name != field])
        name = getattr(node, field)
        if name is not None:
            self.name(name, use=False)

    _ExceptHandler = _MatchAs = _MatchStar = _MatchMapping = _binding

    def _Global(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            self.text.append(f"({type(node).__name__} ")
            self.name(name)
            self.text.append(")")

    _Nonlocal = _Global

    # --- what is left out ---------------------------------------------------------------------------------------

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        if self.scopes and self.scopes[-1] is _CLASS_BODY:  # a field: its type is part of it, but is not used
            self.using = False
            self.write(node.annotation)
            self.using = True
            self.fields(node, ("target", "value"))
        elif node.value is not None:
            self.write(ast.Assign([node.target], node.value))

    def _Raise(self, node: ast.Raise) -> None:
        self.text.append("(Raise ")
        if node.exc is not None:
            self.write(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        self.text.append(")")

    def _Assert(self, node: ast.Assert) -> None:
        self.fields(node, ("test",))

    # --- scopes -------------------------------------------------------------------------------------------------

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.fields(node, ("decorator_list",))
        self.name(node.name, use=False)
        self._function(node.args, node.body)

    _AsyncFunctionDef = _FunctionDef

    def _Lambda(self, node: ast.Lambda) -> None:
        self._function(node.args, [node.body])

    def _function(self, args: ast.arguments, body: Sequence[ast.AST]) -> None:
        self.fields(args, ("defaults", "kw_defaults"))
        scope = bound(body, self.package)
        parameters = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
        for parameter in parameters:
            scope[parameter.arg] = None
            self.parameters.add((id(scope), parameter.arg))
        self.scopes.append(scope)
        self.fields(args, ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"))
        self.value([*body])
        self.left.append(self.scopes.pop())  # held, so that no later scope gets its id

    def _comprehension_scope(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first = node.generators[0]
        self.write(first.iter)  # in the scope around it
        self.scopes.append(bound([part.target for part in node.generators], self.package))
        for part in node.generators:
            self.fields(part, ("target", "ifs", "is_async") if part is first else part._fields)
        self.fields(node, [name for name in node._fields if name != "generators"])
        self.left.append(self.scopes.pop())

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _comprehension_scope

    def _ClassDef(self, node: ast.ClassDef) -> None:
        without = self.without if not self.scopes else frozenset()
        self.text.append("(ClassDef ")
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not (isinstance(called, (ast.Name, ast.Attribute)) and ast.unparse(called).split(".")[-1] in without):
                self.write(decorator)
        self.name(node.name, use=False)
        self.value([*node.bases, *node.keywords])
        self.scopes.append(_CLASS_BODY)
        self.body([part for part in node.body if not without.intersection(bound([part], self.package))])
        self.scopes.pop()
        self.text.append(")")

"""Recipes read like a paper: they are short, stand alone, and leave plumbing and plotting to the kit."""

import ast
import tomllib
from pathlib import Path

import pytest

from glassbook.experiments import base

HOME = Path(base.__file__).parent
LONGEST = 150
SAMPLE = '"""A module\nof two lines."""\n\n# why\nx = (\n    1,  # one\n)\ny = 2\n"""What y is."""\n'
MODULES = {module for module, _ in base._own().values()}
RECIPES = sorted(HOME / Path(*module.split(".")[2:]).with_suffix(".py") for module in MODULES)


def code_lines(source: str) -> int:
    """Lines that are no docstring, no explanation of a claim, no comment and not blank."""
    nodes = list(ast.walk(ast.parse(source)))
    texts: list[ast.expr] = [n.value for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    texts += [n.value for n in nodes if isinstance(n, ast.keyword) and n.arg == "explanation"]
    docstrings = {line for text in texts for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)}
    rows = enumerate(map(str.strip, source.splitlines()), 1)
    return sum(1 for n, row in rows if row and not row.startswith("#") and n not in docstrings)


def imports(path: Path) -> set[str]:
    """Dotted names of all that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def test_only_code_is_counted():
    assert code_lines(SAMPLE) == 4
    assert code_lines('c = Claim(\n    "a",\n    explanation="Two lines "\n    "of prose",\n)\n') == 3


@each(RECIPES)
def test_a_recipe_is_short(path):
    assert code_lines(path.read_text()) <= LONGEST


@each(RECIPES)
def test_a_recipe_imports_no_other(path):
    assert not imports(path) & MODULES


def test_import_linter_holds_all_recipes_apart():
    contracts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["tool"]["importlinter"]
    [apart] = [c for c in contracts["contracts"] if c["name"] == "Recipes are independent of each other"]
    assert set(apart["modules"]) == MODULES


@each(sorted(path for path in HOME.glob("*/*.py") if path.name != "__init__.py"))
def test_models_activations_and_charts_come_from_the_kit(path):
    found = imports(path)
    if path.stem == "_runners":
        found -= {"tempfile"}  # what is measured there are files: they are written, and read by a program of its own
    assert not {"altair", "tempfile", "glassbook.nets.open_model", "glassbook.trace.record"} & found
    assert "manual_seed(run.seed" not in path.read_text(), "take a generator of its own: run.rng(name)"


@each(RECIPES)
def test_every_setting_and_function_is_documented_and_typed(path):
    [cls] = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    for here, after in zip(cls.body, [*cls.body[1:], None], strict=True):
        if isinstance(here, ast.AnnAssign):
            assert isinstance(after, ast.Expr), f"{cls.name}.{ast.unparse(here.target)} has no docstring"
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            arguments = [a for a in function.args.args if a.arg not in ("self", "cls")]
            assert function.returns is not None, function.name
            assert all(a.annotation is not None for a in arguments), function.name

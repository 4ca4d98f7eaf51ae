"""The sizes that keep rooms livable (docs/decisions/0019)."""

import ast
from pathlib import Path

import pytest

import glassbook

HOUSE = Path(glassbook.__file__).parent
SAMPLE = '"""A module\nof two lines."""\n\n# why\nx = (\n    1,  # one\n)\ny = 2\n"""What y is."""\n'


def code_lines(source: str) -> int:
    """Lines that are no docstring, no comment and not blank."""
    texts = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    told = {line for text in texts for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)}
    rows = enumerate(map(str.strip, source.splitlines()), 1)
    return sum(1 for n, row in rows if row and not row.startswith("#") and n not in told)


def test_only_code_is_counted():
    assert code_lines(SAMPLE) == 4


@pytest.mark.parametrize(("room", "most"), [("trace", 400), ("steer", 510), ("circuits", 700)])
def test_rooms_stay_livable(room, most):
    assert sum(code_lines(path.read_text()) for path in (HOUSE / room).rglob("*.py")) <= most

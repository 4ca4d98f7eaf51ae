"""A form and the command line mean the same settings, for every experiment; what does not fit is told by name."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from glassbook.cli.commands.run import read_options
from glassbook.errors import GlassbookError
from glassbook.experiments import base, forms
from glassbook.experiments.base import experiment, find, names
from glassbook.experiments.forms import FormError, build, command, fields
from glassbook.notebook.serialization import to_json


@experiment(terms=["Toy"], source="Nobody 2026")
@dataclass(frozen=True, kw_only=True)
class Everything:
    """Does a form know every kind of setting?"""

    count: int = 3
    """How many."""
    rate: float = -0.5
    """How fast,
    in two lines."""
    words: str = "a, b"
    loud: bool = False
    """Whether."""
    quiet: bool = True
    """Whether not."""
    precision: Literal["no", "bf16"] = "bf16"
    """Which."""
    level: Literal[1, 2, 3] = 2
    """How high."""
    limit: int | None = None
    """At most."""
    start: float | None = 1.5
    """From."""
    rates: tuple[float, ...] = (1.0, -0.5)
    """All of them."""
    names: tuple[str, ...] = ("north", "south")
    """Names."""
    pair: tuple[int, int] = (1, 2)
    """Two of them."""
    folder: Path = Path("here")
    """Where."""
    claims = ()

    @classmethod
    def quick(cls) -> Everything:
        return cls()

    def run(self, run) -> None:
        if self.count < 0:
            raise ValueError


KINDS = [Everything, *map(find, names())]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@every_kind
def test_the_defaults_survive_the_form(kind):
    shown = fields(kind)
    assert [field.name for field in shown] == [field.name for field in dataclasses.fields(kind)]
    assert build(kind, {}) == kind()
    assert build(kind, {field.name: field.text for field in shown}) == kind()
    assert build(kind, {field.name: str(field.default) for field in shown}) == kind()
    assert build(kind, json.loads(json.dumps({f.name: f.default for f in shown}, default=str))) == kind()


@every_kind
def test_the_command_line_means_the_same(kind):
    for work in (kind(), kind.quick()):
        words = command(work, seed=7)
        assert words[:3] == ["glassbook", "run", kind.name]
        options, again, _ = read_options(kind, words[3:])
        assert (again, options.seed) == (work, 7)


@every_kind
def test_run_json_means_the_same(kind):
    for work in (kind(), kind.quick()):
        assert build(kind, json.loads(to_json(base.settings(work), what="settings"))) == work


@every_kind
def test_quick_settings_fill_what_is_left_out(kind):
    assert build(kind, {}, quick=True) == kind.quick()


@pytest.mark.parametrize("kind", [find(name) for name in names()], ids=lambda kind: kind.name)
def test_every_setting_of_an_installed_experiment_is_documented(kind):
    assert all(field.doc for field in fields(kind))


def other(field: forms.Field) -> list[object]:
    """Values of a setting that are not its default."""
    samples = {
        "int": [0, -4],
        "float": [-2.5, 1e-9, 3.0],
        "str": ["", "-x", "--quick", "a=b", "é ü", "two words", '"quoted"'],
        "bool": [not field.default],
        "path": [Path("/a b/-c")],
        "list": {"int": [(5, -6)], "float": [(0.1, -2.0)], "str": [("one two", "a,b", "[x")]}.get(
            field.items or "", []
        ),
        "choice": list(field.choices),
    }[field.type]
    samples += [()] if field.type == "list" and field.length is None else []
    return [*samples, *([None] if field.optional else [])]


@pytest.mark.parametrize("field", fields(Everything), ids=lambda field: field.name)
def test_every_kind_of_value_survives_form_and_command_line(field):
    for value in other(field):
        work = dataclasses.replace(Everything(), **{field.name: value})
        assert build(Everything, {field.name: field.to_text(value)}) == work, value
        assert read_options(Everything, command(work)[3:])[1] == work, value


def test_the_fields_say_what_they_are():
    known = {field.name: field for field in fields(Everything)}
    assert {name: field.type for name, field in known.items()} == {
        "count": "int",
        "rate": "float",
        "words": "str",
        "loud": "bool",
        "quiet": "bool",
        "precision": "choice",
        "level": "choice",
        "limit": "int",
        "start": "float",
        "rates": "list",
        "names": "list",
        "pair": "list",
        "folder": "path",
    }
    assert known["rate"].doc == "How fast, in two lines."
    assert known["words"].doc == ""
    assert known["precision"].choices == ("no", "bf16")
    assert known["limit"].optional
    assert known["limit"].text == ""
    assert known["rates"].text == "1.0, -0.5"
    assert (known["pair"].length, known["rates"].length) == (2, None)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("count", "many", "a whole number"),
        ("count", "2.5", "a whole number"),
        ("count", 2.5, "a whole number"),
        ("count", True, "a whole number"),
        ("count", float("inf"), "a whole number"),
        ("count", None, "a whole number"),
        ("rate", "", "a number"),
        ("rate", [1.0], "a number"),
        ("words", 3, "text"),
        ("words", "a\0b", "text"),
        ("loud", "perhaps", "true or false"),
        ("precision", "fp8", "one of no, bf16"),
        ("level", 4, "one of 1, 2, 3"),
        ("limit", "x", "a whole number, or nothing"),
        ("rates", "1, two", "numbers separated by commas"),
        ("rates", "[1, [2]]", "numbers separated by commas"),
        ("rates", "[" * 100_000, "numbers separated by commas"),
        ("rates", "(" * 50_000 + ")" * 50_000, "numbers separated by commas"),
        ("rates", "(__import__('os'))", "numbers separated by commas"),
        ("pair", "1, 2, 3", "2 whole numbers separated by commas"),
        ("folder", " ", "a path"),
        ("folder", "a\0b", "a path"),
    ],
)
def test_what_does_not_fit_is_told_by_name(name, value, fits):
    with pytest.raises(FormError) as told:
        build(Everything, {name: value})
    assert list(told.value.problems) == [name]
    assert str(told.value).endswith(f"does not fit; give {fits}")
    assert len(str(told.value)) < 160


def test_all_problems_are_told_at_once():
    with pytest.raises(FormError) as told:
        build(Everything, {"count": "x", "rate": "y", "cuont": 1})
    assert list(told.value.problems) == ["count", "rate", "cuont"]
    assert "did you mean count?" in told.value.problems["cuont"]


def test_an_experiment_may_refuse_settings():
    @experiment(terms=[], source="")
    @dataclass(frozen=True, kw_only=True)
    class Choosy:
        """Is it?"""

        n: int = 1

        def __post_init__(self) -> None:
            if self.n < 0:
                raise ValueError("n has to be positive")

    with pytest.raises(GlassbookError, match="choosy refuses these settings: n has to be positive"):
        build(Choosy, {"n": "-1"})


def test_a_type_that_no_form_can_show_is_refused():
    @experiment(terms=[], source="")
    @dataclass(frozen=True, kw_only=True)
    class Odd:
        """Is it?"""

        n: complex = 1j

    with pytest.raises(GlassbookError, match="the setting n of odd has a type that no form can show"):
        fields(Odd)


def test_forms_import_nothing_heavy():
    code = (
        "import sys\nfrom glassbook.experiments import base, forms\n"
        "[forms.command(forms.build(base.find(name), {})) for name in base.names()]\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'altair', 'fastapi') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_group_of_entry_points_is_the_documented_one():
    assert base.GROUP == "glassbook.experiments"

"""Settings of an experiment: one pydantic model for the command line, HTML forms, the JSON API, jobs and resumed runs.

The model is made from the experiment's dataclass: types and defaults from its fields, descriptions from the docstrings
under them. A value comes as text (a form, the command line) or as plain data (JSON, run.json); it ends as the field's
own type, or in an error that names the field and says what fits. The dataclasses of commands are read in the same way.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from pydantic import PydanticUndefinedAnnotation, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from glassbook.errors import GlassbookError
from glassbook.experiments import base

Type = Literal["int", "float", "str", "bool", "choice", "list", "path"]
Settings = TypeVar("Settings")

HIDDEN = "sabotage"
"""The setting by which a recipe breaks itself on purpose (`base.Sabotage`): no form and no help shows it."""
_SCALARS: dict[Any, Type] = {"integer": "int", "number": "float", "string": "str", "boolean": "bool"}
_WANTED: dict[str, tuple[str, str]] = {
    "int": ("a whole number", "whole numbers"),
    "float": ("a number", "numbers"),
    "str": ("text", "texts"),
    "path": ("a path", "paths"),
    "bool": ("true or false", "true or false,"),
}


class FormError(GlassbookError):
    """Values that do not fit their fields.

    Args:
        problems: name of the field -> what is wrong and what fits.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Field:
    """One setting of an experiment, or one option of a command."""

    name: str
    type: Type
    default: Any
    """`dataclasses.MISSING` if it has to be given."""
    doc: str
    """The text under the field in the source, on one line."""
    choices: tuple[Any, ...] = ()
    optional: bool = False
    """Whether it may be left empty (None)."""
    items: Type | None = None
    """Type of a list's items."""
    length: int | None = None
    """Items a list must have; None if any number will do."""

    @property
    def text(self) -> str:
        """The default as it stands in a form."""
        return self.to_text(self.default)

    @property
    def option(self) -> str:
        """Name of the setting on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def hidden(self) -> bool:
        """Whether it is no setting for users."""
        return self.name == HIDDEN

    @property
    def wants(self) -> str:
        """What may stand in the field, in words."""
        if self.type == "choice":
            wanted = "one of " + ", ".join(map(str, self.choices))
        elif self.type == "list":
            count = f"{self.length} " if self.length is not None else ""
            wanted = f"{count}{_WANTED[self.items or 'str'][1]} separated by commas"
        else:
            wanted = _WANTED[self.type][0]
        return wanted + (", or nothing" if self.optional else "")

    def to_text(self, value: Any) -> str:
        """A value of this setting as it stands in a form."""
        if value is None:
            return ""
        if self.type == "bool":
            return "true" if value else "false"
        if self.type != "list":
            return str(value)
        parts = [str(item) for item in value]
        plain = all(part == part.strip() and part and "," not in part and part[0] not in "[(" for part in parts)
        return ", ".join(parts) if plain else json.dumps(parts, ensure_ascii=False)

    def plain(self, value: Any) -> Any:
        """`value` as the plain data that pydantic reads: text becomes the items of a list, a choice, or None.

        Raises:
            ValueError: pydantic would read it, but as something else than was meant.
        """
        if isinstance(value, bool) and self.type in ("int", "float"):
            raise ValueError
        if not isinstance(value, str):
            return value
        text = value.strip()
        if self.optional and text in ("", "None"):
            return None
        if "\0" in value or (self.type == "path" and not text):
            raise ValueError
        if self.type == "choice":
            return next((choice for choice in self.choices if str(choice) == text), value)
        if self.type == "list":
            return _split(text)
        return {"str": value, "bool": text or "false"}.get(self.type, text)


def _split(text: str) -> list[Any]:
    """The items of a list: JSON, or text with commas, in parentheses where Python wrote a tuple."""
    if text.startswith("["):
        return json.loads(text)
    if text.startswith("(") and text.endswith(")"):
        return [part.strip().strip("'\"") for part in text[1:-1].removesuffix(",").split(",") if text != "()"]
    return [part.strip() for part in text.removesuffix(",").split(",")] if text else []


@functools.lru_cache
def _model(cls: type) -> tuple[TypeAdapter[Any], dict[str, dict[str, Any]]]:
    """The pydantic model of a dataclass, and the JSON schema of each of its fields.

    pydantic reads docstrings of attributes from the class itself; those of its bases come from theirs.
    """
    try:
        adapter = TypeAdapter(cls)
        properties = adapter.json_schema().get("properties", {})
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        problem = str(error).splitlines()[0]
        raise GlassbookError(f"a setting of {_name(cls)} has an unknown type ({problem}); fix its package") from None
    for parent in cls.__mro__[1:]:
        if dataclasses.is_dataclass(parent):
            for name, schema in _model(parent)[1].items():
                properties[name].setdefault("description", schema.get("description", ""))
    return adapter, properties


def _name(cls: type) -> str:
    return getattr(cls, "name", cls.__name__)


@functools.lru_cache
def fields(cls: type) -> tuple[Field, ...]:
    """The settings of an experiment (or options of a command), in the order of its source.

    Args:
        cls: a dataclass with pydantic's `use_attribute_docstrings`, as `experiment` marks it.

    Raises:
        GlassbookError: a setting has a type that no form can show.
    """
    _, properties = _model(cls)
    made = []
    for field in dataclasses.fields(cls):
        schema = properties[field.name]
        shape = _shape(schema)
        # JSON has no complex numbers: to pydantic's schema they are text.
        if shape is None or isinstance(field.default, complex):
            raise GlassbookError(
                f"the setting {field.name} of {_name(cls)} has a type that no form can show ({field.type}); "
                "use numbers, text, bool, Literal, Path, tuples of one of them, or None"
            )
        factory = field.default_factory
        default = factory() if factory is not dataclasses.MISSING else field.default
        doc = " ".join(schema.get("description", "").split())
        made.append(Field(field.name, default=default, doc=doc, **shape))
    return tuple(made)


def _shape(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the JSON schema of a setting says about its field, None if no form can show it."""
    if "anyOf" in schema:
        rest = [part for part in schema["anyOf"] if part.get("type") != "null"]
        shape = _shape(rest[0]) if len(rest) == 1 else None
        return shape and {**shape, "optional": True}
    if "const" in schema or "enum" in schema:
        return {"type": "choice", "choices": tuple(schema.get("enum", [schema.get("const")]))}
    if schema.get("type") == "array":
        items = [_shape(part) for part in schema.get("prefixItems", [schema.get("items", {})])]
        if items[0] is None or items[0]["type"] in ("choice", "list") or any(item != items[0] for item in items):
            return None
        length = schema.get("maxItems") if schema.get("maxItems") == schema.get("minItems") else None
        return {"type": "list", "items": items[0]["type"], "length": length}
    if schema.get("format") == "path":
        return {"type": "path"}
    if schema.get("type") not in _SCALARS or "format" in schema or "pattern" in schema:
        return None
    return {"type": _SCALARS[schema["type"]]}


def build(cls: type[Settings], values: Mapping[str, Any], quick: bool = False) -> Settings:
    """The experiment (or command) with the settings that a form, JSON or a command line holds.

    Args:
        cls: the experiment.
        values: name of a setting -> text or plain data; what is left out keeps its default. A box that is not ticked
            has to be sent as "false".
        quick: what is left out has the value of the experiment's `quick()` settings.

    Raises:
        FormError: values that do not fit, or names that are no settings; all of them at once.
        GlassbookError: the experiment refuses the settings together.
    """
    by_name = {field.name: field for field in fields(cls)}
    plain: dict[str, Any] = base.settings(cast(Any, cls).quick()) if quick else {}
    problems: dict[str, str] = {}
    for name, value in values.items():
        try:
            if name not in by_name:
                near = difflib.get_close_matches(name, by_name, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                problems[name] = f"{_name(cls)} has no such setting{hint}"
            else:
                plain[name] = by_name[name].plain(value)
        except (ValueError, RecursionError):
            problems[name] = _misfit(by_name[name], value)
    built: Any = None
    try:
        built = _model(cls)[0].validate_python(plain)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            if not item["loc"]:
                raise GlassbookError(
                    f"{_name(cls)} refuses these settings: {' '.join(str(item.get('ctx', {}).get('error')).split())}"
                ) from error
            name = str(item["loc"][0])
            problems.setdefault(name, _misfit(by_name[name], values.get(name)))
    if problems:
        raise FormError({name: problems[name] for name in [*values, *problems] if name in problems})
    return built


def _misfit(field: Field, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"{text if len(text) <= 40 else text[:37] + '...'} does not fit; give {field.wants}"


def command(work: base.Experiment, seed: int = 0) -> list[str]:
    """The command line that runs `work`: its name, the seed, and the settings that are not the defaults."""
    words = ["glassbook", "run", work.name, f"--seed={seed}"]
    for field in fields(type(work)):
        value = getattr(work, field.name)
        if value == field.default:
            continue
        if isinstance(value, bool):
            words.append(field.option if value else field.option.replace("--", "--no-", 1))
        else:
            words.append(f"{field.option}={field.to_text(value)}")
    return words

"""Settings of an experiment as a form: its fields, what may stand in them, and the command line that means the same.

A value comes as text (an HTML form) or as JSON (the API, a live block); it ends as the settings' own type or as an
error that names the field.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import itertools
import json
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from glassbook.errors import GlassbookError
from glassbook.experiments.base import Experiment

Type = Literal["int", "float", "str", "bool", "choice", "list", "path"]

_YES, _NO = ("true", "on", "yes", "1"), ("false", "off", "no", "0", "")
_SCALARS: dict[Any, Type] = {int: "int", float: "float", str: "str", bool: "bool", Path: "path"}


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
    """One setting of an experiment."""

    name: str
    type: Type
    default: Any
    doc: str
    """The text under the field in the source, on one line."""
    choices: tuple[Any, ...] = ()
    """What a choice is made from."""
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
    def wants(self) -> str:
        """What may stand in the field, in words."""
        count = f"{self.length} " if self.length is not None else ""
        wanted = {
            "int": "a whole number",
            "float": "a number",
            "str": "text",
            "bool": "true or false",
            "path": "a path",
            "choice": "one of " + ", ".join(map(str, self.choices)),
            "list": f"{count}{_PLURALS.get(self.items or '', 'values')} separated by commas",
        }[self.type]
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
        plain = all(part == part.strip() and part and "," not in part and part[0] != "[" for part in parts)
        return ", ".join(parts) if plain else json.dumps([str(item) for item in value], ensure_ascii=False)

    def read(self, value: Any) -> Any:
        """The setting that `value` means.

        Args:
            value: text from a form or a command line, or plain data.

        Raises:
            FormError: it does not fit; the message says what does.
        """
        empty = value is None or (isinstance(value, str) and value.strip() in ("", "None"))
        if self.optional and empty:
            return None
        try:
            return self._read(value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            shown = json.dumps(value, ensure_ascii=False, default=str)
            shown = shown if len(shown) <= 40 else shown[:37] + "..."
            raise FormError({self.name: f"{shown} does not fit; give {self.wants}"}) from None

    def _read(self, value: Any) -> Any:
        if self.type == "choice":
            return next(choice for choice in self._matching(value))
        if self.type != "list":
            return _READERS[self.type](value)
        items = [_READERS[cast(Type, self.items)](item) for item in _split(value)]
        if self.length is not None and len(items) != self.length:
            raise ValueError
        return items if isinstance(self.default, list) else tuple(items)

    def _matching(self, value: Any) -> list[Any]:
        exact = [choice for choice in self.choices if choice == value and type(choice) is type(value)]
        found = exact or [choice for choice in self.choices if isinstance(value, str) and str(choice) == value.strip()]
        if not found:
            raise ValueError
        return found


_PLURALS: dict[str, str] = {
    "int": "whole numbers",
    "float": "numbers",
    "str": "texts",
    "path": "paths",
    "bool": "true or false,",
}


def _whole(value: Any) -> int:
    if isinstance(value, str):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:  # no command line can carry it
        raise ValueError
    return value


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = _text(value).strip().lower()
    if word not in _YES + _NO:
        raise ValueError
    return word in _YES


def _path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not _text(value).strip():
        raise ValueError
    return Path(value.strip())


_READERS: dict[Type, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _number,
    "str": _text,
    "bool": _yes_or_no,
    "path": _path,
}


def _split(value: Any) -> list[Any]:
    """The items of a list: plain data, a JSON list, or text with commas."""
    if isinstance(value, (list, tuple)):
        return list(value)
    text = _text(value).strip()
    if text.startswith("["):
        return _split(json.loads(text))
    if text.startswith("(") and text.endswith(")"):  # as Python writes a tuple
        return [part.strip("'\"") for part in _split(text[1:-1])]
    return [part.strip() for part in text.removesuffix(",").split(",")] if text else []


def fields(cls: type[Experiment]) -> list[Field]:
    """The settings of an experiment, in the order of its source.

    Raises:
        GlassbookError: a setting has no default or a type that no form can show.
    """
    known = dataclasses.fields(cast(Any, cls))
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise GlassbookError(f"a setting of {cls.name} has an unknown type ({error}); mend its package") from None
    docs = _docs(cls)
    default = cls()
    made = []
    for field in known:
        shape = _shape(hints[field.name])
        if shape is None:
            raise GlassbookError(
                f"the setting {field.name} of {cls.name} has a type that no form can show ({field.type}); "
                "use numbers, text, bool, Literal, Path, tuples of one of them, or None"
            )
        made.append(Field(field.name, default=getattr(default, field.name), doc=docs.get(field.name, ""), **shape))
    return made


def _shape(hint: Any) -> dict[str, Any] | None:
    """What the type of a setting says about its field, None if it is none that a form can show."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        rest = [part for part in inside if part is not type(None)]
        shape = _shape(rest[0]) if len(rest) == 1 else None
        return shape and {**shape, "optional": True}
    if origin is Literal:
        return {"type": "choice", "choices": inside}
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if origin not in (tuple, list) or len({part for part in inside if part is not ...}) != 1:
        return None
    items = _SCALARS.get(inside[0])
    length = len(inside) if origin is tuple and inside[-1] is not ... else None
    return items and {"type": "list", "items": items, "length": length}


def _docs(cls: type) -> dict[str, str]:
    """The text under each field in the source of a class and its bases."""
    docs: dict[str, str] = {}
    for kind in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(kind):
            continue
        try:
            body = cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]).body
        except (OSError, TypeError, SyntaxError):  # made at run time: it has no source to read
            continue
        for field, text in itertools.pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                said = text.value.value if isinstance(text.value, ast.Constant) else None
                if isinstance(said, str):
                    docs[field.target.id] = " ".join(said.split())
    return docs


def build(cls: type[Experiment], values: Mapping[str, Any]) -> Experiment:
    """The experiment with the settings that a form holds; those that it leaves out keep their defaults.

    Args:
        cls: the experiment.
        values: name of a setting -> text or plain data. A box that is not ticked has to be sent as "false".

    Raises:
        FormError: values that do not fit, or names that are no settings; all of them at once.
        GlassbookError: the experiment refuses the settings together.
    """
    known = {field.name: field for field in fields(cls)}
    read, problems = {}, {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems[name] = f"{cls.name} has no such setting" + (f"; did you mean {near[0]}?" if near else "")
            continue
        try:
            read[name] = known[name].read(value)
        except FormError as error:
            problems |= error.problems
    if problems:
        raise FormError(problems)
    try:
        return cls(**read)
    except ValueError as error:
        raise GlassbookError(f"{cls.name} refuses these settings: {' '.join(str(error).split())}") from error


def argv(work: Experiment, seed: int = 0) -> list[str]:
    """The words after `glassbook` that run `work`: its name, the seed, and the settings that are not the defaults."""
    words = ["run", work.name, f"--seed={seed}"]
    for field in fields(type(work)):
        value = getattr(work, field.name)
        if value == field.default:
            continue
        if isinstance(value, bool):
            words.append(field.option if value else field.option.replace("--", "--no-", 1))
        elif isinstance(value, (tuple, list)):
            words += [field.option, *map(str, value)]
        else:
            words.append(f"{field.option}={value}")
    return words

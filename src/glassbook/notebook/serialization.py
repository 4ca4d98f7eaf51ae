"""Serialization of plain data: what run.json, tables and live blocks may hold, as JSON and YAML.

JSON has no NaN and no infinity. Where a number is one of them, the text "NaN", "Infinity" or "-Infinity" stands for it.
A whole number beyond what a float can hold is read as text, digit by digit: nothing that computes with it can fail.
YAML is read by the safe loader only, without aliases (a few lines of them can stand for gigabytes) and without
dates (a title that looks like one is still a title).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import yaml

from glassbook.errors import GlassbookError

YAML_LIMIT = 64 * 1024
"""Characters of YAML that are read at most."""

DEPTH = 100
"""How deep lists and mappings may be nested in JSON that is read."""
_MANY_DIGITS = {bytes: re.compile(rb"[0-9]{300}"), str: re.compile("[0-9]{300}")}
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):
    """The safe loader, with dates left as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
}


def compose_yaml(text: str) -> yaml.Node | None:
    """The tree of nodes of one YAML document (None if it is empty), with its positions in `text`.

    Raises:
        GlassbookError: not YAML, more than one document, aliases in it, or too long.
    """
    if len(text) > YAML_LIMIT:
        raise GlassbookError(f"this YAML is {len(text)} characters long; {YAML_LIMIT} is the limit")
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise GlassbookError(f"not valid YAML: {line}{error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise GlassbookError(f"not valid YAML: {_one_line(error)}") from error
    if root is not None:
        _refuse_aliases(root)
    return root


def _refuse_aliases(root: yaml.Node) -> None:
    # compose gives an alias the very node that its anchor has, so a node met twice is an alias.
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            raise GlassbookError("YAML aliases (*name) are not read here; write the value out")
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def yaml_value(node: yaml.Node) -> Any:
    """The plain value of a composed node.

    Raises:
        GlassbookError: a tag that the safe loader does not know, or a key that is not a scalar.
    """
    loader = _Loader("")
    try:
        value = loader.construct_document(node)
        json.dumps(value)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise GlassbookError(f"not plain data: {_one_line(error)}") from error
    finally:
        loader.dispose()
    return value


def read_yaml(text: str) -> Any:
    """The plain value of one YAML document; raises GlassbookError as `compose_yaml` and `yaml_value` do."""
    root = compose_yaml(text)
    return None if root is None else yaml_value(root)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def to_json(value: Any, *, what: str, non_finite_as_null: bool = False) -> str:
    """`value` as one line of strict JSON, which UTF-8 can always hold.

    Tuples become lists, paths become text, and arrays or tensors (anything with `tolist`) become nested lists. Halves
    of characters, which stand in names of files that are not UTF-8, are escaped, so that they are read as they were.

    Args:
        value: the data.
        what: names it in the error ("table 'scores'").
        non_finite_as_null: write NaN and infinities as null, as Vega-Lite wants them, and not as text.

    Raises:
        GlassbookError: something in it is not plain data.
    """
    try:
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False, default=_plain)
        except ValueError:
            text = json.dumps(_finite(value, non_finite_as_null), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise GlassbookError(f"{what} is not plain data: {_one_line(error)}; give numbers, text and lists") from error
    return text if text.isascii() else _HALF_CHARACTER.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def read_json(data: bytes | str) -> Any:
    """Plain data of JSON that another program may have written or damaged.

    Raises:
        ValueError: it is no JSON in UTF-8, or nested deeper than DEPTH.
    """
    large = len(data) >= 300 and _MANY_DIGITS[type(data)].search(data)  # pyright: ignore[reportArgumentType]
    try:
        value = json.loads(data, parse_int=_whole_or_text) if large else json.loads(data)
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {DEPTH}") from error
    brackets = (b"[", b"{") if isinstance(data, bytes) else ("[", "{")
    if sum(map(data.count, brackets)) > DEPTH:  # pyright: ignore[reportArgumentType]
        _check_depth(value)
    return value


def _whole_or_text(digits: str) -> int | str:
    number = int(digits) if len(digits) < 320 else None
    try:
        return digits if number is None or math.isinf(float(number)) else number
    except OverflowError:
        return digits


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        inner = (item for part in level for item in (part.values() if isinstance(part, dict) else part))
        level = [item for item in inner if isinstance(item, (dict, list))]
    if level:
        raise ValueError(f"it is nested deeper than {DEPTH}")


def whole(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of characters (surrogates) become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not")


def _finite(value: Any, as_null: bool) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else (None if as_null else number_text(value))
    if isinstance(value, (str, int, type(None))):
        return value
    if isinstance(value, Mapping):
        return {key: _finite(item, as_null) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item, as_null) for item in value]
    return _finite(_plain(value), as_null)


def flat(data: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings with one name for each value: {"model": {"width": 3}} is {"model.width": 3}."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            out |= flat(value, f"{before}{key}.")
        else:
            out[f"{before}{key}"] = value
    return out


def number_text(value: float) -> str:
    """The name of a non-finite number: "NaN", "Infinity" or "-Infinity"."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def read_number(value: Any) -> float | None:
    """A number as JSON holds it (the text of a non-finite one included), or None if it is none."""
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:  # a whole number that no float can hold
            return None
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return None


def same_data(a: Any, b: Any) -> bool:
    """Whether two values are equal as JSON: (1, 2) and [1, 2] are, so are 1 and 1.0."""
    return read_json(to_json(a, what="the first")) == read_json(to_json(b, what="the second"))

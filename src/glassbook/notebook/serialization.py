"""Serialization of plain data: what run.json, tables and live blocks may hold, as JSON and YAML.

JSON has no NaN and no infinity. Where a number is one of them, the text "NaN", "Infinity" or "-Infinity" stands for it.
YAML is read by the safe loader only, without aliases (a few lines of them can stand for gigabytes) and without
dates (a title that looks like one is still a title).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import yaml

from glassbook.errors import GlassbookError

YAML_LIMIT = 64 * 1024
"""Characters of YAML that are read at most."""

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
    """`value` as one line of strict JSON.

    Tuples become lists, paths become text, and arrays or tensors (anything with `tolist`) become nested lists.

    Args:
        value: the data.
        what: names it in the error ("table 'scores'").
        non_finite_as_null: write NaN and infinities as null, as Vega-Lite wants them, and not as text.

    Raises:
        GlassbookError: something in it is not plain data.
    """
    try:
        try:
            return json.dumps(value, allow_nan=False, ensure_ascii=False, default=_plain)
        except ValueError:
            tame = _finite(value, non_finite_as_null)
            return json.dumps(tame, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise GlassbookError(f"{what} is not plain data: {_one_line(error)}; give numbers, text and lists") from error


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
        return float(value)
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return None


def same_data(a: Any, b: Any) -> bool:
    """Whether two values are equal as JSON: (1, 2) and [1, 2] are, so are 1 and 1.0."""
    return json.loads(to_json(a, what="the first")) == json.loads(to_json(b, what="the second"))

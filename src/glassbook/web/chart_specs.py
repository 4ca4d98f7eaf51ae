"""Vega-Lite specs from runs, made harmless: a spec is data that anyone may have written.

A spec may draw the rows that it carries and nothing more: it fetches nothing, leads nowhere, and sets no option of the
program that shows it.
"""

from __future__ import annotations

from typing import Any

from glassbook.errors import GlassbookError

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_VEGA_LITE = "https://vega.github.io/schema/vega-lite/"
_ROWS = ("values", "datasets")
"""Under these keys are rows, whose own keys mean nothing to Vega."""
_DROPPED = frozenset({"href", "url", "usermeta", "bind"})
"""Channels and marks that lead or fetch elsewhere, options for the page's own program, controls put anywhere on it."""
DEPTH = 60
"""Levels of nesting that are read."""


def safe_spec(spec: Any) -> dict[str, Any]:
    """The spec without anything that leads or fetches elsewhere.

    Raises:
        GlassbookError: it is no Vega-Lite spec, it takes its data from an address, or it is nested too deeply.
    """
    if not isinstance(spec, dict):
        raise GlassbookError("this chart is no Vega-Lite spec")
    schema = spec.get("$schema", SCHEMA)
    if not isinstance(schema, str) or not schema.startswith(_VEGA_LITE):
        raise GlassbookError("this chart is no Vega-Lite spec; only Vega-Lite is drawn")
    return {**_safe(spec, 0), "$schema": schema}


def _safe(value: Any, depth: int) -> Any:
    if depth > DEPTH:
        raise GlassbookError(f"this chart is nested more than {DEPTH} levels deep")
    if isinstance(value, list):
        return [_safe(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    _refuse_address(value)
    return {key: item if key in _ROWS else _safe(item, depth + 1) for key, item in value.items() if key not in _DROPPED}


def _refuse_address(part: dict[str, Any]) -> None:
    data = part.get("data")
    if isinstance(data, dict) and "url" in data:
        raise GlassbookError("this chart takes its data from an address; charts of a notebook carry their own rows")

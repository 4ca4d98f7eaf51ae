"""Charts as they are drawn: stored Vega-Lite specs with steps for Pareto fronts and marks for points that stand alone.

What a run stores stays as it is. These are functions of the spec, used wherever a chart is drawn, so that the charts of
old runs gain from them as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from glassbook.measure.pareto import pareto_front

Spec = dict[str, Any]
_SIDES = ((True, False), (True, True), (False, True), (False, False))
"""Whether less is better across and upwards; first what is most usual: a cost across, a score upwards."""
_SERIES = ("color", "strokeDash", "detail", "stroke", "shape", "opacity")
"""Channels whose values have a line each."""
_PANES = ("facet", "row", "column")
"""Channels that split a chart, which a layered one cannot have."""
_OF_THE_UNIT = ("mark", "encoding", "transform", "params")


def readable(spec: Spec) -> Spec:
    """The spec to draw: a Pareto front as steps, a line of one point as a point, one value with its own tick.

    The many lines of a logarithmic grid are fainter than those of an even one.
    """
    return _faint_logs(_lone_points(_one_value(_steps(spec, [])), []))


def is_empty(spec: Mapping[str, Any]) -> bool:
    """Whether a spec carries rows, and there are none."""
    given = [part["data"] for part in _units(spec) if isinstance(part.get("data"), Mapping)]
    tables = [data.get("values", spec.get("datasets", {}).get(data.get("name"))) for data in given]
    return bool(tables) and all(rows == [] for rows in tables)


def _units(spec: Any) -> list[Mapping[str, Any]]:
    """The spec and all specs inside."""
    if isinstance(spec, list):
        return [unit for part in spec for unit in _units(part)]
    if not isinstance(spec, Mapping):
        return []
    inside = [spec.get(key) for key in ("layer", "spec", "hconcat", "vconcat", "concat")]
    return [spec, *(unit for part in inside for unit in _units(part))]


def _rows(spec: Mapping[str, Any], inherited: list[Any]) -> list[Any]:
    """The rows of a spec: its own, else those of what it is part of."""
    data = spec.get("data")
    if not isinstance(data, Mapping):
        return inherited
    values = data.get("values")
    if values is None and data.get("name") in spec.get("datasets", {}):
        values = spec["datasets"][data["name"]]
    return values if isinstance(values, list) else []


def _mark(spec: Mapping[str, Any]) -> str:
    mark = spec.get("mark")
    return str(mark.get("type") if isinstance(mark, Mapping) else mark)


def _field(spec: Mapping[str, Any], channel: str) -> str:
    """The plain field of a channel; "" if it has none, or a computed one."""
    encoding = spec.get("encoding")
    given = encoding.get(channel) if isinstance(encoding, Mapping) else None
    if not isinstance(given, Mapping) or given.get("aggregate") or given.get("bin") or given.get("timeUnit"):
        return ""
    return str(given.get("field") or "")


def _value(row: Any, field: str) -> Any:
    """What a row has in a field; a path is one name here, as charts.py escapes it."""
    return row.get(field.replace("\\", "")) if isinstance(row, Mapping) else None


def _points(spec: Mapping[str, Any], rows: Sequence[Any]) -> list[tuple[float, float]]:
    """Where a spec puts its rows, without those that it cannot place."""
    places = [(_value(row, _field(spec, "x")), _value(row, _field(spec, "y"))) for row in rows]
    return [(x, y) for x, y in places if _number(x) and _number(y)]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- Pareto fronts ----------------------------------------------------------------------------------------------------


def _steps(spec: Spec, inherited: list[Any]) -> Spec:
    """Lines through the Pareto front of the points in another layer, as steps: between two of them nothing is known."""
    rows = _rows(spec, inherited)
    if isinstance(spec.get("spec"), dict):
        return {**spec, "spec": _steps(spec["spec"], rows)}
    layers = spec.get("layer")
    if not isinstance(layers, list):
        return spec
    clouds = [_points(layer, _rows(layer, rows)) for layer in layers if _mark(layer) in ("circle", "point", "square")]
    return {**spec, "layer": [_stepped(layer, _rows(layer, rows), clouds) for layer in layers]}


def _stepped(layer: Spec, rows: list[Any], clouds: Sequence[list[tuple[float, float]]]) -> Spec:
    mark = layer.get("mark")
    if _mark(layer) != "line" or (isinstance(mark, dict) and "interpolate" in mark):
        return layer
    line = set(_points(layer, rows))
    for cloud in clouds:
        if len(line) < 2 or not line <= set(cloud):
            continue
        for side in _SIDES:
            if {cloud[i] for i in pareto_front(cloud, side)} == line:
                mark = mark if isinstance(mark, dict) else {"type": mark}
                # With a larger budget the best that was seen stays the best, until the next point of the front.
                return {**layer, "mark": {**mark, "interpolate": "step-after" if side[0] else "step-before"}}
    return layer


# --- axes of one value ------------------------------------------------------------------------------------------------


def _faint_logs(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_faint_logs(part) for part in spec]
    if not isinstance(spec, Mapping):
        return spec
    encoding = dict(spec["encoding"]) if isinstance(spec.get("encoding"), Mapping) else {}
    for channel in ("x", "y"):
        given = encoding.get(channel)
        if not isinstance(given, Mapping):
            continue
        scale, axis = given.get("scale"), given.get("axis", {})
        if isinstance(scale, Mapping) and scale.get("type") == "log" and isinstance(axis, Mapping):
            encoding[channel] = {**given, "axis": {"gridOpacity": 0.3, **axis}}
    inside = {key: _faint_logs(spec[key]) for key in ("layer", "spec", "hconcat", "vconcat", "concat") if key in spec}
    return {**spec, **({"encoding": encoding} if encoding else {}), **inside}


def _one_value(spec: Spec) -> Spec:
    """Axes on which all rows have one value, with a tick for it: Vega's own would be a rounded one."""
    for channel in ("x", "y"):
        places = _along(spec, channel, [])
        if len(places) == 1 and all(map(_number, places)):
            spec = _ticked(spec, channel, places.pop())
    return spec


def _along(spec: Mapping[str, Any], channel: str, inherited: list[Any]) -> set[Any]:
    """What a spec and all specs inside put along a channel; "" for what is not a plain field of numbers."""
    rows = _rows(spec, inherited)
    found: set[Any] = set()
    encoding = spec.get("encoding")
    if isinstance(encoding, Mapping) and channel in encoding:
        given, field = encoding[channel], _field(spec, channel)
        plain = field and isinstance(given, Mapping) and given.get("type") == "quantitative" and not _wider(given)
        found |= {value if _number(value := _value(row, field)) else "" for row in rows} if plain else {""}
    for part in (spec.get("layer"), [spec.get("spec")]):
        for inside in part if isinstance(part, list) else []:
            found |= _along(inside, channel, rows) if isinstance(inside, Mapping) else set()
    return found


def _wider(channel: Mapping[str, Any]) -> bool:
    """Whether an axis shows more than the values: zero, or a domain of its own."""
    scale = channel.get("scale")
    return isinstance(scale, Mapping) and bool(scale.get("zero") or scale.get("domain"))


def _ticked(spec: Spec, channel: str, value: float) -> Spec:
    layers = spec.get("layer")
    if isinstance(layers, list):
        return {**spec, "layer": [_ticked(layer, channel, value) for layer in layers]}
    encoding = spec.get("encoding")
    if not isinstance(encoding, dict) or channel not in encoding:
        return spec
    axis = {"format": ".6~g", **(encoding[channel].get("axis") or {}), "values": [value]}
    return {**spec, "encoding": {**encoding, channel: {**encoding[channel], "axis": axis}}}


# --- lines of one point -----------------------------------------------------------------------------------------------


def _lone_points(spec: Spec, inherited: list[Any]) -> Spec:
    rows = _rows(spec, inherited)
    if isinstance(spec.get("spec"), dict):
        return {**spec, "spec": _lone_points(spec["spec"], rows)}
    if isinstance(spec.get("layer"), list):
        return {
            **spec,
            "layer": [_lone_points(layer, rows) if isinstance(layer, dict) else layer for layer in spec["layer"]],
        }
    mark = spec.get("mark")
    if _mark(spec) not in ("line", "area") or not _field(spec, "x") or not _field(spec, "y"):
        return spec
    if (isinstance(mark, dict) and mark.get("point")) or spec.get("transform"):
        return spec
    series = [field for channel in (*_SERIES, *_PANES) if (field := _field(spec, channel))]
    groups = Counter(repr([_value(row, field) for field in series]) for row in rows)
    if 1 not in groups.values():
        return spec
    if any(_field(spec, channel) for channel in _PANES):
        return {**spec, "mark": {**(mark if isinstance(mark, dict) else {"type": mark}), "point": True}}
    alone = {
        "transform": [
            {"joinaggregate": [{"op": "count", "as": "points of this line"}], "groupby": series},
            {"filter": "datum['points of this line'] === 1"},
        ],
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "tooltip": True},
        "encoding": spec["encoding"],
    }
    outer = {key: value for key, value in spec.items() if key not in _OF_THE_UNIT}
    return {**outer, "layer": [{key: value for key, value in spec.items() if key in _OF_THE_UNIT}, alone]}

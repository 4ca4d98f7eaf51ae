"""SVG images for exports of what scripts draw: charts, histograms, curves, attention, lenses and the graph of pages.

Charts are drawn from their specs; the SVG that a run saved stands in where that cannot be done. Attention and lenses
are asked of the model server, which opens models that are on this machine and downloads none.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.formatting import number
from glassbook.model_server import is_local
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.web.export.client import InProcessClient
from glassbook.web.export.drawings import (
    ACCENT,
    INK,
    RULE,
    SOFT,
    attention_svg,
    graph_svg,
    latents_svg,
    lens_svg,
    themed,
    words_svg,
)
from glassbook.web.render.readable import is_empty, readable
from glassbook.web.render.vega import SCHEMA, safe_spec
from glassbook.web.services import Services
from glassbook.web.views.features import histogram

_CHART = re.compile(r"/api/v1/runs/([^/]+)/charts/([^/]+)")
_CURVE = re.compile(r"/api/v1/runs/([^/]+)/metrics")
_HISTOGRAM = re.compile(r"/api/v1/features/([^/]+)/(\d+)/histogram")
_PANEL = re.compile(r"/panel/(attention|lens|latents|graph)")
_FORBIDDEN = frozenset({"script", "foreignObject", "iframe", "object", "embed", "a", "animate", "set", "handler"})
WIDTH = 460
"""Pixels of a chart that does not say how wide it is."""
POINTS = 600
"""Maximum number of points of a curve."""
CONFIG: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    **{part: {"labelColor": SOFT, "titleColor": SOFT} for part in ("legend", "header")},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor"), SOFT),
        **dict.fromkeys(("gridColor", "domainColor", "tickColor"), RULE),
        "titleFontWeight": 500,
    },
    "title": {"color": INK},
    "text": {"color": INK},
    "rule": {"color": SOFT},
    "view": {"stroke": None},
    "mark": {"color": ACCENT},
}
"""Style of charts drawn here, whose colours follow the theme; a chart's own `config` takes precedence."""


def panel_address(kind: str, settings: str) -> str:
    """What stands for the address of a panel's picture: its settings, or the graph's data, as JSON."""
    return f"/panel/{kind}?{urlencode({'settings': settings})}"


def svg_of(services: Services, client: InProcessClient, address: str) -> str | None:
    """The SVG of what a script draws from an address of the API (chart, histogram, curve), or a `panel_address`.

    None if there is none.
    """
    parts = urlsplit(address)
    try:
        if found := _PANEL.fullmatch(parts.path):
            return _panel(services, client, found[1], json.loads(parse_qs(parts.query)["settings"][0]))
        if found := _CHART.fullmatch(parts.path):
            return _chart(services, unquote(found[1]), unquote(found[2]))
        if found := _HISTOGRAM.fullmatch(parts.path):
            dashboard = FeatureDashboard(evidence.run(services.notebook, unquote(found[1])).folder)
            return draw_svg({"width": 520, **histogram(dashboard.feature(int(found[2])))})
        if found := _CURVE.fullmatch(parts.path):
            return _curve(services, unquote(found[1]), parse_qs(parts.query)["names"][0])
    except (GlassbookError, OSError):
        return None
    return None


def _panel(services: Services, client: InProcessClient, kind: str, settings: dict[str, Any]) -> str | None:
    if kind == "graph":
        return graph_svg(settings)
    if not is_local(services.notebook, str(settings.get("model", "builtin"))):
        return None
    if kind == "latents":
        response = client.post("/api/v1/latents", settings)
        return latents_svg(json.loads(response.body)) if response.status == 200 else None
    shown = {name: value for name in ("layer", "head") if isinstance(value := settings.pop(name, None), int)}
    response = client.post(f"/api/v1/models/{kind}", settings)
    if response.status != 200:
        return None
    answer = json.loads(response.body)
    if not answer["tokens"] or not answer["layers"]:
        return None
    return lens_svg(answer) if kind == "lens" else attention_svg(answer, **shown)


def _chart(services: Services, run: str, name: str) -> str | None:
    record = services.run(run)
    saved = record.svg(name)
    spec = readable(safe_spec(record.chart(name)))
    if is_empty(spec):
        return words_svg("This chart has no points.")
    if not {"facet", "spec", "hconcat", "vconcat", "concat", "repeat"} & spec.keys():
        spec = {"width": WIDTH, **spec}
    drawn = draw_svg(spec)
    return drawn if drawn is not None or saved is None else clean_svg(saved.read_text("utf-8", "replace"))


def _curve(services: Services, run: str, metric: str) -> str | None:
    curve = services.curve(services.run(run), metric, points=POINTS)
    rows = [{"step": step, "value": value} for step, value in zip(curve.steps, curve.values, strict=True)]
    if len(rows) == 1:
        return words_svg(f"{number(rows[0]['value'])} at step {number(rows[0]['step'])}")
    spec = {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "width": 240,
        "height": 150,
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": None, "axis": {"tickCount": 4, "format": "~s"}},
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "axis": {"tickCount": 4},
                "scale": {"zero": False},
            },
        },
    }
    return draw_svg(spec)


def draw_svg(spec: dict[str, Any]) -> str | None:
    """A Vega-Lite spec as SVG, drawn without network or file access; None if it cannot be drawn."""
    import vl_convert

    try:
        return themed(vl_convert.vegalite_to_svg(json.dumps(spec), config=CONFIG, allowed_base_urls=[]))
    except ValueError:
        return None


def clean_svg(text: str) -> str | None:
    """An SVG without scripts, event handlers or external links; None if it cannot be parsed."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError:
        return None
    if _local(root.tag) != "svg":
        return None
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or _local(child.tag) in _FORBIDDEN:
                parent.remove(child)
        for name, value in list(parent.attrib.items()):
            leads = _local(name) in ("href", "src") and not value.startswith(("#", "data:image/"))
            if leads or _local(name).lower().startswith("on"):
                del parent.attrib[name]
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ET.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]

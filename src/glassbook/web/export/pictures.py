"""Charts as pictures: the one that the run kept, else drawn here."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook

_CHART = re.compile(r"/api/v1/runs/([^/]+)/charts/([^/]+)")


def svg_of(notebook: Notebook, address: str) -> str | None:
    """The chart at `address` (/api/v1/runs/<id>/charts/<name>) as SVG; None if there is none or it cannot be drawn."""
    found = _CHART.fullmatch(address)
    if found is None:
        return None
    try:
        record = notebook.run(unquote(found[1]))
        kept = record.svg(unquote(found[2]))
        if kept is not None:
            return kept.read_text("utf-8")
        return draw_svg(record.chart(unquote(found[2])))
    except (GlassbookError, OSError):
        return None


def draw_svg(spec: dict[str, object]) -> str | None:
    """A Vega-Lite specification as SVG, drawn without network or files; None if it cannot be drawn."""
    import vl_convert

    try:
        return vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])
    except ValueError:
        return None

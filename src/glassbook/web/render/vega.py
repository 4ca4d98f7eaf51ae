"""Vega-Lite charts in the browser: untrusted chart specs made safe, and the Vega script that draws them.

A spec is data that anyone may have written. It may draw the rows that it carries and nothing more: it fetches nothing,
links nowhere, and sets no option of the page that embeds it. The browser side is static/js/charts.js; exports draw the
same specs as SVG in export/pictures.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook.files import write_atomic

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_VEGA_LITE = "https://vega.github.io/schema/vega-lite/"
_ROWS = ("values", "datasets")
"""Keys that hold rows, whose own keys mean nothing to Vega."""
_DROPPED = frozenset({"href", "url", "usermeta", "bind"})
"""Channels and marks that link or fetch, options of the embedding page, and controls placed anywhere on it."""
MAX_DEPTH = 60

_bundling = threading.Lock()


def safe_spec(spec: Any) -> dict[str, Any]:
    """The spec without anything that links or fetches; refused if it is none, or loads its data from a URL."""
    if not isinstance(spec, dict):
        raise GlassbookError("this chart is no Vega-Lite spec")
    schema = spec.get("$schema", SCHEMA)
    if not isinstance(schema, str) or not schema.startswith(_VEGA_LITE):
        raise GlassbookError("this chart is no Vega-Lite spec; only Vega-Lite is drawn")
    return {**_safe(spec, 0), "$schema": schema}


def _safe(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise GlassbookError(f"this chart is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, list):
        return [_safe(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    data = value.get("data")
    if isinstance(data, dict) and "url" in data:
        raise GlassbookError("this chart loads its data from a URL; charts of a notebook carry their own rows")
    return {key: item if key in _ROWS else _safe(item, depth + 1) for key, item in value.items() if key not in _DROPPED}


def vega_bundle() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one script, from the copy inside vl-convert: nothing is downloaded.

    It is made once for a version of vl-convert, by another process, since bundling takes hundreds of megabytes that a
    server would not give back, and stays in the user's cache.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glassbook"
    path = cache / f"vega-{version('vl-convert-python')}.js"
    with _bundling:
        if not path.is_file():
            bundling = subprocess.run(
                [sys.executable, "-c", "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle())"],
                capture_output=True,
                check=False,
            )
            if bundling.returncode:
                last = bundling.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
                raise GlassbookError(f"vl-convert cannot bundle Vega: {' '.join(last)}; install it again")
            write_atomic(path, bundling.stdout)
        return path.read_bytes()

"""Single-file export of a run's features: an HTML feature browser that needs no server and loads nothing.

Template features_alone.html, script static/js/features_alone.js.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook import RunRecord
from glassbook.notebook.files import write_atomic
from glassbook.notebook.runs.feature_dashboard import Feature, FeatureDashboard, Token
from glassbook.notebook.serialization import to_json
from glassbook.web.export.site import Exported
from glassbook.web.templating import STATIC, render

MAX_FEATURES = 8192
"""Features in one file; browsers open tens of megabytes, but not hundreds."""
STYLES = ("book.css", "css/features.css", "css/features_alone.css")


@dataclass
class _TokenTable:
    """The distinct tokens of all features; features refer to them by number."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def pairs(self, pairs: list[Token]) -> list[float]:
        """Token, value, token, value ..."""
        return [part for text, value in pairs for part in (self.number(text), value)]

    def context(self, context: list[Token]) -> list[Any]:
        """[tokens, (position, value) of the active ones, flattened]: nearly all values are 0."""
        values = [part for i, (_, value) in enumerate(context) if value for part in (i, value)]
        return [[self.number(text) for text, _ in context], values]


def export_features(record: RunRecord, path: Path, top: int | None = None) -> Exported:
    """Write the features of a run as one HTML file.

    Labels and tokens are untrusted data, which the script inserts as text. The file's content security policy allows
    that script and style, by their hashes, and nothing else. `top` features are those with the best label scores, then
    those with the largest activations.
    """
    dashboard = FeatureDashboard(record.folder)
    header = dashboard.header
    active = (1e-12, None)
    count = dashboard.rows(density=active, limit=0)[1]
    if top is None and count > MAX_FEATURES:
        raise GlassbookError(f"{count} features are too many for one file; export at most {MAX_FEATURES} with --top")
    if top is not None and not 1 <= top <= MAX_FEATURES:
        raise GlassbookError(f"--top {top}: give a number from 1 to {MAX_FEATURES}")
    order = "score" if dashboard.rows(labelled=True, limit=0)[1] else "max"
    rows, _ = dashboard.rows(order=order, descending=True, density=active, limit=top or MAX_FEATURES)
    table = _TokenTable()
    features = [
        _feature_to_json(dashboard.feature(row.index), table) for row in sorted(rows, key=lambda row: row.index)
    ]
    data = {"run": record.id, "header": header, "features": features, "words": list(table.numbers)}
    script = (STATIC / "js" / "features_alone.js").read_text("utf-8")
    style = "\n".join((STATIC / name).read_text("utf-8") for name in STYLES)
    html = render(
        "features_alone.html",
        record=record,
        dashboard=header,
        shown=len(features),
        # In a script element only "<" can end the data or hide what follows.
        data=to_json(data, what="the features").replace("<", "\\u003c"),
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
    )
    path = path.expanduser().resolve()
    write_atomic(path, html.encode())
    return Exported(path, 1, 0)


def _feature_to_json(feature: Feature, table: _TokenTable) -> dict[str, Any]:
    return {
        "i": feature.index,
        "label": feature.label,
        "score": feature.score,
        "names": [asdict(name) for name in feature.names],
        "density": feature.density,
        "max": feature.max,
        "tokens": table.pairs(feature.tokens),
        "up": table.pairs(feature.promotes),
        "down": table.pairs(feature.suppresses),
        "near": feature.similar,
        "with": feature.together,
        "edges": feature.histogram["edges"],
        "counts": feature.histogram["counts"],
        "top": [table.context(context) for context in feature.contexts],
        "some": [table.context(context) for context in feature.sampled],
    }


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

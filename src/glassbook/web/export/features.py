"""The features of a run as one HTML file that needs no server and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook import RunRecord
from glassbook.notebook.files import write_atomic
from glassbook.notebook.runs.feature_dashboard import Feature, FeatureBook, Token
from glassbook.notebook.serialization import to_json
from glassbook.web.export.site import Exported
from glassbook.web.templating import STATIC, render

MOST = 8192
"""Features in one file; a browser reads some tens of megabytes at once, but not hundreds."""
STYLES = ("book.css", "css/features.css", "css/features_alone.css")


@dataclass
class _Words:
    """The tokens of all features, each written once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def pairs(self, pairs: list[Token]) -> list[float]:
        """Token, value, token, value ..."""
        return [part for text, value in pairs for part in (self.number(text), value)]

    def context(self, context: list[Token]) -> list[Any]:
        """[tokens, places and values of those that are not 0]: nearly all are."""
        values = [part for i, (_, value) in enumerate(context) if value for part in (i, value)]
        return [[self.number(text) for text, _ in context], values]


def export_features(record: RunRecord, path: Path, top: int | None = None) -> Exported:
    """Write the feature book of a run as one HTML file.

    Everything in it that a model or a person wrote is data that the script writes as text. The file's own policy
    allows that script and style, known by their hashes, and nothing else.

    Args:
        record: the run.
        path: the file to write.
        top: only so many features, those with the best-scored labels first and then the largest; None: all.

    Raises:
        GlassbookError: the run has no feature book, it is too large for a page, or the disk refused.
    """
    book = FeatureBook(record.folder)
    header = book.header
    active = (1e-12, None)
    found = book.rows(density=active, limit=0)[1]
    if top is None and found > MOST:
        raise GlassbookError(f"{found} features are too many for one page; ask for at most {MOST} with --top")
    if top is not None and not 1 <= top <= MOST:
        raise GlassbookError(f"--top {top}: ask for 1 to {MOST} features")
    order = "score" if book.rows(labelled=True, limit=0)[1] else "max"
    rows, _ = book.rows(order=order, descending=True, density=active, limit=top or MOST)
    words = _Words()
    features = [_plain(book.feature(row.index), words) for row in sorted(rows, key=lambda row: row.index)]
    data = {"run": record.id, "header": header, "features": features, "words": list(words.numbers)}
    script = (STATIC / "js" / "features_alone.js").read_text("utf-8")
    style = "\n".join((STATIC / name).read_text("utf-8") for name in STYLES)
    html = render(
        "features_alone.html",
        record=record,
        book=header,
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


def _plain(feature: Feature, words: _Words) -> dict[str, Any]:
    return {
        "i": feature.index,
        "label": feature.label,
        "source": feature.source,
        "score": feature.score,
        "scores": feature.scores,
        "density": feature.density,
        "max": feature.max,
        "tokens": words.pairs(feature.tokens),
        "up": words.pairs(feature.promotes),
        "down": words.pairs(feature.suppresses),
        "near": feature.similar,
        "with": feature.together,
        "edges": feature.histogram["edges"],
        "counts": feature.histogram["counts"],
        "top": [words.context(context) for context in feature.contexts],
        "some": [words.context(context) for context in feature.sampled],
    }


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

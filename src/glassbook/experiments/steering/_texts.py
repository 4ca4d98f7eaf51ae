"""Texts of the Reserve on a theme and off it, and how likely steering makes them, as rows of a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from glassbook import charts

if TYPE_CHECKING:
    from glassbook.data.world import World
    from glassbook.notebook.runs.rng import Rng
    from glassbook.steer import Row

WORDS = 8
"""Sentences of fewer words are left out."""


def theme_sentences(world: World, theme: str, n: int, rng: Rng) -> list[str]:
    """`n` different sentences from held-out stories of one theme."""
    return _first(n, (text for found, text in _sentences(world, rng) if found == theme))


def other_sentences(world: World, theme: str, n: int, rng: Rng) -> list[str]:
    """`n` different sentences from held-out stories of the other themes."""
    return _first(n, (text for found, text in _sentences(world, rng) if found != theme))


def _sentences(world: World, rng: Rng) -> Iterator[tuple[str, str]]:
    """(theme, sentence) of held-out stories without end."""
    for document in world.stream(-1 - rng.seed, genre="story"):
        for span in document.spans:
            text = document.text[span.start : span.end]
            if span.kind == "theme" and len(text.split()) >= WORDS:
                yield span.value, text


def other_texts(world: World, n: int, rng: Rng) -> list[str]:
    """`n` different held-out texts that are no stories: field notes, reports and replies."""
    return _first(n, (d.text for d in world.stream(-1 - rng.seed) if d.genre in ("note", "report", "reply")))


def off_topic_texts(world: World, theme: str, n: int, rng: Rng) -> list[str]:
    """`n` different held-out texts: half are no stories, half are sentences from stories of other themes."""
    return other_texts(world, n - n // 2, rng) + other_sentences(world, theme, n // 2, rng)


def _first(n: int, texts: Iterator[str]) -> list[str]:
    """The first `n` different texts: what one half picks, the other has not seen."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[next(texts)] = None
    return list(found)


def perplexity_lines(rows: list[Row], x: charts.Axis, value: Callable[[Row], Any]) -> dict[str, Any]:
    """Perplexity ratios on and off the topic, of the vector and of its controls.

    Args:
        rows: scores of steering.
        x: the axis across.
        value: where a row stands on it.
    """
    points = [
        {x.field: value(row), "ratio": ratio, "text": text, "condition": row.condition}
        for row in rows
        for text, ratio in (("on topic", row.on_topic_ppl_ratio), ("off topic", row.off_topic_ppl_ratio))
    ]
    ratio = charts.Axis("ratio", "perplexity, steered / plain")
    return charts.lines(points, x, ratio, "text", dash="condition", points=True)

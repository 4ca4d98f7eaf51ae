"""SVG pictures of what scripts draw in the browser: attention, lenses and the graph of pages.

A picture follows the reader's light or dark theme by a rule of its own, and holds neither a script nor a link.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, cos, sin, sqrt
from typing import Any

SHADE = (203, 92, 13)
"""Colour of a weight or probability; how strong it is, is its opacity."""
LIGHT_AND_DARK = {"#1f1d1a": "#e8e4db", "#5b574f": "#aaa599", "#d9d4c8": "#383c42", "#1b5666": "#86c5d4"}
"""Colours of texts, soft texts, lines and marks on a light page, and those in their place on a dark one."""
INK, SOFT, RULE, ACCENT = LIGHT_AND_DARK
KINDS = {"term": ACCENT, "paper": "#b8860b", "talk": "#c2456b", "session": "#4c8f4f", "project": "#c8641b"}
"""Colour of the pages of a kind in the graph; others are soft."""
MONO, SANS = "ui-monospace, Menlo, Consolas, monospace", "system-ui, sans-serif"
PER_BAND = 9
"""Tokens of a lens beside each other; the next ones are in a band below."""


def themed(svg: str) -> str:
    """An SVG whose colours for a light page change where the reader's theme is dark."""
    rules = "".join(
        f'[{kind}="{light}"]{{{kind}:{dark}}}' for light, dark in LIGHT_AND_DARK.items() for kind in ("fill", "stroke")
    )
    end = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:end]}<style>@media (prefers-color-scheme: dark){{{rules}}}</style>{svg[end:]}"


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return themed(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>')


def _text(x: float, y: float, text: str, *, size: int = 12, font: str = SANS, fill: str = INK, **more: object) -> str:
    given = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    clean = "".join(c if c.isprintable() else "�" for c in text)
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-family="{font}" fill="{fill}" xml:space="preserve"'
    return f"<text {place}{given}>{escape(clean)}</text>"


def words_svg(text: str) -> str:
    """Words in place of a picture of nothing, or of one number."""
    return _svg(16 + 7.2 * len(text), 24, [_text(0, 16, text, size=13, fill=SOFT)])


def visible(token: str, longest: int = 10) -> str:
    """A token as it is shown: line ends and tabs as signs, and not too long."""
    text = token.replace("\r", "␍").replace("\n", "↵").replace("\t", "⇥") or "∅"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


# --- attention --------------------------------------------------------------------------------------------------------


def attention_svg(answer: Mapping[str, Any], layer: int = 0, head: int = 0) -> str:
    """All heads as small maps, and one of them large with its tokens: rows are queries, columns are keys.

    Args:
        answer: tokens, and layers with the weights [query][key] of their heads, as the model server gives them.
        layer: number of the layer whose head is large.
        head: number of that head; the first of all where there is no such head.
    """
    tokens, layers = answer["tokens"], answer["layers"]
    if not (0 <= layer < len(layers) and 0 <= head < len(layers[layer]["heads"])):
        layer = head = 0
    step = max(11.0, min(26.0, 460 / len(tokens)))
    shown = [visible(token) for token in tokens]
    room = 12 + 7.3 * max(map(len, shown))
    side = step * len(tokens)
    parts = [
        _text(0, 14, f"{layers[layer]['name']}, head {head}", size=13, font_weight=600),
        _map(layers[layer]["heads"][head], room, room + 20, side),
    ]
    for i, token in enumerate(shown):
        along = room + step * (i + 0.5)
        parts.append(_text(room - 6, along + 24, token, font=MONO, text_anchor="end"))
        parts.append(_text(0, 0, token, font=MONO, transform=f"translate({along + 4:.1f} {room + 14:.1f}) rotate(-90)"))
    small, gap, left = 52, 8, room + side + 40
    widest = 12 + 7 * max(len(one["name"]) for one in layers)
    for row, one in enumerate(layers):
        top = 20 + row * (small + gap)
        parts.append(_text(left, top + small / 2 + 4, one["name"], fill=SOFT))
        for column, weights in enumerate(one["heads"]):
            x = left + widest + column * (small + gap)
            parts.append(_map(weights, x, top, small, chosen=(row, column) == (layer, head)))
    heads = max(len(one["heads"]) for one in layers)
    width = left + widest + heads * (small + gap)
    return _svg(width, max(room + 24 + side, 24 + len(layers) * (small + gap)), parts)


def _map(weights: Sequence[Sequence[float]], x: float, y: float, side: float, chosen: bool = False) -> str:
    """A head's weights as pixels, the root of each, so that weak links are seen at all."""
    rows = [bytes(round(255 * sqrt(max(0.0, min(1.0, value)))) for value in row) for row in weights]
    data = base64.b64encode(_png([row.ljust(len(rows), b"\0") for row in rows])).decode()
    place = f'x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}"'
    frame = f'stroke="{ACCENT}" stroke-width="2.5"' if chosen else f'stroke="{RULE}"'
    picture = f'<image {place} preserveAspectRatio="none" style="image-rendering: pixelated"'
    return f'{picture} href="data:image/png;base64,{data}"/><rect {place} fill="none" {frame}/>'


def _png(alphas: Sequence[bytes]) -> bytes:
    """A PNG of one colour, each pixel as opaque as its byte says."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = len(alphas[0]), len(alphas)
    pixels = b"".join(b"\0" + b"".join(bytes((*SHADE, alpha)) for alpha in row) for row in alphas)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


# --- lenses -----------------------------------------------------------------------------------------------------------


def lens_svg(answer: Mapping[str, Any]) -> str:
    """The likeliest token of each layer at each position, shaded by its probability; long texts in bands.

    Args:
        answer: tokens, and layers with cells of guesses {"token", "p"}, the likeliest first.
    """
    tokens, layers = answer["tokens"], answer["layers"]
    cell, line = 84, 22
    left = 14 + 7 * max(len(layer["name"]) for layer in layers)
    band = (len(layers) + 2) * line
    parts = []
    for at, token in enumerate(tokens):
        x, top = left + at % PER_BAND * cell, at // PER_BAND * band
        parts.append(_text(x + 4, top + 15, visible(token), font=MONO, fill=SOFT))
        for row, layer in enumerate(layers, 1):
            best = layer["cells"][at][0]
            place = f'x="{x + 1}" y="{top + row * line}" width="{cell - 2}" height="{line - 2}" rx="2"'
            parts.append(f'<rect {place} fill="rgb{SHADE}" fill-opacity="{0.66 * best["p"]:.2f}"/>')
            parts.append(_text(x + 4, top + row * line + 14, visible(best["token"]), font=MONO))
    bands = ceil(len(tokens) / PER_BAND)
    for number in range(bands):
        for row, layer in enumerate(layers, 1):
            parts.append(_text(0, number * band + row * line + 14, layer["name"], fill=SOFT))
    return _svg(left + min(len(tokens), PER_BAND) * cell, bands * band - line, parts)


# --- graph ------------------------------------------------------------------------------------------------------------


def graph_svg(graph: Mapping[str, Any], width: int = 960, height: int = 640) -> str | None:
    """Pages as dots in the colour of their kind, with the names that have room; None if there are no pages.

    Args:
        graph: nodes {"id", "title", "kind", "links"} and edges, pairs of ids, as the page of the graph has them.
        width: of the picture.
        height: of the picture.
    """
    nodes = graph["nodes"]
    if not nodes:
        return None
    number = {node["id"]: i for i, node in enumerate(nodes)}
    pairs = [(number[a], number[b]) for a, b in graph["edges"] if a in number and b in number and a != b]
    places = _places(len(nodes), pairs, width, height - 30)
    parts = [
        f'<line x1="{places[a][0]:.1f}" y1="{places[a][1]:.1f}" x2="{places[b][0]:.1f}" y2="{places[b][1]:.1f}"'
        f' stroke="{RULE}"/>'
        for a, b in pairs
    ]
    for node, (x, y) in zip(nodes, places, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_radius(node):.1f}" fill="{_colour(node["kind"])}"/>')
    parts += _names(nodes, places, width)
    x = 8.0
    for kind in sorted({node["kind"] for node in nodes}):
        parts.append(f'<circle cx="{x + 5:.1f}" cy="{height - 14}" r="5" fill="{_colour(kind)}"/>')
        parts.append(_text(x + 15, height - 10, kind, fill=SOFT))
        x += 34 + 7 * len(kind)
    return _svg(width, height, parts)


def _colour(kind: str) -> str:
    return KINDS.get(kind, SOFT)


def _radius(node: Mapping[str, Any]) -> float:
    return min(4 + 1.3 * sqrt(node["links"]), 13)


def _names(nodes: Sequence[Mapping[str, Any]], places: Sequence[tuple[float, float]], width: float) -> list[str]:
    """Names of the pages, the best linked first, where they cross no other."""
    taken: list[tuple[float, float, float]] = []
    parts = []
    for i in sorted(range(len(nodes)), key=lambda i: -nodes[i]["links"]):
        name = visible(nodes[i]["title"], 34)
        half = 3.4 * len(name) + 4
        x, y = max(half, min(width - half, places[i][0])), places[i][1] - _radius(nodes[i]) - 4
        crosses = any(abs(x - ox) < half + ohalf and abs(y - oy) < 15 for ox, oy, ohalf in taken)
        covers = any(
            other != i and abs(x - ox) < half and abs(y - 4 - oy) < _radius(nodes[other]) + 5
            for other, (ox, oy) in enumerate(places)
        )
        if crosses or covers:
            continue
        taken.append((x, y, half))
        parts.append(_text(x, y, name, text_anchor="middle"))
    return parts


def _places(count: int, pairs: Sequence[tuple[int, int]], width: float, height: float) -> list[tuple[float, float]]:
    """Places of all nodes; those without a link, which nothing holds, stand in rows below the others."""
    linked = sorted({i for pair in pairs for i in pair})
    alone = [i for i in range(count) if i not in set(linked)]
    across = 12
    rows = ceil(len(alone) / across)
    room = height if not linked else height / 2 if rows * 34 > height / 2 else rows * 34
    number = {node: n for n, node in enumerate(linked)}
    placed = layout(len(linked), [(number[a], number[b]) for a, b in pairs], width, height - room) if linked else []
    found = dict(zip(linked, placed, strict=True))
    for n, node in enumerate(alone):
        step = (width - 120) / (across - 1)
        found[node] = (60 + n % across * step, height - room + (n // across + 0.7) * room / max(rows, 1))
    return [found[node] for node in range(count)]


def layout(count: int, pairs: Sequence[tuple[int, int]], width: float, height: float) -> list[tuple[float, float]]:
    """Places of nodes in a box: they repel each other, links pull, all are pulled to the middle. Always the same."""
    import numpy as np

    ideal = 0.8 * sqrt(width * height / count)
    turn = 2.399963  # the golden angle: an even beginning
    start = [(sqrt((i + 0.5) / count), turn * i) for i in range(count)]
    at = np.array([[width * (0.5 + 0.45 * r * cos(a)), height * (0.5 + 0.45 * r * sin(a))] for r, a in start])
    ends = np.array(pairs, dtype=int).reshape(-1, 2)
    degree = np.maximum(np.bincount(ends.ravel(), minlength=count), 1)
    weak = np.sqrt(np.minimum(degree[ends[:, 0]], degree[ends[:, 1]]))[:, None]
    middle, towards = np.array([width, height]) / 2, np.array([0.12 * height / width, 0.12])
    rounds = 300
    for n in range(rounds):
        apart = at[:, None] - at[None]
        push = (ideal / np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 0.1)) ** 2
        np.fill_diagonal(push, 0.0)
        move = (apart * push[..., None]).sum(1) + (middle - at) * towards
        along = at[ends[:, 0]] - at[ends[:, 1]]
        pull = along * np.hypot(along[:, 0], along[:, 1])[:, None] / ideal / weak
        np.add.at(move, ends[:, 0], -pull)
        np.add.at(move, ends[:, 1], pull)
        length = np.maximum(np.hypot(move[:, 0], move[:, 1]), 1e-9)[:, None]
        most = 0.1 * min(width, height) * (1 - n / rounds) + 0.5
        at = at + move / length * np.minimum(length, most)
    if count == 1:
        return [(width / 2, height / 2)]
    low, high = at.min(0), at.max(0)
    edge = np.array([80.0, 32.0])
    placed = edge + (at - low) * (np.array([width, height]) - 2 * edge) / np.maximum(high - low, 1e-9)
    return [(float(x), float(y)) for x, y in placed]

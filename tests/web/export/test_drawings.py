"""Pictures of attention, lenses and graphs for exports: valid SVG that shows the numbers, without scripts."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import pytest

from glassbook.notebook.pictures import png
from glassbook.web.export.drawings import (
    attention_svg,
    graph_svg,
    latents_svg,
    layout,
    lens_svg,
    themed,
    visible,
    words_svg,
)

EVIL = "</text><script>alert(1)</script>\0\n"
NAMESPACE = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    assert {element.tag.removeprefix(NAMESPACE) for element in root.iter()} <= {
        "svg", "style", "text", "image", "rect", "circle", "line",
    }  # fmt: skip
    return root


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{NAMESPACE}text")]


def attention(n: int, layers: int = 2, heads: int = 3):
    weights = [[1 / (q + 1)] * (q + 1) for q in range(n)]
    tokens = [EVIL, "a\tb", "", *(f"t{i}" for i in range(n))][:n]
    return {"tokens": tokens, "layers": [{"name": f"blocks.{i}", "heads": [weights] * heads} for i in range(layers)]}


@pytest.mark.parametrize(
    ("n", "chosen", "title"),
    [
        (1, {}, "blocks.0, head 0"),
        (5, {"layer": 1, "head": 2}, "blocks.1, head 2"),
        (40, {"layer": 7}, "blocks.0, head 0"),
        (3, {"head": -1}, "blocks.0, head 0"),
    ],
)
def test_attention_shows_a_head_large_and_all_heads_small(n, chosen, title):
    root = parsed(attention_svg(attention(n), **chosen))
    assert texts(root)[0] == title
    assert len(list(root.iter(f"{NAMESPACE}image"))) == 7
    assert sum(text == "blocks.1" for text in texts(root)) == 1


def test_weights_are_pixels_as_dark_as_their_roots():
    from PIL import Image

    answer = {"tokens": ["a", "b"], "layers": [{"name": "l", "heads": [[[1.0], [0.25, 0.0]]]}]}
    data = re.search(r'base64,([^"]+)"', attention_svg(answer))
    assert data
    pixels = Image.open(io.BytesIO(base64.b64decode(data[1])))
    assert pixels.size == (2, 2)
    assert [pixels.getpixel((x, y))[3] for y in range(2) for x in range(2)] == [255, 0, 128, 0]


@pytest.mark.parametrize(("n", "bands"), [(1, 1), (9, 1), (10, 2), (30, 4)])
def test_a_lens_shows_each_layers_best_token_in_bands(n, bands):
    guess = [{"token": EVIL, "p": 0.5}, {"token": "x", "p": 0.1}]
    layers = [{"name": f"blocks.{i}", "cells": [guess] * n} for i in range(3)]
    root = parsed(lens_svg({"tokens": ["t"] * n, "layers": layers}))
    assert sum(text == "blocks.2" for text in texts(root)) == bands
    shades = [element.get("fill-opacity") for element in root.iter(f"{NAMESPACE}rect")]
    assert shades == ["0.33"] * 3 * n
    assert float(root.get("width", "0")) < 900


def node(id, links=1, kind="term"):
    return {"id": id, "title": f"{id} {EVIL}", "kind": kind, "links": links}


@pytest.mark.parametrize("count", [1, 2, 60])
def test_a_graph_shows_every_page_once_inside_the_picture(count):
    nodes = [node(f"n{i}", i, ["term", "paper", "odd"][i % 3]) for i in range(count)]
    edges = [(f"n{i}", f"n{i + 1}") for i in range(count - 1)] + [("n0", "nowhere")]
    svg = graph_svg({"nodes": nodes, "edges": edges})
    assert svg is not None
    root = parsed(svg)
    kinds = len({one["kind"] for one in nodes})
    circles = list(root.iter(f"{NAMESPACE}circle"))
    assert len(circles) == count + kinds
    assert len(list(root.iter(f"{NAMESPACE}line"))) == count - 1
    assert all(0 <= float(c.get("cx", "-1")) <= 960 and 0 <= float(c.get("cy", "-1")) <= 640 for c in circles)
    assert svg == graph_svg({"nodes": nodes, "edges": edges})


def test_a_graph_without_pages_is_none():
    assert graph_svg({"nodes": [], "edges": []}) is None


@pytest.mark.parametrize("alone", [1, 30, 300])
def test_pages_without_links_stand_below_and_squeeze_nothing(alone):
    nodes = [node(f"n{i}") for i in range(6)] + [node(f"a{i}", 0) for i in range(alone)]
    svg = graph_svg({"nodes": nodes, "edges": [(f"n{i}", f"n{(i + 1) % 6}") for i in range(6)]})
    assert svg is not None
    circles = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in parsed(svg).iter(f"{NAMESPACE}circle")]
    linked, others = circles[:6], circles[6 : 6 + alone]
    assert max(x for x, _ in linked) - min(x for x, _ in linked) > 600
    assert max(y for _, y in linked) < min(y for _, y in others)
    assert len(set(circles)) == len(circles)


def test_words_stand_in_place_of_a_picture():
    assert texts(parsed(words_svg("1 < 2 at step 0"))) == ["1 < 2 at step 0"]


def test_linked_pages_are_nearer_than_others():
    places = layout(12, [(0, 1), (0, 2), (1, 2), (3, 4), (4, 5), (3, 5)], 900, 600)

    def far(a, b):
        return ((places[a][0] - places[b][0]) ** 2 + (places[a][1] - places[b][1]) ** 2) ** 0.5

    assert max(far(0, 1), far(1, 2), far(3, 4)) < min(far(0, 3), far(1, 4), far(2, 5))
    assert len({(round(x), round(y)) for x, y in places}) == 12


def test_colours_follow_the_theme():
    svg = themed('<?xml version="1.0"?><svg a="b"><text fill="#1f1d1a">x</text></svg>')
    assert svg.startswith('<?xml version="1.0"?><svg a="b"><style>@media (prefers-color-scheme: dark)')
    assert '[fill="#1f1d1a"]{fill:#e8e4db}' in svg
    ET.fromstring(svg)


@pytest.mark.parametrize(("token", "seen"), [("a\nb", "a↵b"), ("", "∅"), ("x" * 20, "x" * 9 + "…"), (" a", " a")])
def test_tokens_are_seen(token, seen):
    assert visible(token) == seen


PICTURE = "data:image/png;base64," + base64.b64encode(png(bytes(12), 2, 2)).decode()


@pytest.mark.parametrize(
    ("answer", "pictures", "says"),
    [
        ({"mode": "decode", "picture": PICTURE, "strip": None, "units": []}, 3, "with latents moved"),
        ({"mode": "decode", "picture": None, "strip": None, "units": [{"unit": 4, "own": 1.0, "now": -2.5}]}, 2,
         "latent 4: -2.5, of the picture 1"),
        ({"mode": "decode", "picture": PICTURE, "strip": {"unit": 2, "at": [-1, 1], "pictures": [PICTURE] * 2},
          "units": [{"unit": 2, "own": 1.0, "now": 1.0}]}, 5, "latent 2, spreads from its mean"),
        ({"mode": "denoise", "picture": PICTURE, "noisy": PICTURE}, 3, "noise removed"),
    ],
)  # fmt: skip
def test_latents_are_pictures_with_their_numbers(answer, pictures, says):
    root = parsed(latents_svg({"rebuilt": PICTURE, "decoded": PICTURE, **answer}))
    assert len(list(root.iter(f"{NAMESPACE}image"))) == pictures
    assert says in texts(root)
